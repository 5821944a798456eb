// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** Bookings as the lines of a list: what is told of one, and how several are taken back and put back. */
import { segment } from "../parts/api.js";
import { $, cloned, fill, quote, say } from "../parts/dom.js";
import { list, text } from "../client/rules.js";
import { readTime } from "../client/when.js";
import { windowInWords } from "../words/when.js";
import { t } from "../words/words.js";
import { recurrenceInWords } from "./recurrence.js";
import { eachOf } from "./selection.js";
import { tell } from "./undo.js";
import { permsInWords } from "./words.js";

/**
 * @typedef {import("../parts/api.js").Api} Api
 * @typedef {{key: string, booking: string, camera: string, user: string, start: number, end: number, often: string, what: string, now: boolean}} Line
 */

/** A booking as the server tells it. @param {any} booking @returns {Line[]} */
export function lineOf(booking) {
  const [start, end] = [readTime(booking?.start), readTime(booking?.end)];
  if (typeof booking?.id !== "string" || start === null || end === null) return [];
  const what = [permsInWords(list(booking.perms).map(text)), booking.saving === false ? t("admin.no-saving") : "", text(booking.note)];
  return [{
    key: booking.id, booking: booking.id, camera: text(booking.camera), user: text(booking.user), start, end, now: false,
    often: recurrenceInWords(text(booking.recurrence?.rule)), what: what.filter(Boolean).join(" · "),
  }];
}

/** A window of the calendar. @param {import("./calendar.js").Entry & {now?: boolean}} entry @returns {Line} */
export function lineOfWindow({ booking, camera, user, start, end, perms, recurring, note, now = false }) {
  const what = [permsInWords(perms), note].filter(Boolean).join(" · ");
  return { key: `${booking} ${start}`, booking, camera, user, start, end, now, often: recurring ? t("admin.recurs") : "", what };
}

/**
 * Shows lines.
 * @param {any} place a list @param {Line[]} lines @param {(camera: string) => string} nameOf @param {(booking: string) => void} open
 * @param {(row: any, line: Line) => void} [more]
 */
export function showLines(place, lines, nameOf, open, more) {
  const now = Date.now();
  fill(place, lines, ({ key }) => key, ({ booking }) => {
    const row = cloned("#booking-row");
    row.dataset.testid = `booking-${booking}`;
    $(".open", row).addEventListener("click", () => open(booking));
    return row;
  }, (row, line) => {
    $(".pick", row).hidden = !more;
    row.dataset.now = String(line.now);
    quote($(".name", row), line.user);
    quote($(".at", row), nameOf(line.camera));
    $(".at", row).href = `#camera/${segment(line.camera)}`;
    say($(".when", row), `${line.now ? `${t("admin.now")}, ` : ""}${windowInWords(line.start, line.end, now)}`);
    say($(".often", row), line.often);
    quote($(".what", row), line.what);
    more?.(row, line);
  });
}

/** What has to be asked for to have a booking again. @param {any} booking as the server told it */
export const again = ({ id, camera, user, start, end, perms, saving, recurrence, note, own }) =>
  ({ id, camera, user, start, end, perms, saving, note, own: own === true, ...(recurrence && { recurrence }) });

/** Removes bookings, and lets them be put back. @param {Api} api @param {any[]} bookings as the server told them @param {() => Promise<void>} refresh */
export async function removeBookings(api, bookings, refresh) {
  const { done, failed } = await eachOf(bookings, ({ id }) => api.delete(`bookings/${segment(id)}`));
  if (done.length) {
    const gone = done.map(({ item }) => item);
    tell(t("admin.bookings-removed", { count: gone.length }), gone.map(({ user }) => text(user)).join(", "), async () => {
      const back = await eachOf(gone, (booking) => api.post("bookings", again(booking)));
      await refresh();
      if (back.failed.length) throw back.failed[0].problem;
    });
  }
  await refresh();
  if (failed.length) throw failed[0].problem;
}

/** Lets bookings last longer, all by as much. @param {Api} api @param {any[]} bookings @param {number} ms @param {() => Promise<void>} refresh */
export async function extendBookings(api, bookings, ms, refresh) {
  const to = (/** @type {any} */ { id }, /** @type {string} */ end) => api.patch(`bookings/${segment(id)}`, { end });
  const { done, failed } = await eachOf(bookings, (booking) => to(booking, new Date(Date.parse(booking.end) + ms).toISOString()));
  if (done.length) {
    tell(t("admin.bookings-extended", { count: done.length }), done.map(({ item }) => text(item.user)).join(", "), async () => {
      const back = await eachOf(done, ({ item }) => to(item, item.end));
      await refresh();
      if (back.failed.length) throw back.failed[0].problem;
    });
  }
  await refresh();
  if (failed.length) throw failed[0].problem;
}
