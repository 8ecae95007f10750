// The AWS SDK for JavaScript v3: lists, settings that change, and refusals.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import {
  AliasExistsException,
  CodeMismatchException,
  ExpiredCodeException,
  GroupExistsException,
  InvalidOAuthFlowException,
  InvalidParameterException,
  InvalidPasswordException,
  LimitExceededException,
  NotAuthorizedException,
  paginateAdminListGroupsForUser,
  paginateListGroups,
  paginateListUserPoolClients,
  paginateListUserPools,
  paginateListUsers,
  paginateListUsersInGroup,
  ResourceNotFoundException,
  SoftwareTokenMFANotFoundException,
  UnsupportedTokenTypeException,
  UnsupportedUserStateException,
  UserNotConfirmedException,
  UserNotFoundException,
  UsernameExistsException,
} from "@aws-sdk/client-cognito-identity-provider";
import { askFactors, code, invite, newClient, newPool, operator, password, refused, sdk } from "./world.js";

// all are the names on all pages, sorted; there must be more than one page.
async function all(pages, names) {
  const out = [];
  let count = 0;
  for await (const page of pages) {
    count += 1;
    out.push(...names(page));
  }
  assert.ok(count > 1, `got ${out} on ${count} page`);
  return out.sort();
}

test("pages of users, groups and clients", async () => {
  const world = await newPool();
  const { api: client, poolId: UserPoolId } = world;
  const users = ["user0", "user1", "user2", "user3", "user4"];
  const groups = ["group0", "group1", "group2"];
  for (const name of users) await invite(world, name, "Temporary-Horse-1");
  for (const GroupName of groups) {
    await client.createGroup({ UserPoolId, GroupName });
    await client.adminAddUserToGroup({ UserPoolId, GroupName, Username: "user0" });
  }
  for (const Username of users) await client.adminAddUserToGroup({ UserPoolId, GroupName: "group1", Username });
  const clients = [world.clientId, (await newClient(world)).clientId, (await newClient(world)).clientId].sort();

  const usernames = (page) => page.Users.map((u) => u.Username);
  const groupNames = (page) => page.Groups.map((g) => g.GroupName);
  const config = { client, pageSize: 2 };
  assert.deepEqual(await all(paginateListUsers(config, { UserPoolId }), usernames), users);
  assert.deepEqual(await all(paginateListUsers(config, { UserPoolId, Filter: 'username ^= "user"' }), usernames), users);
  assert.deepEqual(await all(paginateListUsersInGroup(config, { UserPoolId, GroupName: "group1" }), usernames), users);
  assert.deepEqual(await all(paginateListGroups(config, { UserPoolId }), groupNames), groups);
  assert.deepEqual(await all(paginateAdminListGroupsForUser(config, { UserPoolId, Username: "user0" }), groupNames), groups);
  const ids = (page) => page.UserPoolClients.map((c) => c.ClientId);
  assert.deepEqual(await all(paginateListUserPoolClients(config, { UserPoolId }), ids), clients);
  const pools = await all(paginateListUserPools(config, { MaxResults: 2 }), (page) => page.UserPools.map((p) => p.Id));
  assert.ok(pools.includes(UserPoolId));
});

test("settings of a pool change", async () => {
  const { api, poolId: UserPoolId } = await newPool();
  const describe = async () => (await api.describeUserPool({ UserPoolId })).UserPool;
  const PasswordPolicy = { MinimumLength: 20, RequireLowercase: true };
  await api.updateUserPool({ UserPoolId, PoolName: "renamed", Policies: { PasswordPolicy }, DeletionProtection: "ACTIVE" });
  const changed = await describe();
  assert.equal(changed.Name, "renamed");
  assert.equal(changed.DeletionProtection, "ACTIVE");
  assert.equal(changed.Policies.PasswordPolicy.MinimumLength, 20);
  assert.equal(changed.Policies.PasswordPolicy.RequireSymbols, false);
  assert.equal(changed.AutoVerifiedAttributes, undefined); // what an update leaves out goes
  assert.ok(changed.LastModifiedDate >= changed.CreationDate);

  const { Arn: ResourceArn } = changed;
  await api.tagResource({ ResourceArn, Tags: { stage: "test", team: "blue" } });
  await api.untagResource({ ResourceArn, TagKeys: ["team"] });
  assert.deepEqual((await api.listTagsForResource({ ResourceArn })).Tags, { stage: "test" });
  assert.deepEqual((await describe()).UserPoolTags, { stage: "test" });

  await api.addCustomAttributes({ UserPoolId, CustomAttributes: [{ Name: "plan", AttributeDataType: "String", Mutable: true }] });
  const plan = (await describe()).SchemaAttributes.find((a) => a.Name === "custom:plan");
  assert.deepEqual([plan.AttributeDataType, plan.Mutable, plan.Required], ["String", true, false]);
});

test("settings of second factors change", async () => {
  const world = await newPool();
  const { api, poolId: UserPoolId } = world;
  await askFactors(world, "OPTIONAL");
  const { $metadata, ...config } = await api.getUserPoolMfaConfig({ UserPoolId });
  assert.equal($metadata.httpStatusCode, 200);
  assert.equal(config.MfaConfiguration, "OPTIONAL");
  assert.deepEqual(config.SoftwareTokenMfaConfiguration, { Enabled: true });
  assert.equal(config.SmsMfaConfiguration.SmsConfiguration.ExternalId, "tests");
  await refused(
    api.setUserPoolMfaConfig({ UserPoolId, MfaConfiguration: "ON" }),
    InvalidParameterException,
    "Invalid MFA Configuration given. SMS MFA, Email MFA, or Software Token MFA must be enabled.",
  );
  await api.setUserPoolMfaConfig({ UserPoolId, MfaConfiguration: "OFF" });
  assert.equal((await api.getUserPoolMfaConfig({ UserPoolId })).MfaConfiguration, "OFF");
});

test("a client's settings change, and its secret is rotated", async () => {
  const world = await newPool({ client: { GenerateSecret: true } });
  const { api, poolId: UserPoolId, clientId: ClientId } = world;
  const ExplicitAuthFlows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"];
  const { UserPoolClient: updated } = await api.updateUserPoolClient({ UserPoolId, ClientId, ExplicitAuthFlows, RefreshTokenValidity: 9 });
  const { UserPoolClient: described } = await api.describeUserPoolClient({ UserPoolId, ClientId });
  assert.deepEqual(updated, described);
  assert.deepEqual([described.ClientName, described.RefreshTokenValidity, described.ClientSecret], ["node", 9, world.secret]);

  await invite(world, "alice", password);
  const signIn = (secret) => {
    const SECRET_HASH = createHmac("sha256", secret).update(`alice${ClientId}`).digest("base64");
    return api.initiateAuth({ ClientId, AuthFlow: "USER_PASSWORD_AUTH", AuthParameters: { USERNAME: "alice", PASSWORD: password, SECRET_HASH } });
  };
  const [{ ClientSecretId }] = (await api.listUserPoolClientSecrets({ UserPoolId, ClientId })).ClientSecrets;
  const { ClientSecretDescriptor: added } = await api.addUserPoolClientSecret({ UserPoolId, ClientId });
  await signIn(world.secret);
  await signIn(added.ClientSecretValue);
  await api.deleteUserPoolClientSecret({ UserPoolId, ClientId, ClientSecretId });
  await signIn(added.ClientSecretValue);
  await refused(signIn(world.secret), NotAuthorizedException, `Unable to verify secret hash for client ${ClientId}`);
  await assert.rejects(api.deleteUserPoolClientSecret({ UserPoolId, ClientId, ClientSecretId: added.ClientSecretId }), /SecretId|secret/i);
});

// signedUp is a pool with the user alice, who is confirmed and signed in.
async function signedUp() {
  const world = await newPool({ pool: { AliasAttributes: ["email"] } });
  const { api, clientId: ClientId } = world;
  const signUp = (Username, Value = `${Username}@example.com`) =>
    api.signUp({ ClientId, Username, Password: password, UserAttributes: [{ Name: "email", Value }] });
  const confirm = (Username, ConfirmationCode) => api.confirmSignUp({ ClientId, Username, ConfirmationCode });
  const signIn = (USERNAME, PASSWORD = password) =>
    api.initiateAuth({ ClientId, AuthFlow: "USER_PASSWORD_AUTH", AuthParameters: { USERNAME, PASSWORD } });
  await signUp("alice");
  await confirm("alice", await code(world, "alice"));
  const { AuthenticationResult } = await signIn("alice");
  return { ...world, ...AuthenticationResult, ClientId, signUp, confirm, signIn };
}

test("users are refused", async () => {
  const world = await signedUp();
  const { api, ClientId, AccessToken, signUp, confirm, signIn } = world;
  await refused(signUp("alice"), UsernameExistsException, "User already exists");
  await refused(signUp("bob", "nobody"), InvalidParameterException, "Invalid email address format.");
  await refused(
    signUp("b ob"),
    InvalidParameterException,
    "1 validation error detected: Value at 'username' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+",
  );
  await signUp("bob", "alice@example.com");
  await refused(signIn("bob"), UserNotConfirmedException, "User is not confirmed.");
  await refused(confirm("bob", "wrong"), CodeMismatchException, "Invalid verification code provided, please try again.");
  await refused(confirm("bob", await code(world, "bob")), AliasExistsException, "An account with the given email already exists.");
  await refused(signIn("nobody"), UserNotFoundException, "User does not exist.");
  await refused(api.forgotPassword({ ClientId, Username: "nobody" }), UserNotFoundException, "Username/client id combination not found.");
  await refused(
    api.confirmForgotPassword({ ClientId, Username: "alice", ConfirmationCode: "123456", Password: password }),
    ExpiredCodeException,
    "Invalid code provided, please request a code again.",
  );
  await refused(
    api.associateSoftwareToken({ AccessToken }),
    SoftwareTokenMFANotFoundException,
    "Software Token MFA has not been enabled by the userPool",
  );
  await refused(
    api.updateUserAttributes({ AccessToken, UserAttributes: [{ Name: "email_verified", Value: "true" }] }),
    NotAuthorizedException,
    "A client attempted to write unauthorized attribute",
  );
  await refused(api.revokeToken({ ClientId, Token: AccessToken }), UnsupportedTokenTypeException, "Wrong token type specified");
  // The SDK takes LimitExceededException for a reason to try again.
  const once = sdk(world.url, operator, { maxAttempts: 1 });
  const change = () => once.changePassword({ AccessToken, PreviousPassword: "Wrong-Horse-1", ProposedPassword: password });
  for (let i = 0; i < 5; i++) await refused(change(), NotAuthorizedException, "Incorrect username or password.");
  await refused(change(), LimitExceededException, "Attempt limit exceeded, please try after some time.");
});

test("operators are refused", async () => {
  const { api, poolId: UserPoolId, ClientId } = await signedUp();
  const admin = { UserPoolId, Username: "alice" };
  await api.createGroup({ UserPoolId, GroupName: "readers" });
  await refused(api.createGroup({ UserPoolId, GroupName: "readers" }), GroupExistsException, "A group with the name already exists.");
  await refused(api.adminAddUserToGroup({ ...admin, GroupName: "none" }), ResourceNotFoundException, "Group not found.");
  await refused(api.adminGetUser({ UserPoolId, Username: "nobody" }), UserNotFoundException, "User does not exist.");
  await refused(
    api.createGroup({ UserPoolId, GroupName: "negative", Precedence: -1 }),
    InvalidParameterException,
    "1 validation error detected: Value '-1' at 'precedence' failed to satisfy constraint: Member must have value greater than or equal to 0",
  );
  await refused(api.listUsers({ UserPoolId, Filter: 'email is "x"' }), InvalidParameterException, "Error while parsing filter.");
  await refused(
    api.adminCreateUser({ ...admin, MessageAction: "RESEND" }),
    UnsupportedUserStateException,
    "Resend not possible. alice status is not FORCE_CHANGE_PASSWORD",
  );
  await refused(
    api.adminSetUserPassword({ ...admin, Password: "NO-LOWER-CASE-1" }),
    InvalidPasswordException,
    "Password does not conform to policy: Password must have lowercase characters",
  );
  await refused(
    api.updateUserPoolClient({
      UserPoolId,
      ClientId,
      AllowedOAuthFlows: ["client_credentials"],
      AllowedOAuthScopes: ["openid"],
      AllowedOAuthFlowsUserPoolClient: true,
    }),
    InvalidOAuthFlowException,
    "client_credentials flow can not be selected if client does not have a client secret.",
  );
});

test("an operator signs a user in, and clears everything away", async () => {
  const world = await newPool({ client: { ExplicitAuthFlows: ["ALLOW_ADMIN_USER_PASSWORD_AUTH"] } });
  const { api, poolId: UserPoolId, clientId: ClientId } = world;
  const admin = { UserPoolId, Username: "alice" };
  await api.signUp({ ClientId, Username: "alice", Password: password });
  await api.adminConfirmSignUp(admin);
  await api.adminSetUserPassword({ ...admin, Password: "Temporary-Horse-1" });
  const { ChallengeName, Session } = await api.adminInitiateAuth({
    UserPoolId,
    ClientId,
    AuthFlow: "ADMIN_USER_PASSWORD_AUTH",
    AuthParameters: { USERNAME: "alice", PASSWORD: "Temporary-Horse-1" },
  });
  assert.equal(ChallengeName, "NEW_PASSWORD_REQUIRED");
  const ChallengeResponses = { USERNAME: "alice", NEW_PASSWORD: password };
  const done = await api.adminRespondToAuthChallenge({ UserPoolId, ClientId, ChallengeName, Session, ChallengeResponses });
  assert.ok(done.AuthenticationResult.AccessToken);

  const group = { UserPoolId, GroupName: "readers" };
  await api.createGroup({ ...group, Description: "who read", Precedence: 3 });
  await api.updateGroup({ ...group, Description: "who read a lot", Precedence: 0 });
  const { Description, Precedence } = (await api.getGroup(group)).Group;
  assert.deepEqual([Description, Precedence], ["who read a lot", 0]);
  await api.deleteGroup(group);
  await refused(api.getGroup(group), ResourceNotFoundException, "Group not found.");
  await api.adminUpdateUserAttributes({ ...admin, UserAttributes: [{ Name: "nickname", Value: "Al" }] });
  await api.adminDeleteUserAttributes({ ...admin, UserAttributeNames: ["nickname"] });
  assert.deepEqual((await api.adminGetUser(admin)).UserAttributes.map((a) => a.Name), ["sub"]);
  await api.adminDeleteUser(admin);
  await refused(api.adminGetUser(admin), UserNotFoundException, "User does not exist.");
  await api.deleteUserPoolClient({ UserPoolId, ClientId });
  const gone = `User pool client ${ClientId} does not exist.`;
  await refused(api.describeUserPoolClient({ UserPoolId, ClientId }), ResourceNotFoundException, gone);
  await api.deleteUserPool({ UserPoolId });
  await refused(api.describeUserPool({ UserPoolId }), ResourceNotFoundException, `User pool ${UserPoolId} does not exist.`);
});
