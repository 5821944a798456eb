// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The server's REST API (`api/docs` describes it), with the cookie of who is signed in. */
import { CONNECT_TIMEOUT_MS, list, text } from "../client/rules.js";

/** Asked for in one answer: the most that the server gives. */
const PAGE = 500;
/** Answers put together to one list. Longer ones are cut: no page shows more. */
const MAX_PAGES = 4;

/** What the server answered in place of what was asked for (RFC 9457). */
export class Problem extends Error {
  /** @param {number} status 0 where there was no answer @param {any} body @param {string|null} [retryAfter] the header */
  constructor(status, body, retryAfter = null) {
    super(text(body?.detail) || text(body?.message) || text(body?.title) || (status ? `The server answered ${status}.` : "The server does not answer."));
    this.status = status;
    this.code = text(body?.code) || (status ? "other" : "server-unreachable");
    this.body = body ?? {};
    this.retryAfter = retryAfter;
  }
}

export class Api {
  #base; #fetch;

  /** @param {string|URL} base the server's folder @param {any} [fetch] for tests */
  constructor(base, fetch = (/** @type {any[]} */ ...a) => /** @type {any} */ (globalThis).fetch(...a)) {
    this.#base = base;
    this.#fetch = fetch;
  }

  /** @param {string} path below `api/` @param {Record<string, string|number|undefined>} [query] @returns {Promise<any>} */
  get(path, query = {}) {
    const fields = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
    return this.#ask("GET", fields.length ? `${path}?${new URLSearchParams(fields.map(([name, value]) => [name, String(value)]))}` : path);
  }

  /** A list, put together from its pages. @param {string} path @param {Record<string, string|number|undefined>} [query] @returns {Promise<any[]>} */
  async all(path, query = {}) {
    const items = [];
    let after;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const answer = await this.get(path, { ...query, limit: PAGE, after });
      items.push(...list(answer?.items));
      after = text(answer?.next);
      if (!after) break;
    }
    return items;
  }

  /** @param {string} path @param {object} [body] @param {HeadersInit} [headers] @returns {Promise<any>} */
  post(path, body, headers) { return this.#ask("POST", path, body, headers); }

  /** @param {string} path @param {object} body @returns {Promise<any>} */
  put(path, body) { return this.#ask("PUT", path, body); }

  /** @param {string} path @param {object} body @returns {Promise<any>} */
  patch(path, body) { return this.#ask("PATCH", path, body); }

  /** @param {string} path @param {object} [body] */
  delete(path, body) { return this.#ask("DELETE", path, body); }

  /** @param {string} method @param {string} path @param {object} [body] @param {HeadersInit} [extra] */
  async #ask(method, path, body, extra = {}) {
    const headers = { ...extra, ...(body && { "Content-Type": "application/json" }) };
    let response;
    try {
      response = await this.#fetch(new URL(`api/${path}`, this.#base).href, {
        method, headers, body: body && JSON.stringify(body), cache: "no-store", credentials: "same-origin",
        signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS),
      });
    } catch {
      throw new Problem(0, null);
    }
    const answer = await response.json().catch(() => null);
    if (!response.ok) throw new Problem(response.status, answer, response.headers.get("Retry-After"));
    return answer;
  }
}

/** A part of a path that someone else wrote. @param {string} part */
export const segment = (part) => encodeURIComponent(part);
