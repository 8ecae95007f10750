// AWS Amplify v6: its Auth category, against the address of a server.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  confirmSignIn,
  confirmSignUp,
  fetchAuthSession,
  fetchUserAttributes,
  getCurrentUser,
  resendSignUpCode,
  signIn,
  signOut,
  signUp,
} from "aws-amplify/auth";
import { configure } from "./amplify.js";
import { code, invite, newPool, password } from "./world.js";

const temporary = "Temporary-Horse-1";

test("life of a user", async () => {
  const world = await newPool();
  configure(world);
  const options = { userAttributes: { email: "alice@example.com" } };
  const signedUp = await signUp({ username: "alice", password, options });
  assert.equal(signedUp.nextStep.signUpStep, "CONFIRM_SIGN_UP");
  assert.equal(signedUp.nextStep.codeDeliveryDetails.destination, "a***@e***");
  assert.equal((await signIn({ username: "alice", password })).nextStep.signInStep, "CONFIRM_SIGN_UP");
  await resendSignUpCode({ username: "alice" });
  await assert.rejects(confirmSignUp({ username: "alice", confirmationCode: "wrong" }), { name: "CodeMismatchException" });
  const confirmed = await confirmSignUp({ username: "alice", confirmationCode: await code(world, "alice") });
  assert.equal(confirmed.nextStep.signUpStep, "DONE");

  await assert.rejects(signIn({ username: "alice", password: "Wrong-Horse-1" }), {
    name: "NotAuthorizedException",
    message: "Incorrect username or password.",
  });
  assert.equal((await signIn({ username: "alice", password })).nextStep.signInStep, "DONE"); // by SRP
  assert.equal((await getCurrentUser()).username, "alice");
  assert.equal((await fetchUserAttributes()).email_verified, "true");

  const before = (await fetchAuthSession()).tokens;
  const after = (await fetchAuthSession({ forceRefresh: true })).tokens;
  assert.notEqual(after.accessToken.payload.jti, before.accessToken.payload.jti);
  assert.equal(after.accessToken.payload.origin_jti, before.accessToken.payload.origin_jti);

  await signOut({ global: true });
  await assert.rejects(world.api.getUser({ AccessToken: after.accessToken.toString() }), {
    message: "Access Token has been revoked",
  });
});

test("sign-out of one device ends that sign-in", async () => {
  const world = await newPool();
  configure(world);
  await invite(world, "bob", temporary);
  const first = await signIn({ username: "bob", password: temporary });
  assert.equal(first.nextStep.signInStep, "CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED");
  assert.equal((await confirmSignIn({ challengeResponse: password })).nextStep.signInStep, "DONE");
  const { accessToken } = (await fetchAuthSession()).tokens;
  await signOut();
  await assert.rejects(world.api.getUser({ AccessToken: accessToken.toString() }), {
    message: "Access Token has been revoked",
  });
});

test("sign-in by password without SRP", async () => {
  const world = await newPool();
  configure(world);
  await invite(world, "carol", temporary);
  const options = { authFlowType: "USER_PASSWORD_AUTH" };
  const { nextStep } = await signIn({ username: "carol", password: temporary, options });
  assert.equal(nextStep.signInStep, "CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED");
});
