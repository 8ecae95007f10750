// A small server with the Invoke API of AWS Lambda, for development: it runs the handlers of this
// folder, each under its name at the end of an ARN.
//
//   node server.mjs [PORT]

import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

// serve runs handlers, by name, at a port of this machine; 0 takes any free one. watch, if given,
// sees each event as it came.
export async function serve(handlers, port = 0, watch = () => {}) {
  const server = createServer(async (request, response) => {
    const { status, error, body } = await invoke(handlers, request, watch);
    response.writeHead(status, { "Content-Type": "application/json", ...error });
    response.end(JSON.stringify(body ?? null));
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => new Promise((resolve) => server.close(resolve)) };
}

async function invoke(handlers, request, watch) {
  const [, arn] = request.url.match(/^\/2015-03-31\/functions\/([^/]+)\/invocations$/) ?? [];
  const handler = handlers[decodeURIComponent(arn ?? "").split(":").at(-1)];
  if (request.method !== "POST" || !handler) {
    return { status: 404, error: { "X-Amzn-ErrorType": "ResourceNotFoundException" }, body: { Message: "Function not found" } };
  }
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  watch(text);
  try {
    return { status: 200, body: await handler(JSON.parse(text)) };
  } catch (err) {
    return { status: 200, error: { "X-Amz-Function-Error": "Unhandled" }, body: { errorType: err.name, errorMessage: err.message } };
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { url } = await serve(await import("./handlers.mjs"), Number(process.argv[2] ?? 3001));
  console.log(`Functions are at ${url}`);
}
