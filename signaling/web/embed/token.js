// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * The token of a camera in somebody's page: where it comes from, when the next one is asked for, and for which server it is.
 *
 * @typedef {(asked: {server: string, camera: string}) => string|Promise<string>} TokenProvider
 */

/** So long before its end a right is renewed: what answers slowly is still in time. */
export const LEAD_MS = 30_000;
/** Of a right that is shorter, so much of it is used first. */
const SHARE = 2 / 3;
/** Between two tokens, also where the next one gives no longer right than the one before. */
export const LEAST_MS = 10_000;
/** The first wait after a provider that failed, and the longest. */
export const RETRY_MS = 5_000;
export const RETRY_CAP_MS = 300_000;
/** Longest wait of a browser's timer that is none at once: 24 days. */
const TIMER_CAP_MS = 2 ** 31 - 1;

export class Tokens {
  #env; #token = ""; #last = ""; #server = "";
  /** @type {unknown} */ #timer;
  #turn = 0; #failures = 0; #asked = -Infinity;
  /** @type {TokenProvider|null} */ #provider = null;
  #camera = "";

  /**
   * @param {{now: () => number, setTimeout: any, clearTimeout: any}} env
   * @param {{present: (token: string) => void, failed: (why: string) => void}} on `present`: the next token. `failed`: there is none now; it is
   *   asked for again by itself
   */
  constructor(env, on) {
    this.#env = env;
    this.on = on;
  }

  /** @param {unknown} token */
  set(token) {
    this.#token = typeof token === "string" ? token : "";
    // Of the server that is said next, if none was shown to yet.
    this.#server = "";
  }

  /** @param {unknown} provider */
  provide(provider) {
    this.#provider = typeof provider === "function" ? /** @type {TokenProvider} */ (provider) : null;
  }

  get isProvided() { return this.#provider !== null; }

  /**
   * The token to begin with; empty if there is none. What was meant for one server is not shown to another, whoever changes the
   * address. A promise only where it has to be waited for. @param {string} server @param {string} camera @returns {string|Promise<string>}
   */
  first(server, camera) {
    this.end();
    this.#last = "";
    if (this.#server && this.#server !== server) this.#token = "";
    this.#server = server;
    this.#camera = camera;
    if (this.#token || !this.#provider) return this.#token;
    return this.#ask();
  }

  /** The right lasts so long: the next token comes before its end. @param {number|null} until in ms of this device's clock */
  lasts(until) {
    this.#env.clearTimeout(this.#timer);
    if (until === null || !this.#provider) return;
    const now = this.#env.now();
    const left = Math.max(0, until - now);
    const wait = Math.max(left - LEAD_MS, Math.floor(left * SHARE), this.#asked + LEAST_MS - now);
    this.#later(wait);
  }

  /** The server does not take the token any more. Whether another one is asked for. */
  refused() {
    if (!this.#provider) return false;
    this.#env.clearTimeout(this.#timer);
    this.#later(Math.max(0, this.#asked + LEAST_MS - this.#env.now()));
    return true;
  }

  /** Nothing more is asked for. */
  end() {
    this.#turn += 1;
    this.#failures = 0;
    this.#env.clearTimeout(this.#timer);
  }

  /** @param {number} wait in ms */
  #later(wait) {
    const turn = this.#turn;
    this.#timer = this.#env.setTimeout(async () => {
      const token = await this.#ask();
      if (turn === this.#turn && token) this.on.present(token);
    }, Math.min(wait, TIMER_CAP_MS));
  }

  /** Empty where the provider has none, which it is asked for again later. @returns {Promise<string>} */
  async #ask() {
    const turn = this.#turn;
    this.#asked = this.#env.now();
    try {
      const provider = this.#provider;
      const token = await provider?.({ server: this.#server, camera: this.#camera });
      if (turn !== this.#turn) return "";
      if (typeof token === "string" && token !== "" && token !== this.#last) {
        this.#failures = 0;
        this.#last = token;
        return token;
      }
      this.#failed(token ? "the same as before" : "none");
    } catch (error) {
      if (turn === this.#turn) this.#failed(String(/** @type {any} */ (error)?.message ?? error));
    }
    return "";
  }

  /** @param {string} why */
  #failed(why) {
    this.#later(Math.min(RETRY_CAP_MS, RETRY_MS * 2 ** this.#failures));
    this.#failures += 1;
    this.on.failed(why);
  }
}
