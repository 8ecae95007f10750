// The AWS SDK for JavaScript v3.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import {
  AdminCreateUserCommand,
  AdminSetUserPasswordCommand,
  ConfirmSignUpCommand,
  DescribeUserPoolCommand,
  GetTokensFromRefreshTokenCommand,
  GetUserCommand,
  GlobalSignOutCommand,
  InitiateAuthCommand,
  ListUserPoolsCommand,
  NotAuthorizedException,
  paginateListUserPools,
  RespondToAuthChallengeCommand,
  RevokeTokenCommand,
  SignUpCommand,
  UserNotConfirmedException,
} from "@aws-sdk/client-cognito-identity-provider";
import { claims, code, env, newPool, password, sdk } from "./world.js";

for (const GenerateSecret of [false, true]) {
  test(`life of a user, client ${GenerateSecret ? "with" : "without"} secret`, async () => {
    const world = await newPool({ client: { GenerateSecret } });
    const { api, clientId: ClientId, secret } = world;
    const hash = (name) => secret && createHmac("sha256", secret).update(name + ClientId).digest("base64");
    const SECRET_HASH = hash("alice");
    const signIn = () =>
      api.send(
        new InitiateAuthCommand({
          ClientId,
          AuthFlow: "USER_PASSWORD_AUTH",
          AuthParameters: { USERNAME: "alice", PASSWORD: password, ...(secret && { SECRET_HASH }) },
        }),
      );

    const signedUp = await api.send(
      new SignUpCommand({
        ClientId,
        Username: "alice",
        Password: password,
        SecretHash: SECRET_HASH,
        UserAttributes: [{ Name: "email", Value: "alice@example.com" }],
      }),
    );
    assert.equal(signedUp.UserConfirmed, false);
    assert.deepEqual(signedUp.CodeDeliveryDetails, {
      AttributeName: "email",
      DeliveryMedium: "EMAIL",
      Destination: "a***@e***",
    });
    await assert.rejects(signIn(), (err) => {
      assert.ok(err instanceof UserNotConfirmedException);
      assert.equal(err.message, "User is not confirmed.");
      assert.match(err.$metadata.requestId, /^[0-9a-f-]{36}$/);
      return true;
    });
    await api.send(
      new ConfirmSignUpCommand({
        ClientId,
        Username: "alice",
        SecretHash: SECRET_HASH,
        ConfirmationCode: await code(world, "alice"),
      }),
    );

    const { AuthenticationResult: first } = await signIn();
    assert.equal(first.ExpiresIn, 3600);
    const user = await api.send(new GetUserCommand({ AccessToken: first.AccessToken }));
    assert.equal(user.Username, "alice");
    const { AuthenticationResult: second } = await api.send(
      new GetTokensFromRefreshTokenCommand({ ClientId, ClientSecret: secret, RefreshToken: first.RefreshToken }),
    );
    assert.equal(second.RefreshToken, undefined);
    assert.equal(claims(second.AccessToken).origin_jti, claims(first.AccessToken).origin_jti);

    await api.send(new RevokeTokenCommand({ ClientId, ClientSecret: secret, Token: first.RefreshToken }));
    const revoked = { name: "NotAuthorizedException", message: "Access Token has been revoked" };
    await assert.rejects(api.send(new GetUserCommand({ AccessToken: second.AccessToken })), revoked);
    const { AuthenticationResult: third } = await signIn();
    await api.send(new GlobalSignOutCommand({ AccessToken: third.AccessToken }));
    await assert.rejects(api.send(new GetUserCommand({ AccessToken: third.AccessToken })), revoked);
  });
}

test("an invited user must choose a password", async () => {
  const { api, poolId: UserPoolId, clientId: ClientId } = await newPool();
  const temporary = "Temporary-Horse-1";
  const { User } = await api.send(
    new AdminCreateUserCommand({ UserPoolId, Username: "bob", TemporaryPassword: temporary, MessageAction: "SUPPRESS" }),
  );
  assert.equal(User.UserStatus, "FORCE_CHANGE_PASSWORD");
  assert.ok(User.UserCreateDate instanceof Date);
  const challenge = await api.send(
    new InitiateAuthCommand({
      ClientId,
      AuthFlow: "USER_PASSWORD_AUTH",
      AuthParameters: { USERNAME: "bob", PASSWORD: temporary },
    }),
  );
  assert.equal(challenge.ChallengeName, "NEW_PASSWORD_REQUIRED");
  const { AuthenticationResult } = await api.send(
    new RespondToAuthChallengeCommand({
      ClientId,
      ChallengeName: challenge.ChallengeName,
      Session: challenge.Session,
      ChallengeResponses: { USERNAME: "bob", NEW_PASSWORD: password },
    }),
  );
  assert.equal(claims(AuthenticationResult.IdToken)["cognito:username"], "bob");
  await api.send(new AdminSetUserPasswordCommand({ UserPoolId, Username: "bob", Password: temporary, Permanent: true }));
});

test("pages of pools", async () => {
  const { api, poolId } = await newPool();
  await newPool();
  const ids = [];
  for await (const page of paginateListUserPools({ client: api, pageSize: 1 }, { MaxResults: 1 })) {
    ids.push(...page.UserPools.map((pool) => pool.Id));
  }
  assert.ok(ids.includes(poolId));
  assert.equal(new Set(ids).size, ids.length);
  const { UserPool } = await api.send(new DescribeUserPoolCommand({ UserPoolId: poolId }));
  assert.deepEqual(UserPool.AutoVerifiedAttributes, ["email"]);
});

test("a server for real users", async (t) => {
  const url = env("COGNATE_SERVE_URL");
  const key = { accessKeyId: env("COGNATE_KEY_ID"), secretAccessKey: env("COGNATE_KEY_SECRET") };
  const list = (client) => client.send(new ListUserPoolsCommand({ MaxResults: 1 }));

  await t.test("takes its operators' signatures", () => list(sdk(url, key)));

  await t.test("refuses a wrong secret", () =>
    assert.rejects(list(sdk(url, { ...key, secretAccessKey: "wrong" })), { name: "InvalidSignatureException" }));

  // The SDK corrects its clock by the Date of the answer, and tries again.
  await t.test("tells a client with a wrong clock the time", async (t) => {
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 3600_000 });
    const client = sdk(url, key);
    const { $metadata } = await list(client);
    assert.equal($metadata.attempts, 2);
  });

  await t.test("lets users in unsigned", async () => {
    await assert.rejects(
      sdk(url, undefined).send(new GetUserCommand({ AccessToken: "none.of.ours" })),
      (err) => err instanceof NotAuthorizedException && err.message === "Invalid Access Token",
    );
  });
});
