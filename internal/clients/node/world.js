// What the tests of this suite share: where the servers are, and a pool with a
// client. internal/clients/run starts the servers and sets COGNATE_….

import assert from "node:assert/strict";
import {
  CognitoIdentityProviderClient,
  CreateUserPoolClientCommand,
  CreateUserPoolCommand,
} from "@aws-sdk/client-cognito-identity-provider";

export const region = "us-east-1";
export const password = "Correct-Horse-1";

// env is a variable that internal/clients/run sets.
export function env(name) {
  assert.ok(process.env[name], `${name} is not set; start these tests with internal/clients/run`);
  return process.env[name];
}

export const operator = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "any will do" };

// sdk is a client of the SDK.
export function sdk(endpoint, credentials = operator, more = {}) {
  return new CognitoIdentityProviderClient({ endpoint, region, credentials, ...more });
}

// newPool makes a pool that sends codes by e-mail, and a client for SRP,
// passwords and refreshing; its settings can be changed.
export async function newPool({ url = env("COGNATE_URL"), pool = {}, client = {} } = {}) {
  const api = sdk(url);
  const { UserPool } = await api.send(
    new CreateUserPoolCommand({ PoolName: "node", AutoVerifiedAttributes: ["email"], ...pool }),
  );
  const world = { url, api, poolId: UserPool.Id };
  return { ...world, ...(await newClient(world, client)) };
}

export async function newClient({ api, poolId }, client = {}) {
  const { UserPoolClient } = await api.send(
    new CreateUserPoolClientCommand({
      UserPoolId: poolId,
      ClientName: "node",
      ExplicitAuthFlows: ["ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
      ...client,
    }),
  );
  return { clientId: UserPoolClient.ClientId, secret: UserPoolClient.ClientSecret };
}

// code is the newest one that was sent to a user.
export async function code({ url, poolId }, username) {
  const query = new URLSearchParams({ userPoolId: poolId, username, limit: "1" });
  const sent = await (await fetch(`${url}/_cognate/outbox?${query}`)).json();
  assert.equal(sent.length, 1, `messages to ${username}`);
  return sent[0].code;
}

// claims are what a token says, its signature unseen.
export function claims(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
}
