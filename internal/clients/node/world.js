// What the tests of this suite share: where the servers are, and a pool with a
// client. internal/clients/run starts the servers and sets COGNATE_….

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { CognitoIdentityProvider } from "@aws-sdk/client-cognito-identity-provider";

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
  return new CognitoIdentityProvider({ endpoint, region, credentials, ...more });
}

// newPool makes a pool that sends codes by e-mail, and a client for SRP,
// passwords and refreshing; its settings can be changed.
export async function newPool({ url = env("COGNATE_URL"), pool = {}, client = {} } = {}) {
  const api = sdk(url);
  const { UserPool } = await api.createUserPool({ PoolName: "node", AutoVerifiedAttributes: ["email"], ...pool });
  const world = { url, api, poolId: UserPool.Id };
  return { ...world, ...(await newClient(world, client)) };
}

export async function newClient({ api, poolId }, client = {}) {
  const { UserPoolClient } = await api.createUserPoolClient({
    UserPoolId: poolId,
    ClientName: "node",
    ExplicitAuthFlows: ["ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    ...client,
  });
  return { clientId: UserPoolClient.ClientId, secret: UserPoolClient.ClientSecret };
}

// askFactors has a pool ask for second factors: of nobody (OFF), of users who
// have one (OPTIONAL) or of everybody (ON).
export function askFactors({ api, poolId }, MfaConfiguration) {
  return api.setUserPoolMfaConfig({
    UserPoolId: poolId,
    MfaConfiguration,
    SoftwareTokenMfaConfiguration: { Enabled: true },
    SmsMfaConfiguration: { SmsConfiguration: { SnsCallerArn: "arn:aws:iam::123456789012:role/sms", ExternalId: "tests" } },
  });
}

// invite makes a user with a temporary password, and sends nothing.
export function invite({ api, poolId }, Username, TemporaryPassword) {
  return api.adminCreateUser({ UserPoolId: poolId, Username, TemporaryPassword, MessageAction: "SUPPRESS" });
}

// authenticator is an app that shows codes (RFC 6238) by the clock of the
// server, none of them twice. The server takes the codes of the time steps
// beside the present one too; when these are used up, its clock is put forward.
export function authenticator({ url }, secret) {
  const key = base32(secret);
  let last = 0;
  return async () => {
    let now = await step(url, "0s");
    if (last > now) now = await step(url, "30s");
    last = Math.max(last + 1, now);
    return totp(key, last);
  };
}

async function step(url, advance) {
  const answer = await fetch(`${url}/_cognate/clock`, { method: "POST", body: JSON.stringify({ advance }) });
  const { time } = await answer.json();
  return Math.floor(Date.parse(time) / 30_000);
}

function totp(key, step) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", key).update(counter).digest();
  const part = mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff;
  return String(part % 1_000_000).padStart(6, "0");
}

function base32(text) {
  const bits = [...text].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  return Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
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

// refused checks that a call ends in an exception of a class with exactly a message.
export function refused(call, exception, message) {
  return assert.rejects(call, (err) => {
    assert.ok(err instanceof exception, `${err.name}: ${err.message}, want ${exception.name}: ${message}`);
    assert.equal(err.message, message);
    return true;
  });
}

// ownServer starts a server of the test's own, and returns its URL and a function that runs a command on its store.
export async function ownServer(t) {
  const dir = await mkdtemp(join(tmpdir(), "cognate-"));
  const store = `bolt:${join(dir, "dev.db")}`;
  const server = spawn(env("COGNATE_BIN"), ["dev", "--addr", "127.0.0.1:0", "--store", store, "--empty"], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(async () => {
    server.kill();
    await once(server, "exit");
    await rm(dir, { recursive: true });
  });
  let url;
  for await (const line of createInterface({ input: server.stdout })) {
    url = /Endpoint +(\S+)/.exec(line)?.[1];
    if (url) break;
  }
  assert.ok(url, "the server has not started");
  server.stdout.resume();
  const cognate = (...args) => promisify(execFile)(env("COGNATE_BIN"), [...args, "--store", store]);
  return { url, cognate };
}
