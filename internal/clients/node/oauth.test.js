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
import { application as settings, Browser, callback, goodbye, newUser } from "./pages.js";
import { newClient, newPool, password } from "./world.js";

async function application(world, clientId, authentication) {
  return discovery(new URL(`${world.url}/${world.poolId}`), clientId, undefined, authentication, { execute: [allowInsecureRequests] });
}

for (const [name, secret, authentication] of [
  ["without a secret", {}, undefined],
  ["by Basic", { GenerateSecret: true }, ClientSecretBasic],
  ["by post", { GenerateSecret: true }, ClientSecretPost],
]) {
  test(`openid-client: code and PKCE, ${name}`, async () => {
    const world = await newPool({ client: { ...settings, ...secret } });
    await newUser(world, "alice");
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
