// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** @typedef {import("./porthole-client.js").Credential} Credential */
import { CONNECT_TIMEOUT_MS, Refusal, describe, readEntrance, readOpenid, text, webAddress } from "./rules.js";
import { readRecoveryCodes, readSecond } from "./second-factor.js";

/** The server's addresses, and the way in: a credential is traded for a cookie, so that it stands in no address. */
export class Access {
  #fetch; #now; #base; #credential; #presented = false;
  /** Of a second factor that was made when one signed in. @type {string[]} */
  recoveryCodes = [];
  /** Whether the server knew this credential when it was last asked. */
  #known = false;

  /** @param {any} fetch @param {string|URL} base the server's folder @param {Credential} [credential] @param {() => number} [now] */
  constructor(fetch, base, credential, now = Date.now) {
    this.#fetch = fetch;
    this.#now = now;
    this.#base = new URL(base, globalThis.location?.href);
    if (!this.#base.pathname.endsWith("/")) this.#base.pathname += "/";
    this.#credential = credential;
  }

  /** An address of the server. Behind a proxy the server knows nothing of its folder. @param {string} path */
  at(path) {
    return new URL(path.replace(/^\/+/, ""), this.#base);
  }

  /** Another credential, which is presented at the next connection. @param {Credential} credential */
  use(credential) {
    this.#credential = credential;
    this.#presented = this.#known = false;
  }

  /** The cookie has come to its end. Whether there is a credential that makes a new one. */
  renew() {
    this.#presented = false;
    return this.#credential !== undefined;
  }

  /** Forgets the credential and the cookie. Gives the address at which one signs out of the identity provider, if there is one. */
  async forget() {
    this.#credential = undefined;
    const response = await this.#request("DELETE", "api/session").catch(() => null);
    if (response?.status !== 200) return "";
    return webAddress((await response.json().catch(() => null))?.logOut);
  }

  /** Resolves to the server's configuration once there is leave to connect; rejects with a {@link Refusal} if there is none. */
  async enter() {
    let known = await this.#config();
    // A token of the link comes before an older cookie, and makes a new one when that is forgotten. Where anyone may
    // watch, a token adds nothing; an account may.
    const needed = this.#credential && !(known.openAccess && "token" in this.#credential);
    if (needed && !(this.#presented && known.authenticated)) {
      await this.#present();
      known = await this.#config();
      if (!known.authenticated) throw new Refusal("unauthorized", "The browser did not keep the session cookie. Allow cookies for this site.");
    }
    if (!known.authenticated && !known.openAccess) {
      const openid = readOpenid(known.openid);
      const words = known.passwords || openid ? "This server asks who you are." : "This server asks for an access token.";
      throw new Refusal("unauthorized", words, { passwords: known.passwords === true, openid });
    }
    return known;
  }

  async #config() {
    const response = await this.#request("GET", "api/config");
    if (!response.ok) throw new Error(`api/config: ${response.status}`);
    return response.json();
  }

  async #present() {
    const credential = /** @type {Credential} */ (this.#credential);
    const response = "token" in credential
      ? await this.#request("POST", "api/session", { Authorization: `Bearer ${credential.token}` })
      : await this.#request("POST", "api/session", { "Content-Type": "application/json" }, JSON.stringify(credential));
    if (response.status >= 500 && response.status !== 503) throw new Error(`api/session: ${response.status}`);
    if (response.ok) {
      this.#presented = this.#known = true;
      if ("code" in credential || "passkey" in credential) this.recoveryCodes = readRecoveryCodes(await response.json().catch(() => null));
      // A password is not kept, and a share link is used once: the cookie stands for both.
      if (!("token" in credential)) this.#credential = undefined;
      return;
    }
    const problem = await response.json().catch(() => ({}));
    const second = readSecond(problem);
    const refusal = readEntrance(credential, response.status, problem, response.headers.get("Retry-After"), this.#now());
    refusal.second = second;
    if (!refusal.retryAfter) this.#credential = undefined;
    throw refusal.code === "unauthorized" && this.#known ? new Refusal("revoked", describe("revoked")) : refusal;
  }

  /** @param {string} method @param {string} path @param {object} [headers] @param {string} [body] */
  #request(method, path, headers = {}, body) {
    return this.#fetch(this.at(path).href, {
      method, headers, body, cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS),
    });
  }
}
