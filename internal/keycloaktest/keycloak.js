// Keycloak: a server of the suite's own, with a realm in which a pool is a client.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { env } from "../clients/node/world.js";

export const password = "any will do";
const operator = { username: "admin", password: "admin" };

let started;

// startKeycloak starts Keycloak once, which takes one to three minutes, and returns its URL. KEYCLOAK_URL names one that runs already.
export function startKeycloak(t) {
  started ??= process.env.KEYCLOAK_URL ? Promise.resolve(process.env.KEYCLOAK_URL) : start(t);
  return started;
}

async function start(t) {
  const home = env("KEYCLOAK_HOME");
  const [version] = readdirSync(home).filter((name) => name.startsWith("keycloak-"));
  const port = await freePort();
  const server = spawn(
    "sh",
    [join(home, version, "bin/kc.sh"), "start-dev", "--http-host=127.0.0.1", `--http-port=${port}`, "--http-management-port", await freePort(), "--hostname-strict=false"],
    { detached: true, env: { ...process.env, KC_BOOTSTRAP_ADMIN_USERNAME: operator.username, KC_BOOTSTRAP_ADMIN_PASSWORD: operator.password, JAVA_OPTS_APPEND: "-Xmx512m" } },
  );
  let log = "";
  for (const stream of [server.stdout, server.stderr]) stream.setEncoding("utf8").on("data", (text) => (log += text));
  t.after(async () => {
    if (server.exitCode !== null) return;
    process.kill(-server.pid, "SIGKILL"); // the script and its Java
    await once(server, "exit");
  });
  const url = `http://127.0.0.1:${port}`;
  for (const end = Date.now() + 480_000; Date.now() < end && server.exitCode === null; ) {
    const up = await fetch(`${url}/realms/master`).catch(() => undefined);
    if (up?.ok) return url;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return assert.fail(`Keycloak has not started:\n${log}`);
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

// A Realm is one of a Keycloak, as its operator sees it.
export class Realm {
  static async create(keycloak, settings = {}) {
    const realm = new Realm();
    realm.name = `r${Date.now()}`;
    realm.keycloak = keycloak;
    realm.url = `${keycloak}/realms/${realm.name}`;
    await realm.#call("POST", "", { realm: realm.name, enabled: true, ...settings }, "");
    return realm;
  }

  // user makes a user, and returns its id.
  async user(username, attributes = {}) {
    await this.#call("POST", "/users", {
      username, enabled: true, emailVerified: true, email: `${username}@kc.example`, firstName: "Ann", lastName: "Arbor",
      credentials: [{ type: "password", value: password, temporary: false }], ...attributes,
    });
    const [user] = await this.#call("GET", `/users?exact=true&username=${username}`);
    return user.id;
  }

  change(id, attributes) {
    return this.#call("PUT", `/users/${id}`, attributes);
  }

  client(settings) {
    return this.#call("POST", "/clients", settings);
  }

  async sessions(id) {
    return (await this.#call("GET", `/users/${id}/sessions`)).length;
  }

  async #call(method, path, body, below = `/${this.name}`) {
    const form = new URLSearchParams({ grant_type: "password", client_id: "admin-cli", ...operator });
    const { access_token } = await (await fetch(`${this.keycloak}/realms/master/protocol/openid-connect/token`, { method: "POST", body: form })).json();
    const answer = await fetch(`${this.keycloak}/admin/realms${below}${path}`, {
      method, headers: { authorization: `Bearer ${access_token}`, "content-type": "application/json" }, body: body && JSON.stringify(body),
    });
    const said = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${said}`);
    return said && JSON.parse(said);
  }
}

// openID is the settings of a client by which a pool is a relying party at a server.
export function openID(server, more = {}) {
  return { clientId: "up", publicClient: false, secret: "s3cr3t", standardFlowEnabled: true, redirectUris: [`${server}/oauth2/idpresponse`], ...more };
}

// saml is the settings of a client by which a pool is a service provider at a server.
export function saml(server, poolId, attributes = {}, more = {}) {
  const property = (name, attribute) => ({
    name, protocol: "saml", protocolMapper: "saml-user-property-mapper",
    config: { "user.attribute": name, "friendly.name": name, "attribute.name": attribute, "attribute.nameformat": "Basic" },
  });
  return {
    clientId: `urn:amazon:cognito:sp:${poolId}`,
    protocol: "saml",
    redirectUris: [`${server}/saml2/idpresponse`],
    attributes: {
      "saml.assertion.signature": "true",
      "saml.server.signature": "true",
      "saml.client.signature": "false",
      "saml.authnstatement": "true",
      "saml.force.post.binding": "true",
      saml_name_id_format: "persistent",
      saml_assertion_consumer_url_post: `${server}/saml2/idpresponse`,
      saml_single_logout_service_url_post: `${server}/saml2/logout`,
      ...attributes,
    },
    protocolMappers: [property("email", "mail"), property("firstName", "first")],
    ...more,
  };
}
