// openid-client: an application that signs people in by the authorization server, on its pages.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  calculatePKCECodeChallenge,
  ClientSecretBasic,
  ClientSecretPost,
  clientCredentialsGrant,
  discovery,
  fetchUserInfo,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  refreshTokenGrant,
  tokenRevocation,
} from "openid-client";
import { newClient, newPool, password } from "./world.js";

const callback = "http://localhost:3000/cb";
const goodbye = "http://localhost:3000/";
const oauth = {
  AllowedOAuthFlowsUserPoolClient: true,
  AllowedOAuthFlows: ["code"],
  AllowedOAuthScopes: ["openid", "email", "profile"],
  CallbackURLs: [callback],
  LogoutURLs: [goodbye],
  SupportedIdentityProviders: ["COGNITO"],
};

// A Browser keeps cookies, and follows redirects as far as the server.
class Browser {
  cookies = new Map();

  async go(url, form) {
    for (let at = new URL(url); ; ) {
      const answer = await fetch(at, {
        redirect: "manual",
        method: form ? "POST" : "GET",
        body: form,
        headers: { Cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
      });
      for (const line of answer.headers.getSetCookie()) {
        const [, name, value] = /^([^=]*)=([^;]*)/.exec(line);
        /max-age=0|max-age=-/i.test(line) ? this.cookies.delete(name) : this.cookies.set(name, value);
      }
      const next = answer.headers.get("location");
      this.page = await answer.text();
      this.at = at;
      if (!next) return undefined;
      at = new URL(next, at);
      form = undefined;
      if (at.origin !== new URL(url).origin) return at;
    }
  }

  // submit sends the first form of the page, with what is typed.
  submit(typed) {
    const [, action, fields] = /<form[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/.exec(this.page);
    const form = new URLSearchParams();
    for (const [, name, value] of fields.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)) form.set(name, plain(value));
    for (const [name, value] of Object.entries(typed)) form.set(name, value);
    return this.go(new URL(plain(action), this.at), form);
  }
}

const plain = (text) => text.replaceAll("&#43;", "+").replaceAll("&#34;", '"').replaceAll("&#39;", "'").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

async function application(world, clientId, authentication) {
  return discovery(new URL(`${world.url}/${world.poolId}`), clientId, undefined, authentication, { execute: [allowInsecureRequests] });
}

for (const [name, settings, authentication] of [
  ["without a secret", {}, undefined],
  ["by Basic", { GenerateSecret: true }, ClientSecretBasic],
  ["by post", { GenerateSecret: true }, ClientSecretPost],
]) {
  test(`openid-client: code and PKCE, ${name}`, async () => {
    const world = await newPool({ client: { ...oauth, ...settings } });
    const alice = { UserPoolId: world.poolId, Username: "alice" };
    await world.api.adminCreateUser({ ...alice, UserAttributes: [{ Name: "email", Value: "alice@example.com" }], TemporaryPassword: password, MessageAction: "SUPPRESS" });
    await world.api.adminSetUserPassword({ ...alice, Password: password, Permanent: true });
    const app = await application(world, world.clientId, authentication?.(world.secret));

    const pkceCodeVerifier = randomPKCECodeVerifier();
    const expectedState = randomState();
    const expectedNonce = randomNonce();
    const request = async (more = {}) =>
      buildAuthorizationUrl(app, {
        redirect_uri: callback,
        scope: "openid email",
        state: expectedState,
        nonce: expectedNonce,
        code_challenge: await calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: "S256",
        ...more,
      });
    const browser = new Browser();
    assert.equal(await browser.go(await request()), undefined);
    const back = await browser.submit({ username: "alice", password });
    const tokens = await authorizationCodeGrant(app, back, { pkceCodeVerifier, expectedState, expectedNonce });
    const { sub, email } = tokens.claims();
    assert.equal(email, "alice@example.com");
    assert.equal((await fetchUserInfo(app, tokens.access_token, sub)).email, "alice@example.com");
    await assert.rejects(authorizationCodeGrant(app, back, { pkceCodeVerifier, expectedState, expectedNonce }), { error: "invalid_grant" });

    const silent = await browser.go(await request({ prompt: "none" }));
    const again = await authorizationCodeGrant(app, silent, { pkceCodeVerifier, expectedState, expectedNonce });
    assert.equal(again.claims().sub, sub);
    const refreshed = await refreshTokenGrant(app, again.refresh_token);
    assert.equal(refreshed.claims().sub, sub);
    await tokenRevocation(app, again.refresh_token);
    await assert.rejects(refreshTokenGrant(app, again.refresh_token), { error: "invalid_grant" });

    const out = buildEndSessionUrl(app, { logout_uri: goodbye });
    assert.equal((await browser.go(out)).href, goodbye);
    const refused = await browser.go(await request({ prompt: "none" }));
    assert.equal(refused.searchParams.get("error"), "login_required");
  });
}

test("openid-client: a program of its own", async () => {
  const world = await newPool();
  await world.api.createResourceServer({ UserPoolId: world.poolId, Identifier: "api", Name: "API", Scopes: [{ ScopeName: "read", ScopeDescription: "Read" }] });
  const { clientId, secret } = await newClient(world, {
    ExplicitAuthFlows: undefined,
    GenerateSecret: true,
    AllowedOAuthFlowsUserPoolClient: true,
    AllowedOAuthFlows: ["client_credentials"],
    AllowedOAuthScopes: ["api/read"],
  });
  const app = await application(world, clientId, ClientSecretBasic(secret));
  const { access_token } = await clientCredentialsGrant(app, { scope: "api/read" });
  const claims = JSON.parse(Buffer.from(access_token.split(".")[1], "base64url"));
  assert.deepEqual([claims.sub, claims.scope, claims.token_use], [clientId, "api/read", "access"]);
  await assert.rejects(clientCredentialsGrant(app, { scope: "api/write" }), { error: "invalid_scope" });
});
