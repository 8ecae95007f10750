// AWS Amplify v6: the whole life of a user.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  confirmResetPassword,
  confirmSignIn,
  confirmSignUp,
  confirmUserAttribute,
  deleteUser,
  deleteUserAttributes,
  fetchAuthSession,
  fetchMFAPreference,
  fetchUserAttributes,
  getCurrentUser,
  resetPassword,
  sendUserAttributeVerificationCode,
  setUpTOTP,
  signIn,
  signOut,
  signUp,
  updateMFAPreference,
  updatePassword,
  updateUserAttribute,
  updateUserAttributes,
  verifyTOTPSetup,
} from "aws-amplify/auth";
import { configure } from "./amplify.js";
import { askFactors, authenticator, code, invite, newPool, password } from "./world.js";

const another = "Another-Horse-2";
const incorrect = { name: "NotAuthorizedException", message: "Incorrect username or password." };
const mismatch = { name: "CodeMismatchException", message: "Invalid verification code provided, please try again." };
const username = "alice";

// sign signs alice in by SRP as far as the password does, and says what comes next.
async function sign(pw, username = "alice", authFlowType = "USER_SRP_AUTH") {
  const { nextStep } = await signIn({ username, password: pw, options: { authFlowType } });
  return nextStep;
}

// signPlain sends the password itself, which spares the arithmetic of SRP.
const signPlain = (pw) => sign(pw, "alice", "USER_PASSWORD_AUTH");

async function answer(challengeResponse) {
  const { nextStep } = await confirmSignIn({ challengeResponse });
  return nextStep;
}

const tokens = async (options) => (await fetchAuthSession(options)).tokens;

test("from sign-up to deletion", async (t) => {
  const world = await newPool();
  await askFactors(world, "OPTIONAL");
  configure(world);
  const fresh = () => code(world, username);
  await signUp({ username, password, options: { userAttributes: { email: "alice@example.com", name: "Alice" } } });
  await confirmSignUp({ username, confirmationCode: await fresh() });
  assert.equal((await sign(password)).signInStep, "DONE");
  await t.test("attributes", () => attributes(fresh));
  await t.test("second factors", () => factors(world, fresh));
  await t.test("forgotten and changed password", () => passwords(fresh));
  await t.test("a group joined shows in new tokens", () => groups(world));
  await t.test("signed out and deleted", () => leave(world));
});

async function attributes(fresh) {
  const result = await updateUserAttributes({ userAttributes: { email: "new@example.org", nickname: "Al" } });
  assert.deepEqual(result.nickname, { isUpdated: true, nextStep: { updateAttributeStep: "DONE" } });
  assert.equal(result.email.nextStep.updateAttributeStep, "CONFIRM_ATTRIBUTE_WITH_CODE");
  assert.deepEqual(result.email.nextStep.codeDeliveryDetails, {
    attributeName: "email",
    deliveryMedium: "EMAIL",
    destination: "n***@e***",
  });
  assert.equal((await fetchUserAttributes()).email_verified, "false");
  const confirm = (confirmationCode) => confirmUserAttribute({ userAttributeKey: "email", confirmationCode });
  await assert.rejects(confirm("wrong"), mismatch);
  const { destination } = await sendUserAttributeVerificationCode({ userAttributeKey: "email" });
  assert.equal(destination, "n***@e***");
  await confirm(await fresh());
  await updateUserAttribute({ userAttribute: { attributeKey: "name", value: "Alicia" } });
  await deleteUserAttributes({ userAttributeKeys: ["nickname"] });
  const { sub, ...rest } = await fetchUserAttributes();
  assert.equal(sub, (await getCurrentUser()).userId);
  assert.deepEqual(rest, { email: "new@example.org", email_verified: "true", name: "Alicia" });
}

async function factors(world, fresh) {
  await assert.rejects(updateMFAPreference({ totp: "PREFERRED" }), { name: "InvalidParameterException" });
  const setup = await setUpTOTP();
  assert.ok(setup.getSetupUri("Cognate", username).href.startsWith("otpauth://totp/Cognate:alice?secret="));
  const app = authenticator(world, setup.sharedSecret);
  await assert.rejects(verifyTOTPSetup({ code: "000000" }), { name: "EnableSoftwareTokenMFAException" });
  await verifyTOTPSetup({ code: await app() });
  assert.deepEqual(await fetchMFAPreference(), { preferred: undefined, enabled: undefined });
  await updateMFAPreference({ totp: "PREFERRED" });
  assert.deepEqual(await fetchMFAPreference(), { preferred: "TOTP", enabled: ["TOTP"] });

  await signOut();
  assert.equal((await sign(password)).signInStep, "CONFIRM_SIGN_IN_WITH_TOTP_CODE");
  await assert.rejects(answer("000000"), { name: "CodeMismatchException", message: "Invalid code received for user" });
  assert.equal((await answer(await app())).signInStep, "DONE");

  await updateUserAttributes({ userAttributes: { phone_number: "+15555550123" } });
  await updateMFAPreference({ sms: "ENABLED", totp: "NOT_PREFERRED" });
  await signOut();
  const choice = await signPlain(password);
  assert.deepEqual([choice.signInStep, choice.allowedMFATypes], ["CONTINUE_SIGN_IN_WITH_MFA_SELECTION", ["SMS", "TOTP"]]);
  const asked = await answer("SMS");
  assert.equal(asked.signInStep, "CONFIRM_SIGN_IN_WITH_SMS_CODE");
  assert.deepEqual(asked.codeDeliveryDetails, { deliveryMedium: "SMS", destination: "+*******0123" });
  assert.equal((await answer(await fresh())).signInStep, "DONE");
  await updateMFAPreference({ sms: "DISABLED", totp: "DISABLED" });
  assert.deepEqual(await fetchMFAPreference(), { preferred: undefined, enabled: undefined });
  await deleteUserAttributes({ userAttributeKeys: ["phone_number"] });
}

async function passwords(fresh) {
  await signOut();
  const { nextStep } = await resetPassword({ username });
  assert.equal(nextStep.resetPasswordStep, "CONFIRM_RESET_PASSWORD_WITH_CODE");
  assert.deepEqual(nextStep.codeDeliveryDetails, { attributeName: "email", deliveryMedium: "EMAIL", destination: "n***@e***" });
  const confirm = (confirmationCode, newPassword) => confirmResetPassword({ username, confirmationCode, newPassword });
  await assert.rejects(confirm("wrong", another), mismatch);
  await assert.rejects(confirm(await fresh(), "Short-1"), { name: "InvalidPasswordException" });
  await confirm(await fresh(), another);
  await assert.rejects(sign(password), incorrect);
  assert.equal((await signPlain(another)).signInStep, "DONE");
  await assert.rejects(updatePassword({ oldPassword: "Wrong-Horse-1", newPassword: password }), incorrect);
  await updatePassword({ oldPassword: another, newPassword: password });
  await signOut();
  assert.equal((await sign(password)).signInStep, "DONE"); // the verifier of SRP is a new one too
}

async function groups(world) {
  const group = { UserPoolId: world.poolId, GroupName: "editors" };
  await world.api.createGroup(group);
  await world.api.adminAddUserToGroup({ ...group, Username: username });
  assert.equal((await tokens()).accessToken.payload["cognito:groups"], undefined);
  const { accessToken, idToken } = await tokens({ forceRefresh: true });
  assert.deepEqual(accessToken.payload["cognito:groups"], ["editors"]);
  assert.deepEqual(idToken.payload["cognito:groups"], ["editors"]);
}

async function leave(world) {
  const { accessToken } = await tokens();
  await signOut({ global: true });
  assert.equal(await tokens(), undefined);
  await assert.rejects(world.api.getUser({ AccessToken: accessToken.toString() }), {
    name: "NotAuthorizedException",
    message: "Access Token has been revoked",
  });
  await world.api.adminResetUserPassword({ UserPoolId: world.poolId, Username: username });
  assert.equal((await signPlain(password)).signInStep, "RESET_PASSWORD");
  await confirmResetPassword({ username, confirmationCode: await code(world, username), newPassword: another });
  assert.equal((await signPlain(another)).signInStep, "DONE");
  await deleteUser();
  await assert.rejects(getCurrentUser(), { name: "UserUnAuthenticatedException" });
  await assert.rejects(sign(another), { name: "UserNotFoundException", message: "User does not exist." });
}

test("an invited user sets up a second factor that everybody needs", async () => {
  const world = await newPool();
  await askFactors(world, "ON");
  configure(world);
  await invite(world, "bob", another);
  assert.equal((await sign(another, "bob")).signInStep, "CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED");
  const setup = await answer(password);
  assert.equal(setup.signInStep, "CONTINUE_SIGN_IN_WITH_TOTP_SETUP");
  const app = authenticator(world, setup.totpSetupDetails.sharedSecret);
  await assert.rejects(answer("000000"), { name: "EnableSoftwareTokenMFAException" });
  assert.equal((await answer(await app())).signInStep, "DONE");
  assert.equal((await getCurrentUser()).username, "bob");
  await signOut();
  assert.equal((await sign(password, "bob")).signInStep, "CONFIRM_SIGN_IN_WITH_TOTP_CODE");
  assert.equal((await answer(await app())).signInStep, "DONE");
});
