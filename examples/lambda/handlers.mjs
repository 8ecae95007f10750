// A handler for each trigger, as AWS Lambda runs it. Each gets an event, and returns it whole.
// docs/hooks.md says when they run and what they may do.
//
//   node server.mjs 3001
//   cognate dev --lambda-endpoint http://127.0.0.1:3001
//
// Then give a pool the ARNs in its LambdaConfig, such as
// arn:aws:lambda:us-east-1:123456789012:function:PreSignUp.

import { randomInt, timingSafeEqual } from "node:crypto";
import { deliver } from "./deliver.mjs";

/**
 * Only people of one company sign up, and their addresses need no code.
 * @type {import("aws-lambda").PreSignUpTriggerHandler}
 */
export const PreSignUp = async (event) => {
  const email = event.request.userAttributes.email ?? "";
  if (event.triggerSource === "PreSignUp_SignUp" && !email.endsWith("@example.com")) {
    throw new Error("Invalid email domain");
  }
  if (event.request.validationData?.invitation === "4711") {
    event.response.autoConfirmUser = true;
    event.response.autoVerifyEmail = true;
  }
  return event;
};

/**
 * Welcomes new users.
 * @type {import("aws-lambda").PostConfirmationTriggerHandler}
 */
export const PostConfirmation = async (event) => {
  if (event.triggerSource === "PostConfirmation_ConfirmSignUp") {
    await deliver(event.request.userAttributes.email, `Welcome, ${event.userName}`);
  }
  return event;
};

/**
 * Lets nobody in whose client says that it is too old.
 * @type {import("aws-lambda").PreAuthenticationTriggerHandler}
 */
export const PreAuthentication = async (event) => {
  if (event.request.validationData?.version === "1") throw new Error("Update the app");
  return event;
};

/**
 * Counts sign-ins by client.
 * @type {import("aws-lambda").PostAuthenticationTriggerHandler}
 */
export const PostAuthentication = async (event) => {
  const { clientId } = event.callerContext;
  signIns.set(clientId, (signIns.get(clientId) ?? 0) + 1);
  return event;
};

export const signIns = new Map();

/**
 * Puts the plan of a user into the ID token: all that version 1 of the event allows, besides groups.
 * @type {import("aws-lambda").PreTokenGenerationTriggerHandler}
 */
export const PreTokenGeneration = async (event) => {
  event.response.claimsOverrideDetails = {
    claimsToAddOrOverride: { plan: "gold" },
    claimsToSuppress: ["email"],
    groupOverrideDetails: { groupsToOverride: ["staff"], iamRolesToOverride: [], preferredRole: "" },
  };
  return event;
};

/**
 * Versions 2 and 3 change the access token too, and claims may be of any type.
 * @type {import("aws-lambda").PreTokenGenerationV2TriggerHandler}
 */
export const PreTokenGenerationV2 = async (event) => {
  event.response.claimsAndScopeOverrideDetails = {
    // @ts-expect-error the types know claims that are text alone
    idTokenGeneration: { claimsToAddOrOverride: { plan: { name: "gold", seats: 3 } } },
    accessTokenGeneration: { claimsToAddOrOverride: { tenant: "acme" }, scopesToAdd: ["orders/read"] },
  };
  return event;
};

/**
 * Words the message of a forgotten password.
 * @type {import("aws-lambda").CustomMessageTriggerHandler}
 */
export const CustomMessage = async (event) => {
  if (event.triggerSource === "CustomMessage_ForgotPassword") {
    event.response.emailSubject = "A new password for Acme";
    event.response.emailMessage = `Your code is ${event.request.codeParameter}.`;
  }
  return event;
};

const elsewhere = { carol: { password: "Correct-Horse-1", email: "carol@example.com" } };

/**
 * Brings users from another directory, with the password that they give at their first sign-in.
 * @type {import("aws-lambda").UserMigrationTriggerHandler}
 */
export const UserMigration = async (event) => {
  const user = elsewhere[event.userName];
  const known = event.triggerSource === "UserMigration_ForgotPassword" || user?.password === event.request.password;
  if (!user || !known) throw new Error("Bad password");
  event.response.userAttributes = { email: user.email, email_verified: "true" };
  if (event.triggerSource === "UserMigration_Authentication") event.response.finalUserStatus = "CONFIRMED";
  event.response.messageAction = "SUPPRESS";
  return event;
};

/**
 * Signs users in by a code that is sent to them, after the password if they gave it. Three
 * wrong codes end the sign-in.
 * @type {import("aws-lambda").DefineAuthChallengeTriggerHandler}
 */
export const DefineAuthChallenge = async (event) => {
  const rounds = event.request.session;
  const last = rounds.at(-1);
  event.response.issueTokens = false;
  event.response.failAuthentication = false;
  if (last?.challengeName === "SRP_A") {
    event.response.challengeName = "PASSWORD_VERIFIER";
  } else if (last?.challengeName === "CUSTOM_CHALLENGE" && last.challengeResult) {
    event.response.issueTokens = true;
  } else if (rounds.filter((round) => round.challengeName === "CUSTOM_CHALLENGE").length >= 3) {
    event.response.failAuthentication = true;
  } else {
    event.response.challengeName = "CUSTOM_CHALLENGE";
  }
  return event;
};

/**
 * Sends a code, the same one in each round. For a user who does not exist it sends none, and the
 * client cannot tell.
 * @type {import("aws-lambda").CreateAuthChallengeTriggerHandler}
 */
export const CreateAuthChallenge = async (event) => {
  const earlier = event.request.session.findLast((round) => round.challengeMetadata);
  const code = earlier?.challengeMetadata ?? String(randomInt(1_000_000)).padStart(6, "0");
  if (!earlier && !event.request.userNotFound) await deliver(event.request.userAttributes.email, `Your code is ${code}`);
  event.response.publicChallengeParameters = { hint: "We have sent you a code." };
  event.response.privateChallengeParameters = { code };
  event.response.challengeMetadata = code;
  return event;
};

/**
 * Compares the code.
 * @type {import("aws-lambda").VerifyAuthChallengeResponseTriggerHandler}
 */
export const VerifyAuthChallengeResponse = async (event) => {
  const want = Buffer.from(event.request.privateChallengeParameters.code);
  const got = Buffer.from(event.request.challengeAnswer);
  event.response.answerCorrect = want.length === got.length && timingSafeEqual(want, got);
  return event;
};
