// SimpleSAMLphp, as Debian packages it: an identity provider of the suite's own, served by PHP itself.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { env } from "../clients/node/world.js";

export const password = "any will do";
const persistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";

export class SimpleSAML {
  // start starts the provider. Its pages take a name of users and the password.
  static async start(t) {
    const idp = new SimpleSAML();
    idp.dir = await mkdtemp(join(tmpdir(), "simplesaml-"));
    t.after(() => rm(idp.dir, { recursive: true }));
    for (const name of ["config", "metadata", "cert", "sessions", "www"]) await mkdir(join(idp.dir, name));
    await symlink(env("SIMPLESAML_WWW"), join(idp.dir, "www/simplesaml"));
    await promisify(execFile)("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=idp", "-days", "2", "-keyout", join(idp.dir, "cert/idp.pem"), "-out", join(idp.dir, "cert/idp.crt")]);
    const port = await freePort();
    idp.url = `http://127.0.0.1:${port}`;
    await idp.#configure();
    await idp.users({});
    await idp.clients({});
    // Without its cache, PHP reads what users() and clients() write at once.
    const php = spawn("php", ["-d", "opcache.enable=0", "-d", `session.save_path=${join(idp.dir, "sessions")}`, "-S", `127.0.0.1:${port}`, "-t", join(idp.dir, "www")], {
      env: { ...process.env, SIMPLESAMLPHP_CONFIG_DIR: join(idp.dir, "config") },
    });
    for (const stream of [php.stdout, php.stderr]) stream.setEncoding("utf8").on("data", (text) => (idp.log += text));
    t.after(async () => {
      php.kill();
      if (php.exitCode === null) await once(php, "exit");
    });
    idp.metadata = `${idp.url}/simplesaml/saml2/idp/metadata.php`;
    for (const end = Date.now() + 60_000; Date.now() < end && php.exitCode === null; ) {
      const up = await fetch(idp.metadata, { signal: AbortSignal.timeout(20_000) }).catch(() => undefined);
      if (up?.ok) return idp;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return assert.fail(`SimpleSAMLphp has not started:\n${idp.log}`);
  }

  log = "";

  // users sets who there is, by name, with their attributes.
  users(all) {
    const accounts = Object.entries(all).map(([name, attributes]) => [`${name}:${password}`, { uid: [name], ...attributes }]);
    return this.#write("config/authsources.php", "config", { people: { 0: "exampleauth:UserPass", ...Object.fromEntries(accounts) } });
  }

  // clients sets the service providers by their entity id.
  clients(all) {
    return this.#write("metadata/saml20-sp-remote.php", "metadata", all);
  }

  async #configure() {
    await this.#write("config/config.php", "config", {
      baseurlpath: `${this.url}/simplesaml/`,
      certdir: join(this.dir, "cert/"),
      metadatadir: join(this.dir, "metadata/"),
      "metadata.sources": [{ type: "flatfile", directory: join(this.dir, "metadata") }],
      datadir: this.dir, loggingdir: this.dir, tempdir: this.dir,
      secretsalt: "salt of the tests", "auth.adminpassword": "of nobody",
      "technicalcontact_email": "na@example.org",
      "logging.handler": "errorlog",
      "enable.saml20-idp": true,
      "module.enable": { exampleauth: true },
      "store.type": "phpsession", "session.phpsession.cookiename": "SimpleSAML", "session.phpsession.savepath": join(this.dir, "sessions"),
      "session.cookie.secure": false, "session.cookie.samesite": null,
      "theme.use": "default", "language.default": "en", "language.available": ["en"],
    });
    await this.#write("metadata/saml20-idp-hosted.php", "metadata", {
      "__DYNAMIC:1__": {
        host: "__DEFAULT__", privatekey: "idp.pem", certificate: "idp.crt", auth: "people", NameIDFormat: persistent,
        authproc: { 3: { class: "saml:AttributeNameID", attribute: "uid", Format: persistent } },
      },
    });
  }

  #write(file, variable, value) {
    return writeFile(join(this.dir, file), `<?php\n$${variable} = ${php(value)};\n`);
  }
}

// php writes a value as PHP.
function php(value) {
  if (Array.isArray(value)) return `[${value.map(php).join(", ")}]`;
  if (value !== null && typeof value === "object") return `[${Object.entries(value).map(([name, v]) => `${/^\d+$/.test(name) ? name : php(name)} => ${php(v)}`).join(", ")}]`;
  if (typeof value === "string") return `'${value.replace(/['\\]/g, "\\$&")}'`;
  return String(value);
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

// serviceProvider is what the provider is told of a pool at a server.
export function serviceProvider(server, more = {}) {
  return {
    AssertionConsumerService: [{ Binding: "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST", Location: `${server}/saml2/idpresponse`, index: 0 }],
    SingleLogoutService: [{ Binding: "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST", Location: `${server}/saml2/logout` }],
    NameIDFormat: persistent,
    "simplesaml.nameidattribute": "uid",
    ...more,
  };
}
