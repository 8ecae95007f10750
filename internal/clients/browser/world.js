// What the tests of this suite share: a page with Amplify in headless Chromium, and a pool.
// internal/clients/run starts the servers and sets COGNATE_….

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { connect } from "node:tls";
import { promisify } from "node:util";
import { build } from "esbuild";
import puppeteer from "puppeteer-core";

export const password = "Correct-Horse-1";

// env is a variable that internal/clients/run sets.
export function env(name) {
  assert.ok(process.env[name], `${name} is not set; start these tests with internal/clients/run`);
  return process.env[name];
}

// call makes a call of the API that needs an operator, whose signature "cognate dev" takes unseen.
export async function call(url, operation, body, service = "AWSCognitoIdentityProviderService") {
  const answer = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": `${service}.${operation}`,
      authorization: "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/cognito-idp/aws4_request, SignedHeaders=host, Signature=00",
    },
    body: JSON.stringify(body),
  });
  const text = await answer.text(); // of some operations it is empty
  const said = text ? JSON.parse(text) : {};
  assert.equal(answer.status, 200, `${operation}: ${JSON.stringify(said)}`);
  return said;
}

// code is the newest one that was sent to a user.
export async function code({ url, poolId }, username) {
  const query = new URLSearchParams({ userPoolId: poolId, username, limit: "1" });
  const sent = await (await fetch(`${url}/_cognate/outbox?${query}`)).json();
  assert.equal(sent.length, 1, `messages to ${username}`);
  return sent[0].code;
}

const { outputFiles } = await build({ entryPoints: [join(import.meta.dirname, "page.js")], bundle: true, write: false, format: "iife", define: { global: "window" } });

// serveAmplify serves a page with Amplify, and returns its URL.
export async function serveAmplify(t) {
  const site = createServer((request, response) => {
    const script = request.url === "/page.js";
    response.setHeader("content-type", script ? "text/javascript" : "text/html");
    response.end(script ? outputFiles[0].contents : "<!doctype html><title>Amplify</title><script src=/page.js></script>");
  });
  await new Promise((resolve) => site.listen(0, "localhost", resolve));
  t.after(() => site.close());
  return `http://localhost:${site.address().port}/`;
}

// open serves a page with Amplify on http://localhost, and opens it in Chromium. Passkeys
// belong to localhost: 127.0.0.1 is no domain.
export async function open(t, { pool = {}, client = {}, server = "COGNATE_URL" } = {}) {
  const url = env(server).replace("127.0.0.1", "localhost");
  const { UserPool } = await call(url, "CreateUserPool", { PoolName: "browser", AutoVerifiedAttributes: ["email"], ...pool });
  const poolId = UserPool.Id;
  const { UserPoolClient } = await call(url, "CreateUserPoolClient", {
    UserPoolId: poolId,
    ClientName: "browser",
    ExplicitAuthFlows: ["ALLOW_USER_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    ...client,
  });
  const world = { url, poolId, clientId: UserPoolClient.ClientId };

  const site = await serveAmplify(t);
  const browser = await puppeteer.launch({ executablePath: env("CHROMIUM"), args: ["--no-sandbox"] });
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(site);
  await page.evaluate((w) => window.amplify.configure(w), world);
  return { ...world, browser, page, amplify: caller(page) };
}

// caller has a function for each of Amplify's, which runs in the page.
function caller(page) {
  return new Proxy({}, {
    get: (_, name) => (...args) => page.evaluate(async (name, args) => {
      try {
        return { value: JSON.parse(JSON.stringify((await window.amplify.auth[name](...args)) ?? null)) };
      } catch (err) {
        return { error: `${err.name}: ${err.message}` };
      }
    }, name, args).then(({ value, error }) => {
      if (error) throw new Error(`${String(name)}: ${error}`);
      return value;
    }),
  });
}

// authenticator gives the page a virtual authenticator of Chromium's own.
export async function authenticator(page) {
  const devtools = await page.createCDPSession();
  await devtools.send("WebAuthn.enable");
  const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true,
      isUserVerified: true, automaticPresenceSimulation: true,
    },
  });
  return {
    credentials: async () => (await devtools.send("WebAuthn.getCredentials", { authenticatorId })).credentials,
  };
}

// ownServer starts a server of the test's own, and returns where it is, its pool and client, and a function that runs a
// command on its store.
export async function ownServer(t, ...flags) {
  const dir = await mkdtemp(join(tmpdir(), "cognate-"));
  const store = `bolt:${join(dir, "dev.db")}`, ready = join(dir, "ready.json");
  const server = spawn(env("COGNATE_BIN"), ["dev", "--addr", "127.0.0.1:0", "--store", store, "--ready-file", ready, ...flags], {
    stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, XDG_CONFIG_HOME: dir },
  });
  t.after(async () => {
    server.kill();
    await once(server, "exit");
    await rm(dir, { recursive: true });
  });
  for await (const line of createInterface({ input: server.stdout })) {
    if (line.startsWith("Codes are shown here")) break;
  }
  server.stdout.resume();
  const { endpoint, userPoolId, clientId, ca } = JSON.parse(await readFile(ready, "utf8"));
  const cognate = (...args) => promisify(execFile)(env("COGNATE_BIN"), [...args, "--store", store]);
  return { url: endpoint.replace("127.0.0.1", "localhost"), poolId: userPoolId, clientId, ca, cognate };
}

// authenticatorApp shows codes (RFC 6238), none of them twice, as the server takes none twice: three at most, as it takes
// those of the time steps beside the present one.
export function authenticatorApp(secret) {
  const bits = [...secret.replace(/\s/g, "")].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  let next = Math.floor(Date.now() / 30_000) - 1; // the server takes the codes beside the present one
  return () => {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(next++));
    const mac = createHmac("sha1", key).update(counter).digest();
    return String((mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
  };
}

// trusting opens a tab of a browser that takes the server's certificate, which the authority of the server has vouched for.
export async function trusting(t, url, ca) {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port, servername: hostname, ca: await readFile(ca) });
  await once(socket, "secureConnect");
  const key = socket.getPeerX509Certificate().publicKey.export({ type: "spki", format: "der" });
  socket.destroy();
  const browser = await puppeteer.launch({
    executablePath: env("CHROMIUM"),
    args: ["--no-sandbox", `--ignore-certificate-errors-spki-list=${createHash("sha256").update(key).digest("base64")}`],
  });
  t.after(() => browser.close());
  const page = await browser.newPage();
  const wrong = [];
  page.on("pageerror", (err) => wrong.push(`error: ${err.message}`));
  return { page, wrong };
}
