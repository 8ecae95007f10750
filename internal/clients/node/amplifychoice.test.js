// AWS Amplify v6: sign-ins that begin with a factor of the user's choice.

import assert from "node:assert/strict";
import { test } from "node:test";
import { autoSignIn, confirmSignIn, confirmSignUp, fetchAuthSession, signIn, signOut, signUp } from "aws-amplify/auth";
import { configure } from "./amplify.js";
import { code, newPool, password } from "./world.js";

const choice = {
  pool: { Policies: { SignInPolicy: { AllowedFirstAuthFactors: ["PASSWORD", "EMAIL_OTP"] } } },
  client: { ExplicitAuthFlows: ["ALLOW_USER_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"] },
};
const username = "alice";
const userAttributes = { email: "alice@example.com" };

// begin begins a sign-in with a factor, or with a choice, and says what comes next.
async function begin(preferredChallenge, more = {}) {
  const { nextStep } = await signIn({ username, ...more, options: { authFlowType: "USER_AUTH", preferredChallenge } });
  return nextStep;
}

async function answer(challengeResponse, options) {
  const { nextStep } = await confirmSignIn({ challengeResponse, options });
  return nextStep;
}

async function signedIn(step) {
  assert.equal(step.signInStep, "DONE");
  assert.equal((await fetchAuthSession()).tokens.idToken.payload.email, userAttributes.email);
  await signOut();
}

// join signs alice up, and in as soon as she is confirmed. Amplify waits three minutes for the confirmation, by a timer that
// would keep the test from ending.
async function join(world) {
  const { setTimeout } = globalThis;
  globalThis.setTimeout = (...args) => setTimeout(...args).unref();
  const up = await signUp({ username, options: { userAttributes, autoSignIn: { authFlowType: "USER_AUTH" } } });
  globalThis.setTimeout = setTimeout;
  assert.equal(up.nextStep.signUpStep, "CONFIRM_SIGN_UP");
  const { nextStep } = await confirmSignUp({ username, confirmationCode: await code(world, username) });
  assert.equal(nextStep.signUpStep, "COMPLETE_AUTO_SIGN_IN");
  await signedIn((await autoSignIn()).nextStep);
}

test("without a password", async () => {
  const world = await newPool(choice);
  configure(world);
  await join(world);
  const byMail = await begin("EMAIL_OTP");
  assert.equal(byMail.signInStep, "CONFIRM_SIGN_IN_WITH_EMAIL_CODE");
  assert.equal(byMail.codeDeliveryDetails.destination, "a***@e***");
  await assert.rejects(answer("00000000"), { name: "CodeMismatchException", message: "Invalid code or auth state for the user." });
  await signedIn(await answer(await code(world, username)));

  const choose = await begin();
  assert.equal(choose.signInStep, "CONTINUE_SIGN_IN_WITH_FIRST_FACTOR_SELECTION");
  assert.deepEqual(choose.availableChallenges, ["EMAIL_OTP"]);
  assert.equal((await answer("EMAIL_OTP")).signInStep, "CONFIRM_SIGN_IN_WITH_EMAIL_CODE");
  await signedIn(await answer(await code(world, username)));
});

test("with a password", async () => {
  const world = await newPool(choice);
  configure(world);
  await signUp({ username, password, options: { userAttributes } });
  await confirmSignUp({ username, confirmationCode: await code(world, username) });
  await signedIn(await begin("PASSWORD_SRP", { password }));
  await signedIn(await begin("PASSWORD", { password }));
  for (const factor of ["PASSWORD_SRP", "PASSWORD"]) {
    assert.deepEqual((await begin()).availableChallenges, ["PASSWORD_SRP", "PASSWORD", "EMAIL_OTP"]);
    assert.equal((await answer(factor)).signInStep, "CONFIRM_SIGN_IN_WITH_PASSWORD");
    await signedIn(await answer(password));
  }
});
