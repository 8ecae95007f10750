// The flow of static/signin.js against a real server. main_test.go starts the server and runs this.
import assert from "node:assert/strict";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";

const { Client } = await import(pathToFileURL(resolve("static/signin.js")));
const { ISSUER: issuer, CLIENT_ID: clientID, SITE: redirectURI } = process.env;

class Storage extends Map {
  getItem(k) { return this.get(k) ?? null; }
  setItem(k, v) { this.set(k, v); }
  removeItem(k) { this.delete(k); }
}

// visit goes through the pages of the server as a browser would, and returns where it leads.
async function visit(address, jar = new Map()) {
  let init = {};
  for (let i = 0; i < 10; i++) {
    const r = await fetch(address, { redirect: "manual", ...init, headers: { ...init.headers, cookie: [...jar].map(([k, v]) => `${k}=${v}`).join("; ") } });
    for (const c of r.headers.getSetCookie()) jar.set(...c.split(";")[0].split(/=(.*)/s).slice(0, 2));
    const next = r.headers.get("location");
    if (next) {
      const to = new URL(next, address).href;
      if (to.startsWith(redirectURI)) return to;
      [address, init] = [to, {}];
      continue;
    }
    const page = (await r.text()).replaceAll("&amp;", "&").replaceAll("&#43;", "+");
    const [, action, inside] = page.match(/<form[^>]*action="([^"]*)"[^>]*>(.*?)<\/form>/s);
    const body = new URLSearchParams({ username: "ann", password: "Passw0rd!" });
    for (const [, k, v] of inside.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)) body.set(k, v);
    [address, init] = [new URL(action, address).href, { method: "POST", body }];
  }
  throw new Error("too many redirects");
}

function world() {
  const storage = new Storage();
  const calls = [];
  const client = new Client({ issuer, clientID, redirectURI, scope: "openid email" }, storage, (...a) => (calls.push(String(a[0])), fetch(...a)));
  return { storage, calls, client };
}

test("a person signs in, and out", async () => {
  const { client, storage } = world();
  assert.equal(await client.finish(redirectURI), null);
  const jar = new Map();
  const back = await visit(await client.begin(), jar);
  const id = await client.finish(back);
  assert.equal(id["cognito:username"], "ann");
  assert.equal((await client.userInfo()).email, "ann@example.com");
  assert.equal(storage.size, 0, "nothing is left in the storage");
  await assert.rejects(client.finish(back), /not begun here/, "an answer counts once");
  const out = await client.end(redirectURI);
  assert.equal(await visit(out, jar), redirectURI);
  await assert.rejects(client.accessToken(), /nobody/);
});

test("many calls refresh once", async (t) => {
  const { client, calls } = world();
  await client.finish(await visit(await client.begin()));
  const later = Date.now() + 3600e3;
  t.mock.method(Date, "now", () => later);
  const before = calls.length;
  const tokens = await Promise.all(Array.from({ length: 10 }, () => client.accessToken()));
  assert.equal(calls.length - before, 1);
  assert.equal(new Set(tokens).size, 1);
});

test("forged answers are refused", async () => {
  for (const [change, error] of [
    [(u) => u.searchParams.set("state", "x"), /not begun here/],
    [(u) => u.searchParams.delete("state"), /not begun here/],
    [(u) => u.searchParams.set("iss", "https://evil.example.com"), /another issuer/],
    [(u) => u.searchParams.set("code", "x"), /invalid_grant/],
    [(u) => u.searchParams.set("error", "access_denied"), /access_denied/],
  ]) {
    const { client } = world();
    const back = new URL(await visit(await client.begin()));
    change(back);
    await assert.rejects(client.finish(back.href), error);
    await assert.rejects(client.accessToken(), /nobody/);
  }
  const mine = world();
  const other = world();
  const back = await visit(await other.client.begin());
  await mine.client.begin();
  await assert.rejects(mine.client.finish(back), /not begun here/, "the answer of another browser");
});

test("the nonce is compared", async () => {
  const { client, storage } = world();
  const back = await visit(await client.begin());
  storage.setItem("sign-in", JSON.stringify({ ...JSON.parse(storage.getItem("sign-in")), nonce: "another" }));
  await assert.rejects(client.finish(back), /another sign-in/);
});
