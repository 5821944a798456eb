// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * The calendar's model: windows of time on columns of days, and what a drag makes of them. Pure.
 *
 * A place on a column is the time of day on the clock, so that the hours stand at the same height on every day. On the two
 * days of the year that are longer or shorter, a window is drawn as long as the clock says; its real length is kept when
 * it is moved. Points in time are in ms, in the zone of this device.
 *
 * @typedef {{day: number, camera: string|null}} Column a day, from its first moment; of one camera, or of all
 * @typedef {{booking: string, camera: string, user: string, start: number, end: number, perms: string[], recurring: boolean, note: string}} Entry
 * @typedef {{column: number, minute: number}} Place
 * @typedef {{entry: Entry, top: number, bottom: number, lane: number, lanes: number, first: boolean, last: boolean}} Piece
 *   the part of an entry on one column, in minutes of the clock; `first` and `last` where it begins and ends there
 * @typedef {"new"|"move"|"start"|"end"|"fixed"} Kind `fixed` is one that cannot be dragged
 */
import { list, text } from "../client/rules.js";
import { readTime } from "../client/when.js";

/** What a drag is snapped to: people book by the quarter of an hour. */
export const SLOT_MIN = 15;
export const DAY_MIN = 1_440;
/** A booking made by a click. */
export const DEFAULT_MIN = 60;
/** A piece is drawn at least this high, so that it can be read and hit. */
const SHOWN_MIN = 25;
/** Columns shown at once: more are not read but scrolled through. */
export const MAX_COLUMNS = 32;
const MAX_ENTRIES = 1_000;

/** The first moment of the day. @param {number} at */
export const dayOf = (at) => new Date(at).setHours(0, 0, 0, 0);

/** The same time of day so many days later. @param {number} at @param {number} days */
export function addDays(at, days) {
  const date = new Date(at);
  return date.setDate(date.getDate() + days);
}

/** The first day of the week. @param {number} at @param {number} [first] 1 for Monday, 7 for Sunday */
export const weekOf = (at, first = 1) => addDays(dayOf(at), -((new Date(at).getDay() - first + 14) % 7));

/** Minutes of the clock since midnight. @param {number} at */
export function minuteOf(at) {
  const date = new Date(at);
  return date.getHours() * 60 + date.getMinutes() + date.getSeconds() / 60;
}

/** The moment when the clock shows so many minutes after midnight, which may be on another day. @param {number} day @param {number} minute */
export function momentOf(day, minute) {
  const date = new Date(day);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate(), 0, minute).getTime();
}

/** @param {number} minute */
const snapped = (minute) => Math.round(minute / SLOT_MIN) * SLOT_MIN;

/** What `api/calendar` answers. Entries that cannot be read are left out. @param {any} told @returns {Entry[]} */
export function readCalendar(told) {
  return list(told?.items).slice(0, MAX_ENTRIES).flatMap((each) => {
    const [start, end] = [readTime(each?.start), readTime(each?.end)];
    if (start === null || end === null || end <= start) return [];
    return [{
      booking: text(each.booking), camera: text(each.camera), user: text(each.user), start, end,
      perms: list(each.perms).map(text), recurring: each.recurring === true, note: text(each.note),
    }];
  });
}

/**
 * The columns of a view, and the time they span.
 * @param {"day"|"week"} view @param {number} at a moment in it @param {string[]} cameras @param {string|null} camera the one chosen
 * @param {number} [firstDay] of the week
 * @returns {{columns: Column[], from: number, to: number}}
 */
export function columnsOf(view, at, cameras, camera, firstDay) {
  if (view === "day") {
    const day = dayOf(at);
    const shown = camera === null ? cameras.slice(0, MAX_COLUMNS) : [camera];
    return { columns: shown.map((each) => ({ day, camera: each })), from: day, to: addDays(day, 1) };
  }
  const first = weekOf(at, firstDay);
  const columns = Array.from({ length: 7 }, (_, i) => ({ day: addDays(first, i), camera }));
  return { columns, from: first, to: addDays(first, 7) };
}

/** The pieces of `entries` on a column, side by side where they overlap. @param {Entry[]} entries @param {Column} column @returns {Piece[]} */
export function piecesOf(entries, { day, camera }) {
  const next = addDays(day, 1);
  const pieces = entries
    .filter((entry) => (camera === null || entry.camera === camera) && entry.start < next && entry.end > day)
    .map((entry) => {
      const [first, last] = [entry.start >= day, entry.end <= next];
      const top = Math.min(first ? minuteOf(entry.start) : 0, DAY_MIN - SHOWN_MIN);
      const bottom = entry.end >= next ? DAY_MIN : minuteOf(entry.end);
      return { entry, first, last, top, bottom: Math.max(bottom, top + SHOWN_MIN), lane: 0, lanes: 1 };
    })
    .sort((a, b) => a.top - b.top || b.bottom - a.bottom);
  return sideBySide(pieces);
}

/** Gives each piece of a group that hangs together a lane. @param {Piece[]} pieces by `top` @returns {Piece[]} */
function sideBySide(pieces) {
  /** Where each lane of the group is free again. @type {number[]} */
  let free = [];
  /** @type {Piece[]} */
  let group = [];
  for (const piece of pieces) {
    if (free.every((bottom) => bottom <= piece.top)) [free, group] = [[], []];
    const lane = free.findIndex((bottom) => bottom <= piece.top);
    piece.lane = lane < 0 ? free.length : lane;
    free[piece.lane] = piece.bottom;
    group.push(piece);
    for (const each of group) each.lanes = free.length;
  }
  return pieces;
}

/**
 * What a drag from one place to another makes: a new window, or the entry's as it is moved or as one of its edges is.
 * @param {Kind} kind @param {Place} from @param {Place} to @param {Column[]} columns @param {Entry} [entry] all but `new` are of one
 * @returns {{start: number, end: number}}
 */
export function dragged(kind, from, to, columns, entry) {
  const { day } = columns[to.column];
  if (!entry || kind === "new") return drawn(columns[from.column].day, from.minute, to.minute);
  if (kind === "move") {
    const days = Math.round((day - columns[from.column].day) / 86_400_000);
    const start = momentOf(addDays(dayOf(entry.start), days), snapped(minuteOf(entry.start) + to.minute - from.minute));
    return { start, end: start + entry.end - entry.start };
  }
  const edge = momentOf(day, snapped(to.minute));
  const slot = SLOT_MIN * 60_000;
  return kind === "start"
    ? { start: Math.min(edge, entry.end - slot), end: entry.end }
    : { start: entry.start, end: Math.max(edge, entry.start + slot) };
}

/** A new window on one day: every slot that was touched. @param {number} day @param {number} from @param {number} to in minutes */
function drawn(day, from, to) {
  const top = Math.floor(Math.max(0, Math.min(from, to)) / SLOT_MIN) * SLOT_MIN;
  const bottom = Math.max(Math.ceil(Math.min(DAY_MIN, Math.max(from, to)) / SLOT_MIN) * SLOT_MIN, top + SLOT_MIN);
  const [start, end] = [momentOf(day, top), momentOf(day, bottom)];
  // An hour that the clock leaves out has no length.
  return { start, end: Math.max(end, start + SLOT_MIN * 60_000) };
}

/** The window of a click: an hour from the slot that was hit. @param {Column} column @param {number} minute */
export function clicked({ day }, minute) {
  const start = momentOf(day, Math.min(Math.floor(minute / SLOT_MIN) * SLOT_MIN, DAY_MIN - SLOT_MIN));
  return { start, end: start + DEFAULT_MIN * 60_000 };
}

/** A moment as a field of the type `datetime-local` holds it. @param {number} at */
export function toField(at) {
  const date = new Date(at);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** What such a field says, as it is sent: in this device's zone. Empty where it says nothing. @param {string} value */
export function fromField(value) {
  const at = Date.parse(value);
  return Number.isFinite(at) ? new Date(at).toISOString() : "";
}
