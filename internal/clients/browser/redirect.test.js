// Amplify sends the browser to the pages of the authorization server, to sign in and to sign out. It does so by https alone.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { connect } from "node:tls";
import puppeteer from "puppeteer-core";
import { env, ownServer, password, serveAmplify } from "./world.js";

test("signInWithRedirect and signOut", async (t) => {
  const site = await serveAmplify(t);
  const { url, poolId, clientId, ca, cognate } = await ownServer(t, "--tls");
  await cognate("user", "create", "alice", "email=alice@example.com", "--password", password);
  await cognate("client", "set", clientId, "--settings", JSON.stringify({
    oauth: true, oauthFlows: ["code"], oauthScopes: ["openid", "email", "aws.cognito.signin.user.admin"], providers: ["COGNITO"], callbackUrls: [site], logoutUrls: [site],
  }));
  const { page, wrong } = await trusting(t, url, ca);
  const domain = new URL(url).host;
  const oauth = { domain, scopes: ["openid", "email", "aws.cognito.signin.user.admin"], redirectSignIn: [site], redirectSignOut: [site], responseType: "code" };
  const load = () => page.evaluate((w) => window.amplify.configure(w), { url, poolId, clientId, oauth });
  const redirect = (name, input) => Promise.all([
    page.waitForNavigation(),
    page.evaluate((name, input) => void window.amplify.auth[name](input), name, input),
  ]);
  const claims = (refresh) => page.evaluate(async (forceRefresh) => {
    const { tokens } = await window.amplify.auth.fetchAuthSession({ forceRefresh });
    return { id: tokens?.idToken.payload, access: tokens?.accessToken.toString() };
  }, refresh);

  await page.goto(site);
  await load();
  await redirect("signInWithRedirect", { customState: "basket 7", options: { lang: "de" } });
  assert.equal(new URL(page.url()).host, domain);
  assert.equal(await page.$eval("html", (e) => e.lang), "de");
  await signIn(page, site);
  await load(); // Amplify changes the code for tokens as it is configured
  const first = await claims();
  assert.equal(first.id.email, "alice@example.com");
  assert.equal(first.id.iss, `${url}/${poolId}`);
  assert.equal(page.url(), site); // the code is gone from the address
  const refreshed = await claims(true);
  assert.equal(refreshed.id.sub, first.id.sub);
  assert.notEqual(refreshed.access, first.access);
  assert.equal((await page.evaluate(() => window.amplify.auth.fetchUserAttributes())).email, "alice@example.com");

  // The browser is signed in at the server: whoever is asked for nothing comes back with tokens.
  await page.evaluate(() => localStorage.clear());
  await page.goto(site);
  await load();
  await redirect("signInWithRedirect", { options: { prompt: "NONE" } });
  await backAt(page, site);
  await load();
  assert.equal((await claims()).id.sub, first.id.sub);

  const revoked = page.waitForRequest((r) => r.headers()["x-amz-target"]?.endsWith(".RevokeToken") || r.url().endsWith("/oauth2/revoke"));
  await redirect("signOut");
  await revoked;
  await backAt(page, site);
  await load();
  assert.deepEqual(await claims(), {});
  await redirect("signInWithRedirect");
  assert.ok(await page.$("input[name=password]"), "the server asks again");
  assert.deepEqual(wrong, []);
});

// trusting opens a tab of a browser that takes the server's certificate, which the authority of the server has vouched for.
async function trusting(t, url, ca) {
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

async function signIn(page, site) {
  await page.type("input[name=username]", "alice");
  await page.type("input[name=password]", password);
  await page.click("button.first");
  await backAt(page, site);
}

const backAt = (page, site) => page.waitForFunction((origin) => location.origin === origin && window.amplify, {}, new URL(site).origin);
