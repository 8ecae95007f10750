// Identity pools: AWS Amplify and the SDK's credential providers get temporary credentials, and sign calls of an API that
// verifies them: the one of ../go/shop.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Sha256 } from "@aws-crypto/sha256-js";
import { CognitoIdentity } from "@aws-sdk/client-cognito-identity";
import { fromCognitoIdentity, fromCognitoIdentityPool } from "@aws-sdk/credential-providers";
import { SignatureV4 } from "@smithy/signature-v4";
import { Amplify } from "aws-amplify";
import { fetchAuthSession, signIn, signOut } from "aws-amplify/auth";
import { env, invite, newPool, operator, password, region } from "./world.js";

const role = (name) => `arn:aws:iam::123456789012:role/${name}`;
const body = JSON.stringify({ street: "High Street" });

// newIdentityPool makes a user pool with the user alice, and an identity pool for its users and for guests.
async function newIdentityPool(roles = { authenticated: role("users"), unauthenticated: role("guests") }) {
  const world = await newPool({ url: env("COGNATE_SHOP_URL") });
  await invite(world, "alice", password);
  await world.api.adminSetUserPassword({ UserPoolId: world.poolId, Username: "alice", Password: password, Permanent: true });
  const identities = new CognitoIdentity({ endpoint: world.url, region, credentials: operator });
  const provider = `cognito-idp.${region}.amazonaws.com/${world.poolId}`;
  const { IdentityPoolId } = await identities.createIdentityPool({
    IdentityPoolName: "node",
    AllowUnauthenticatedIdentities: true,
    CognitoIdentityProviders: [{ ProviderName: provider, ClientId: world.clientId }],
  });
  await identities.setIdentityPoolRoles({ IdentityPoolId, Roles: roles });
  return { ...world, identities, provider, identityPoolId: IdentityPoolId };
}

// call signs a request with credentials as the SDK signs, and sends it. change may alter what was signed.
async function call({ url }, credentials, method, path, { change = () => {}, signingDate = now, sent = body } = {}) {
  const { hostname, host } = new URL(url);
  const signer = new SignatureV4({ service: "execute-api", region, credentials, sha256: Sha256 });
  const headers = { host, "content-type": "application/json" };
  const request = { method, protocol: "http:", hostname, path, headers, ...(method === "GET" ? {} : { body: sent }) };
  const signed = await signer.sign(request, { signingDate });
  change(signed);
  const answer = await fetch(url + signed.path, { method: signed.method, headers: signed.headers, body: signed.body });
  return { status: answer.status, type: answer.headers.get("x-amzn-errortype"), ...(await answer.json()) };
}

// advance puts the clock of the server forward; now is what it shows then.
let now;
async function advance({ url }, advance) {
  const answer = await fetch(`${url}/_cognate/clock`, { method: "POST", body: JSON.stringify({ advance }) });
  now = new Date((await answer.json()).time);
}

before(() => advance({ url: env("COGNATE_SHOP_URL") }, "0s"));

// guarded checks what credentials of an identity are good for: as a user's, or as a guest's.
async function guarded(world, credentials, identity, guest) {
  const name = guest ? "guests" : "users";
  const own = `/customers/${encodeURIComponent(identity)}/address`;
  const welcome = { status: 200, type: null, identity, role: name };
  const altered = { change: (r) => (r.headers["x-amz-date"] = r.headers["x-amz-date"].replace(/.Z$/, (d) => (d[0] === "0" ? "1Z" : "0Z"))) };
  assert.deepEqual(await call(world, credentials, "GET", "/catalog/1"), welcome);
  const put = await call(world, credentials, "PUT", own);
  if (guest) assert.deepEqual([put.status, put.type], [403, "AccessDeniedException"]);
  else assert.deepEqual(put, welcome);
  for (const [what, method, path, more, type] of [
    ["somebody else's", "PUT", "/customers/us-east-1%3A0/address", {}, "AccessDeniedException"],
    ["another path", "GET", "/catalog/1", { change: (r) => (r.path = "/catalog/2") }, "InvalidSignatureException"],
    ["another method", "GET", "/catalog/1", { change: (r) => (r.method = "DELETE") }, "InvalidSignatureException"],
    ["another body", "PUT", own, { change: (r) => (r.body = "{}") }, "InvalidSignatureException"],
    ["another date", "GET", "/catalog/1", altered, "InvalidSignatureException"],
    ["a token with a byte changed", "GET", "/catalog/1", { change: flipToken }, "UnrecognizedClientException"],
    ["no token", "GET", "/catalog/1", { change: (r) => delete r.headers["x-amz-security-token"] }, "UnrecognizedClientException"],
  ]) {
    const got = await call(world, credentials, method, path, more);
    assert.deepEqual([got.status, got.type], [403, type], `${what}: ${got.message ?? got.Message}`);
  }
  const forged = await call(world, { ...credentials, secretAccessKey: "x".repeat(40) }, "GET", "/catalog/1");
  assert.deepEqual([forged.status, forged.type], [403, "InvalidSignatureException"]);
}

function flipToken({ headers }) {
  const token = headers["x-amz-security-token"];
  headers["x-amz-security-token"] = token.slice(0, 40) + (token[40] === "A" ? "B" : "A") + token.slice(41);
}

// expires checks that credentials are good until their hour is over, and no longer: by their own end, not by the age of the signature.
async function expires(world, credentials) {
  await advance(world, "59m");
  assert.equal((await call(world, credentials, "GET", "/catalog/1")).status, 200);
  const old = new Date(now - 6 * 60_000);
  assert.equal((await call(world, credentials, "GET", "/catalog/1", { signingDate: old })).type, "InvalidSignatureException");
  await advance(world, "2m");
  const got = await call(world, credentials, "GET", "/catalog/1");
  assert.deepEqual([got.status, got.type], [403, "ExpiredTokenException"]);
}

test("Amplify: a guest, who signs in", async () => {
  const world = await newIdentityPool();
  Amplify.configure({
    Auth: {
      Cognito: {
        userPoolId: world.poolId,
        userPoolClientId: world.clientId,
        userPoolEndpoint: world.url,
        identityPoolId: world.identityPoolId,
        identityPoolEndpoint: world.url,
        allowGuestAccess: true,
      },
    },
  });
  const guest = await fetchAuthSession();
  assert.equal(guest.tokens, undefined);
  assert.match(guest.identityId, /^us-east-1:[0-9a-f-]{36}$/);
  await guarded(world, guest.credentials, guest.identityId, true);
  assert.equal((await fetchAuthSession()).credentials.accessKeyId, guest.credentials.accessKeyId); // kept
  const fresh = await fetchAuthSession({ forceRefresh: true });
  assert.notEqual(fresh.credentials.accessKeyId, guest.credentials.accessKeyId);
  assert.equal(fresh.identityId, guest.identityId);

  assert.equal((await signIn({ username: "alice", password })).nextStep.signInStep, "DONE");
  const user = await fetchAuthSession();
  await guarded(world, user.credentials, user.identityId, false);
  const { Logins } = await world.identities.describeIdentity({ IdentityId: user.identityId });
  assert.deepEqual(Logins, [world.provider]);
  await signOut();
  await fetchAuthSession(); // a guest again
  assert.equal((await signIn({ username: "alice", password })).nextStep.signInStep, "DONE");
  assert.equal((await fetchAuthSession()).identityId, user.identityId);
  await signOut();
});

test("fromCognitoIdentityPool", async (t) => {
  const world = await newIdentityPool();
  const clientConfig = { endpoint: world.url, region };
  const { AuthenticationResult } = await world.api.initiateAuth({
    AuthFlow: "USER_PASSWORD_AUTH",
    ClientId: world.clientId,
    AuthParameters: { USERNAME: "alice", PASSWORD: password },
  });
  const logins = { [world.provider]: AuthenticationResult.IdToken };
  const cache = new Map();
  const kept = { getItem: async (k) => cache.get(k) ?? null, setItem: async (k, v) => void cache.set(k, v), removeItem: async (k) => void cache.delete(k) };
  const pool = (more) => fromCognitoIdentityPool({ identityPoolId: world.identityPoolId, clientConfig, ...more })();

  let user;
  await t.test("a user", async () => {
    user = await pool({ logins, cache: kept, userIdentifier: "alice" });
    await guarded(world, user, user.identityId, false);
    const again = await fromCognitoIdentity({ identityId: user.identityId, logins, clientConfig })();
    assert.notEqual(again.accessKeyId, user.accessKeyId);
    await guarded(world, again, user.identityId, false);
  });
  await t.test("a guest", async () => {
    const guest = await pool({ cache: kept, userIdentifier: "guest" });
    assert.notEqual(guest.identityId, user.identityId);
    await guarded(world, guest, guest.identityId, true);
  });
  await t.test("a role that allows nothing of it", async () => {
    const other = await newIdentityPool({ unauthenticated: role("outsiders") });
    const guest = await fromCognitoIdentityPool({ identityPoolId: other.identityPoolId, clientConfig, cache: kept, userIdentifier: "other" })();
    const got = await call(other, guest, "GET", "/catalog/1");
    assert.deepEqual([got.status, got.type], [403, "AccessDeniedException"]);
    assert.match(got.Message, /assumed-role\/outsiders\/CognitoIdentityCredentials is not authorized to perform: execute-api:Invoke/);
    const stranger = { ...user, sessionToken: guest.sessionToken }; // the key of one, the token of another
    assert.equal((await call(world, stranger, "GET", "/catalog/1")).status, 403);
  });
  await t.test("a token that is not good", async () => {
    const [head, payload, signature] = AuthenticationResult.IdToken.split(".");
    const altered = { [world.provider]: [head, payload, signature.replace(/^./, (c) => (c === "A" ? "B" : "A"))].join(".") };
    await assert.rejects(pool({ logins: altered, cache: kept, userIdentifier: "mallory" }), { name: "NotAuthorizedException" });
  });
  await t.test("an hour later", () => expires(world, user));
});
