// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * What a viewer may book: the rules that the server told, what is booked already, and the times that are left. Pure; the server
 * decides all of it again. Points in time and spans are in ms.
 *
 * @typedef {{start: number, end: number}} Window
 * @typedef {{perms: string[], longest: number, latest: number, weeks: (Window & {left: number})[]}} Rule
 * @typedef {{id: string, name: string, rules: Rule[]}} Camera
 * @typedef {Window & {own: boolean, control: boolean}} Busy
 * @typedef {"free"|"shared"} State nobody else is there, or others watch as well
 * @typedef {Window & {state: State}} Slot
 * @typedef {"week"|"taken"|"late"|"past"} Why nothing is free
 */
import { list, text } from "../client/rules.js";
import { readTime } from "../client/when.js";

/** Beginnings that are offered: people meet at the half hour. */
export const STEP_MS = 1_800_000;
/** How long one may book for, as far as the rules allow it. */
export const LENGTHS_MS = Object.freeze([900_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000]);
const MAX_CAMERAS = 200;
const MAX_RULES = 20;
const MAX_WEEKS = 60;
const MAX_BUSY = 2_000;

/** @param {unknown} seconds */
const span = (seconds) => (typeof seconds === "number" && Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : 0);

/** @param {any} told @returns {Window[]} */
function readWindow(told) {
  const [start, end] = [readTime(told?.start), readTime(told?.end)];
  return start !== null && end !== null && start < end ? [{ start, end }] : [];
}

/** What `api/me/self-booking` answers. @param {any} told @returns {Camera[]} */
export function readOffer(told) {
  return list(told?.cameras).slice(0, MAX_CAMERAS).flatMap((camera) => {
    if (typeof camera?.id !== "string") return [];
    const rules = list(camera.rules).slice(0, MAX_RULES).flatMap((rule) => {
      const latest = readTime(rule?.latest);
      const weeks = list(rule?.weeks).slice(0, MAX_WEEKS).flatMap((week) => readWindow(week).map((window) => ({ ...window, left: span(week.left) })));
      return latest === null || !span(rule.longest) ? [] : [{ perms: list(rule.perms).map(text), longest: span(rule.longest), latest, weeks }];
    });
    return rules.length ? [{ id: camera.id, name: text(camera.name) || text(camera.id), rules }] : [];
  });
}

/** What `api/me/free-busy` answers. @param {any} told @returns {Busy[]} */
export const readBusy = (told) => list(told?.items).slice(0, MAX_BUSY).flatMap((each) => readWindow(each).map((window) => ({ ...window, own: each.own === true, control: each.control === true })));

/** Whether both are at once. @param {Window} a @param {Window} b */
const meet = (a, b) => a.start < b.end && b.start < a.end;
/** @param {Window} a @param {Window} b */
const overlap = (a, b) => Math.max(0, Math.min(a.end, b.end) - Math.max(a.start, b.start));

/** Why a rule does not allow it; null if it does. @param {Rule} rule @param {Window} wanted @param {string[]} perms @returns {Why|null|"perms"} */
function against(rule, wanted, perms) {
  if (!perms.every((perm) => rule.perms.includes(perm)) || wanted.end - wanted.start > rule.longest) return "perms";
  if (wanted.end > rule.latest) return "late";
  return rule.weeks.some((week) => overlap(wanted, week) > week.left) ? "week" : null;
}

/** The lengths that any rule allows. @param {Camera} camera */
export const lengthsOf = ({ rules }) => {
  const longest = Math.max(...rules.map((rule) => rule.longest));
  const fitting = LENGTHS_MS.filter((length) => length <= longest);
  return fitting.length ? fitting : [longest];
};

/** Whether any rule lets one do this. @param {Camera} camera @param {string} perm */
export const offers = ({ rules }, perm) => rules.some((rule) => rule.perms.includes(perm));

/**
 * The times that may be booked on a day, by their start; where there are none, why.
 * @param {Camera} camera @param {Busy[]} busy of the camera
 * @param {{day: Window, length: number, perms: string[], now: number}} wanted `day` from its first moment to the first of the next
 * @returns {{slots: Slot[], why: Why|null}}
 */
export function slotsOf({ rules }, busy, { day, length, perms, now }) {
  const slots = /** @type {Slot[]} */ ([]);
  const reasons = new Set();
  for (let start = day.start; start < day.end; start += STEP_MS) {
    const wanted = { start, end: start + length };
    if (start < now) { reasons.add("past"); continue; }
    const there = busy.filter((each) => meet(each, wanted));
    if (there.some(({ own }) => own) || (perms.includes("control") && there.some(({ control }) => control))) { reasons.add("taken"); continue; }
    const whys = rules.map((rule) => against(rule, wanted, perms));
    if (whys.includes(null)) slots.push({ ...wanted, state: there.length ? "shared" : "free" });
    else for (const why of whys) reasons.add(why);
  }
  const why = /** @type {Why[]} */ (["week", "taken", "late", "past"]).find((each) => reasons.has(each)) ?? null;
  return { slots, why: slots.length ? null : why };
}

/** How much may still be booked in the week of a moment, by the rule that leaves most. @param {Camera} camera @param {number} at */
export const leftOf = ({ rules }, at) => Math.max(0, ...rules.flatMap(({ weeks }) => weeks.filter(({ start, end }) => start <= at && at < end).map(({ left }) => left)));
