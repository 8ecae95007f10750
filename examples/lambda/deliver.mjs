// Here a function would call its provider of mail or text messages.

export const delivered = [];

export async function deliver(to, text) {
  delivered.push({ to, text });
  if (process.env.QUIET !== "1") console.log(`to ${to}: ${text}`);
}
