// SimpleSAMLphp, by SAML: users of a pool sign in by it. internal/clients/run simplesaml runs this.

import assert from "node:assert/strict";
import { test } from "node:test";
import { newPool } from "../clients/node/world.js";
import { Application, walk } from "../clients/node/federated.js";
import { password, serviceProvider, SimpleSAML } from "./simplesaml.js";

for (const { name, details, keys } of [
  { name: "plain", details: {}, keys: () => ({}) },
  {
    name: "signed requests, encrypted assertions, and sign-out there",
    details: { RequestSigningAlgorithm: "rsa-sha256", EncryptedResponses: "true", IDPSignout: "true" },
    keys: (signing, encryption) => ({
      keys: [
        { type: "X509Certificate", signing: true, encryption: false, X509Certificate: signing },
        { type: "X509Certificate", signing: false, encryption: true, X509Certificate: encryption },
      ],
      "validate.authnrequest": true, "redirect.validate": true, "validate.logout": true, "sign.logout": true, "assertion.encryption": true,
    }),
  },
]) {
  test(`SimpleSAMLphp, ${name}: sign-up, second sign-in, changed attribute, linked user, logout`, async (t) => {
    const idp = await SimpleSAML.start(t);
    const world = await newPool();
    const people = { ann: { mail: ["ann@ssp.example"], first: ["Ann"] }, bob: { mail: ["bob@ssp.example"], first: ["Bob"] } };
    await idp.users(people);
    const provider = await world.api.createIdentityProvider({
      UserPoolId: world.poolId, ProviderName: "Simple", ProviderType: "SAML", ProviderDetails: { MetadataURL: idp.metadata, ...details }, AttributeMapping: { email: "mail", name: "first" },
    });
    const { Certificate } = await world.api.getSigningCertificate({ UserPoolId: world.poolId });
    const known = keys(Certificate, provider.IdentityProvider.ProviderDetails.ActiveEncryptionCertificate);
    await idp.clients({ [`urn:amazon:cognito:sp:${world.poolId}`]: serviceProvider(world.url, known) });

    const app = await Application.open(world, "Simple", (page, username) => page.includes('name="password"') && { username, password });
    await walk(app, {
      verified: "false",
      change: (name) => { people.ann.first = [name]; return idp.users(people); },
      email: (name) => people[name].mail[0],
      link: { ProviderAttributeName: "mail", ProviderAttributeValue: "bob@ssp.example" },
      at: idp.url,
      everywhere: details.IDPSignout === "true",
    }).catch((err) => { throw Object.assign(err, { message: `${err.message}\n${idp.log.slice(-3000)}` }); });
  });
}
