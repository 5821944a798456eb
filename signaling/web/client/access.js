// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** @typedef {import("./types.js").Credential} Credential */
import { bearerHeader, bearerProtocols, isToken } from "./bearer.js";
import { CONNECT_TIMEOUT_MS, Refusal, describe, readEntrance, readOpenid, text, webAddress } from "./rules.js";
import { readRecoveryCodes, readSecond } from "./second-factor.js";

/** A file that anybody may have: by whether it comes, a server that is away is told from one that does not name this page. */
const PROBE = "embed/porthole-camera.js";

/**
 * The server's addresses, and the way in: a credential is traded for a cookie, so that it stands in no address. A page of another
 * origin has no cookie, and shows its token each time (docs/embed.md).
 */
export class Access {
  #fetch; #now; #base; #credential; #cookies; #presented = false;
  /** Of a second factor that was made when one signed in. @type {string[]} */
  recoveryCodes = [];
  /** Whether the server knew this credential when it was last asked. */
  #known = false;

  /**
   * @param {any} fetch @param {string|URL} base the server's folder @param {Credential} [credential] @param {() => number} [now]
   * @param {boolean} [cookies] whether there is one; on a page of the server's own, if nothing is said
   */
  constructor(fetch, base, credential, now = Date.now, cookies = undefined) {
    const page = globalThis.location;
    this.#fetch = fetch;
    this.#now = now;
    this.#base = new URL(base, page?.href);
    if (!this.#base.pathname.endsWith("/")) this.#base.pathname += "/";
    this.#credential = credential;
    this.#cookies = cookies ?? (!page || page.origin === this.#base.origin);
  }

  /** What a WebSocket shows besides its cookie. @returns {any[]} the second argument of its constructor, if there is one */
  get protocols() {
    const credential = this.#credential;
    return !this.#cookies && this.#known && credential && "token" in credential ? [bearerProtocols(credential.token)] : [];
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
    return this.#cookies && this.#credential !== undefined;
  }

  /** Forgets the credential and the cookie. Gives the address at which one signs out of the identity provider, if there is one. */
  async forget() {
    this.#credential = undefined;
    if (!this.#cookies) return "";
    const response = await this.#request("DELETE", "api/session").catch(() => null);
    if (response?.status !== 200) return "";
    return webAddress((await response.json().catch(() => null))?.logOut);
  }

  /** Resolves to the server's configuration once there is leave to connect; rejects with a {@link Refusal} if there is none. */
  async enter() {
    if (!this.#cookies) return this.#enterWithout();
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

  /** The same without a cookie. */
  async #enterWithout() {
    const credential = this.#credential;
    if (credential && !("token" in credential)) {
      throw new Refusal("not-permitted", "Only a token is taken from a page of another site. Open share links at the server itself.");
    }
    if (credential && !isToken(credential.token)) throw new Refusal("unauthorized", "This token can be none: it has other characters than tokens have.");
    const known = await this.#config(credential ? bearerHeader(credential.token) : undefined);
    this.#known = known.authenticated === true;
    if (this.#known || (known.openAccess && !credential)) return known;
    throw new Refusal("unauthorized", credential
      ? "The server does not know this token, or its time is over."
      : "This server asks for an access token.");
  }

  /** A page that may not read the answer is told no more than one without a network. */
  async #unreadable() {
    if (this.#cookies) return null;
    const isThere = await this.#request("GET", PROBE, {}, undefined, "no-cors").then(() => true, () => false);
    return isThere ? new Refusal("origin-refused", "The server does not name this site: add it to [embed] origins in its configuration.") : null;
  }

  /** @param {object} [headers] */
  async #config(headers) {
    const response = await this.#request("GET", "api/config", headers).catch(async (/** @type {unknown} */ error) => { throw (await this.#unreadable()) ?? error; });
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

  /** @param {string} method @param {string} path @param {object} [headers] @param {string} [body] @param {RequestMode} [mode] */
  #request(method, path, headers = {}, body = undefined, mode = undefined) {
    return this.#fetch(this.at(path).href, {
      __proto__: null, method, headers, body, cache: "no-store", credentials: this.#cookies ? "same-origin" : "omit",
      signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS), ...(mode && { mode }),
    });
  }
}
