// Sign-in by the code flow with PKCE (RFC 7636), for an application in the browser. It knows no
// page: app.js does.

const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

const challengeOf = async (verifier) =>
  base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));

// claims reads the payload of a token. The token comes from the token endpoint itself, so its
// signature needs no check here (OpenID Connect Core, section 3.1.3.7). An API checks it.
const claims = (token) => {
  const bytes = Uint8Array.from(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
};

async function answer(response) {
  const body = await response.json();
  if (!response.ok) throw new Error(`the server answers ${response.status} ${body.error ?? ""}`);
  return body;
}

// A Client signs one person in. config has issuer, clientID, redirectURI and scope. storage keeps
// what a sign-in needs until the browser comes back: sessionStorage. Tokens are in memory alone.
export class Client {
  #config;
  #storage;
  #fetch;
  #server;
  #tokens;
  #refreshing;

  constructor(config, storage, fetcher = (...a) => fetch(...a)) {
    this.#config = config;
    this.#storage = storage;
    this.#fetch = fetcher;
  }

  async #discover() {
    if (this.#server) return this.#server;
    const d = await answer(await this.#fetch(`${this.#config.issuer}/.well-known/openid-configuration`));
    if (d.issuer !== this.#config.issuer) throw new Error("the document is of another issuer");
    return (this.#server = d);
  }

  // begin returns the address to send the browser to.
  async begin() {
    const { clientID, redirectURI, scope } = this.#config;
    const attempt = { state: random(), nonce: random(), verifier: random() };
    const server = await this.#discover();
    this.#storage.setItem("sign-in", JSON.stringify(attempt));
    const to = new URL(server.authorization_endpoint);
    to.search = new URLSearchParams({
      response_type: "code", client_id: clientID, redirect_uri: redirectURI, scope, state: attempt.state, nonce: attempt.nonce,
      code_challenge: await challengeOf(attempt.verifier), code_challenge_method: "S256",
    });
    return to.href;
  }

  // finish takes the address that the browser came back to. It returns the claims of the person, or
  // null if the address is no answer.
  async finish(address) {
    const query = new URL(address).searchParams;
    if (!query.has("code") && !query.has("error")) return null;
    const attempt = JSON.parse(this.#storage.getItem("sign-in") ?? "null");
    this.#storage.removeItem("sign-in"); // an answer counts once
    if (!attempt || query.get("state") !== attempt.state) throw new Error("this sign-in was not begun here");
    if (query.has("iss") && query.get("iss") !== this.#config.issuer) throw new Error("the answer is of another issuer");
    if (query.has("error")) throw new Error(`the server refuses: ${query.get("error")}`);
    const tokens = await this.#post("token_endpoint", {
      grant_type: "authorization_code", code: query.get("code"), redirect_uri: this.#config.redirectURI, code_verifier: attempt.verifier,
    });
    const id = claims(tokens.id_token);
    if (id.iss !== this.#config.issuer || id.aud !== this.#config.clientID || id.nonce !== attempt.nonce) {
      throw new Error("the ID token is of another sign-in");
    }
    this.#keep(tokens);
    return id;
  }

  async #post(endpoint, form) {
    const server = await this.#discover();
    return answer(await this.#fetch(server[endpoint], { method: "POST", body: new URLSearchParams({ client_id: this.#config.clientID, ...form }) }));
  }

  #keep(tokens) {
    const refresh = tokens.refresh_token ?? this.#tokens?.refresh;
    this.#tokens = { access: tokens.access_token, refresh, until: Date.now() + (tokens.expires_in - 30) * 1000 };
  }

  // accessToken returns a token that is valid. All who ask at once wait for one refresh: a second use
  // of a refresh token would end the sign-in.
  async accessToken() {
    if (!this.#tokens) throw new Error("nobody is signed in");
    if (Date.now() < this.#tokens.until) return this.#tokens.access;
    this.#refreshing ??= this.#post("token_endpoint", { grant_type: "refresh_token", refresh_token: this.#tokens.refresh })
      .then((t) => this.#keep(t))
      .finally(() => (this.#refreshing = undefined));
    await this.#refreshing;
    return this.#tokens.access;
  }

  // userInfo returns what the server tells of the person.
  async userInfo() {
    const server = await this.#discover();
    return answer(await this.#fetch(server.userinfo_endpoint, { headers: { Authorization: `Bearer ${await this.accessToken()}` } }));
  }

  // end signs the person out, and returns the address to send the browser to.
  async end(next) {
    const server = await this.#discover();
    const refresh = this.#tokens?.refresh;
    this.#tokens = undefined;
    if (refresh) {
      const form = new URLSearchParams({ client_id: this.#config.clientID, token: refresh });
      await this.#fetch(server.revocation_endpoint, { method: "POST", body: form });
    }
    const to = new URL(server.end_session_endpoint);
    to.search = new URLSearchParams({ client_id: this.#config.clientID, logout_uri: next });
    return to.href;
  }
}
