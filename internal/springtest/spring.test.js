// Spring Security: a site made with Spring Boot, whose registrations know the issuer, and a client each. internal/clients/run spring builds it and runs this.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { before, test } from "node:test";
import { application, Browser, newUser } from "../clients/node/pages.js";
import { newProvider } from "../clients/node/oidcprovider.js";
import { claims, env, newClient, newPool, ownServer, password } from "../clients/node/world.js";

// The registrations, with the names that stand in the paths of the site.
const registrations = [
  { name: "cognate", openID: true, client: { GenerateSecret: true } },
  { name: "public", openID: true, client: {} },
  { name: "amazon", openID: false, client: { GenerateSecret: true } },
  { name: "certified", openID: false, client: { GenerateSecret: true } }, // whose users sign in by an identity provider
];

let site;
const worlds = {};

before(async (t) => {
  const { url, cognate } = await ownServer(t);
  site = `http://localhost:${await freePort()}`;
  for (const { name, openID, client } of registrations) {
    const world = await newPool({ url, client: { ...application, ...client, CallbackURLs: [`${site}/login/oauth2/code/${name}`], LogoutURLs: [`${site}/bye`] } });
    if (openID) await cognate("pool", "set", "--pool", world.poolId, "--settings", '{"openID":true}');
    await newUser(world, "alice");
    await world.api.adminUpdateUserAttributes({
      UserPoolId: world.poolId, Username: "alice", UserAttributes: [{ Name: "name", Value: "Alice <Liddell>" }, { Name: "email_verified", Value: "true" }],
    });
    worlds[name] = world;
  }
  const { api, poolId, clientId, url: at } = worlds.certified;
  const issuer = await newProvider(t, at, { alice: { email: "alice@op.example", email_verified: true, name: "Alice <Liddell>" } });
  await api.createIdentityProvider({
    UserPoolId: poolId, ProviderName: "Certified", ProviderType: "OIDC", AttributeMapping: { email: "email", email_verified: "email_verified", name: "name" },
    ProviderDetails: { client_id: "up", client_secret: "s3cr3t", authorize_scopes: "openid email profile", attributes_request_method: "GET", oidc_issuer: issuer },
  });
  const { UserPoolClient } = await api.describeUserPoolClient({ UserPoolId: poolId, ClientId: clientId });
  const { CreationDate, LastModifiedDate, ClientSecret, ...settings } = UserPoolClient;
  await api.updateUserPoolClient({ ...settings, SupportedIdentityProviders: ["COGNITO", "Certified"] });
  await startSite(t);
});

test("Spring Security: code by Basic, user info, refresh, and logout at a pool that keeps to OpenID Connect", async () => {
  const { browser, request } = await signedIn("cognate");
  assert.ok(request.get("nonce") && request.get("state"));
  await refreshes(browser, "cognate");
  await signsOut(browser, "cognate");
});

test("Spring Security: code with PKCE, without a secret", async () => {
  const { browser, request } = await signedIn("public");
  assert.equal(request.get("code_challenge_method"), "S256");
  await refreshes(browser, "public");
  await signsOut(browser, "public");
});

test("Spring Security: a pool as those of Amazon Cognito", async () => {
  const { browser } = await signedIn("amazon");
  await refreshes(browser, "amazon");
});

test("Spring Security: identity_provider leads past the pages of the server, to a provider and back", async () => {
  const browser = new Browser();
  let at = await browser.go(`${site}/oauth2/authorization/certified`);
  assert.equal(at.searchParams.get("identity_provider"), "Certified");
  at = await browser.go(at);
  assert.notEqual(at?.origin, worlds.certified.url, browser.page);
  for (let step = 0; at?.origin !== site; step++) {
    assert.ok(step < 10, browser.page);
    at = at ? await browser.go(at) : await browser.submit(browser.page.includes('value="login"') ? { login: "alice", password: "any" } : {});
  }
  await browser.go(at);
  const { idToken, verified } = await read(browser, "/sign-in");
  const { identities, email } = claims(idToken);
  assert.deepEqual([identities[0].providerName, identities[0].userId, email, verified], ["Certified", "alice", "alice@op.example", true]);
  await refreshes(browser, "certified");
});

test("Spring Security: an answer with the state of another browser", async () => {
  const back = await answered(new Browser(), "cognate");
  const other = new Browser();
  await other.go(back);
  assert.equal(other.at.href, `${site}/login?error`);
  await other.go(`${site}/me`);
  assert.equal(other.at.pathname, "/login");
});

// signedIn goes from a page that asks for a sign-in to the page of the server, and back.
async function signedIn(name) {
  const browser = new Browser();
  await browser.go(`${site}/me`);
  assert.equal(browser.at.pathname, "/login");
  for (const { name } of registrations) assert.ok(browser.page.includes(`/oauth2/authorization/${name}`), browser.page);

  const request = {};
  await browser.go(await answered(browser, name, request));
  assert.equal(browser.at.pathname, "/me", browser.page);
  assert.match(browser.page, /<p id="name">Alice &lt;Liddell&gt;<\/p>/);
  const { idToken, verified } = await read(browser, "/sign-in");
  const { iss, aud } = claims(idToken);
  assert.deepEqual({ iss, aud, verified }, { iss: `${worlds[name].url}/${worlds[name].poolId}`, aud: worlds[name].clientId, verified: true });
  return { browser, request: request.sent };
}

// answered signs in at the server, and returns where that sends the browser.
async function answered(browser, name, request = {}) {
  const authorize = await browser.go(`${site}/oauth2/authorization/${name}`);
  request.sent = authorize.searchParams;
  assert.equal(await browser.go(authorize), undefined);
  return browser.submit({ username: "alice", password });
}

// refreshes checks that each refresh brings an access token, and that the browser stays signed in.
async function refreshes(browser, name) {
  const first = claims((await read(browser, "/refreshed")).accessToken);
  const second = claims((await read(browser, "/refreshed")).accessToken);
  assert.notEqual(second.jti, first.jti);
  assert.equal(second.client_id, worlds[name].clientId);
  assert.equal(second.sub, claims((await read(browser, "/sign-in")).idToken).sub);
}

// signsOut presses the button, and checks that both the site and the server have forgotten the browser.
async function signsOut(browser, name) {
  await browser.go(`${site}/me`);
  const logout = await browser.submit({});
  assert.equal(logout.origin + logout.pathname, `${worlds[name].url}/logout`);
  const bye = await browser.go(logout);
  assert.equal(bye?.href, `${site}/bye`, browser.page);
  await browser.go(bye);
  assert.equal(browser.page, "bye");
  await browser.go(`${site}/me`);
  assert.equal(browser.at.pathname, "/login");
  assert.equal(await browser.go(await browser.go(`${site}/oauth2/authorization/${name}`)), undefined);
  assert.match(browser.page, /name="password"/);
}

async function read(browser, path) {
  await browser.go(site + path);
  assert.equal(browser.at.pathname, path, browser.page);
  return JSON.parse(browser.page);
}

async function freePort() {
  const server = createServer().listen(0, "localhost");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

// startSite starts the site, which fetches what discovery says of each registration.
async function startSite(t) {
  const registration = {}, provider = {};
  for (const [name, { url, poolId, clientId, secret }] of Object.entries(worlds)) {
    registration[name] = { "client-id": clientId, scope: "openid,email,profile", ...(secret ? { "client-secret": secret } : { "client-authentication-method": "none" }) };
    provider[name] = { "issuer-uri": `${url}/${poolId}` };
  }
  const settings = { server: { address: "localhost", port: new URL(site).port }, spring: { security: { oauth2: { client: { registration, provider } } } } };
  const java = spawn("java", ["-jar", env("SPRINGTEST_JAR")], { env: { ...process.env, SPRING_APPLICATION_JSON: JSON.stringify(settings) } });
  let log = "";
  for (const stream of [java.stdout, java.stderr]) stream.setEncoding("utf8").on("data", (text) => (log += text));
  t.after(async () => {
    java.kill();
    if (java.exitCode === null) await once(java, "exit");
  });
  for (const end = Date.now() + 300_000; Date.now() < end && java.exitCode === null; ) {
    const up = await fetch(`${site}/bye`).catch(() => undefined);
    if (up?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.fail(`the site has not started:\n${log}`);
}
