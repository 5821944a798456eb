// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * When to remind someone of a booking, while a page is open. Pure: what was told and the time are arguments.
 *
 * @typedef {{id: string, camera: string, cameraName: string, start: number, end: number}} Coming
 */

/** For someone to come back to the screen. */
export const LEAD_MS = 300_000;
/** Told ones that are remembered: those of a week and more. */
const MAX_TOLD = 200;
/** What a timer of a browser can wait for; longer ones would fire at once. */
const MAX_WAIT_MS = 3_600_000;

/** By what it is known that someone was reminded: a booking that is moved is another reminder. @param {Coming} coming */
export const keyOf = ({ id, start }) => `${id} ${start}`;

/** Of which one is reminded now: it begins soon or has begun, is not over, and was not told. @param {Coming[]} coming @param {string[]} told @param {number} now */
export const due = (coming, told, now) => coming.filter((each) => each.start - LEAD_MS <= now && now < each.end && !told.includes(keyOf(each)));

/** How long to wait for the next look. @param {Coming[]} coming @param {string[]} told @param {number} now */
export function waitFor(coming, told, now) {
  const next = coming.filter((each) => now < each.end && !told.includes(keyOf(each))).map(({ start }) => start - LEAD_MS - now);
  return Math.max(0, Math.min(MAX_WAIT_MS, ...next));
}

/** What is remembered once these were told. @param {string[]} told @param {Coming[]} now */
export const remember = (told, now) => [...told, ...now.map(keyOf)].slice(-MAX_TOLD);
