// oidc-provider, a certified OpenID provider: users of a pool sign in by it.

import { test } from "node:test";
import { Application, walk } from "./federated.js";
import { newProvider } from "./oidcprovider.js";
import { newPool } from "./world.js";

for (const method of ["GET", "POST"]) {
  test(`oidc-provider: sign-up, second sign-in, changed attribute, linked user, logout, user info by ${method}`, async (t) => {
    const account = (name) => ({ email: `${name.toLowerCase()}@op.example`, email_verified: true, name });
    const accounts = { ann: account("Ann"), bob: account("Bob") };
    const world = await newPool();
    const issuer = await newProvider(t, world.url, accounts);
    await world.api.createIdentityProvider({
      UserPoolId: world.poolId,
      ProviderName: "Certified",
      ProviderType: "OIDC",
      ProviderDetails: { client_id: "up", client_secret: "s3cr3t", authorize_scopes: "openid email profile", attributes_request_method: method, oidc_issuer: issuer },
      AttributeMapping: { email: "email", email_verified: "email_verified", name: "name" },
    });
    const app = await Application.open(world, "Certified", (page, login) => page.includes('value="login"') && { login, password: "any" });
    await walk(app, {
      verified: "true",
      change: (name) => (accounts.ann.name = name),
      email: (name) => accounts[name].email,
      link: { ProviderAttributeName: "Cognito_Subject", ProviderAttributeValue: "bob" },
      at: issuer,
    });
  });
}
