// Keycloak, by OpenID Connect and by SAML, with a browser that fills in forms.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Application, walk } from "../clients/node/federated.js";
import { Browser } from "../clients/node/pages.js";
import { newPool } from "../clients/node/world.js";
import { openID, password, Realm, saml, startKeycloak } from "./keycloak.js";

let keycloak;

before(async (t) => {
  keycloak = await startKeycloak(t);
}, { timeout: 600_000 });

// byOpenID and bySAML make a realm and a pool that know each other.
async function byOpenID({ client = {} } = {}) {
  const [realm, world] = await Promise.all([Realm.create(keycloak), newPool()]);
  await realm.client(openID(world.url, client));
  await create(world, "OIDC", {
    client_id: "up", client_secret: "s3cr3t", authorize_scopes: "openid email profile", attributes_request_method: "GET", oidc_issuer: realm.url,
  }, { email: "email", email_verified: "email_verified", name: "given_name" });
  return { realm, app: await open(world) };
}

async function bySAML({ details = {}, keys = () => ({}), client = {} } = {}) {
  const [realm, world] = await Promise.all([Realm.create(keycloak), newPool()]);
  const provider = await create(world, "SAML", { MetadataURL: `${realm.url}/protocol/saml/descriptor`, ...details }, { email: "mail", name: "first" });
  const { Certificate } = await world.api.getSigningCertificate({ UserPoolId: world.poolId });
  await realm.client(saml(world.url, world.poolId, keys(Certificate, provider.ProviderDetails.ActiveEncryptionCertificate), client));
  return { realm, app: await open(world) };
}

async function create({ api, poolId }, ProviderType, ProviderDetails, AttributeMapping) {
  return (await api.createIdentityProvider({ UserPoolId: poolId, ProviderName: "Keycloak", ProviderType, ProviderDetails, AttributeMapping })).IdentityProvider;
}

const open = (world) => Application.open(world, "Keycloak", (page, username) => page.includes("kc-form-login") && { username, password });

const byMail = () => ({ ProviderAttributeName: "mail", ProviderAttributeValue: "bob@kc.example" });

for (const { name, connect, verified, link, everywhere } of [
  { name: "OpenID Connect", connect: byOpenID, verified: "true", link: (bob) => ({ ProviderAttributeName: "Cognito_Subject", ProviderAttributeValue: bob }) },
  { name: "SAML", connect: bySAML, verified: "false", link: byMail },
  {
    name: "SAML with signed requests, encrypted assertions, and sign-out there",
    connect: () => bySAML({
      details: { RequestSigningAlgorithm: "rsa-sha256", EncryptedResponses: "true", IDPSignout: "true" },
      keys: (signing, encryption) => ({ "saml.client.signature": "true", "saml.signing.certificate": signing, "saml.encrypt": "true", "saml.encryption.certificate": encryption }),
    }),
    verified: "false", link: byMail, everywhere: true,
  },
]) {
  test(`Keycloak by ${name}: sign-up, second sign-in, changed attribute, linked user, logout`, async () => {
    const { realm, app } = await connect();
    const ann = await realm.user("ann"), bob = await realm.user("bob");
    await walk(app, { verified, change: (firstName) => realm.change(ann, { firstName }), email: (name) => `${name}@kc.example`, link: link(bob), at: keycloak, everywhere });
  });
}

for (const { name, connect, told } of [
  { name: "OpenID Connect", connect: byOpenID, told: { error_description: "Keycloak Error - access_denied", error: "access_denied" } },
  {
    name: "SAML", connect: bySAML,
    told: { error_description: "Error in SAML Identity Provider; urn:oasis:names:tc:SAML:2.0:status:RequestDenied: No SAML assertion found in the SAML response. ", error: "access_denied" },
  },
]) {
  test(`Keycloak by ${name}: somebody who does not agree is not signed in, and the application hears why`, async () => {
    const { realm, app } = await connect({ client: { consentRequired: true } });
    await realm.user("ann");
    const fill = app.fill;
    app.fill = (page, username) => fill(page, username) || (page.includes('name="cancel"') && { cancel: "No" });
    assert.deepEqual(Object.fromEntries(await app.answer(new Browser(), "ann")), { ...told, state: "a b" });
    assert.deepEqual(await app.users(), []);
    app.fill = (page, username) => fill(page, username) || (page.includes('name="accept"') && { accept: "Yes" });
    assert.equal((await app.signIn(new Browser(), "ann")).email, "ann@kc.example");
  });
}
