// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What a guest has said of itself in this browser: the next link finds it again. */

const STORED = "porthole-called";

/** @returns {string} */
export function storedName() {
  try { return localStorage.getItem(STORED) ?? ""; } catch { return ""; }
}

/** @param {string} name */
export function storeName(name) {
  try { localStorage.setItem(STORED, name); } catch { /* It counts for this page then. */ }
}
