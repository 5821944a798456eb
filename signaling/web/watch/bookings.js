// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * What someone may watch and when, and what the page does about it. Pure; `agenda.js` puts it on the screen.
 *
 * @typedef {{id: string, name: string, online: boolean, until: number|null}} OpenCamera
 * @typedef {{id: string, camera: string, cameraName: string, start: number, end: number}} Booked
 * @typedef {{user: string, administrator: boolean, shared: boolean, passkeys: boolean, ahead: number, cameras: OpenCamera[], bookings: Booked[]}} Me
 *   what the server says of who is signed in; `ahead` is how far its clock is ahead of this device's, in ms. All times
 *   are of this device's clock.
 */
import { MAX_CAMERAS, MAX_SESSIONS, isolated, list, text } from "../client/rules.js";
import { readTime } from "../client/when.js";
import { countdownInWords, momentInWords, windowInWords } from "../words/when.js";
import { t } from "../words/words.js";

/** Bookings shown; the server sends as many. */
const MAX_BOOKINGS = 100;
/** After a window's first or last moment the server has the hand: it is asked this much later. */
export const SETTLED_MS = 1_000;
/** A server that did not answer is asked again after this. */
const RETRY_MS = 5_000;
/** The server is asked at least this often: a page may have slept, or its clock have been set. */
const LOOK_CAP_MS = 600_000;

/** What `api/me` answers, on this device's clock; null where it cannot be read. @param {any} told @param {number} now @returns {Me|null} */
export function readMe(told, now) {
  if (typeof told?.user !== "string") return null;
  const ahead = (readTime(told.now) ?? now) - now;
  const here = (/** @type {unknown} */ time) => {
    const at = readTime(time);
    return at === null ? null : at - ahead;
  };
  const cameras = list(told.cameras).slice(0, MAX_CAMERAS).flatMap((each) => (typeof each?.id === "string"
    ? [{ id: each.id, name: text(each.name) || text(each.id), online: each.online === true, until: here(each.until) }] : []));
  const bookings = list(told.bookings).slice(0, MAX_BOOKINGS).flatMap((each) => {
    const [start, end] = [here(each?.start), here(each?.end)];
    if (typeof each?.camera !== "string" || start === null || end === null) return [];
    return [{ id: text(each.id), camera: each.camera, cameraName: text(each.cameraName) || text(each.camera), start, end }];
  });
  return {
    user: text(told.user), administrator: told.role === "administrator", shared: told.shared === true, passkeys: told.passkeys === true, ahead, cameras,
    bookings: bookings.sort((a, b) => a.start - b.start),
  };
}

/**
 * The cameras whose picture starts by itself: one that has just become open, and one that is the only one there is. An
 * administrator, to whom all are open at any time, chooses.
 * @param {Me|null} before as the server said last @param {Me|null} me as it says now
 * @returns {string[]}
 */
export function toOpen(before, me) {
  if (!me || me.administrator) return [];
  if (!before || before.user !== me.user) return me.cameras.length === 1 ? [me.cameras[0].id] : [];
  const known = new Set(before.cameras.map(({ id }) => id));
  return me.cameras.map(({ id }) => id).filter((id) => !known.has(id)).slice(0, MAX_SESSIONS);
}

/** The next booking that has not begun, of one camera or of any. @param {Me|null} me @param {number} now @param {string} [camera] */
export const nextBooking = (me, now, camera) =>
  me?.bookings.find((each) => each.start > now && (camera === undefined || each.camera === camera)) ?? null;

/**
 * When the server is to be asked again, in ms from now.
 * @param {Me|null} me @param {number} now @param {boolean} [answered] whether it answered this time
 */
export function nextLook(me, now, answered = true) {
  if (!answered) return RETRY_MS;
  const edges = (me?.bookings ?? []).flatMap(({ start, end }) => [start, end]).map((at) => at + SETTLED_MS - now);
  return Math.min(LOOK_CAP_MS, ...edges.filter((ms) => ms > 0));
}

/**
 * The cameras of the list: those that are connected, and those that are open but are not.
 * @param {Iterable<{id: string, name: string}>} connected @param {Me|null} me
 * @returns {{id: string, name: string, online: boolean, until: number|null}[]}
 */
export function cards(connected, me) {
  const open = new Map(me?.cameras.map((each) => [each.id, { ...each, online: false }]));
  for (const { id, name } of connected) open.set(id, { id, name, online: true, until: open.get(id)?.until ?? null });
  return [...open.values()].sort((a, b) => a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1));
}

/**
 * A booking in words.
 * @param {Booked} booking @param {number} now @param {import("../words/when.js").How} [how]
 */
export function bookingInWords({ cameraName, start, end }, now, how) {
  const state = now >= end ? "over" : now >= start ? "open" : "to come";
  return { camera: cameraName, when: windowInWords(start, end, now, how), state };
}

/** How the next booking is announced; empty where there is none. @param {Booked|null} next @param {number} now */
export const nextInWords = (next, now) => (next ? t("watch.opens-in", { camera: isolated(next.cameraName), time: countdownInWords(next.start - now) }) : "");

/** What is added to a refusal or an end. @param {number|null} next when one may watch again @param {number} now @param {import("../words/when.js").How} [how] */
export function againInWords(next, now, how) {
  if (next === null || next <= now) return "";
  return t("watch.again", { time: momentInWords(next, now, how) });
}
