// amazon-cognito-identity-js: sign-in by SRP, as most web applications do it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { promisify } from "node:util";
import { authenticate, CognitoUserAttribute, newUser, settled, userPool } from "./identity.js";
import { claims, code, newPool, password } from "./world.js";

test("sign-up and sign-in by SRP", async () => {
  const world = await newPool({ client: { ExplicitAuthFlows: ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"] } });
  const pool = userPool(world);
  const email = new CognitoUserAttribute({ Name: "email", Value: "alice@example.com" });
  const signUp = promisify(pool.signUp.bind(pool));
  const { user, userSub } = await signUp("alice", password, [email], null);
  await assert.rejects(authenticate(user, password), { name: "UserNotConfirmedException", message: "User is not confirmed." });
  const confirm = promisify(user.confirmRegistration.bind(user));
  assert.equal(await confirm(await code(world, "alice"), true), "SUCCESS");

  await assert.rejects(authenticate(user, "Wrong-Horse-1"), {
    name: "NotAuthorizedException",
    message: "Incorrect username or password.",
  });
  await assert.rejects(authenticate(newUser(pool, "nobody"), password), {
    name: "UserNotFoundException",
    message: "User does not exist.",
  });

  const { session } = await authenticate(user, password);
  assert.ok(session.isValid());
  assert.equal(session.getIdToken().payload.sub, userSub);
  assert.equal(session.getIdToken().payload["cognito:username"], "alice");
  const attributes = await promisify(user.getUserAttributes.bind(user))();
  assert.equal(attributes.find((a) => a.getName() === "email").getValue(), "alice@example.com");

  const refreshed = await promisify(user.refreshSession.bind(user))(session.getRefreshToken());
  const before = claims(session.getAccessToken().getJwtToken());
  const after = claims(refreshed.getAccessToken().getJwtToken());
  assert.equal(after.origin_jti, before.origin_jti);
  assert.equal(after.auth_time, before.auth_time);
  assert.notEqual(after.jti, before.jti);
  // It keeps the refresh token that it has.
  assert.equal(refreshed.getRefreshToken().getToken(), session.getRefreshToken().getToken());

  await settled((callback) => user.globalSignOut(callback));
  // The library would try to refresh for five seconds, whatever the answer is.
  const AuthParameters = { REFRESH_TOKEN: session.getRefreshToken().getToken() };
  await assert.rejects(world.api.initiateAuth({ ClientId: world.clientId, AuthFlow: "REFRESH_TOKEN_AUTH", AuthParameters }), {
    name: "NotAuthorizedException",
    message: "Refresh Token has been revoked",
  });
});

test("SRP by an alias", async () => {
  const world = await newPool({ pool: { AliasAttributes: ["email"] } });
  const pool = userPool(world);
  const email = new CognitoUserAttribute({ Name: "email", Value: "carol@example.com" });
  const { user } = await promisify(pool.signUp.bind(pool))("carol", password, [email], null);
  await promisify(user.confirmRegistration.bind(user))(await code(world, "carol"), true);
  const { session } = await authenticate(newUser(pool, "carol@example.com"), password);
  assert.equal(session.getAccessToken().payload.username, "carol");
});

test("a pool whose user names are addresses", async () => {
  const world = await newPool({ pool: { UsernameAttributes: ["email"] } });
  const pool = userPool(world);
  const { user, userSub } = await promisify(pool.signUp.bind(pool))("dave@example.com", password, [], null);
  await promisify(user.confirmRegistration.bind(user))(await code(world, userSub), true);
  const { session } = await authenticate(newUser(pool, "dave@example.com"), password);
  assert.equal(session.getIdToken().payload["cognito:username"], userSub);
});

test("a new password is required after SRP", async () => {
  const world = await newPool();
  await world.api.adminCreateUser({
    UserPoolId: world.poolId,
    Username: "bob",
    TemporaryPassword: "Temporary-Horse-1",
    UserAttributes: [{ Name: "email", Value: "bob@example.com" }],
    MessageAction: "SUPPRESS",
  });
  const user = newUser(userPool(world), "bob");
  await assert.rejects(authenticate(user, "Wrong-Horse-1"), { name: "NotAuthorizedException" });
  const { given, required } = await authenticate(user, "Temporary-Horse-1");
  assert.equal(given.email, "bob@example.com");
  assert.deepEqual(required, []);
  const complete = async (pw) => (await settled((callback) => user.completeNewPasswordChallenge(pw, {}, callback))).session;
  await assert.rejects(complete("short"), {
    name: "InvalidPasswordException",
    message: "Password does not conform to policy: Password not long enough",
  });
  assert.ok((await complete(password)).isValid());
  assert.ok((await authenticate(user, password)).session.isValid());
});
