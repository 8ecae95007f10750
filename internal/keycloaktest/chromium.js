// Keycloak in headless Chromium. The server is at a site of https, and Keycloak at another of http, so what comes back by a form comes across sites.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { Agent } from "node:https";
import { before, test } from "node:test";
import { ownServer, trusting } from "../clients/browser/world.js";
import { claims, operator, sdk } from "../clients/node/world.js";
import { openID, password, Realm, saml, startKeycloak } from "./keycloak.js";

let keycloak;

before(async (t) => {
  keycloak = await startKeycloak(t);
}, { timeout: 600_000 });

const connects = {
  "OpenID Connect": async (realm, { url }) => {
    await realm.client(openID(url));
    return {
      ProviderType: "OIDC", AttributeMapping: { email: "email" },
      ProviderDetails: { client_id: "up", client_secret: "s3cr3t", authorize_scopes: "openid email", attributes_request_method: "GET", oidc_issuer: realm.url },
    };
  },
  SAML: async (realm, { url, poolId }) => {
    await realm.client(saml(url, poolId));
    return { ProviderType: "SAML", AttributeMapping: { email: "mail" }, ProviderDetails: { MetadataURL: `${realm.url}/protocol/saml/descriptor` } };
  },
};

for (const [name, connect] of Object.entries(connects)) {
  test(`Keycloak by ${name} in a browser: a mail address leads there and back, and a button too`, async (t) => {
    const site = await serve(t);
    const { url, poolId, clientId, ca } = await ownServer(t, "--tls");
    const authority = await readFile(ca);
    const api = sdk(url, operator, { requestHandler: { httpsAgent: new Agent({ ca: authority }) } });
    const realm = await Realm.create(keycloak);
    await realm.user("ann");
    await api.createIdentityProvider({ UserPoolId: poolId, ProviderName: "Keycloak", IdpIdentifiers: ["kc.example"], ...(await connect(realm, { url, poolId })) });
    await api.updateUserPoolClient({
      UserPoolId: poolId, ClientId: clientId, AllowedOAuthFlowsUserPoolClient: true, AllowedOAuthFlows: ["implicit"], AllowedOAuthScopes: ["openid", "email"],
      CallbackURLs: [site], LogoutURLs: [site], SupportedIdentityProviders: ["COGNITO", "Keycloak"],
    });
    const { page, wrong } = await trusting(t, url, ca);
    page.on("console", (m) => m.type() === "error" && m.location().url?.startsWith(url) && wrong.push(m.text()));
    const authorize = `${url}/oauth2/authorize?${new URLSearchParams({ client_id: clientId, response_type: "token", scope: "openid email", redirect_uri: site, nonce: "n" })}`;
    const idToken = async () => {
      await page.waitForFunction((origin) => location.origin === origin, {}, new URL(site).origin);
      return claims(new URLSearchParams(new URL(page.url()).hash.slice(1)).get("id_token"));
    };

    await page.goto(authorize);
    await page.type("[name=username]", "ann@kc.example");
    await page.click("button.first");
    await page.waitForSelector("#kc-form-login");
    const hinted = await page.$eval("[name=username]", (e) => e.value); // SAML has no way to say it
    assert.equal(hinted, name === "SAML" ? "" : "ann@kc.example");
    if (!hinted) await page.type("[name=username]", "ann");
    await page.type("[name=password]", password);
    await page.click("[name=login]");
    const first = await idToken();
    assert.equal(first.email, "ann@kc.example");

    await page.goto(`${url}/logout?${new URLSearchParams({ client_id: clientId, logout_uri: site })}`);
    assert.equal(page.url(), site);
    await page.goto(authorize);
    await page.click("a.provider"); // Keycloak still knows the browser
    assert.equal((await idToken()).sub, first.sub);
    assert.deepEqual(wrong, []);
  });
}

// serve serves the page of an application.
async function serve(t) {
  const server = createServer((_, response) => response.end("<!doctype html><title>Application</title>"));
  await new Promise((listens) => server.listen(0, "localhost", listens));
  t.after(() => server.close());
  return `http://localhost:${server.address().port}/`;
}
