// Passport in Express: web programs whose users sign in on the pages of the authorization server.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import express from "express";
import session from "express-session";
import { allowInsecureRequests, ClientSecretBasic, discovery, fetchUserInfo, refreshTokenGrant, tokenRevocation } from "openid-client";
import { Strategy as WithPKCE } from "openid-client/passport";
import { Passport } from "passport";
import OpenIDConnectStrategy from "passport-openidconnect";
import { application, Browser, newUser } from "./pages.js";
import { newClient, newPool, password } from "./world.js";

for (const [name, strategy] of [["passport-openidconnect", plain], ["openid-client/passport, with PKCE", withPKCE]]) {
  test(`Passport: ${name}`, async (t) => {
    const { world, site, app } = await program(t);
    const { config, made } = await strategy(world, `${site}/cb`);
    serve(app, world, site, made);

    const browser = new Browser();
    const asked = await browser.go(`${site}/login`);
    assert.equal(asked.origin, world.url);
    assert.equal(asked.searchParams.has("code_challenge"), name.includes("PKCE"));
    assert.equal(await browser.go(asked), undefined);
    const back = await browser.submit({ username: "alice", password });
    await browser.go(back);
    const user = JSON.parse(browser.page);
    assert.equal(user.email, "alice@example.com");
    await browser.go(`${site}/me`);
    assert.deepEqual(JSON.parse(browser.page), user);

    const other = new Browser();
    await other.go(back);
    assert.doesNotMatch(other.page, /alice/, "an answer works in another browser");
    await other.go(`${site}/me`);
    assert.equal(other.page, "nobody");

    assert.equal((await fetchUserInfo(config, user.access, user.sub)).email, "alice@example.com");
    assert.equal((await refreshTokenGrant(config, user.refresh)).claims().sub, user.sub);
    await tokenRevocation(config, user.refresh);
    await assert.rejects(refreshTokenGrant(config, user.refresh), { error: "invalid_grant" });

    const out = await browser.go(`${site}/logout`);
    assert.equal((await browser.go(out)).href, `${site}/`);
    await browser.go(`${site}/me`);
    assert.equal(browser.page, "nobody");
    assert.equal(await browser.go(await browser.go(`${site}/login`)), undefined, "the server asks again");
  });
}

// program is a web program without its pages, which has a client of its own.
async function program(t) {
  const app = express();
  const server = app.listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const site = `http://localhost:${server.address().port}`;
  const world = await newPool();
  await newUser(world, "alice");
  const client = await newClient(world, { ...application, GenerateSecret: true, CallbackURLs: [`${site}/cb`], LogoutURLs: [`${site}/`] });
  return { world: { ...world, ...client }, site, app };
}

function serve(app, { url, clientId }, site, strategy) {
  const passport = new Passport();
  passport.use("cognate", strategy);
  passport.serializeUser((user, done) => done(null, user));
  passport.deserializeUser((user, done) => done(null, user));
  app.use(session({ secret: "of the test", resave: false, saveUninitialized: false }), passport.session());
  app.get("/login", passport.authenticate("cognate"));
  app.get("/cb", passport.authenticate("cognate"), (request, response) => response.json(request.user));
  app.get("/me", (request, response) => request.user ? response.json(request.user) : response.send("nobody"));
  app.get("/logout", (request, response, next) => request.logout((err) =>
    err ? next(err) : response.redirect(`${url}/logout?${new URLSearchParams({ client_id: clientId, logout_uri: `${site}/` })}`)));
  app.use((err, _request, response, _next) => response.status(500).send(err.message));
}

const configOf = (world) =>
  discovery(new URL(`${world.url}/${world.poolId}`), world.clientId, undefined, ClientSecretBasic(world.secret), { execute: [allowInsecureRequests] });

// plain is a strategy that knows no PKCE. The library gets tokens, and leaves them to the program.
async function plain(world, callbackURL) {
  const config = await configOf(world);
  const as = config.serverMetadata();
  const made = new OpenIDConnectStrategy({
    issuer: as.issuer, authorizationURL: as.authorization_endpoint, tokenURL: as.token_endpoint, userInfoURL: as.userinfo_endpoint,
    clientID: world.clientId, clientSecret: world.secret, callbackURL, scope: "email", nonce: true,
  }, (_issuer, profile, _claims, _context, _idToken, access, refresh, _answer, done) =>
    done(null, { sub: profile.id, email: profile.emails[0].value, access, refresh }));
  return { config, made };
}

async function withPKCE(world, callbackURL) {
  const config = await configOf(world);
  const made = new WithPKCE({ config, callbackURL, scope: "openid email" }, (tokens, done) => {
    const { sub, email } = tokens.claims();
    done(null, { sub, email, access: tokens.access_token, refresh: tokens.refresh_token });
  });
  return { config, made };
}
