// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What a page does not begin with: it is fetched when somebody needs it. */

/** So long a browser may put off what can wait. */
const IDLE_MS = 2_000;

/**
 * What `load` brings, for all who ask. Where it did not come, who asks next has it fetched again.
 * @template T
 * @param {() => Promise<T>} load @returns {() => Promise<T>}
 */
export function later(load) {
  /** @type {Promise<T>|null} */
  let coming = null;
  return () => (coming ??= load().catch((error) => {
    coming = null;
    throw error;
  }));
}

/**
 * A style sheet, for the page as it is. It resolves when the sheet is in force: before, what it is for would be seen without it.
 * @param {string} href @returns {() => Promise<void>}
 */
export const styleSheet = (href) => later(() => new Promise((done, fail) => {
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href });
  link.onload = () => done();
  link.onerror = () => {
    link.remove();
    fail(new Error(`${href} did not come`));
  };
  document.head.append(link);
}));

/** Calls when the browser has nothing better to do. @param {() => void} call */
export function whenIdle(call) {
  // Safari has none.
  if (typeof requestIdleCallback === "function") requestIdleCallback(call, { timeout: IDLE_MS });
  else setTimeout(call, IDLE_MS);
}
