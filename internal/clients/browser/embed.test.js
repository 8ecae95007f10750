// The pages of examples/embed: an account with passkeys, in a browser.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import puppeteer from "puppeteer-core";
import { authenticator, env } from "./world.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const password = "correct horse battery staple";

let app, dir, url, browser;
const log = []; // what the app prints, messages among them

before(async () => {
  const port = await free();
  url = `http://localhost:${port}`;
  dir = mkdtempSync(join(tmpdir(), "embed-"));
  app = spawn(env("COGNATE_EMBED"), ["-addr", `localhost:${port}`, "-file", join(dir, "users.db")], { stdio: ["ignore", "ignore", "pipe"] });
  createInterface({ input: app.stderr }).on("line", (line) => log.push(line));
  await eventually("an answer of the app", () => fetch(url).then((r) => r.ok, () => false));
  browser = await puppeteer.launch({ executablePath: env("CHROMIUM"), args: ["--no-sandbox"] });
});

// free is a port that nobody has.
async function free() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "localhost", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function eventually(what, get) {
  for (let i = 0; i < 200; i++) {
    const got = await get();
    if (got) return got;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return assert.fail(`${what} is missing; the app says:\n${log.join("\n")}`);
}

after(async () => {
  await browser?.close();
  app?.kill();
  rmSync(dir, { recursive: true, force: true });
});

// code is the newest one that the app has sent to an address.
const code = (email) => eventually(`a code for ${email}`, () => {
  const line = log.findLast((l) => l.includes(email) && /code=\d{6}/.test(l));
  return line && /code=(\d{6})/.exec(line)[1];
});

// open opens the app in a browser of its own, in which somebody has signed up and in.
async function open(t, email, width = 375) {
  const context = await browser.createBrowserContext();
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  await page.setViewport({ width, height: 800 });
  const wrong = [];
  page.on("pageerror", (err) => wrong.push(err.message));
  const passkeys = await authenticator(page);
  const go = (path) => page.goto(url + path);
  const submit = async (button, fields = {}) => {
    for (const [name, value] of Object.entries(fields)) await page.$eval(`[name="${name}"]`, (e, v) => { e.value = v; }, value);
    await Promise.all([page.waitForNavigation(), page.click(`::-p-xpath(//button[normalize-space()="${button}"])`)]);
  };
  const title = () => page.$eval("h1", (e) => e.textContent);
  await go("/sign-up");
  await submit("Create account", { email, "new-password": password });
  await submit("Confirm", { email, code: await code(email) });
  await submit("Sign in", { email, "current-password": password });
  assert.equal(await title(), "Your account");
  return { page, passkeys, go, submit, title, wrong };
}

test("a user registers a passkey, signs in with it, and deletes it", async (t) => {
  const { page, passkeys, go, submit, title, wrong } = await open(t, "alice@example.com");
  await go("/passkeys");
  await submit("Add a passkey");
  await submit("Create passkey");
  assert.equal(await title(), "Your passkeys");
  assert.equal((await passkeys.credentials()).length, 1);
  await go("/");
  await submit("Sign out");

  await submit("Sign in with a passkey", { email: "alice@example.com" });
  assert.equal(await title(), "Use your passkey");
  await submit("Use passkey");
  assert.equal(await title(), "Your account");
  assert.equal((await passkeys.credentials())[0].signCount > 1, true);

  await go("/passkeys");
  await submit("Delete");
  assert.match(await page.$eval('[role="status"]', (e) => e.textContent), /was deleted/);
  assert.equal((await page.$$(".rows li")).length, 0);
  assert.deepEqual(wrong, []);
});

test("the page says that the device has no passkey of the user", async (t) => {
  const { page, go, submit, wrong } = await open(t, "bob@example.com");
  await go("/");
  await submit("Sign out");
  await submit("Sign in with a passkey", { email: "bob@example.com" });
  await page.click("button[type=submit]");
  await page.waitForSelector('[data-problem="failed"]:not([hidden])');
  assert.equal(await page.$eval("button[type=submit]", (b) => b.disabled), false);
  assert.deepEqual(wrong, []);
});

test("without JavaScript the pages say that passkeys need it", async (t) => {
  const { page, go, submit, title } = await open(t, "carol@example.com");
  await page.setJavaScriptEnabled(false);
  await go("/passkeys");
  const said = () => page.$eval("main", (e) => e.textContent);
  assert.match(await said(), /Passkeys need JavaScript/);
  await Promise.all([page.waitForNavigation(), page.click('form[action="/passkeys/new"] button')]);
  assert.equal(await title(), "Create a passkey");
  assert.match(await said(), /Passkeys need JavaScript/);
  assert.equal(await page.$eval("button[type=submit]", (b) => b.disabled), true);
  await go("/");
  await submit("Sign out");
  assert.equal(await title(), "Sign in");
});

test("axe finds nothing on the pages of passkeys, light and dark, on phone and desktop", async (t) => {
  const { page, go, submit } = await open(t, "dora@example.com");
  const found = [];
  const look = async (name) => {
    for (const [width, mode] of [[320, "light"], [375, "light"], [375, "dark"], [1280, "light"], [1280, "dark"]]) {
      await page.setViewport({ width, height: 800 });
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: mode }]);
      await page.evaluate(axe);
      const { violations, passes } = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
      assert.ok(passes.length > 0, `${name}: axe has looked at nothing`);
      for (const v of violations) found.push(`${name} at ${width}, ${mode}: ${v.id}: ${v.nodes.map((n) => n.target).join("; ")}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 0) found.push(`${name} at ${width}: ${wide} pixels too wide`);
      if (process.env.COGNATE_PICTURES) await page.screenshot({ path: join(process.env.COGNATE_PICTURES, `${name}-${width}-${mode}.png`), fullPage: true });
    }
  };
  await go("/passkeys");
  await look("none");
  await submit("Add a passkey");
  await look("create");
  await submit("Create passkey");
  await look("one");
  await go("/");
  await look("home");
  await submit("Sign out");
  await look("sign-in");
  await submit("Sign in with a passkey", { email: "dora@example.com" });
  await look("use");
  assert.deepEqual(found, []);
});
