// Functions of triggers, those of examples/lambda, behind an Invoke API: amazon-cognito-identity-js
// signs in by challenges of its own, and aws-jwt-verify accepts the tokens that functions change.

import assert from "node:assert/strict";
import { test } from "node:test";
import { promisify } from "node:util";
import identity from "amazon-cognito-identity-js";
import { CognitoJwtVerifier } from "aws-jwt-verify";
import { cognate, arn, example, exported, keyArn, serving } from "./functions.js";
import { CognitoUserAttribute, newUser, userPool } from "./identity.js";
import { newClient, newPool, password, sdk } from "./world.js";

const { AuthenticationDetails } = identity;
const flows = { ExplicitAuthFlows: ["ALLOW_CUSTOM_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"] };
const named = (...names) => Object.fromEntries(names.map((name) => [name, arn(name)]));

// functions is a fake that calls the handlers of the example.
async function functions(t) {
  const seen = [];
  const lambda = await example(t);
  const invoke = await lambda.serve(lambda.handlers, 0, (text) => seen.push(JSON.parse(text)));
  t.after(invoke.close);
  const { url } = await serving(t, ["dev", "--issuer", "aws", "--lambda-endpoint", invoke.url]);
  return { ...lambda, url, seen };
}

// signedUp is a user of the library, who was confirmed by PreSignUp.
async function signedUp(pool, username) {
  const attributes = [new CognitoUserAttribute({ Name: "email", Value: `${username}@example.com` })];
  const { userConfirmed } = await promisify(pool.signUp.bind(pool))(username, password, attributes, [{ Name: "invitation", Value: "4711" }]);
  assert.ok(userConfirmed);
  const user = newUser(pool, username);
  user.setAuthenticationFlowType("CUSTOM_AUTH");
  return user;
}

// step is how a step of a custom sign-in ends: with a challenge, or with a session.
const step = (call) =>
  new Promise((resolve, reject) => {
    const callback = { onSuccess: (session) => resolve({ session }), onFailure: reject, customChallenge: (asked) => resolve({ asked }) };
    Promise.resolve(call(callback)).catch(reject);
  });

test("CUSTOM_AUTH by amazon-cognito-identity-js", async (t) => {
  const { url, delivered } = await functions(t);
  const world = await newPool({
    url,
    pool: { LambdaConfig: named("PreSignUp", "DefineAuthChallenge", "CreateAuthChallenge", "VerifyAuthChallengeResponse") },
    client: flows,
  });
  const user = await signedUp(userPool(world), "alice");
  const details = (more) => new AuthenticationDetails({ Username: user.getUsername(), ...more });
  const code = () => delivered.at(-1).text.match(/\d{6}/)[0];
  const answer = (given) => step((callback) => user.sendCustomChallengeAnswer(given, callback));
  const hint = { hint: "We have sent you a code.", USERNAME: "alice" };

  await t.test("without a password, a wrong answer first", async () => {
    const { asked } = await step((callback) => user.initiateAuth(details(), callback));
    assert.deepEqual(asked, hint);
    assert.equal(delivered.at(-1).to, "alice@example.com");
    const again = await answer("wrong");
    assert.deepEqual(again.asked, hint);
    assert.equal(delivered.length, 1); // the same code counts
    const { session } = await answer(code());
    assert.ok(session.isValid());
    assert.equal(session.getIdToken().decodePayload()["cognito:username"], "alice");
  });

  await t.test("with the password first", async () => {
    const { asked } = await step((callback) => user.authenticateUser(details({ Password: password }), callback));
    assert.deepEqual(asked, hint);
    assert.ok((await answer(code())).session.isValid());
    await assert.rejects(step((callback) => user.authenticateUser(details({ Password: "Wrong-Horse-1" }), callback)), {
      name: "NotAuthorizedException",
      message: "Incorrect username or password.",
    });
  });

  await t.test("three wrong answers end it", async () => {
    await step((callback) => user.initiateAuth(details(), callback));
    await answer("1");
    await answer("2");
    await assert.rejects(answer("3"), { name: "NotAuthorizedException", message: "Incorrect username or password." });
  });
});

test("functions refuse, confirm, word messages and bring users", async (t) => {
  const { url, delivered, signIns, handlers, seen } = await functions(t);
  const world = await newPool({
    url,
    pool: { LambdaConfig: named("PreSignUp", "PostConfirmation", "PreAuthentication", "PostAuthentication", "CustomMessage", "UserMigration") },
    client: flows,
  });
  const { api, clientId: ClientId } = world;
  const signIn = (USERNAME, PASSWORD, ClientMetadata) =>
    api.initiateAuth({ ClientId, AuthFlow: "USER_PASSWORD_AUTH", AuthParameters: { USERNAME, PASSWORD }, ClientMetadata });

  await assert.rejects(
    api.signUp({ ClientId, Username: "mallory", Password: password, UserAttributes: [{ Name: "email", Value: "m@example.net" }] }),
    { name: "UserLambdaValidationException", message: "PreSignUp failed with error Invalid email domain." },
  );
  await signedUp(userPool(world), "alice");
  assert.deepEqual(delivered, [{ to: "alice@example.com", text: "Welcome, alice" }]);
  await assert.rejects(signIn("alice", password, { version: "1" }), {
    name: "UserLambdaValidationException",
    message: "PreAuthentication failed with error Update the app.",
  });
  await signIn("alice", password);
  assert.equal(handlers.signIns.get(ClientId), 1);

  await api.forgotPassword({ ClientId, Username: "alice" });
  const [message] = await (await fetch(`${url}/_cognate/outbox?limit=1`)).json();
  assert.equal(message.subject, "A new password for Acme");
  assert.equal(message.body, `Your code is ${message.code}.`);

  await assert.rejects(signIn("carol", "Wrong-Horse-1"), { name: "UserNotFoundException", message: `Exception migrating user in app client ${ClientId}` });
  assert.ok((await signIn("carol", password)).AuthenticationResult);
  const carol = await api.adminGetUser({ UserPoolId: world.poolId, Username: "carol" });
  assert.equal(carol.UserStatus, "CONFIRMED");
  assert.ok(seen.every((event) => event.userPoolId === world.poolId && event.version === "1"));
  assert.equal(signIns, undefined); // it is in the module of the handlers alone
});

test("aws-jwt-verify accepts the tokens that functions change", async (t) => {
  const { url, seen } = await functions(t);
  for (const [version, name] of [["V1_0", "PreTokenGeneration"], ["V2_0", "PreTokenGenerationV2"], ["V3_0", "PreTokenGenerationV2"]]) {
    await t.test(version, async () => {
      const world = await newPool({
        url,
        pool: { LambdaConfig: { PreSignUp: arn("PreSignUp"), PreTokenGenerationConfig: { LambdaArn: arn(name), LambdaVersion: version } } },
        client: flows,
      });
      await signedUp(userPool(world), "alice");
      const { clientId } = world;
      const verify = async (tokenUse, token) => {
        const verifier = CognitoJwtVerifier.create({ userPoolId: world.poolId, tokenUse, clientId });
        verifier.cacheJwks(await (await fetch(`${url}/${world.poolId}/.well-known/jwks.json`)).json());
        return verifier.verify(token);
      };
      const signed = await world.api.initiateAuth({
        ClientId: clientId, AuthFlow: "USER_PASSWORD_AUTH", AuthParameters: { USERNAME: "alice", PASSWORD: password },
      });
      const refreshed = await world.api.initiateAuth({
        ClientId: clientId, AuthFlow: "REFRESH_TOKEN_AUTH", AuthParameters: { REFRESH_TOKEN: signed.AuthenticationResult.RefreshToken },
      });
      assert.deepEqual(seen.slice(-2).map((event) => [event.version, event.triggerSource]),
        [[version[1], "TokenGeneration_Authentication"], [version[1], "TokenGeneration_RefreshTokens"]]);
      for (const { AuthenticationResult: tokens } of [signed, refreshed]) {
        const id = await verify("id", tokens.IdToken);
        const access = await verify("access", tokens.AccessToken);
        if (version === "V1_0") {
          assert.equal(id.plan, "gold");
          assert.ok(!("email" in id));
          assert.deepEqual([id["cognito:groups"], access["cognito:groups"]], [["staff"], ["staff"]]);
          assert.ok(!("plan" in access));
        } else {
          assert.deepEqual(id.plan, { name: "gold", seats: 3 });
          assert.equal(id.email, "alice@example.com");
          assert.equal(access.tenant, "acme");
          assert.equal(access.scope, "aws.cognito.signin.user.admin orders/read");
        }
      }
    });
  }
});

test("custom senders decrypt the codes that they get", async (t) => {
  const lambda = await example(t);
  const dir = lambda.dir;
  const cwd = { cwd: dir };
  const operator = exported(cognate(["key", "create", "--role", "operator", "--store", "bolt:cognate.db"], cwd));
  const owner = exported(cognate(["key", "create", "--store", "bolt:cognate.db"], cwd));
  const invoke = await lambda.serve(await lambda.senders());
  t.after(invoke.close);
  const { url, said } = await serving(t, ["serve", "--store", "bolt:cognate.db", "--lambda-endpoint", invoke.url], cwd);
  const api = sdk(url, { accessKeyId: owner.AWS_ACCESS_KEY_ID, secretAccessKey: owner.AWS_SECRET_ACCESS_KEY });
  const config = (name) => ({ [name]: { LambdaArn: arn(name), LambdaVersion: "V1_0" } });
  const { UserPool } = await api.createUserPool({
    PoolName: "senders", AutoVerifiedAttributes: ["email"],
    SmsConfiguration: { SnsCallerArn: "arn:aws:iam::123456789012:role/sms", ExternalId: "tests" },
    LambdaConfig: { KMSKeyID: keyArn, ...config("CustomEmailSender"), ...config("CustomSMSSender") },
  });
  const { clientId: ClientId } = await newClient({ api, poolId: UserPool.Id });
  Object.assign(process.env, operator, { AWS_ENDPOINT_URL_KMS: url, KEY_ARN: keyArn });
  Object.assign(process.env, exported(cognate(["pool", "sender-key", "--store", "bolt:cognate.db", "--pool", UserPool.Id], cwd)));
  // serve sends from its outbox, after it has answered.
  const until = async (what) => {
    for (let i = 0; i < 200 && !what(); i++) await new Promise((done) => setTimeout(done, 50));
    assert.ok(what(), "not in ten seconds");
  };
  const codeFor = async (to) => {
    await until(() => lambda.delivered.at(-1)?.to === to);
    return lambda.delivered.at(-1).text.match(/^Your code is (.+)$/)[1];
  };

  await t.test("by AWS KMS, which the server is", async () => {
    await api.signUp({ ClientId, Username: "alice", Password: password, UserAttributes: [{ Name: "email", Value: "alice@example.com" }] });
    await api.confirmSignUp({ ClientId, Username: "alice", ConfirmationCode: await codeFor("alice@example.com") });
  });
  await t.test("by a raw key", async () => {
    await api.adminUpdateUserAttributes({
      UserPoolId: UserPool.Id, Username: "alice",
      UserAttributes: [{ Name: "phone_number", Value: "+4915112345678" }, { Name: "phone_number_verified", Value: "true" }],
    });
    await api.forgotPassword({ ClientId, Username: "alice" });
    const ConfirmationCode = await codeFor("+4915112345678");
    await api.confirmForgotPassword({ ClientId, Username: "alice", ConfirmationCode, Password: "Another-Horse-2" });
  });
  await t.test("a temporary password, escaped as HTML", async () => {
    await api.adminCreateUser({
      UserPoolId: UserPool.Id, Username: "bob", TemporaryPassword: "<Horse>&-1", DesiredDeliveryMediums: ["EMAIL"],
      UserAttributes: [{ Name: "email", Value: "bob@example.com" }],
    });
    assert.equal(await codeFor("bob@example.com"), "&lt;Horse&gt;&amp;-1");
  });
  await t.test("by nobody without an access key", async () => {
    cognate(["key", "revoke", operator.AWS_ACCESS_KEY_ID, "--store", "bolt:cognate.db"], cwd);
    const UserAttributes = [{ Name: "email", Value: "eve@example.com" }];
    await api.signUp({ ClientId, Username: "eve", Password: password, UserAttributes });
    const list = () => cognate(["outbox", "list", "--json", "--store", "bolt:cognate.db", "--pool", UserPool.Id], cwd);
    await until(() => /"Username":"eve".*"Error":".+"/.test(list()));
    assert.equal(lambda.delivered.at(-1).to, "bob@example.com");
  });
  assert.doesNotMatch(said(), /level=ERROR/);
});
