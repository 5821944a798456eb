// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * Points in time in words, as someone at this device says them: in its zone, with its clock of 12 or 24 hours. Now is an
 * argument.
 *
 * @typedef {{locale?: string, timeZone?: string}} How the language and zone, for tests
 */
import { locale as spoken, t } from "./words.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** A day of the week names a day only this far ahead or back. */
const NAMED_DAYS = 7;
/** Below this a countdown shows seconds; above, nobody waits at the screen. */
const COUNTDOWN_MS = DAY_MS;

/** @param {Intl.DateTimeFormatOptions} options @param {How} how */
const format = (options, { locale = spoken(), timeZone } = {}) => new Intl.DateTimeFormat(locale, { ...options, timeZone });

/** Which day it is in that zone, counted from some day. @param {number} at @param {How} [how] */
function dayNumber(at, how) {
  const parts = format({ year: "numeric", month: "numeric", day: "numeric", calendar: "gregory", numberingSystem: "latn" }, how).formatToParts(at);
  const of = (/** @type {string} */ type) => Number(parts.find((part) => part.type === type)?.value);
  return Math.round(Date.UTC(of("year"), of("month") - 1, of("day")) / DAY_MS);
}

/** The day, as `today`, `Friday`, `Tue 1 Dec`. @param {number} at @param {number} now @param {How} [how] */
export function dayInWords(at, now, how) {
  const days = dayNumber(at, how) - dayNumber(now, how);
  if (Math.abs(days) <= 1) return new Intl.RelativeTimeFormat(how?.locale ?? spoken(), { numeric: "auto" }).format(days, "day");
  if (days > 1 && days < NAMED_DAYS) return format({ weekday: "long" }, how).format(at);
  const year = (/** @type {number} */ ms) => format({ year: "numeric" }, how).format(ms);
  return format({ weekday: "short", day: "numeric", month: "short", ...(year(at) !== year(now) && { year: "numeric" }) }, how).format(at);
}

/** The time of day, as `14:00`. @param {number} at @param {How} [how] */
export function timeInWords(at, how) {
  const whole = format({ hour: "numeric" }, how).resolvedOptions().hourCycle?.startsWith("h2");
  return format({ hour: whole ? "2-digit" : "numeric", minute: "2-digit" }, how).format(at);
}

/** @param {number} at @param {number} now @param {How} [how] */
export const momentInWords = (at, now, how) => t("parts.moment", { day: dayInWords(at, now, how), time: timeInWords(at, how) });

/** From one to before the other, as `today, 14:00–15:00`. @param {number} start @param {number} end @param {number} now @param {How} [how] */
export function windowInWords(start, end, now, how) {
  const sameDay = dayNumber(start, how) === dayNumber(Math.max(start, end - 1), how);
  const till = sameDay ? `–${timeInWords(end, how)}` : ` – ${momentInWords(end, now, how)}`;
  return momentInWords(start, now, how) + till;
}

/** About how long, as `12 min` or `3 h 5 min`. @param {number} ms */
export function spanInWords(ms) {
  if (ms < MINUTE_MS) return t("parts.span-short");
  if (ms < HOUR_MS) return t("parts.span-minutes", { minutes: Math.floor(ms / MINUTE_MS) });
  if (ms >= 2 * DAY_MS) return t("parts.span-days", { count: Math.floor(ms / DAY_MS) });
  const [hours, minutes] = [Math.floor(ms / HOUR_MS), Math.floor((ms % HOUR_MS) / MINUTE_MS)];
  return minutes ? t("parts.span-both", { hours, minutes }) : t("parts.span-hours", { hours });
}

/** @param {number} at @param {number} now */
export function agoInWords(at, now) {
  if (now - at < MINUTE_MS) return t("parts.just-now");
  if (now - at >= 2 * DAY_MS) return t("parts.days-ago", { count: Math.floor((now - at) / DAY_MS) });
  return t("parts.ago", { span: spanInWords(now - at) });
}

/** How long until then: to the second on the last day, as `0:59` or `1:02:03`. @param {number} ms */
export function countdownInWords(ms) {
  if (ms >= COUNTDOWN_MS) return spanInWords(ms);
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)}`;
}

/** The zone in which the times on this page are. */
export const zoneInWords = () => new Intl.DateTimeFormat().resolvedOptions().timeZone.replaceAll("_", " ");
