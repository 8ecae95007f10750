// @types/aws-lambda: the events of triggers are of the types that functions in TypeScript rely on,
// and so are the handlers of examples/lambda.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { arn, example, keyArn, serving } from "./functions.js";
import { code, newPool, password } from "./world.js";

const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");

// The type of an event by its trigger. Sources of PreTokenGeneration have the version behind them.
const types = {
  PreSignUp: "PreSignUpTriggerEvent",
  PostConfirmation: "PostConfirmationTriggerEvent",
  PreAuthentication: "PreAuthenticationTriggerEvent",
  PostAuthentication: "PostAuthenticationTriggerEvent",
  TokenGeneration1: "PreTokenGenerationTriggerEvent",
  TokenGeneration2: "PreTokenGenerationV2TriggerEvent",
  TokenGeneration3: "PreTokenGenerationV2TriggerEvent",
  CustomMessage: "CustomMessageTriggerEvent",
  UserMigration: "UserMigrationTriggerEvent",
  DefineAuthChallenge: "DefineAuthChallengeTriggerEvent",
  CreateAuthChallenge: "CreateAuthChallengeTriggerEvent",
  VerifyAuthChallengeResponse: "VerifyAuthChallengeResponseTriggerEvent",
  CustomEmailSender: "CustomEmailSenderTriggerEvent",
  CustomSMSSender: "CustomSMSSenderTriggerEvent",
};

// keyOf is the key of an event in types.
function keyOf({ triggerSource, version }) {
  const [trigger] = triggerSource.split("_");
  return trigger === "TokenGeneration" ? trigger + version : trigger;
}

// events are those of many flows, in pools that name functions for all triggers.
async function events(t, lambda) {
  const seen = [];
  const { handlers } = lambda;
  const all = { ...handlers, CustomEmailSender: () => ({}), CustomSMSSender: () => ({}) };
  const invoke = await lambda.serve(all, 0, (text) => seen.push(JSON.parse(text)));
  t.after(invoke.close);
  const { url } = await serving(t, ["dev", "--lambda-endpoint", invoke.url]);
  const named = (...names) => Object.fromEntries(names.map((name) => [name, arn(name)]));
  const tokens = (LambdaVersion) => ({ PreTokenGenerationConfig: { LambdaArn: arn(LambdaVersion === "V1_0" ? "PreTokenGeneration" : "PreTokenGenerationV2"), LambdaVersion } });
  const sender = (name) => ({ [name]: { LambdaArn: arn(name), LambdaVersion: "V1_0" }, KMSKeyID: keyArn });
  const client = { ExplicitAuthFlows: ["ALLOW_CUSTOM_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"] };
  const UserAttributes = (name) => [{ Name: "email", Value: `${name}@example.com` }];
  const ClientMetadata = { k: "v" };
  const SmsConfiguration = { SnsCallerArn: "arn:aws:iam::123456789012:role/sms" };

  for (const version of ["V1_0", "V2_0", "V3_0"]) {
    const LambdaConfig = { ...named("PreSignUp", "PostConfirmation", "PreAuthentication", "PostAuthentication", "CustomMessage", "UserMigration"), ...tokens(version) };
    const world = await newPool({ url, client, pool: { LambdaConfig } });
    const { api, clientId: ClientId, poolId: UserPoolId } = world;
    const signIn = (USERNAME, PASSWORD) => api.initiateAuth({ ClientId, AuthFlow: "USER_PASSWORD_AUTH", AuthParameters: { USERNAME, PASSWORD }, ClientMetadata });
    await api.signUp({ ClientId, Username: "alice", Password: password, UserAttributes: UserAttributes("alice"), ClientMetadata, ValidationData: [{ Name: "a", Value: "b" }] });
    await api.confirmSignUp({ ClientId, Username: "alice", ConfirmationCode: await code(world, "alice") });
    const { AuthenticationResult } = await signIn("alice", password);
    await api.initiateAuth({ ClientId, AuthFlow: "REFRESH_TOKEN_AUTH", AuthParameters: { REFRESH_TOKEN: AuthenticationResult.RefreshToken } });
    await api.forgotPassword({ ClientId, Username: "alice" });
    await api.confirmForgotPassword({ ClientId, Username: "alice", ConfirmationCode: await code(world, "alice"), Password: password });
    await api.updateUserAttributes({ AccessToken: AuthenticationResult.AccessToken, UserAttributes: UserAttributes("alicia") }).catch(() => {});
    await api.adminCreateUser({ UserPoolId, Username: "bob", UserAttributes: UserAttributes("bob"), DesiredDeliveryMediums: ["EMAIL"] });
    await signIn("carol", password);
  }
  const custom = await newPool({ url, client, pool: { LambdaConfig: named("PreSignUp", "DefineAuthChallenge", "CreateAuthChallenge", "VerifyAuthChallengeResponse") } });
  const { api, clientId: ClientId } = custom;
  await api.signUp({ ClientId, Username: "alice", Password: password, UserAttributes: UserAttributes("alice"), ValidationData: [{ Name: "invitation", Value: "4711" }] });
  const { Session } = await api.initiateAuth({ ClientId, AuthFlow: "CUSTOM_AUTH", AuthParameters: { USERNAME: "alice" }, ClientMetadata });
  await api.respondToAuthChallenge({ ClientId, ChallengeName: "CUSTOM_CHALLENGE", Session, ChallengeResponses: { USERNAME: "alice", ANSWER: "x" }, ClientMetadata });

  const sending = await newPool({ url, client, pool: { LambdaConfig: { ...sender("CustomEmailSender"), ...sender("CustomSMSSender") }, SmsConfiguration, AutoVerifiedAttributes: ["email", "phone_number"] } });
  await sending.api.signUp({ ClientId: sending.clientId, Username: "alice", Password: password, UserAttributes: UserAttributes("alice") });
  await sending.api.signUp({ ClientId: sending.clientId, Username: "bob", Password: password, UserAttributes: [{ Name: "phone_number", Value: "+4915112345678" }] });
  return seen;
}

// adapted is an event without the two members in which the service, as logs of functions show, and
// the types differ.
function adapted(event) {
  const e = structuredClone(event);
  if (e.triggerSource.startsWith("UserMigration_")) {
    assert.equal(e.request.userAttributes, null);
    delete e.request.userAttributes;
  }
  if (/^Custom(Email|SMS)Sender_/.test(e.triggerSource)) {
    assert.ok(!("response" in e));
    e.response = {};
  }
  return e;
}

// What must not compile, so that the compiler is known to look.
const alterations = [
  (e) => delete e.request.newDeviceUsed,
  (e) => (e.request.newDevice = true),
  (e) => (e.version = 1),
  (e) => (e.triggerSource = "PostAuthentication_Other"),
];

// The service sends some members as null that the types do not know as null, so null is let pass.
// Missing, unknown and wrong members are not.
test("events and handlers are of the types of @types/aws-lambda", async (t) => {
  const lambda = await example(t);
  const seen = await events(t, lambda);
  assert.deepEqual([...new Set(seen.map(keyOf))].sort(), Object.keys(types).sort());
  const lines = ['import type * as aws from "aws-lambda";', 'import "./handlers.mjs";', 'import "./senders.mjs";'];
  const declare = (event) => lines.push(`export const e${lines.length}: aws.${types[keyOf(event)]} = ${JSON.stringify(event)};`);
  seen.map(adapted).forEach(declare);
  for (const alter of alterations) {
    const event = structuredClone(seen.find((e) => keyOf(e) === "PostAuthentication"));
    alter(event);
    lines.push("// @ts-expect-error");
    declare(event);
  }
  writeFileSync(join(lambda.dir, "check.ts"), lines.join("\n"));
  const args = ["--noEmit", "--skipLibCheck", "--allowJs", "--checkJs", "--types", "node,aws-lambda", "--module", "nodenext", "--target", "es2023", "check.ts"];
  const { status, stdout } = spawnSync(process.execPath, [tsc, ...args], { cwd: lambda.dir, encoding: "utf8" });
  assert.equal(status, 0, stdout);
});
