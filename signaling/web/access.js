// SPDX-License-Identifier: MPL-2.0
// @ts-check
import { CONNECT_TIMEOUT_MS, RETRY_AFTER_CAP_S, Refusal, describe, text } from "./rules.js";

/** The server's addresses, and the way in: a token is traded for a cookie, so that it stands in no address. */
export class Access {
  #fetch; #base; #token; #presented = false;
  /** Whether the server knew this token when it was last asked. */
  #known = false;

  /** @param {any} fetch @param {string|URL} base the server's folder @param {string} [token] */
  constructor(fetch, base, token) {
    this.#fetch = fetch;
    this.#base = new URL(base, globalThis.location?.href);
    if (!this.#base.pathname.endsWith("/")) this.#base.pathname += "/";
    this.#token = token;
  }

  /** An address of the server. Behind a proxy the server knows nothing of its folder. @param {string} path */
  at(path) {
    return new URL(path.replace(/^\/+/, ""), this.#base);
  }

  /** Another token, which is presented at the next connection. @param {string} token */
  use(token) {
    this.#token = token;
    this.#presented = this.#known = false;
  }

  /** The cookie has come to its end. Whether there is a token that makes a new one. */
  renew() {
    this.#presented = false;
    return this.#token !== undefined;
  }

  /** Forgets the token and the cookie. */
  async forget() {
    this.#token = undefined;
    await this.#request("DELETE", "api/session").catch(() => {});
  }

  /** Resolves to the server's configuration once there is leave to connect; rejects with a {@link Refusal} if there is none. */
  async enter() {
    let known = await this.#config();
    // A token of the link comes before an older cookie, and makes a new one when that is forgotten.
    if (this.#token && !known.openAccess && !(this.#presented && known.authenticated)) {
      await this.#present();
      known = await this.#config();
      if (!known.authenticated) throw new Refusal("unauthorized", "The browser did not keep the session cookie. Allow cookies for this site.");
    }
    if (!known.authenticated && !known.openAccess) throw new Refusal("unauthorized", "This server asks for an access token.");
    return known;
  }

  async #config() {
    const response = await this.#request("GET", "api/config");
    if (!response.ok) throw new Error(`api/config: ${response.status}`);
    return response.json();
  }

  async #present() {
    const response = await this.#request("POST", "api/session", { Authorization: `Bearer ${this.#token}` });
    if (response.status === 429) {
      const seconds = Math.min(RETRY_AFTER_CAP_S, Math.max(1, Number(response.headers.get("Retry-After")) || 1));
      throw new Refusal("too-many", `Too many tries. This page tries again in ${seconds} s.`, seconds);
    }
    if (response.status >= 500) throw new Error(`api/session: ${response.status}`);
    if (!response.ok) {
      this.#token = undefined;
      const { code, message } = await response.json().catch(() => ({}));
      if (response.status !== 401) throw new Refusal(text(code) || "other", text(message) || describe("other"));
      if (this.#known) throw new Refusal("revoked", describe("revoked"));
      throw new Refusal("unauthorized", "The server does not know this token. Check it, or ask for a new link.");
    }
    this.#presented = this.#known = true;
  }

  /** @param {string} method @param {string} path @param {object} [headers] */
  #request(method, path, headers = {}) {
    return this.#fetch(this.at(path).href, {
      method, headers, cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS),
    });
  }
}
