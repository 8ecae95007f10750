// The AWS SDK for JavaScript v3: the whole life of a user.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import {
  CodeMismatchException,
  EnableSoftwareTokenMFAException,
  ExpiredCodeException,
  InvalidPasswordException,
  NotAuthorizedException,
  PasswordResetRequiredException,
  UserNotFoundException,
} from "@aws-sdk/client-cognito-identity-provider";
import { askFactors, authenticator, claims, code, invite, newPool, password, refused } from "./world.js";

const another = "Another-Horse-2";
const incorrect = "Incorrect username or password.";
const wrongCode = "Invalid verification code provided, please try again.";

// newLife is a pool that asks for second factors, and what the user alice does
// in it by a client with a secret.
async function newLife(ask) {
  const world = await newPool({
    client: { GenerateSecret: true },
    pool: { Schema: [{ Name: "plan", AttributeDataType: "String", Mutable: true }] },
  });
  await askFactors(world, ask);
  const { api, clientId: ClientId, secret } = world;
  const SecretHash = createHmac("sha256", secret).update(`alice${ClientId}`).digest("base64");
  const auth = { USERNAME: "alice", SECRET_HASH: SecretHash };
  return {
    ...world,
    who: { ClientId, Username: "alice", SecretHash },
    admin: { UserPoolId: world.poolId, Username: "alice" },
    signIn: (PASSWORD) => api.initiateAuth({ ClientId, AuthFlow: "USER_PASSWORD_AUTH", AuthParameters: { ...auth, PASSWORD } }),
    refresh: (REFRESH_TOKEN) => api.initiateAuth({ ClientId, AuthFlow: "REFRESH_TOKEN_AUTH", AuthParameters: { ...auth, REFRESH_TOKEN } }),
    answer: ({ ChallengeName, Session }, answers) =>
      api.respondToAuthChallenge({ ClientId, ChallengeName, Session, ChallengeResponses: { ...auth, ...answers } }),
  };
}

// tokens are those of a sign-in by password alone.
async function tokens(life, pw) {
  const { AuthenticationResult, ChallengeName } = await life.signIn(pw);
  assert.ok(AuthenticationResult, `sign-in ended in the challenge ${ChallengeName}`);
  return AuthenticationResult;
}

async function attributes({ api }, AccessToken) {
  const { UserAttributes } = await api.getUser({ AccessToken });
  return Object.fromEntries(UserAttributes.map(({ Name, Value }) => [Name, Value]));
}

test("from sign-up to deletion", async (t) => {
  const life = await newLife("OPTIONAL");
  const { api, who, admin } = life;
  const fresh = () => code(life, "alice");

  await t.test("sign-up", async () => {
    const UserAttributes = [{ Name: "email", Value: "alice@example.com" }, { Name: "custom:plan", Value: "gold" }];
    await api.signUp({ ...who, Password: password, UserAttributes });
    await refused(api.confirmSignUp({ ...who, ConfirmationCode: "wrong" }), CodeMismatchException, wrongCode);
    await api.resendConfirmationCode(who);
    await api.confirmSignUp({ ...who, ConfirmationCode: await fresh() });
    await refused(life.signIn("Wrong-Horse-1"), NotAuthorizedException, incorrect);
  });
  const { AccessToken } = await tokens(life, password);

  await t.test("attributes", async () => {
    const UserAttributes = [{ Name: "name", Value: "Alice" }, { Name: "custom:plan", Value: "" }, { Name: "email", Value: "new@example.org" }];
    const { CodeDeliveryDetailsList } = await api.updateUserAttributes({ AccessToken, UserAttributes });
    assert.deepEqual(CodeDeliveryDetailsList, [{ AttributeName: "email", DeliveryMedium: "EMAIL", Destination: "n***@e***" }]);
    const changed = await attributes(life, AccessToken);
    assert.equal(changed["custom:plan"], undefined);
    assert.equal(changed.email_verified, "false");
    const verify = (Code) => api.verifyUserAttribute({ AccessToken, AttributeName: "email", Code });
    await refused(verify("wrong"), CodeMismatchException, wrongCode);
    await api.getUserAttributeVerificationCode({ AccessToken, AttributeName: "email" });
    await verify(await fresh());
    await api.deleteUserAttributes({ AccessToken, UserAttributeNames: ["name"] });
    const { sub, ...rest } = await attributes(life, AccessToken);
    assert.ok(sub);
    assert.deepEqual(rest, { email: "new@example.org", email_verified: "true" });
  });

  await t.test("authenticator app", async () => {
    const { SecretCode } = await api.associateSoftwareToken({ AccessToken });
    const app = authenticator(life, SecretCode);
    await refused(
      api.verifySoftwareToken({ AccessToken, UserCode: "000000" }),
      EnableSoftwareTokenMFAException,
      "Code mismatch and fail enable Software Token MFA",
    );
    assert.equal((await api.verifySoftwareToken({ AccessToken, UserCode: await app() })).Status, "SUCCESS");
    await api.setUserMFAPreference({ AccessToken, SoftwareTokenMfaSettings: { Enabled: true, PreferredMfa: true } });
    const user = await api.getUser({ AccessToken });
    assert.deepEqual([user.PreferredMfaSetting, user.UserMFASettingList], ["SOFTWARE_TOKEN_MFA", ["SOFTWARE_TOKEN_MFA"]]);

    const asked = await life.signIn(password);
    assert.equal(asked.ChallengeName, "SOFTWARE_TOKEN_MFA");
    const answer = (SOFTWARE_TOKEN_MFA_CODE) => life.answer(asked, { SOFTWARE_TOKEN_MFA_CODE });
    await refused(answer("000000"), CodeMismatchException, "Invalid code received for user");
    assert.ok((await answer(await app())).AuthenticationResult);
  });

  await t.test("text message", async () => {
    const UserAttributes = [{ Name: "phone_number", Value: "+15555550123" }, { Name: "phone_number_verified", Value: "true" }];
    await api.adminUpdateUserAttributes({ ...admin, UserAttributes });
    await api.setUserMFAPreference({ AccessToken, SMSMfaSettings: { Enabled: true, PreferredMfa: true } });
    const asked = await life.signIn(password);
    assert.equal(asked.ChallengeName, "SMS_MFA");
    assert.equal(asked.ChallengeParameters.CODE_DELIVERY_DESTINATION, "+*******0123");
    assert.ok((await life.answer(asked, { SMS_MFA_CODE: await fresh() })).AuthenticationResult);
    const off = { Enabled: false };
    await api.adminSetUserMFAPreference({ ...admin, SMSMfaSettings: off, SoftwareTokenMfaSettings: off });
    assert.equal((await api.adminGetUser(admin)).UserMFASettingList, undefined);
  });

  await t.test("forgotten password", async () => {
    const { CodeDeliveryDetails } = await api.forgotPassword(who);
    // A telephone goes before an e-mail address, unless the pool says otherwise.
    assert.deepEqual(CodeDeliveryDetails, { AttributeName: "phone_number", DeliveryMedium: "SMS", Destination: "+*******0123" });
    const remember = (ConfirmationCode, Password) => api.confirmForgotPassword({ ...who, ConfirmationCode, Password });
    await refused(remember("wrong", another), CodeMismatchException, wrongCode);
    await refused(remember(await fresh(), "Short-1"), InvalidPasswordException, "Password does not conform to policy: Password not long enough");
    await remember(await fresh(), another);
    await refused(remember(await fresh(), another), ExpiredCodeException, "Invalid code provided, please request a code again.");
    await refused(life.signIn(password), NotAuthorizedException, incorrect);
    await api.adminResetUserPassword(admin);
    await refused(life.signIn(another), PasswordResetRequiredException, "Password reset required for the user");
    await remember(await fresh(), another);
  });

  await t.test("password changed", async () => {
    const change = (PreviousPassword) => api.changePassword({ AccessToken, PreviousPassword, ProposedPassword: password });
    await refused(change("Wrong-Horse-1"), NotAuthorizedException, incorrect);
    await change(another);
    await refused(life.signIn(another), NotAuthorizedException, incorrect);
  });

  await t.test("groups", async () => {
    const { UserPoolId } = admin;
    for (const [GroupName, Precedence] of [["readers", 9], ["editors", 0]]) {
      await api.createGroup({ UserPoolId, GroupName, Precedence });
      await api.adminAddUserToGroup({ ...admin, GroupName });
    }
    const first = await tokens(life, password);
    for (const token of [first.IdToken, first.AccessToken]) {
      assert.deepEqual(claims(token)["cognito:groups"], ["editors", "readers"]);
    }
    await api.adminRemoveUserFromGroup({ ...admin, GroupName: "editors" });
    const { AuthenticationResult } = await life.refresh(first.RefreshToken);
    assert.deepEqual(claims(AuthenticationResult.AccessToken)["cognito:groups"], ["readers"]);
  });

  await t.test("signed out, locked out, deleted", () => leave(life));
});

async function leave(life) {
  const { api, admin } = life;
  const revoked = "Access Token has been revoked";
  for (const end of [
    ({ RefreshToken: Token }) => api.revokeToken({ ClientId: life.clientId, ClientSecret: life.secret, Token }),
    ({ AccessToken }) => api.globalSignOut({ AccessToken }),
    () => api.adminUserGlobalSignOut(admin),
    () => api.adminDisableUser(admin),
  ]) {
    const signed = await tokens(life, password);
    await end(signed);
    await refused(api.getUser({ AccessToken: signed.AccessToken }), NotAuthorizedException, revoked);
    await assert.rejects(life.refresh(signed.RefreshToken), NotAuthorizedException);
  }
  await refused(life.signIn(password), NotAuthorizedException, "User is disabled.");
  await api.adminEnableUser(admin);
  const { AccessToken } = await tokens(life, password);
  await api.deleteUser({ AccessToken });
  await refused(api.getUser({ AccessToken }), UserNotFoundException, "User does not exist.");
  await refused(api.adminGetUser(admin), UserNotFoundException, "User does not exist.");
  await refused(life.signIn(password), UserNotFoundException, "User does not exist.");
}

test("an invited user sets up a second factor that everybody needs", async () => {
  const life = await newLife("ON");
  const { api } = life;
  await invite(life, "alice", another);
  const invited = await life.signIn(another);
  assert.equal(invited.ChallengeName, "NEW_PASSWORD_REQUIRED");
  const setup = await life.answer(invited, { NEW_PASSWORD: password });
  assert.equal(setup.ChallengeName, "MFA_SETUP");
  assert.ok(JSON.parse(setup.ChallengeParameters.MFAS_CAN_SETUP).includes("SOFTWARE_TOKEN_MFA"));
  const { SecretCode, Session } = await api.associateSoftwareToken({ Session: setup.Session });
  const app = authenticator(life, SecretCode);
  const verified = await api.verifySoftwareToken({ Session, UserCode: await app() });
  const done = await life.answer({ ChallengeName: "MFA_SETUP", Session: verified.Session }, {});
  assert.equal(claims(done.AuthenticationResult.IdToken)["cognito:username"], "alice");
  const asked = await life.signIn(password);
  assert.ok((await life.answer(asked, { SOFTWARE_TOKEN_MFA_CODE: await app() })).AuthenticationResult);
});
