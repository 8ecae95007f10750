import assert from "node:assert/strict";
import { test } from "node:test";
import { authenticator, call, code, open, password } from "./world.js";

const choice = { Policies: { SignInPolicy: { AllowedFirstAuthFactors: ["PASSWORD", "EMAIL_OTP", "WEB_AUTHN"] } } };

test("a user signs up and in with a password", async (t) => {
  const { amplify, ...world } = await open(t);
  await amplify.signUp({ username: "alice", password, options: { userAttributes: { email: "alice@example.com" } } });
  await amplify.confirmSignUp({ username: "alice", confirmationCode: await code(world, "alice") });
  assert.equal((await amplify.signIn({ username: "alice", password })).isSignedIn, true);
  assert.equal((await amplify.getCurrentUser()).username, "alice");
  await amplify.signOut();
  await assert.rejects(amplify.getCurrentUser(), /UserUnAuthenticatedException/);
});

test("a user who has confirmed the sign-up is signed in by it", async (t) => {
  const { amplify, ...world } = await open(t, { pool: choice });
  const next = await amplify.signUp({
    username: "alice", password,
    options: { userAttributes: { email: "alice@example.com" }, autoSignIn: { authFlowType: "USER_AUTH" } },
  });
  assert.equal(next.nextStep.signUpStep, "CONFIRM_SIGN_UP");
  const confirmed = await amplify.confirmSignUp({ username: "alice", confirmationCode: await code(world, "alice") });
  assert.equal(confirmed.nextStep.signUpStep, "COMPLETE_AUTO_SIGN_IN");
  const signed = await amplify.autoSignIn();
  assert.equal(signed.isSignedIn, true, JSON.stringify(signed));
  assert.equal((await amplify.getCurrentUser()).username, "alice");
});

test("a user signs in by a code that was mailed", async (t) => {
  const { amplify, ...world } = await signedUp(t);
  const asked = await amplify.signIn({ username: "alice", options: { authFlowType: "USER_AUTH", preferredChallenge: "EMAIL_OTP" } });
  assert.equal(asked.nextStep.signInStep, "CONFIRM_SIGN_IN_WITH_EMAIL_CODE");
  await assert.rejects(amplify.confirmSignIn({ challengeResponse: "00000000" }), /CodeMismatchException/);
  const done = await amplify.confirmSignIn({ challengeResponse: await code(world, "alice") });
  assert.equal(done.isSignedIn, true);
});

test("a user chooses how to sign in", async (t) => {
  const { amplify } = await signedUp(t);
  const asked = await amplify.signIn({ username: "alice", options: { authFlowType: "USER_AUTH" } });
  assert.equal(asked.nextStep.signInStep, "CONTINUE_SIGN_IN_WITH_FIRST_FACTOR_SELECTION");
  assert.deepEqual([...asked.nextStep.availableChallenges].sort(), ["EMAIL_OTP", "PASSWORD", "PASSWORD_SRP"]);
  const chosen = await amplify.confirmSignIn({ challengeResponse: "PASSWORD_SRP" });
  assert.equal(chosen.nextStep.signInStep, "CONFIRM_SIGN_IN_WITH_PASSWORD");
  assert.equal((await amplify.confirmSignIn({ challengeResponse: password })).isSignedIn, true);
});

test("a user registers a passkey and signs in with it", async (t) => {
  const { amplify, page } = await signedUp(t);
  const passkeys = await authenticator(page);
  await amplify.signIn({ username: "alice", password });
  await amplify.associateWebAuthnCredential();
  const { credentials } = await amplify.listWebAuthnCredentials();
  assert.equal(credentials.length, 1);
  assert.equal(credentials[0].relyingPartyId, "localhost");
  await amplify.signOut();

  const done = await amplify.signIn({ username: "alice", options: { authFlowType: "USER_AUTH", preferredChallenge: "WEB_AUTHN" } });
  assert.equal(done.isSignedIn, true);
  assert.equal((await passkeys.credentials())[0].signCount > 1, true);

  await amplify.deleteWebAuthnCredential({ credentialId: credentials[0].credentialId });
  assert.deepEqual((await amplify.listWebAuthnCredentials()).credentials, []);
});

test("a user prefers a second factor", async (t) => {
  const { amplify, url, poolId } = await signedUp(t, { EmailConfiguration: { EmailSendingAccount: "DEVELOPER", SourceArn: "arn:aws:ses:us-east-1:123456789012:identity/a@example.com" } });
  await call(url, "SetUserPoolMfaConfig", {
    UserPoolId: poolId, MfaConfiguration: "OPTIONAL", EmailMfaConfiguration: {}, SoftwareTokenMfaConfiguration: { Enabled: true },
  });
  await amplify.signIn({ username: "alice", password });
  await amplify.updateMFAPreference({ email: "PREFERRED" });
  assert.deepEqual(await amplify.fetchMFAPreference(), { enabled: ["EMAIL"], preferred: "EMAIL" });
  await amplify.signOut();
  const asked = await amplify.signIn({ username: "alice", password });
  assert.equal(asked.nextStep.signInStep, "CONFIRM_SIGN_IN_WITH_EMAIL_CODE");
  assert.equal((await amplify.confirmSignIn({ challengeResponse: await code({ url, poolId }, "alice") })).isSignedIn, true);
});

test("a device is remembered, and forgotten", async (t) => {
  const { amplify } = await signedUp(t, { DeviceConfiguration: { DeviceOnlyRememberedOnUserPrompt: true, ChallengeRequiredOnNewDevice: true } });
  await amplify.signIn({ username: "alice", password });
  await amplify.rememberDevice();
  const devices = await amplify.fetchDevices();
  assert.equal(devices.length, 1);
  await amplify.signOut();
  assert.equal((await amplify.signIn({ username: "alice", password })).isSignedIn, true); // with the device's key
  assert.equal((await amplify.fetchDevices()).length, 1);
  await amplify.forgetDevice();
  assert.deepEqual(await amplify.fetchDevices(), []);
});

// signedUp opens a pool with a choice of factors, in which alice has confirmed her address.
async function signedUp(t, pool = {}) {
  const world = await open(t, { pool: { ...choice, ...pool } });
  await world.amplify.signUp({ username: "alice", password, options: { userAttributes: { email: "alice@example.com" } } });
  await world.amplify.confirmSignUp({ username: "alice", confirmationCode: await code(world, "alice") });
  return world;
}
