// What an application and its users have to do with the pages of the authorization server.

import { password } from "./world.js";

export const callback = "http://localhost:3000/cb";
export const goodbye = "http://localhost:3000/";
// application is what the client of an application needs.
export const application = {
  AllowedOAuthFlowsUserPoolClient: true,
  AllowedOAuthFlows: ["code"],
  AllowedOAuthScopes: ["openid", "email", "profile"],
  CallbackURLs: [callback],
  LogoutURLs: [goodbye],
  SupportedIdentityProviders: ["COGNITO"],
};

// A Browser keeps the cookies of each host, and follows redirects as far as the server.
export class Browser {
  hosts = new Map();

  async go(url, form) {
    for (let at = new URL(url); ; ) {
      if (!this.hosts.has(at.host)) this.hosts.set(at.host, new Map());
      const cookies = this.hosts.get(at.host);
      const answer = await fetch(at, {
        redirect: "manual",
        method: form ? "POST" : "GET",
        body: form,
        headers: { Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
      });
      for (const line of answer.headers.getSetCookie()) {
        const [, name, value] = /^([^=]*)=([^;]*)/.exec(line);
        /max-age=0|max-age=-/i.test(line) ? cookies.delete(name) : cookies.set(name, value);
      }
      const next = answer.headers.get("location");
      this.page = await answer.text();
      this.at = at;
      if (!next) return undefined;
      at = new URL(next, at);
      form = undefined;
      if (at.origin !== new URL(url).origin) return at;
    }
  }

  // submit sends the first form of the page, with what is typed.
  submit(typed) {
    const found = /<form[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/.exec(this.page);
    if (!found) throw new Error(`there is no form on ${this.at}:\n${this.page}`);
    const [, action, fields] = found;
    const form = new URLSearchParams();
    for (const [, name, value] of fields.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)) form.set(name, plain(value));
    for (const [name, value] of Object.entries(typed)) form.set(name, value);
    return this.go(new URL(plain(action), this.at), form);
  }
}

const plain = (text) => text.replaceAll("&#43;", "+").replaceAll("&#34;", '"').replaceAll("&#39;", "'").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

// newUser makes a user with a password and an address, which nobody has verified.
export async function newUser({ api, poolId }, Username) {
  const user = { UserPoolId: poolId, Username };
  await api.adminCreateUser({ ...user, UserAttributes: [{ Name: "email", Value: `${Username}@example.com` }], TemporaryPassword: password, MessageAction: "SUPPRESS" });
  await api.adminSetUserPassword({ ...user, Password: password, Permanent: true });
}
