// oidc-provider, a certified OpenID provider, whose pages take any name and password.

import { createServer } from "node:http";
import Provider from "oidc-provider";

// newProvider starts a provider with a client for the server at a URL. Its e-mail addresses are in the user info alone.
export async function newProvider(t, url, accounts) {
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
