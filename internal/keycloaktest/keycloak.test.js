// Keycloak, by OpenID Connect and by SAML: users of a pool sign in by it. internal/clients/run keycloak fetches it and runs this.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { application, Browser, callback, goodbye, newUser } from "../clients/node/pages.js";
import { claims, newPool } from "../clients/node/world.js";
import { openID, password, Realm, saml, startKeycloak } from "./keycloak.js";

let keycloak;

before(async (t) => {
  keycloak = await startKeycloak(t);
}, { timeout: 600_000 });

const bySAML = (edit = {}) => async (realm, world) => {
  const { details = {}, attributes = {}, client = {}, key } = edit;
  const provider = await create(world, "SAML", { MetadataURL: `${realm.url}/protocol/saml/descriptor`, ...details }, { email: "mail", name: "first" });
  const keys = key ? await key(world, provider) : {};
  await realm.client(saml(world.url, world.poolId, { ...attributes, ...keys }, client));
};

const byOpenID = (edit = {}) => async (realm, world) => {
  await realm.client(openID(world.url, edit.client));
  await create(world, "OIDC", {
    client_id: "up", client_secret: "s3cr3t", authorize_scopes: "openid email profile", attributes_request_method: "GET", oidc_issuer: realm.url, ...edit.details,
  }, { email: "email", email_verified: "email_verified", name: "given_name" });
};

async function create({ api, poolId, clientId }, ProviderType, ProviderDetails, AttributeMapping) {
  const { IdentityProvider } = await api.createIdentityProvider({ UserPoolId: poolId, ProviderName: "Keycloak", ProviderType, ProviderDetails, AttributeMapping });
  await api.updateUserPoolClient({ UserPoolId: poolId, ClientId: clientId, ...application, SupportedIdentityProviders: ["Keycloak"] });
  return IdentityProvider;
}

const signing = async ({ api, poolId }) => {
  const { Certificate } = await api.getSigningCertificate({ UserPoolId: poolId });
  return { "saml.client.signature": "true", "saml.signing.certificate": Certificate };
};
const encrypting = async (_, provider) => ({ "saml.encrypt": "true", "saml.encryption.certificate": provider.ProviderDetails.ActiveEncryptionCertificate });

const kinds = [
  { name: "OpenID Connect", connect: byOpenID(), link: { ProviderAttributeName: "Cognito_Subject" } },
  { name: "SAML", connect: bySAML(), link: { ProviderAttributeName: "mail", ProviderAttributeValue: "bob@kc.example" } },
  {
    name: "SAML with signed requests and encrypted assertions",
    connect: bySAML({
      details: { RequestSigningAlgorithm: "rsa-sha256", EncryptedResponses: "true" },
      key: async (world, provider) => ({ ...(await signing(world)), ...(await encrypting(world, provider)) }),
    }),
    link: { ProviderAttributeName: "mail", ProviderAttributeValue: "bob@kc.example" },
  },
];

for (const { name, connect, link } of kinds) {
  test(`Keycloak by ${name}: sign-up, second sign-in, changed attribute, linked user, logout`, async () => {
    const { realm, world } = await open(connect);
    const ann = await realm.user("ann");
    const first = await signedIn(world, new Browser(), "ann");
    assert.equal(first.email, "ann@kc.example");
    const user = await only(world);
    assert.equal(user.UserStatus, "EXTERNAL_PROVIDER");
    assert.equal(user.Username, first["cognito:username"]);
    assert.ok(user.Username.startsWith("Keycloak_") || user.Username.startsWith("keycloak_"), user.Username);
    const { name, email_verified } = attributes(user);
    assert.deepEqual([name, email_verified], ["Ann", link.ProviderAttributeName === "Cognito_Subject" ? "true" : "false"]);

    await realm.change(ann, { firstName: "Änn Åse", email: "ann.arbor@kc.example" });
    const second = await signedIn(world, new Browser(), "ann");
    assert.deepEqual([second.sub, second.email], [first.sub, "ann.arbor@kc.example"]);
    assert.equal(attributes(await only(world)).name, "Änn Åse");

    const bob = await realm.user("bob");
    await newUser(world, "robert");
    await world.api.adminLinkProviderForUser({
      UserPoolId: world.poolId,
      DestinationUser: { ProviderName: "Cognito", ProviderAttributeValue: "robert" },
      SourceUser: { ProviderName: "Keycloak", ProviderAttributeValue: bob, ...link },
    });
    for (let i = 0; i < 2; i++) {
      const linked = await signedIn(world, new Browser(), "bob");
      assert.deepEqual([linked["cognito:username"], linked.email], ["robert", "bob@kc.example"]);
      assert.equal(linked.identities[0].primary, "false");
    }
    assert.equal((await world.api.listUsers({ UserPoolId: world.poolId })).Users.length, 2);

    // Signed out here, the browser is still signed in at Keycloak.
    const browser = new Browser();
    await signedIn(world, browser, "ann");
    const bye = new URL(`${world.url}/logout`);
    bye.search = new URLSearchParams({ client_id: world.clientId, logout_uri: goodbye });
    assert.equal((await browser.go(bye)).href, goodbye);
    assert.equal((await browser.go(request(world))).origin, new URL(keycloak).origin);
    assert.equal((await signedIn(world, browser)).sub, first.sub);
  });
}

// open makes a realm and a pool that know each other.
async function open(connect) {
  const [realm, world] = await Promise.all([Realm.create(keycloak), newPool()]);
  await connect(realm, world);
  return { realm, world };
}

function request(world, more = {}) {
  const to = new URL(`${world.url}/oauth2/authorize`);
  to.search = new URLSearchParams({ client_id: world.clientId, response_type: "code", scope: "openid email profile", redirect_uri: callback, state: "a b", identity_provider: "Keycloak", ...more });
  return to;
}

// answered signs somebody in at Keycloak, and returns what the application gets. Without a name the browser must be signed in there.
async function answered(world, browser, username) {
  let at = request(world);
  for (let step = 0; step < 10; step++) {
    if (at?.href.startsWith(callback)) return at.searchParams;
    if (at) at = await browser.go(at);
    else if (browser.page.includes("kc-form-login")) {
      assert.ok(username, "Keycloak asks for a password");
      at = await browser.submit({ username, password });
    } else at = await browser.submit({});
  }
  return assert.fail(`the sign-in does not end: ${browser.at}\n${browser.page}`);
}

// signedIn is what the ID token of the application says.
async function signedIn(world, browser, username) {
  const told = await answered(world, browser, username);
  assert.ok(told.get("code"), told.toString());
  assert.equal(told.get("state"), "a b");
  const form = new URLSearchParams({ grant_type: "authorization_code", client_id: world.clientId, code: told.get("code"), redirect_uri: callback });
  const answer = await fetch(`${world.url}/oauth2/token`, { method: "POST", body: form });
  assert.equal(answer.status, 200);
  return claims((await answer.json()).id_token);
}

async function only({ api, poolId }) {
  const { Users } = await api.listUsers({ UserPoolId: poolId });
  assert.equal(Users.length, 1);
  return Users[0];
}

const attributes = (user) => Object.fromEntries(user.Attributes.map(({ Name, Value }) => [Name, Value]));
