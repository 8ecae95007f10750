// The page: one button for people who are signed out, and a line for those who are signed in.
import { Client } from "./signin.js";

const show = (text, button, click) => {
  document.querySelector("#text").textContent = text;
  const b = document.querySelector("button");
  b.textContent = button;
  b.onclick = click;
  b.hidden = false;
};

const config = await (await fetch("config.json")).json();
const here = `${location.origin}/`;
const client = new Client({ ...config, redirectURI: here }, sessionStorage);
const signIn = async () => location.assign(await client.begin());
const signOut = async () => location.assign(await client.end(here));

try {
  const id = await client.finish(location.href);
  history.replaceState(null, "", "/"); // the address has a code
  if (id) {
    const info = await client.userInfo();
    show(`Signed in as ${info.email}`, "Sign out", signOut);
  } else {
    show("You are signed out.", "Sign in", signIn);
  }
} catch (error) {
  history.replaceState(null, "", "/");
  show(`That did not work: ${error.message}`, "Sign in", signIn);
}
