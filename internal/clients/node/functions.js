// What the tests of functions share: the handlers of examples/lambda behind an Invoke API, and a
// server that calls them.

import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { env } from "./world.js";

const here = dirname(fileURLToPath(import.meta.url));
export const keyArn = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
export const arn = (name) => `arn:aws:lambda:us-east-1:123456789012:function:${name}`;

// example is a copy of examples/lambda beside the libraries that its files import, and of this
// test alone: its modules have state.
export async function example(t) {
  const dir = mkdtempSync(join(here, ".lambda-"));
  t.after(() => rmSync(dir, { recursive: true }));
  cpSync(join(here, "../../../examples/lambda"), dir, { recursive: true });
  process.env.QUIET = "1";
  const load = (name) => import(pathToFileURL(join(dir, name)).href);
  return { dir, ...(await load("server.mjs")), ...(await load("deliver.mjs")), handlers: await load("handlers.mjs"), senders: () => load("senders.mjs") };
}

// cognate runs a command of the server, and returns what it prints.
export function cognate(args, options) {
  return execFileSync(env("COGNATE_BIN"), args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], ...options });
}

// serving starts a server, and returns its URL.
export async function serving(t, args, options) {
  for (let tries = 0; tries < 20; tries++) {
    const port = 20000 + Math.floor(Math.random() * 10000);
    const child = spawn(env("COGNATE_BIN"), [...args, "--addr", `127.0.0.1:${port}`], { stdio: ["ignore", "ignore", "pipe"], ...options });
    const said = [];
    child.stderr.on("data", (chunk) => said.push(chunk));
    const url = `http://127.0.0.1:${port}`;
    for (let i = 0; i < 200 && child.exitCode === null; i++) {
      if ((await fetch(`${url}/_cognate/health`).catch(() => null))?.ok) {
        t.after(() => new Promise((resolve) => child.on("exit", resolve) && child.kill()));
        return { url, said: () => Buffer.concat(said).toString() };
      }
      await sleep(50);
    }
    child.kill();
    if (tries > 3) throw new Error(`cognate ${args.join(" ")}: ${Buffer.concat(said)}`);
  }
}

// exported are the variables that a command prints for a shell.
export function exported(text) {
  return Object.fromEntries([...text.matchAll(/^export (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]));
}

