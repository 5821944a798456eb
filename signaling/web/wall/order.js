// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** In which order the cameras hang, which a browser keeps. Pure, but for the storage that is given. */
import { MAX_CAMERAS, MAX_ID, list } from "../client/rules.js";
import { readChoice } from "./layout.js";

/** Under which a browser keeps it. */
const KEPT = "porthole.wall";

/** @typedef {{order: string[], choice: import("./layout.js").Choice}} Kept */

/**
 * What was kept. Another page of this origin may have written something else.
 * @param {() => Storage} storage which may throw @returns {Kept}
 */
export function read(storage) {
  try {
    const kept = JSON.parse(storage().getItem(KEPT) ?? "{}");
    const fits = (/** @type {unknown} */ id) => typeof id === "string" && id !== "" && id.length <= MAX_ID;
    return { order: [...new Set(list(kept?.order).slice(0, MAX_CAMERAS).filter(fits))], choice: readChoice(kept?.choice) };
  } catch {
    return { order: [], choice: "auto" };
  }
}

/** @param {() => Storage} storage which may throw @param {Kept} kept */
export function keep(storage, { order, choice }) {
  try { storage().setItem(KEPT, JSON.stringify({ order: order.slice(0, MAX_CAMERAS), choice })); } catch { /* Off or full: it holds until the page is closed. */ }
}

/**
 * The cameras as they hang: first those that somebody put in order, then the others as they come.
 * @template {{id: string}} T
 * @param {T[]} cameras @param {string[]} order @returns {T[]}
 */
export function arrange(cameras, order) {
  const places = new Map(order.map((id, place) => [id, place]));
  const place = (/** @type {T} */ { id }) => places.get(id) ?? order.length;
  return cameras.map((camera, n) => ({ camera, n })).sort((a, b) => place(a.camera) - place(b.camera) || a.n - b.n).map(({ camera }) => camera);
}

/**
 * The order in which one camera hangs elsewhere. Cameras that are not there just now keep their places.
 * @param {string[]} order @param {string[]} shown all that hang, as they hang @param {string} id @param {number} to its place among those
 * @returns {string[]}
 */
export function moved(order, shown, id, to) {
  if (!shown.includes(id)) return order;
  const rest = shown.filter((each) => each !== id);
  const place = Math.min(Math.max(0, to), rest.length);
  const known = new Set(order);
  const all = [...order, ...shown.filter((each) => !known.has(each))].filter((each) => each !== id);
  const before = rest[place];
  all.splice(before === undefined ? all.length : all.indexOf(before), 0, id);
  return all;
}
