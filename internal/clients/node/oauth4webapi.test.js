// oauth4webapi: an application that builds each request and checks each answer to the letter of the specifications.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as oauth from "oauth4webapi";
import { application, Browser, callback, goodbye, newUser } from "./pages.js";
import { newPool, ownServer, password } from "./world.js";

const http = { [oauth.allowInsecureRequests]: true };

for (const [name, secret, authentication] of [
  ["without a secret", {}, oauth.None],
  ["by Basic", { GenerateSecret: true }, oauth.ClientSecretBasic],
  ["by post", { GenerateSecret: true }, oauth.ClientSecretPost],
]) {
  test(`oauth4webapi: code and PKCE, ${name}`, async () => {
    const world = await newPool({ client: { ...application, ...secret } });
    await signedInAndOut(world, authentication(world.secret), (browser, { client }) =>
      browser.go(`${world.url}/logout?${new URLSearchParams({ client_id: client.client_id, logout_uri: goodbye })}`));
  });
}

test("oauth4webapi: a pool that keeps to OpenID Connect", async (t) => {
  const { url, cognate } = await ownServer(t);
  const world = await newPool({ url, client: application });
  await cognate("pool", "set", "--pool", world.poolId, "--settings", '{"openID":true}');
  await signedInAndOut(world, oauth.None(), (browser, { as, idToken }) => {
    assert.equal(as.authorization_response_iss_parameter_supported, true);
    return browser.go(`${as.end_session_endpoint}?${new URLSearchParams({ id_token_hint: idToken, post_logout_redirect_uri: goodbye })}`);
  });
});

// signedInAndOut goes through all that the library knows, and through signOut, which it leaves to the application.
async function signedInAndOut(world, authentication, signOut) {
  await newUser(world, "alice");
  const issuer = new URL(`${world.url}/${world.poolId}`);
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: "oidc", ...http }));
  const client = { client_id: world.clientId };
  const verifier = oauth.generateRandomCodeVerifier(), state = oauth.generateRandomState(), expectedNonce = oauth.generateRandomNonce();
  const request = async (more) => `${as.authorization_endpoint}?${new URLSearchParams({
    client_id: client.client_id, response_type: "code", redirect_uri: callback, scope: "openid email", state, nonce: expectedNonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256", ...more,
  })}`;
  const tokensFor = async (back) => {
    const answer = await oauth.authorizationCodeGrantRequest(as, client, authentication, oauth.validateAuthResponse(as, client, back, state), callback, verifier, http);
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, answer, { expectedNonce, requireIdToken: true });
    await oauth.validateApplicationLevelSignature(as, answer, http);
    return tokens;
  };

  const browser = new Browser();
  assert.equal(await browser.go(await request()), undefined);
  const back = await browser.submit({ username: "alice", password });
  const tokens = await tokensFor(back);
  const { sub, email } = oauth.getValidatedIdTokenClaims(tokens);
  assert.equal(email, "alice@example.com");
  const info = await oauth.processUserInfoResponse(as, client, sub, await oauth.userInfoRequest(as, client, tokens.access_token, http));
  assert.equal(info.email, "alice@example.com");
  await assert.rejects(tokensFor(back), { error: "invalid_grant" });

  const again = await tokensFor(await browser.go(await request({ prompt: "none" })));
  const refresh = async () => oauth.processRefreshTokenResponse(as, client, await oauth.refreshTokenGrantRequest(as, client, authentication, again.refresh_token, http));
  const refreshed = await refresh();
  assert.equal(oauth.getValidatedIdTokenClaims(refreshed).sub, sub);
  assert.notEqual(refreshed.access_token, again.access_token);
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, authentication, again.refresh_token, http));
  await assert.rejects(refresh(), { error: "invalid_grant" });

  assert.equal((await signOut(browser, { as, client, idToken: tokens.id_token })).href, goodbye);
  const refused = await browser.go(await request({ prompt: "none" }));
  assert.throws(() => oauth.validateAuthResponse(as, client, refused, state), { error: "login_required" });
}
