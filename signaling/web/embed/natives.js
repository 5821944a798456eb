// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * What the browser itself has, as it was when this module was loaded: scripts of the page may wrap these later, as analytics do, and
 * would be handed the token.
 */
const g = /** @type {any} */ (globalThis);
const { apply } = Reflect;
const [fetch, setTimeout, clearTimeout, removeAttribute] = [g.fetch, g.setTimeout, g.clearTimeout, g.Element?.prototype.removeAttribute];

/** For a {@link PortholeClient}. Nothing is inherited: what is missing is asked of nobody. @type {any} */
export const NATIVES = {
  __proto__: null, WebSocket: g.WebSocket,
  fetch: (/** @type {any} */ address, /** @type {any} */ options) => apply(fetch, g, [address, options]),
  setTimeout: (/** @type {any} */ call, /** @type {any} */ ms) => apply(setTimeout, g, [call, ms]),
  clearTimeout: (/** @type {any} */ id) => apply(clearTimeout, g, [id]),
};

/** @param {any} element @param {string} name */
export const forgetAttribute = (element, name) => apply(removeAttribute, element, [name]);
