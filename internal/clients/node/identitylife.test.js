// amazon-cognito-identity-js: the whole life of a user.

import assert from "node:assert/strict";
import { test } from "node:test";
import { promisify } from "node:util";
import { authenticate, CognitoUserAttribute, newUser, settled, userPool } from "./identity.js";
import { askFactors, authenticator, claims, code, invite, newPool, password } from "./world.js";

const another = "Another-Horse-2";
const incorrect = { name: "NotAuthorizedException", message: "Incorrect username or password." };
const mismatch = { name: "CodeMismatchException", message: "Invalid verification code provided, please try again." };
const attribute = (Name, Value) => new CognitoUserAttribute({ Name, Value });

// userData is what the server, not the library's cache, tells of a user.
async function userData(user) {
  const data = await new Promise((resolve, reject) =>
    user.getUserData((err, got) => (err ? reject(err) : resolve(got)), { bypassCache: true }));
  return { ...data, attributes: Object.fromEntries(data.UserAttributes.map(({ Name, Value }) => [Name, Value])) };
}

test("from sign-up to deletion", async (t) => {
  const world = await newPool();
  await askFactors(world, "OPTIONAL");
  const pool = userPool(world);
  const fresh = () => code(world, "alice");
  const { user } = await promisify(pool.signUp.bind(pool))("alice", password, [attribute("email", "alice@example.com")], null);
  const call = (name, ...args) => promisify(user[name].bind(user))(...args);
  const sign = (pw) => authenticate(user, pw);

  await t.test("confirmed, by a code that is sent again", async () => {
    await call("resendConfirmationCode");
    assert.equal(await call("confirmRegistration", await fresh(), true), "SUCCESS");
    const { session } = await sign(password); // by SRP
    assert.ok(session.isValid());
  });

  // SRP takes a second of arithmetic each time: from here on, the password itself is sent.
  user.setAuthenticationFlowType("USER_PASSWORD_AUTH");

  await t.test("attributes", async () => {
    assert.equal(await call("updateAttributes", [attribute("name", "Alice"), attribute("email", "new@example.org")]), "SUCCESS");
    assert.equal((await userData(user)).attributes.email_verified, "false");
    const { delivery } = await settled((callback) => user.getAttributeVerificationCode("email", callback));
    assert.deepEqual(delivery, { AttributeName: "email", DeliveryMedium: "EMAIL", Destination: "n***@e***" });
    const verify = (given) => settled((callback) => user.verifyAttribute("email", given, callback));
    await assert.rejects(verify("wrong"), mismatch);
    await verify(await fresh());
    assert.equal(await call("deleteAttributes", ["name"]), "SUCCESS");
    const { sub, ...rest } = (await userData(user)).attributes;
    assert.ok(sub);
    assert.deepEqual(rest, { email: "new@example.org", email_verified: "true" });
  });

  let app;
  await t.test("authenticator app", async () => {
    const { secret } = await settled((callback) => user.associateSoftwareToken(callback));
    app = authenticator(world, secret);
    const verify = (given) => settled((callback) => user.verifySoftwareToken(given, "telephone", callback));
    await assert.rejects(verify("000000"), { name: "EnableSoftwareTokenMFAException" });
    assert.equal((await verify(await app())).session.Status, "SUCCESS");
    assert.equal(await call("setUserMfaPreference", null, { Enabled: true, PreferredMfa: true }), "SUCCESS");
    const { PreferredMfaSetting, UserMFASettingList } = await userData(user);
    assert.deepEqual([PreferredMfaSetting, UserMFASettingList], ["SOFTWARE_TOKEN_MFA", ["SOFTWARE_TOKEN_MFA"]]);

    user.setAuthenticationFlowType("USER_SRP_AUTH");
    const { asked, parameters } = await sign(password);
    user.setAuthenticationFlowType("USER_PASSWORD_AUTH");
    assert.deepEqual([asked, parameters.FRIENDLY_DEVICE_NAME], ["totp", "telephone"]);
    const answer = (given) => settled((callback) => user.sendMFACode(given, callback, "SOFTWARE_TOKEN_MFA"));
    await assert.rejects(answer("000000"), { name: "CodeMismatchException", message: "Invalid code received for user" });
    assert.ok((await answer(await app())).session.isValid());
  });

  await t.test("a choice of text message and app", async () => {
    await call("updateAttributes", [attribute("phone_number", "+15555550123")]);
    await call("setUserMfaPreference", { Enabled: true }, { Enabled: true, PreferredMfa: false });
    const { asked, parameters } = await sign(password);
    assert.deepEqual([asked, JSON.parse(parameters.MFAS_CAN_CHOOSE)], ["choice", ["SMS_MFA", "SOFTWARE_TOKEN_MFA"]]);
    const chosen = await settled((callback) => user.sendMFASelectionAnswer("SMS_MFA", callback));
    assert.deepEqual([chosen.asked, chosen.parameters.CODE_DELIVERY_DESTINATION], ["sms", "+*******0123"]);
    const { session } = await settled(async (callback) => user.sendMFACode(await fresh(), callback));
    assert.ok(session.isValid());
    await call("setUserMfaPreference", { Enabled: false }, { Enabled: false });
    assert.equal((await userData(user)).UserMFASettingList, undefined);
    await call("deleteAttributes", ["phone_number"]);
  });

  await t.test("forgotten and changed password", async () => {
    const { delivery } = await settled((callback) => user.forgotPassword(callback));
    assert.equal(delivery.Destination, "n***@e***");
    const confirm = (given, pw) => settled((callback) => user.confirmPassword(given, pw, callback));
    await assert.rejects(confirm("wrong", another), mismatch);
    await assert.rejects(confirm(await fresh(), "Short-1"), { name: "InvalidPasswordException" });
    await confirm(await fresh(), another);
    await assert.rejects(sign(password), incorrect);
    await sign(another);
    await assert.rejects(call("changePassword", "Wrong-Horse-1", password), incorrect);
    assert.equal(await call("changePassword", another, password), "SUCCESS");
    await assert.rejects(sign(another), incorrect);
    await sign(password);
  });

  await t.test("a group joined shows after a refresh", async () => {
    const group = { UserPoolId: world.poolId, GroupName: "editors" };
    await world.api.createGroup(group);
    await world.api.adminAddUserToGroup({ ...group, Username: "alice" });
    const session = await call("refreshSession", user.getSignInUserSession().getRefreshToken());
    assert.deepEqual(session.getIdToken().payload["cognito:groups"], ["editors"]);
    assert.deepEqual(session.getAccessToken().payload["cognito:groups"], ["editors"]);
  });

  await t.test("signed out and deleted", async () => {
    const token = user.getSignInUserSession().getAccessToken().getJwtToken();
    await settled((callback) => user.globalSignOut(callback));
    const revoked = { name: "NotAuthorizedException", message: "Access Token has been revoked" };
    await assert.rejects(world.api.getUser({ AccessToken: token }), revoked);
    await sign(password);
    const last = user.getSignInUserSession().getAccessToken().getJwtToken();
    await promisify(user.signOut.bind(user))(); // revokes the refresh token
    await assert.rejects(world.api.getUser({ AccessToken: last }), revoked);
    await sign(password);
    assert.equal(await call("deleteUser"), "SUCCESS");
    await assert.rejects(sign(password), { name: "UserNotFoundException", message: "User does not exist." });
  });
});

test("an invited user sets up a second factor that everybody needs", async () => {
  const world = await newPool();
  await askFactors(world, "ON");
  await invite(world, "bob", another);
  const user = newUser(userPool(world), "bob");
  assert.equal((await authenticate(user, another)).asked, "newPassword"); // by SRP
  const { asked, parameters } = await settled((callback) => user.completeNewPasswordChallenge(password, {}, callback));
  assert.equal(asked, "setup");
  assert.ok(JSON.parse(parameters.MFAS_CAN_SETUP).includes("SOFTWARE_TOKEN_MFA"));
  const { secret } = await settled((callback) => user.associateSoftwareToken(callback));
  const app = authenticator(world, secret);
  const { session } = await settled(async (callback) => user.verifySoftwareToken(await app(), "telephone", callback));
  assert.equal(claims(session.getIdToken().getJwtToken())["cognito:username"], "bob");
  user.setAuthenticationFlowType("USER_PASSWORD_AUTH");
  assert.equal((await authenticate(user, password)).asked, "totp");
  const done = await settled(async (callback) => user.sendMFACode(await app(), callback, "SOFTWARE_TOKEN_MFA"));
  assert.ok(done.session.isValid());
});
