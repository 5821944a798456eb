// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What a camera in somebody's page decides by. Pure. */

/** How the picture fills its place, as CSS says it. */
export const FITS = Object.freeze(["contain", "cover", "fill"]);
/** Where this module is at a server. */
const HOME = /^(https?:\/\/.*\/)embed\/porthole-camera\.js$/;

/** @param {unknown} value */
export const readFit = (value) => (FITS.includes(String(value)) ? String(value) : "contain");

/**
 * The server's folder, or null where that is none.
 * @param {string|null} said @param {string} page the page's address @param {string} module this module's, which a server has at a place of its own
 */
export function readServer(said, page, module) {
  const text = said?.trim() || HOME.exec(module)?.[1];
  if (!text) return null;
  try {
    const url = new URL(text, page);
    if (!/^https?:$/.test(url.protocol) || url.username || url.password) return null;
    url.search = url.hash = "";
    if (!url.pathname.endsWith("/")) url.pathname += "/";
    return url.href;
  } catch {
    return null;
  }
}

/** Which states are the end of a try. */
export const isOver = (/** @type {string} */ state) => ["refused", "ended", "paused", "idle"].includes(state);

/**
 * What is said over the picture, as a key of the words if there is one, or else in English: nothing while the picture comes.
 * @param {string} state @param {string} code @param {string} message
 */
export function lineFor(state, code, message) {
  if (state === "connecting" && !message) return { key: "embed.connecting", words: "" };
  if (state === "paused") return { key: "embed.paused", words: "" };
  return { key: code && message ? `reason.${code}` : "", words: message };
}
