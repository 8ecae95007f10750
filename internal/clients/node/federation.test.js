// oidc-provider, a certified OpenID provider: users of a pool sign in by it.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import Provider from "oidc-provider";
import { application, Browser, callback } from "./pages.js";
import { newPool } from "./world.js";

// newProvider starts a provider with a client for the server at a URL. Its e-mail addresses are in the user info alone.
async function newProvider(t, url, accounts) {
  const server = createServer();
  await new Promise((listens) => server.listen(0, "127.0.0.1", listens));
  t.after(() => server.close());
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: "up", client_secret: "s3cr3t", redirect_uris: [`${url}/oauth2/idpresponse`], token_endpoint_auth_method: "client_secret_post" }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...accounts[id] }) }),
  });
  server.on("request", provider.callback());
  return issuer;
}

// signIn signs somebody in by the provider, and returns what the application gets.
async function signIn(world, login) {
  const request = new URL(`${world.url}/oauth2/authorize`);
  request.search = new URLSearchParams({ client_id: world.clientId, response_type: "code", scope: "openid email", redirect_uri: callback, state: "a b", identity_provider: "Certified" });
  const browser = new Browser();
  let at = request;
  for (let step = 0; step < 10; step++) {
    if (at?.href.startsWith(callback)) return at.searchParams;
    if (at) at = await browser.go(at);
    else at = await browser.submit(browser.page.includes('value="login"') ? { login, password: "any" } : {});
  }
  throw new Error(`the sign-in does not end: ${browser.at}`);
}

for (const method of ["GET", "POST"]) {
  test(`oidc-provider: sign-up, second sign-in, changed attribute, user info by ${method}`, async (t) => {
    const accounts = { ann: { email: "ann@op.example", email_verified: true, name: "Ann" } };
    const world = await newPool();
    const issuer = await newProvider(t, world.url, accounts);
    await world.api.createIdentityProvider({
      UserPoolId: world.poolId,
      ProviderName: "Certified",
      ProviderType: "OIDC",
      ProviderDetails: { client_id: "up", client_secret: "s3cr3t", authorize_scopes: "openid email profile", attributes_request_method: method, oidc_issuer: issuer },
      AttributeMapping: { email: "email", email_verified: "email_verified", name: "name" },
    });
    const settings = { ...application, SupportedIdentityProviders: ["Certified"] };
    await world.api.updateUserPoolClient({ UserPoolId: world.poolId, ClientId: world.clientId, ...settings });

    const attributes = async () => {
      const { Users } = await world.api.listUsers({ UserPoolId: world.poolId });
      assert.equal(Users.length, 1);
      assert.equal(Users[0].UserStatus, "EXTERNAL_PROVIDER");
      return Object.fromEntries(Users[0].Attributes.map(({ Name, Value }) => [Name, Value]));
    };
    const told = await signIn(world, "ann");
    assert.ok(told.get("code"), told.toString());
    assert.equal(told.get("state"), "a b");
    const first = await attributes();
    assert.deepEqual([first.email, first.email_verified, first.name], ["ann@op.example", "true", "Ann"]);

    accounts.ann.name = "Ann Arbor";
    assert.ok((await signIn(world, "ann")).get("code"));
    const second = await attributes();
    assert.deepEqual([second.sub, second.name], [first.sub, "Ann Arbor"]);
  });
}
