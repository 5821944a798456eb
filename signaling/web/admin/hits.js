// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * What was searched for, across all there is. Pure.
 *
 * @typedef {"camera"|"user"|"booking"|"share"} Kind
 * @typedef {{kind: Kind, key: string, id: string, name: string, camera: string, start: number|null, end: number|null, note: string}} Hit
 */
import { list, text } from "../client/rules.js";
import { readTime } from "../client/when.js";

/** Of each kind: who finds more says more. */
export const MAX_OF_A_KIND = 8;
/** What a server takes. */
export const MAX_SEARCH = 100;

/** The address of a search, and the search of an address. @param {string} words */
export const addressOf = (words) => `#search/${encodeURIComponent(words.trim().slice(0, MAX_SEARCH))}`;

/**
 * What the parts of the page's address say: which part, and of what.
 * @param {string} hash @param {string[]} parts @returns {{part: string, of: string}}
 */
export function readAddress(hash, parts) {
  const [, part = "", of = ""] = hash.match(/^#(\w+)(?:\/(.*))?$/s) ?? [];
  if (!parts.includes(part)) return { part: parts[0], of: "" };
  try {
    return { part, of: decodeURIComponent(of).slice(0, MAX_SEARCH) };
  } catch {
    return { part, of: "" };
  }
}

/** @param {Kind} kind @param {string} id @param {Partial<Hit>} more @returns {Hit} */
const hit = (kind, id, more) => ({ kind, key: `${kind} ${id}`, id, name: "", camera: "", start: null, end: null, note: "", ...more });

/**
 * What the lists answered, each with what was searched for. Those that are not there are left out.
 * @param {{cameras: any, users: any, bookings: any, shares: any}} told
 * @returns {{hits: Hit[], more: boolean}}
 */
export function readHits({ cameras, users, bookings, shares }) {
  const some = (/** @type {any} */ answer) => list(answer?.items).slice(0, MAX_OF_A_KIND);
  const id = (/** @type {any} */ each) => (typeof each?.id === "string" ? each.id : "");
  const times = (/** @type {any} */ each) => ({ start: readTime(each.start), end: readTime(each.end) });
  const hits = [
    ...some(cameras).filter(id).map((each) => hit("camera", id(each), { name: text(each.name) || id(each), camera: id(each) })),
    ...some(users).filter((each) => typeof each?.name === "string").map((each) => hit("user", each.name, { name: each.name })),
    ...some(bookings).filter(id).map((each) => hit("booking", id(each), { name: text(each.user), camera: text(each.camera), note: text(each.note), ...times(each) })),
    ...some(shares).filter(id).map((each) => hit("share", id(each), { camera: text(each.camera), note: text(each.note), ...times(each) })),
  ];
  return { hits, more: [cameras, users, bookings, shares].some((answer) => list(answer?.items).length > MAX_OF_A_KIND) };
}
