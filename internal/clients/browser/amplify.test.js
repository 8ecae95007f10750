import assert from "node:assert/strict";
import { test } from "node:test";
import { call, code, open, password } from "./world.js";

test("a user signs up and in with a password", async (t) => {
  const { amplify, ...world } = await open(t);
  await amplify.signUp({ username: "alice", password, options: { userAttributes: { email: "alice@example.com" } } });
  await amplify.confirmSignUp({ username: "alice", confirmationCode: await code(world, "alice") });
  assert.equal((await amplify.signIn({ username: "alice", password })).isSignedIn, true);
  assert.equal((await amplify.getCurrentUser()).username, "alice");
  await amplify.signOut();
  await assert.rejects(amplify.getCurrentUser(), /UserUnAuthenticatedException/);
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

// signedUp opens a pool in which alice has confirmed her address.
async function signedUp(t, pool = {}) {
  const world = await open(t, { pool });
  await world.amplify.signUp({ username: "alice", password, options: { userAttributes: { email: "alice@example.com" } } });
  await world.amplify.confirmSignUp({ username: "alice", confirmationCode: await code(world, "alice") });
  return world;
}
