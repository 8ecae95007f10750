// An application whose users sign in by an identity provider, and what each provider must be good for.

import assert from "node:assert/strict";
import { application, Browser, callback, goodbye, newUser } from "./pages.js";
import { claims } from "./world.js";

export class Application {
  // open lets users of a pool's client sign in by a provider of the pool. fill returns what somebody types on a page of the
  // provider, or nothing for a page that has only a button.
  static async open(world, provider, fill) {
    await world.api.updateUserPoolClient({ UserPoolId: world.poolId, ClientId: world.clientId, ...application, SupportedIdentityProviders: [provider] });
    return Object.assign(new Application(), { world, provider, fill });
  }

  request(more = {}) {
    const to = new URL(`${this.world.url}/oauth2/authorize`);
    to.search = new URLSearchParams({
      client_id: this.world.clientId, response_type: "code", scope: "openid email profile", redirect_uri: callback, state: "a b", identity_provider: this.provider, ...more,
    });
    return to;
  }

  // answer signs somebody in at the provider, and returns what the application gets.
  async answer(browser, username, request = this.request()) {
    let at = request;
    for (let step = 0; step < 12; step++) {
      if (at?.href.startsWith(callback)) return at.searchParams;
      at = at ? await browser.go(at) : await browser.submit(this.fill(browser.page, username) || {});
    }
    return assert.fail(`the sign-in does not end: ${browser.at}\n${browser.page}`);
  }

  // asks reports whether the provider asks a browser who it is.
  async asks(browser) {
    for (let at = this.request(), step = 0; step < 12; step++) {
      if (at?.href.startsWith(callback)) return false;
      at = at ? await browser.go(at) : await browser.submit({});
      if (!at && this.fill(browser.page, "")) return true;
    }
    return assert.fail(`the sign-in does not end: ${browser.at}\n${browser.page}`);
  }

  // signIn is what the ID token says of somebody.
  async signIn(browser, username) {
    const told = await this.answer(browser, username);
    assert.ok(told.get("code"), told.toString());
    assert.equal(told.get("state"), "a b");
    const form = new URLSearchParams({ grant_type: "authorization_code", client_id: this.world.clientId, code: told.get("code"), redirect_uri: callback });
    const answer = await fetch(`${this.world.url}/oauth2/token`, { method: "POST", body: form });
    assert.equal(answer.status, 200);
    return claims((await answer.json()).id_token);
  }

  async users() {
    const { Users } = await this.world.api.listUsers({ UserPoolId: this.world.poolId });
    return Users.map((u) => ({ ...u, attributes: Object.fromEntries(u.Attributes.map(({ Name, Value }) => [Name, Value])) }));
  }

  // signOut signs a browser out of the server, and ends at the application. It returns the sites on the way.
  async signOut(browser) {
    let at = new URL(`${this.world.url}/logout`);
    at.search = new URLSearchParams({ client_id: this.world.clientId, logout_uri: goodbye });
    const sites = [];
    for (let step = 0; step < 8; step++) {
      at = at ? await browser.go(at) : await browser.submit({});
      if (at?.href === goodbye) return sites;
      sites.push((at ?? browser.at).origin);
    }
    return assert.fail(`the sign-out does not end: ${browser.at}\n${browser.page}`);
  }
}

// walk signs ann of a provider up and in again, changes her name, links bob to a user of the pool, and signs out: at the
// provider too, if the pool says so there.
export async function walk(app, { verified, change, email, link, at, everywhere = false }) {
  const { api, poolId } = app.world;
  const first = await app.signIn(new Browser(), "ann");
  const [user, ...others] = await app.users();
  assert.deepEqual(others, []);
  assert.equal(user.UserStatus, "EXTERNAL_PROVIDER");
  assert.equal(user.Username, first["cognito:username"]);
  assert.ok(user.Username.toLowerCase().startsWith(`${app.provider.toLowerCase()}_`), user.Username);
  assert.deepEqual(first["cognito:groups"], [`${poolId}_${app.provider}`]);
  assert.deepEqual([first.email, user.attributes.email, user.attributes.name, user.attributes.email_verified], [email("ann"), email("ann"), "Ann", verified]);

  await change("Änn Åse");
  assert.equal((await app.signIn(new Browser(), "ann")).sub, first.sub);
  assert.deepEqual((await app.users()).map((u) => u.attributes.name), ["Änn Åse"]);

  await newUser(app.world, "robert");
  await api.adminLinkProviderForUser({
    UserPoolId: poolId, DestinationUser: { ProviderName: "Cognito", ProviderAttributeValue: "robert" }, SourceUser: { ProviderName: app.provider, ...link },
  });
  for (let i = 0; i < 2; i++) {
    const linked = await app.signIn(new Browser(), "bob");
    assert.deepEqual([linked["cognito:username"], linked.email, linked["cognito:groups"]], ["robert", email("bob"), undefined]);
    assert.equal(linked.identities[0].primary, "false");
  }
  assert.equal((await app.users()).length, 2);

  const browser = new Browser();
  await app.signIn(browser, "ann");
  assert.ok((await browser.go(app.request())).href.startsWith(callback), "the browser is signed in");
  assert.equal((await app.signOut(browser)).includes(new URL(at).origin), everywhere);
  assert.equal((await browser.go(app.request())).origin, new URL(at).origin); // it must ask the provider
  const asked = await app.asks(browser);
  if (everywhere) assert.ok(asked, "the provider still knows the browser");
  assert.equal((await app.signIn(browser, "ann")).sub, first.sub);
}
