// The pages of a sign-in, as "cognate pages preview" shows them: every page in every state.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import puppeteer from "puppeteer-core";
import { authenticator, env } from "./world.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const phone = 375, desktop = 1280;

let preview, url, states, looked, browser;

before(async () => {
  preview = spawn(env("COGNATE_BIN"), ["pages", "preview", "--addr", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: preview.stdout })) {
    url = /http:\/\/\S+/.exec(line)?.[0].replace("127.0.0.1", "localhost"); // passkeys belong to localhost
    if (url) break;
  }
  assert.ok(url, "the preview has not started");
  const list = await (await fetch(url)).text();
  states = [...list.matchAll(/href="\/([a-z0-9-]+)"/g)].map((m) => m[1]);
  assert.ok(states.length > 80, `${states.length} states`);
  looked = process.env.COGNATE_EVERY_STATE ? states : states.filter((s, i) => i % 4 === 0 || s.includes("brands"));
  browser = await puppeteer.launch({ executablePath: env("CHROMIUM"), args: ["--no-sandbox"], protocolTimeout: 600_000 });
});

after(async () => {
  await browser?.close();
  preview?.kill();
});

// open opens a tab that collects what goes wrong in it.
async function open(t, width) {
  const page = await browser.newPage();
  t.after(() => page.close());
  page.setDefaultTimeout(120_000);
  await page.setViewport({ width, height: 800 });
  const wrong = [];
  page.on("pageerror", (err) => wrong.push(`error: ${err.message}`));
  page.on("console", (m) => ["error", "warn"].includes(m.type()) && wrong.push(`${m.type()}: ${m.text()}`));
  page.on("dialog", (d) => { wrong.push(`dialog: ${d.message()}`); d.dismiss(); });
  page.on("requestfailed", (r) => wrong.push(`failed: ${r.url()}`));
  page.on("request", (r) => r.url().startsWith(url) || r.url().startsWith("data:") || wrong.push(`request: ${r.url()}`));
  return { page, wrong };
}

// The rules that do not look at colours find the same in light and dark.
const looks = [
  [phone, "light", {}],
  [phone, "dark", { runOnly: ["color-contrast", "link-in-text-block"] }],
  [desktop, "dark", { runOnly: ["color-contrast", "link-in-text-block"] }],
  [desktop, "light", {}],
];

test("axe finds nothing in any state, light and dark, on phone and desktop", async (t) => {
  const { page, wrong } = await open(t, phone);
  const found = [];
  for (const state of looked) {
    if (state === "form-post-sent") continue; // it leaves by itself
    await page.goto(`${url}/${state}?lang=en`);
    await page.evaluate(axe);
    for (const [width, mode, options] of looks) {
      await page.setViewport({ width, height: 800 });
      await page.emulateMediaFeatures([
        { name: "prefers-color-scheme", value: mode },
        { name: "prefers-reduced-motion", value: "reduce" }, // or axe would see colours on their way
      ]);
      const { violations, passes } = await page.evaluate((o) => window.axe.run({ resultTypes: ["violations"], ...o }), options);
      assert.ok(passes.length > 0, `${state}: axe has looked at nothing`);
      for (const v of violations) found.push(`${state} at ${width}, ${mode}: ${v.id}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join("; ")}`);
    }
  }
  assert.deepEqual(found, []);
  assert.deepEqual(wrong, []);
});

// WCAG 2.2 asks for 320 pixels without scrolling to the side (1.4.10).
for (const lang of ["de", "ar", "ja"]) {
  test(`pages are as wide as a small phone in ${lang}, and fingers hit their buttons`, async (t) => {
    const { page, wrong } = await open(t, 320);
    const found = [];
    for (const state of looked) {
      if (state === "form-post-sent") continue;
      await page.goto(`${url}/${state}?lang=${lang}`);
      found.push(...await page.evaluate((state) => {
        const bad = [];
        const { scrollWidth, clientWidth } = document.documentElement;
        if (scrollWidth > clientWidth) bad.push(`${state}: ${scrollWidth} pixels wide`);
        for (const e of document.querySelectorAll("button, .button, summary, .ways a, .aside a, .brand a, .tongues a, input:not([type=hidden], [hidden], [type=checkbox])")) {
          const { width, height } = e.getBoundingClientRect();
          if (e.checkVisibility() && (height < 44 || width < 24)) bad.push(`${state}: ${e.outerHTML.slice(0, 80)} is ${width} by ${height}`);
        }
        return bad;
      }, state));
    }
    assert.deepEqual(found, []);
    assert.deepEqual(wrong, []);
  });
}

test("hostile values run nothing and load nothing", async (t) => {
  const { page, wrong } = await open(t, desktop);
  for (const state of states.filter((s) => s.endsWith("-hostile"))) {
    await page.goto(`${url}/${state}`);
    const bad = await page.evaluate(() => [...document.querySelectorAll("*")].flatMap((e) =>
      [...e.attributes].filter((a) => a.name.startsWith("on") || a.name === "style" || /^\s*javascript:/i.test(a.value) && ["href", "src", "action"].includes(a.name))
        .map((a) => `${e.tagName} ${a.name}`)));
    assert.deepEqual(bad, [], state);
    assert.equal(await page.$$eval("script", (all) => all.length), 1, state);
  }
  assert.deepEqual(wrong, []);
});

test("pages work without JavaScript", async (t) => {
  const { page } = await open(t, phone);
  await page.setJavaScriptEnabled(false);
  await page.goto(`${url}/form-post-sent`);
  await Promise.all([page.waitForNavigation(), page.click("button.first")]); // nobody has sent the page
  assert.match(page.url(), /\/confirmed$/);
  await page.goto(`${url}/passkey`);
  assert.match(await page.$eval("noscript", (e) => e.textContent), /need JavaScript/);
  await page.goto(`${url}/sign-in`);
  assert.equal(await page.$$eval("input[type=password]", (all) => all.length), 1);
  assert.equal((await page.$$(".show")).length, 0);
});

test("a page goes by keyboard from the name to the password to the button", async (t) => {
  const { page } = await open(t, desktop);
  await page.goto(`${url}/sign-in-all`);
  const order = [];
  for (let i = 0; i < 6; i++) {
    order.push(await page.evaluate(() => document.activeElement.name || document.activeElement.textContent.trim()));
    await page.keyboard.press("Tab");
  }
  assert.deepEqual(order, ["username", "password", "Show", "Forgot your password?", "Sign in", "Sign in with a passkey"]);
});

test("people see the password that they type", async (t) => {
  const { page } = await open(t, phone);
  await page.goto(`${url}/sign-in`);
  await page.type("input[name=username]", "ada");
  await page.type("input[name=password]", "secret");
  const kind = () => page.$eval("input[name=password]", (e) => e.type);
  await page.click(".show");
  assert.equal(await kind(), "text");
  assert.equal(await page.$eval(".show", (e) => e.getAttribute("aria-label")), "Hide: Password");
  const sent = page.waitForRequest((r) => r.method() === "POST");
  await page.click("button.first");
  assert.match((await sent).postData(), /username=ada&password=secret$/);
});

test("the page that takes an answer to an app sends itself", async (t) => {
  const { page } = await open(t, phone);
  await page.goto(`${url}/form-post-sent`);
  while (!page.url().endsWith("/confirmed")) await page.waitForNavigation();
});

test("a passkey is made and used", async (t) => {
  const { page } = await open(t, phone);
  await authenticator(page);
  const credential = async (state) => {
    await page.goto(`${url}/${state}`);
    const sent = page.waitForRequest((r) => r.method() === "POST");
    await page.click("button.first");
    const form = new URLSearchParams((await sent).postData());
    assert.equal(form.get("_csrf"), "sample-csrf");
    return JSON.parse(form.get("credential"));
  };
  const made = await credential("passkey-enrol");
  assert.equal(made.type, "public-key");
  assert.equal(JSON.parse(Buffer.from(made.response.clientDataJSON, "base64url")).type, "webauthn.create");
  assert.equal(JSON.parse(Buffer.from(made.response.clientDataJSON, "base64url")).challenge, "c2FtcGxlLWNoYWxsZW5nZQ");
  assert.ok(made.response.attestationObject && made.response.transports);

  // The page of the preview names a passkey that this device does not have.
  await page.goto(`${url}/passkey`);
  await page.click("button.first");
  await page.waitForSelector("[data-problem=failed]:not([hidden])");
  await page.$eval("form[data-passkey]", (form, id) => {
    const options = JSON.parse(form.dataset.options);
    options.allowCredentials[0].id = id;
    form.dataset.options = JSON.stringify(options);
  }, made.id);
  const sent = page.waitForRequest((r) => r.method() === "POST");
  await page.click("button.first");
  const used = JSON.parse(new URLSearchParams((await sent).postData()).get("credential"));
  assert.equal(used.id, made.id);
  assert.ok(used.response.signature && used.response.authenticatorData);
});
