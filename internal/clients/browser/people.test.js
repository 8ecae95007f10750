// People in a browser: they sign up and in on the pages of the authorization server, manage their account, allow an
// application what it asks for, and sign out. JavaScript is off, but where a page is for passkeys.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import puppeteer from "puppeteer-core";
import { authenticator, authenticatorApp, code, env, ownServer } from "./world.js";

const password = "Correct-Horse-Battery-1";

test("a person signs up, turns an app on, and allows an application what it asks for", async (t) => {
  const { app, world, person } = await open(t, { consent: true });
  const alice = await person();
  await alice.page.goto(app.request());
  await alice.press("a[href^='/signup']");
  await alice.fill({ username: "alice", email: "alice@example.com", password }).then(() => alice.press());
  await alice.fill({ code: "000000" }).then(() => alice.press());
  await alice.sees(".box.bad, .problem");
  await alice.fill({ code: await code(world, "alice") }).then(() => alice.press());
  await alice.sees(".box.good");
  await alice.signIn("alice");

  await alice.press("[value=deny]");
  assert.equal(app.answer(alice).error, "access_denied");
  await alice.page.goto(app.request({ prompt: "none" }));
  assert.equal(app.answer(alice).error, "consent_required");
  await alice.page.goto(app.request());
  await alice.press("[value=allow]");
  const tokens = await app.tokens(alice);
  assert.equal((await app.info(tokens)).email, "alice@example.com");
  await alice.page.goto(app.request()); // it asks once
  await app.tokens(alice);

  await alice.page.goto(app.account);
  await alice.fill({ name: "Alice Liddell" }).then(() => alice.press("[value=profile]"));
  await alice.sees(".box.good");
  assert.equal((await app.info(tokens)).name, "Alice Liddell");
  await alice.press("[value=add-factor]");
  const codes = authenticatorApp(await alice.text("details .secret"));
  await alice.fill({ code: "000000" }).then(() => alice.press());
  await alice.sees(".box.bad, .problem");
  await alice.fill({ code: codes() }).then(() => alice.press());
  await alice.sees(".box.good");
  assert.equal((await app.refresh(tokens)).status, 400, "a safe pool ends the other sign-ins when factors change");
  await alice.page.goto(app.request());
  const mine = await app.tokens(alice);

  const elsewhere = await person();
  await elsewhere.page.goto(app.request());
  await elsewhere.signIn("alice");
  await elsewhere.fill({ code: codes() }).then(() => elsewhere.press());
  const others = await app.tokens(elsewhere);
  assert.equal((await app.refresh(others)).status, 200);

  await alice.page.goto(app.account);
  await alice.press(`[value=end-session][aria-label="Sign out: Chrome on Linux"]`);
  await alice.sees(".box.good");
  assert.equal((await app.refresh(others)).status, 400, "the application there is signed out too");
  await elsewhere.page.goto(app.request({ prompt: "none" }));
  assert.equal(app.answer(elsewhere).error, "login_required");
  assert.equal((await app.refresh(mine)).status, 200);
});

test("a person makes a passkey and signs in with it", async (t) => {
  const { app, world, person } = await open(t);
  await world.cognate("user", "create", "bob", "email=bob@example.com", "--password", password);
  const bob = await person(true);
  const passkeys = await authenticator(bob.page);
  await bob.page.goto(app.account);
  await bob.signIn("bob");
  await bob.press("[value=add-passkey]");
  await bob.press();
  await bob.sees(".box.good");
  assert.equal((await passkeys.credentials()).length, 1);
  await bob.press("[value=sign-out]");
  await bob.page.goto(app.request());
  await bob.fill({ username: "bob" }).then(() => bob.press());
  await bob.press("[value=WEB_AUTHN]");
  await bob.press();
  assert.equal((await app.info(await app.tokens(bob))).email, "bob@example.com");
  assert.ok((await passkeys.credentials())[0].signCount > 1);
});

test("an application signs a person out", async (t) => {
  const { app, world, person } = await open(t);
  await world.cognate("user", "create", "carol", "email=carol@example.com", "--password", password);
  const carol = await person();
  const signedIn = async () => {
    await carol.page.goto(app.request());
    await carol.signIn("carol");
    return app.tokens(carol);
  };
  const { id_token } = await signedIn();
  await carol.page.goto(app.logout({ id_token_hint: id_token }));
  assert.deepEqual(app.answer(carol), { state: "bye" });
  await signedIn(); // the page is there again
  await carol.page.goto(app.logout({ client_id: world.clientId })); // nobody knows who asks
  await carol.press("[value=sign-out]");
  assert.deepEqual(app.answer(carol), { state: "bye" });
  await carol.page.goto(app.request({ prompt: "none" }));
  assert.equal(app.answer(carol).error, "login_required");
});

test("a person signs in by keyboard alone", async (t) => {
  const { app, world, person } = await open(t, { consent: true });
  await world.cognate("user", "create", "dan", "email=dan@example.com", "--password", password);
  for (const script of [false, true]) {
    const dan = await person(script);
    await dan.page.goto(app.request());
    await dan.types("username", "dan");
    await dan.key("Enter");
    await dan.tabTo("PASSWORD");
    await dan.key("Enter");
    await dan.types("password", password);
    await dan.key("Enter");
    if (!script) { // consent is asked once
      await dan.tabTo("allow");
      await dan.key("Enter");
    }
    assert.ok((await app.tokens(dan)).access_token);
  }
});

// open starts a server with a safe pool, an application of its own, and a browser.
async function open(t, client = {}) {
  const server = await ownServer(t, "--empty");
  const { stdout: pool } = await server.cognate("pool", "create", "People", "--settings", JSON.stringify({
    autoVerified: ["email"], mfa: "OPTIONAL", totp: true, hideSignUp: false, proveNames: false,
    firstFactors: ["PASSWORD", "WEB_AUTHN"], passkeys: { relyingParty: "localhost" }, passkeyOrigins: [server.url],
  }));
  const site = await serve(t);
  const { stdout: made } = await server.cognate("client", "create", "Fernway Books", "--settings", JSON.stringify({
    authFlows: ["ALLOW_USER_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"], providers: ["COGNITO"],
    oauth: true, oauthFlows: ["code"], oauthScopes: ["openid", "email", "profile"], callbackUrls: [`${site}/cb`], logoutUrls: [`${site}/bye`], ...client,
  }));
  const world = { ...server, poolId: pool.trim(), clientId: made.split("\n")[0].trim() };
  const browser = await puppeteer.launch({ executablePath: env("CHROMIUM"), args: ["--no-sandbox"] });
  t.after(() => browser.close());
  const person = async (script = false) => {
    const page = await (await browser.createBrowserContext()).newPage();
    await page.setJavaScriptEnabled(script);
    page.setDefaultTimeout(120_000);
    page.on("pageerror", (err) => assert.fail(err));
    return new Person(page);
  };
  return { app: new Application(world, site), world, person };
}

async function serve(t) {
  const site = createServer((_, response) => response.end("here"));
  site.listen(0, "localhost");
  t.after(() => site.close());
  await once(site, "listening");
  return `http://localhost:${site.address().port}`;
}

// An Application has no client library: what is tried here is the browser.
class Application {
  verifier = randomBytes(32).toString("base64url");

  constructor({ url, clientId }, site) {
    Object.assign(this, { url, clientId, site, account: `${url}/account?client_id=${clientId}` });
  }

  request(more) {
    return `${this.url}/oauth2/authorize?${new URLSearchParams({
      client_id: this.clientId, response_type: "code", redirect_uri: `${this.site}/cb`, scope: "openid email profile", state: "st",
      code_challenge: createHash("sha256").update(this.verifier).digest("base64url"), code_challenge_method: "S256", ...more,
    })}`;
  }

  logout(more) {
    return `${this.url}/logout?${new URLSearchParams({ post_logout_redirect_uri: `${this.site}/bye`, state: "bye", ...more })}`;
  }

  // answer is what the application gets with the person who comes back to it.
  answer({ page }) {
    assert.equal(new URL(page.url()).origin, this.site, page.url());
    return Object.fromEntries(new URL(page.url()).searchParams);
  }

  token(form) {
    return fetch(`${this.url}/oauth2/token`, { method: "POST", body: new URLSearchParams({ client_id: this.clientId, ...form }) });
  }

  async tokens(person) {
    const { code, state } = this.answer(person);
    assert.equal(state, "st");
    const answer = await this.token({ grant_type: "authorization_code", code, redirect_uri: `${this.site}/cb`, code_verifier: this.verifier });
    assert.equal(answer.status, 200);
    return answer.json();
  }

  async refresh(tokens) {
    const answer = await this.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token });
    if (answer.ok) Object.assign(tokens, await answer.json()); // safe pools change the refresh token too
    return answer;
  }

  async info({ access_token }) {
    return (await fetch(`${this.url}/oauth2/userInfo`, { headers: { authorization: `Bearer ${access_token}` } })).json();
  }
}

// A Person reads a page, fills in its fields and presses its buttons.
class Person {
  constructor(page) {
    this.page = page;
  }

  async fill(values) {
    for (const [name, value] of Object.entries(values)) {
      const field = `main input[name="${name}"]:not([hidden])`;
      await this.page.$eval(field, (e) => e.value = "");
      await this.page.type(field, value);
    }
  }

  // press presses a button, or follows a link.
  async press(selector = "button.first") {
    await this.sees(selector);
    await Promise.all([this.page.waitForNavigation(), this.page.click(selector)]);
  }

  // signIn gives the name, then the password, for which the page asks by itself where there is no choice.
  async signIn(username) {
    await this.fill({ username }).then(() => this.press());
    if (await this.page.$("button[value=PASSWORD]")) await this.press("[value=PASSWORD]");
    await this.fill({ password }).then(() => this.press());
  }

  async sees(selector) {
    assert.ok(await this.page.$(selector), `no ${selector} on ${this.page.url()}:\n${await this.text("body")}`);
  }

  text(selector) {
    return this.page.$eval(selector, (e) => e.textContent);
  }

  key(name) {
    return Promise.all([this.page.waitForNavigation(), this.page.keyboard.press(name)]);
  }

  // types waits until the page has put the focus into a field, as it does once it is drawn.
  async types(name, text) {
    for (let i = 0; (await this.page.evaluate(() => document.activeElement.name)) !== name; i++) {
      assert.ok(i < 100, `the focus is not in ${name}`);
      await setTimeout(100);
    }
    await this.page.keyboard.type(text);
  }

  // tabTo moves the focus to the button with a value.
  async tabTo(value) {
    for (let i = 0; i < 20; i++) {
      if (await this.page.evaluate((v) => document.activeElement.value === v, value)) return;
      await this.page.keyboard.press("Tab");
    }
    assert.fail(`the keyboard does not reach ${value}`);
  }
}
