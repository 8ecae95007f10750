// Amplify sends the browser to the pages of the authorization server, to sign in and to sign out. It does so by https alone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ownServer, password, serveAmplify, trusting } from "./world.js";

// open opens an application with Amplify, whose users sign in by some providers.
async function open(t, providers, ...flags) {
  const site = await serveAmplify(t);
  const { url, poolId, clientId, ca, cognate } = await ownServer(t, "--tls", ...flags);
  await cognate("client", "set", clientId, "--settings", JSON.stringify({
    oauth: true, oauthFlows: ["code"], oauthScopes: ["openid", "email", "aws.cognito.signin.user.admin"], providers, callbackUrls: [site], logoutUrls: [site],
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
  return { site, url, poolId, cognate, page, wrong, domain, load, redirect, claims };
}

test("signInWithRedirect and signOut", async (t) => {
  const { site, url, poolId, cognate, page, wrong, domain, load, redirect, claims } = await open(t, ["COGNITO"]);
  await cognate("user", "create", "alice", "email=alice@example.com", "--password", password);
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

// Amplify names social providers by names of its own: Amazon and Apple for LoginWithAmazon and SignInWithApple.
for (const provider of ["Google", "Apple"]) {
  test(`signInWithRedirect by ${provider}, and signOut`, async (t) => {
    const name = { Google: "Google", Apple: "SignInWithApple" }[provider];
    const { site, page, wrong, domain, load, redirect, claims } = await open(t, ["COGNITO", name], "--providers", "fake");
    await page.goto(site);
    await load();
    await redirect("signInWithRedirect", { provider, customState: "basket 7" }); // past the page of the server
    assert.notEqual(new URL(page.url()).host, domain);
    assert.equal(await page.$eval("h1", (e) => e.textContent), name);
    await page.$eval("[name=fake_email]", (e) => { e.value = "grace@example.com"; });
    await page.click("button");
    await backAt(page, site);
    await load();
    const { id } = await claims();
    assert.equal(id.email, "grace@example.com");
    assert.ok(id["cognito:username"].toLowerCase().startsWith(`${name.toLowerCase()}_`), id["cognito:username"]);
    assert.equal(id.identities[0].providerName, name);
    assert.equal((await page.evaluate(() => window.amplify.auth.getCurrentUser())).userId, id.sub);
    assert.equal((await claims(true)).id.sub, id.sub); // refreshed

    await redirect("signOut");
    await backAt(page, site);
    await load();
    assert.deepEqual(await claims(), {});
    await redirect("signInWithRedirect", { provider });
    assert.equal(await page.$eval("h1", (e) => e.textContent), name, "the provider is asked again");
    assert.deepEqual(wrong, []);
  });
}

async function signIn(page, site) {
  await page.type("input[name=username]", "alice");
  await page.type("input[name=password]", password);
  await page.click("button.first");
  await backAt(page, site);
}

const backAt = (page, site) => page.waitForFunction((origin) => location.origin === origin && window.amplify, {}, new URL(site).origin);
