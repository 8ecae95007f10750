// Devices: the libraries confirm the device of a sign-in by themselves, and prove it by SRP in
// place of a second factor.

import assert from "node:assert/strict";
import { test } from "node:test";
import { promisify } from "node:util";
import {
  confirmSignIn,
  fetchAuthSession,
  fetchDevices,
  forgetDevice,
  rememberDevice,
  setUpTOTP,
  signIn,
  signOut,
  updateMFAPreference,
  verifyTOTPSetup,
} from "aws-amplify/auth";
import { configure } from "./amplify.js";
import { authenticate, newUser, settled, userPool } from "./identity.js";
import { askFactors, authenticator, claims, newPool, password } from "./world.js";

// A browser has a navigator, by which Amplify names the device. Without one it confirms none.
globalThis.navigator ??= { userAgent: "tests" };

// deviceWorld is a pool whose remembered devices replace a second factor, with the user alice.
async function deviceWorld(DeviceOnlyRememberedOnUserPrompt) {
  const world = await newPool({ pool: { DeviceConfiguration: { ChallengeRequiredOnNewDevice: true, DeviceOnlyRememberedOnUserPrompt } } });
  await askFactors(world, "OPTIONAL");
  const alice = { UserPoolId: world.poolId, Username: "alice" };
  await world.api.adminCreateUser({ ...alice, TemporaryPassword: password, MessageAction: "SUPPRESS" });
  await world.api.adminSetUserPassword({ ...alice, Password: password, Permanent: true });
  const status = async () => {
    const { Devices } = await world.api.adminListDevices(alice);
    return Devices.map(({ DeviceAttributes }) => DeviceAttributes.find(({ Name }) => Name === "dev:device_remembered_status").Value);
  };
  return { ...world, alice, status };
}

test("amazon-cognito-identity-js: a remembered device", async () => {
  const world = await deviceWorld(false);
  const pool = userPool(world);
  const user = newUser(pool, "alice");
  const call = (name, ...args) => promisify(user[name].bind(user))(...args);
  const { session } = await authenticate(user, password); // which confirms the device
  assert.deepEqual(await world.status(), ["remembered"]);
  const key = claims(session.getAccessToken().getJwtToken()).device_key;
  const { Devices } = await world.api.adminListDevices(world.alice);
  assert.equal(Devices[0].DeviceKey, key);

  const { secret } = await settled((callback) => user.associateSoftwareToken(callback));
  const app = authenticator(world, secret);
  await settled(async (callback) => user.verifySoftwareToken(await app(), "telephone", callback));
  await call("setUserMfaPreference", null, { Enabled: true, PreferredMfa: true });

  const stranger = newUser(userPool(world), "alice"); // of an empty storage
  assert.equal((await authenticate(stranger, password)).asked, "totp");
  const again = newUser(pool, "alice");
  const { session: known } = await authenticate(again, password); // by SRP of the password and of the device
  assert.equal(claims(known.getAccessToken().getJwtToken()).device_key, key);
  const refreshed = await promisify(again.refreshSession.bind(again))(known.getRefreshToken());
  assert.equal(claims(refreshed.getAccessToken().getJwtToken()).device_key, key);

  const listed = await settled((callback) => again.listDevices(10, null, callback));
  assert.equal(listed.session.Devices[0].DeviceKey, key);
  assert.equal((await settled((callback) => again.setDeviceStatusNotRemembered(callback))).session, "SUCCESS");
  assert.deepEqual(await world.status(), ["not_remembered"]);
  assert.equal((await settled((callback) => again.setDeviceStatusRemembered(callback))).session, "SUCCESS");
  assert.deepEqual(await world.status(), ["remembered"]);

  // A device that does not exist any more: the library drops it and goes on without it.
  await world.api.adminForgetDevice({ ...world.alice, DeviceKey: key });
  await assert.rejects(promisify(again.refreshSession.bind(again))(known.getRefreshToken()), { name: "NotAuthorizedException", message: "Invalid Refresh Token." });
  assert.equal((await authenticate(newUser(pool, "alice"), password)).asked, "totp");
});

test("Amplify: a device that its user remembers", async () => {
  const world = await deviceWorld(true);
  configure(world);
  const sign = async (authFlowType) => (await signIn({ username: "alice", password, options: { authFlowType } })).nextStep.signInStep;
  assert.equal(await sign("USER_SRP_AUTH"), "DONE"); // which confirms the device
  assert.deepEqual(await world.status(), ["not_remembered"]);
  const { sharedSecret } = await setUpTOTP();
  const app = authenticator(world, sharedSecret);
  await verifyTOTPSetup({ code: await app() });
  await updateMFAPreference({ totp: "PREFERRED" });

  await signOut();
  assert.equal(await sign("USER_SRP_AUTH"), "CONFIRM_SIGN_IN_WITH_TOTP_CODE"); // it is not remembered
  await confirmSignIn({ challengeResponse: await app() });
  await rememberDevice();
  assert.deepEqual(await world.status(), ["remembered"]);
  const [device] = await fetchDevices();
  assert.equal((await world.api.adminListDevices(world.alice)).Devices[0].DeviceKey, device.id);

  for (const flow of ["USER_SRP_AUTH", "USER_PASSWORD_AUTH"]) {
    await signOut();
    assert.equal(await sign(flow), "DONE", flow);
    assert.equal((await fetchAuthSession()).tokens.accessToken.payload.device_key, device.id);
  }
  const { tokens } = await fetchAuthSession({ forceRefresh: true });
  assert.equal(tokens.accessToken.payload.device_key, device.id);

  await forgetDevice();
  assert.deepEqual(await world.status(), []);
  await signOut();
  assert.equal(await sign("USER_SRP_AUTH"), "CONFIRM_SIGN_IN_WITH_TOTP_CODE");
  await signOut();

  // A device that an operator has forgotten: Amplify drops it and goes on without it.
  assert.equal(await sign("USER_PASSWORD_AUTH"), "CONFIRM_SIGN_IN_WITH_TOTP_CODE");
  await confirmSignIn({ challengeResponse: await app() });
  await rememberDevice();
  const [{ id }] = await fetchDevices();
  await signOut();
  await world.api.adminForgetDevice({ ...world.alice, DeviceKey: id });
  assert.equal(await sign("USER_SRP_AUTH"), "CONFIRM_SIGN_IN_WITH_TOTP_CODE");
});
