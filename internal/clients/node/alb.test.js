// AlbJwtVerifier of aws-jwt-verify: programs behind a load balancer of AWS, here behind cognate edge in its place.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { AdminCreateUserCommand, AdminSetUserPasswordCommand, InitiateAuthCommand } from "@aws-sdk/client-cognito-identity-provider";
import { AlbJwtVerifier } from "aws-jwt-verify";
import { AlbJwksCache } from "aws-jwt-verify/alb-cache";
import { AlbJwtInvalidClientIdError, AlbJwtInvalidSignerError, JwtExpiredError, JwtInvalidIssuerError, JwtInvalidSignatureError } from "aws-jwt-verify/error";
import { env, newPool, password } from "./world.js";

const albArn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/edge/0123456789abcdef";

// newEdge starts an edge that says who signs in to a pool, and returns its URL.
async function newEdge(t, { issuer, clientId }) {
  const dir = await mkdtemp(join(tmpdir(), "cognate-"));
  const config = {
    issuer, clientId, proxies: ["127.0.0.1"], alb: { signer: albArn }, headers: {},
    sites: [{ url: "https://app.example.com", rules: [{ path: "/" }] }],
  };
  await writeFile(join(dir, "edge.json"), JSON.stringify(config));
  const ready = join(dir, "ready.json");
  const args = ["edge", join(dir, "edge.json"), "--addr", "127.0.0.1:0", "--store", "memory", "--key-file", join(dir, "edge.key"), "--ready-file", ready];
  const edge = spawn(env("COGNATE_BIN"), args, { stdio: ["ignore", "ignore", "inherit"] });
  t.after(async () => {
    edge.kill();
    await once(edge, "exit");
    await rm(dir, { recursive: true });
  });
  for (let i = 0; i < 200; i++) {
    const text = await readFile(ready, "utf8").catch(() => "");
    if (text) return JSON.parse(text).endpoint;
    await setTimeout(50);
  }
  throw new Error("the edge has not started");
}

test("AlbJwtVerifier", async (t) => {
  const { url, api, poolId, clientId } = await newPool({});
  const user = { UserPoolId: poolId, Username: "alice" };
  await api.send(new AdminCreateUserCommand({ ...user, MessageAction: "SUPPRESS" }));
  await api.send(new AdminSetUserPasswordCommand({ ...user, Password: password, Permanent: true }));
  const { AuthenticationResult } = await api.send(
    new InitiateAuthCommand({ ClientId: clientId, AuthFlow: "USER_PASSWORD_AUTH", AuthParameters: { USERNAME: "alice", PASSWORD: password } }),
  );
  const issuer = `${url}/${poolId}`;
  const edge = await newEdge(t, { issuer, clientId });
  const headers = {
    authorization: `Bearer ${AuthenticationResult.AccessToken}`,
    "x-original-url": "https://app.example.com/", "x-original-method": "GET",
  };
  const answer = await new Promise((resolve, reject) => get(`${edge}/oauth2/auth`, { headers }, (res) => resolve(res.resume())).on("error", reject));
  assert.equal(answer.statusCode, 202);
  const data = answer.headers["x-amzn-oidc-data"];

  // The verifier fetches keys by https alone, so the test fetches for it.
  const fetcher = { fetch: async (uri) => (await fetch(uri.replace("https://keys.example", `${edge}/oauth2/keys`))).arrayBuffer() };
  const verifier = (more = {}) =>
    AlbJwtVerifier.create({ albArn, issuer, clientId, jwksUri: "https://keys.example", ...more }, { jwksCache: new AlbJwksCache({ fetcher }) });

  await t.test("takes what an edge says", async () => {
    const claims = await verifier().verify(data);
    assert.equal(claims.username, "alice");
    assert.equal(claims.sub, answer.headers["x-amzn-oidc-identity"]);
    assert.equal(answer.headers["x-amzn-oidc-accesstoken"], AuthenticationResult.AccessToken);
  });
  await t.test("refuses another load balancer, client and issuer", async () => {
    await assert.rejects(verifier({ albArn: albArn.replace("edge", "other") }).verify(data), AlbJwtInvalidSignerError);
    await assert.rejects(verifier({ clientId: "another" }).verify(data), AlbJwtInvalidClientIdError);
    await assert.rejects(verifier({ issuer: `${issuer}x` }).verify(data), JwtInvalidIssuerError);
  });
  await t.test("refuses what was tampered with, and what has expired", async (t) => {
    const [header, payload, signature] = data.split(".");
    const forged = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(payload, "base64url")), username: "mallory" })).toString("base64url");
    await assert.rejects(verifier().verify([header, forged, signature].join(".")), JwtInvalidSignatureError);
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 121_000 });
    await assert.rejects(verifier().verify(data), JwtExpiredError);
  });
});
