// Amplify gets temporary credentials in a page of another origin than the server's, and signs calls with them of an API that
// verifies them: the one of ../go/shop.

import assert from "node:assert/strict";
import { test } from "node:test";
import { call, open, password } from "./world.js";

const role = (name) => `arn:aws:iam::123456789012:role/${name}`;

test("a guest, who signs in, gets credentials of an identity pool and signs calls", async (t) => {
  const world = await open(t, { server: "COGNATE_SHOP_URL" });
  const { amplify, page, url, poolId, clientId } = world;
  assert.notEqual(await page.evaluate(() => location.origin), url);
  await call(url, "AdminCreateUser", { UserPoolId: poolId, Username: "alice", MessageAction: "SUPPRESS" });
  await call(url, "AdminSetUserPassword", { UserPoolId: poolId, Username: "alice", Password: password, Permanent: true });
  const identityPoolId = await newIdentityPool(world);
  await page.evaluate((w) => window.amplify.configure(w), { url, poolId, clientId, identityPoolId });

  const guest = await amplify.fetchAuthSession();
  assert.equal(guest.tokens, undefined);
  assert.match(guest.identityId, /^us-east-1:[0-9a-f-]{36}$/);
  const own = (identity) => `/customers/${encodeURIComponent(identity)}/address`;
  assert.deepEqual(await signed(page, "get", "/catalog/1"), { status: 200, identity: guest.identityId, role: "guests" });
  assert.deepEqual(await signed(page, "put", own(guest.identityId)), { status: 403 });

  assert.equal((await amplify.signIn({ username: "alice", password })).isSignedIn, true);
  const user = await amplify.fetchAuthSession();
  assert.ok(user.tokens.idToken);
  assert.notEqual(user.credentials.accessKeyId, guest.credentials.accessKeyId);
  const welcome = { status: 200, identity: user.identityId, role: "users" };
  assert.deepEqual(await signed(page, "get", "/catalog/1"), welcome);
  assert.deepEqual(await signed(page, "put", own(user.identityId)), welcome);
  assert.deepEqual(await signed(page, "put", own("us-east-1:0")), { status: 403 });

  await amplify.signOut();
  const again = await amplify.fetchAuthSession();
  assert.equal(again.tokens, undefined);
  assert.notEqual(again.identityId, user.identityId);
  assert.equal((await signed(page, "get", "/catalog/1")).role, "guests");
});

// newIdentityPool makes an identity pool for the users of a pool and for guests.
async function newIdentityPool({ url, poolId, clientId }) {
  const ask = (operation, body) => call(url, operation, body, "AWSCognitoIdentityService");
  const { IdentityPoolId } = await ask("CreateIdentityPool", {
    IdentityPoolName: "browser",
    AllowUnauthenticatedIdentities: true,
    CognitoIdentityProviders: [{ ProviderName: `cognito-idp.us-east-1.amazonaws.com/${poolId}`, ClientId: clientId }],
  });
  await ask("SetIdentityPoolRoles", { IdentityPoolId, Roles: { authenticated: role("users"), unauthenticated: role("guests") } });
  return IdentityPoolId;
}

// signed has Amplify sign a call of the API in the page. It returns the status, and who the API says has called.
function signed(page, method, path) {
  return page.evaluate(async (method, path) => {
    try {
      const call = window.amplify.rest[method]({ apiName: "shop", path, ...(method === "put" && { options: { body: { street: "High Street" } } }) });
      const { statusCode, body } = await call.response;
      return { status: statusCode, ...(await body.json()) };
    } catch (err) {
      if (!err.response) throw err;
      return { status: err.response.statusCode };
    }
  }, method, path);
}
