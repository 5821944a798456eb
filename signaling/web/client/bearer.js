// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * How a token is shown where there is no cookie: in a header, and to a WebSocket as a subprotocol, since an address stands in the
 * logs of proxies and in `WebSocket.url`. Pages of others may have changed the prototypes of everything (analytics do), so that
 * no method of the token or of what holds it is called here, and nothing that holds it inherits anything.
 */

/** The subprotocol that is agreed on, and what stands before the token in the other one, as in the server's `embed.rs`. */
export const PROTOCOL = "porthole";
export const BEARER = "porthole.bearer.";
/** The longest token in characters: what the server takes of an existing system's. */
export const MAX_TOKEN = 8_192;

const { iterator } = Symbol;
/** What may stand in a subprotocol (RFC 9110, 5.6.2), and in a token of this server's or a signed one. */
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+";
/** @type {Record<string, true>} */
const CHARACTERS = Object.create(null);
for (const character of ALPHABET) CHARACTERS[character] = true;

/** Whether it can be shown to a WebSocket. @param {unknown} token */
export function isToken(token) {
  if (typeof token !== "string" || token.length === 0 || token.length > MAX_TOKEN) return false;
  for (let i = 0; i < token.length; i += 1) if (!CHARACTERS[token[i]]) return false;
  return true;
}

/** @param {string} token @returns {Record<string, string>} */
export const bearerHeader = (token) => /** @type {any} */ ({ __proto__: null, Authorization: `Bearer ${token}` });

/** For a WebSocket's constructor. An array would be read by an iterator that anybody may have changed. @param {string} token @returns {any} */
export function bearerProtocols(token) {
  const next = (/** @type {number} */ i) => ({ __proto__: null, done: i > 1, value: i === 0 ? PROTOCOL : `${BEARER}${token}` });
  return {
    __proto__: null,
    [iterator]() {
      let i = 0;
      return { __proto__: null, next: () => next(i++) };
    },
  };
}
