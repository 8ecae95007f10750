// aws-jwt-verify and openid-client: programs that trust the tokens of a pool.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AdminCreateUserCommand, AdminSetUserPasswordCommand, InitiateAuthCommand } from "@aws-sdk/client-cognito-identity-provider";
import { CognitoJwtVerifier, JwtVerifier } from "aws-jwt-verify";
import { JwtExpiredError, JwtInvalidClaimError, JwtInvalidSignatureError } from "aws-jwt-verify/error";
import { SimpleJwksCache } from "aws-jwt-verify/jwk";
import { allowInsecureRequests, discovery } from "openid-client";
import { env, newClient, newPool, password } from "./world.js";

// signedIn is a pool with a user, and the tokens of a sign-in.
async function signedIn(url) {
  const world = await newPool({ url, client: { AccessTokenValidity: 5, TokenValidityUnits: { AccessToken: "minutes" } } });
  const { api, poolId: UserPoolId, clientId: ClientId } = world;
  const user = { UserPoolId, Username: "alice" };
  await api.send(new AdminCreateUserCommand({ ...user, MessageAction: "SUPPRESS" }));
  await api.send(new AdminSetUserPasswordCommand({ ...user, Password: password, Permanent: true }));
  const AuthParameters = { USERNAME: "alice", PASSWORD: password };
  const { AuthenticationResult } = await api.send(
    new InitiateAuthCommand({ ClientId, AuthFlow: "USER_PASSWORD_AUTH", AuthParameters }),
  );
  return { ...world, id: AuthenticationResult.IdToken, access: AuthenticationResult.AccessToken };
}

test("CognitoJwtVerifier", async (t) => {
  const world = await signedIn(env("COGNATE_AWS_URL"));
  const jwks = await (await fetch(`${world.url}/${world.poolId}/.well-known/jwks.json`)).json();
  const verifier = (tokenUse, clientId = world.clientId) => {
    const v = CognitoJwtVerifier.create({ userPoolId: world.poolId, tokenUse, clientId });
    v.cacheJwks(jwks);
    return v;
  };

  await t.test("accepts ID and access tokens", async () => {
    assert.equal((await verifier("id").verify(world.id))["cognito:username"], "alice");
    assert.equal((await verifier("access").verify(world.access)).username, "alice");
  });
  await t.test("refuses a token that was tampered with", async () => {
    const [header, payload, signature] = world.access.split(".");
    const altered = { ...JSON.parse(Buffer.from(payload, "base64url")), username: "mallory" };
    const forged = [header, Buffer.from(JSON.stringify(altered)).toString("base64url"), signature].join(".");
    await assert.rejects(verifier("access").verify(forged), JwtInvalidSignatureError);
  });
  await t.test("refuses an expired token, not one second too early", (t) => {
    const { exp } = JSON.parse(Buffer.from(world.access.split(".")[1], "base64url"));
    t.mock.timers.enable({ apis: ["Date"], now: exp * 1000 - 1 });
    verifier("access").verifySync(world.access);
    t.mock.timers.setTime((exp + 1) * 1000);
    assert.throws(() => verifier("access").verifySync(world.access), JwtExpiredError);
  });
  await t.test("refuses another client's token", async () => {
    const { clientId } = await newClient(world);
    await assert.rejects(verifier("access", clientId).verify(world.access), JwtInvalidClaimError);
    await assert.rejects(verifier("id", clientId).verify(world.id), JwtInvalidClaimError);
  });
  await t.test("refuses the other kind of token", async () => {
    await assert.rejects(verifier("id").verify(world.access), JwtInvalidClaimError);
    await assert.rejects(verifier("access").verify(world.id), JwtInvalidClaimError);
  });
  await t.test("refuses another pool's token", async () => {
    const other = await signedIn(world.url);
    await assert.rejects(verifier("access").verify(other.access));
  });
});

test("JwtVerifier fetches the keys of a server's own issuer", async () => {
  const world = await signedIn(env("COGNATE_URL"));
  const issuer = `${world.url}/${world.poolId}`;
  // Its own fetcher knows https only.
  const fetcher = { fetch: async (uri) => (await fetch(uri)).arrayBuffer() };
  const verifier = JwtVerifier.create(
    { issuer, audience: world.clientId, jwksUri: `${issuer}/.well-known/jwks.json` },
    { jwksCache: new SimpleJwksCache({ fetcher }) },
  );
  assert.equal((await verifier.verify(world.id)).token_use, "id");
});

test("JwtVerifier with the keys of a server without TLS, as docs/clients.md has it", async () => {
  const world = await signedIn();
  const issuer = `${world.url}/${world.poolId}`;
  const jwksUri = `${issuer}/.well-known/jwks.json`;
  const verifier = (audience) => JwtVerifier.create({ issuer, audience, jwksUri });
  await assert.rejects(verifier(world.clientId).verify(world.id), /"http:" not supported/);
  const jwks = await (await fetch(jwksUri)).json();
  const [id, access] = [verifier(world.clientId), verifier(null)];
  id.cacheJwks(jwks);
  access.cacheJwks(jwks);
  assert.equal((await id.verify(world.id)).token_use, "id");
  assert.equal((await access.verify(world.access)).client_id, world.clientId);
});

test("openid-client discovers a pool", async () => {
  const world = await newPool();
  const issuer = `${world.url}/${world.poolId}`;
  const found = await discovery(new URL(issuer), world.clientId, undefined, undefined, { execute: [allowInsecureRequests] });
  const { issuer: said, jwks_uri: keys, id_token_signing_alg_values_supported: algorithms } = found.serverMetadata();
  assert.equal(said, issuer);
  assert.equal(keys, `${issuer}/.well-known/jwks.json`);
  assert.deepEqual(algorithms, ["RS256"]);
});
