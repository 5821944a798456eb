// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * What an administrator sees first: what is on, what was over the last day, and what failed. Pure; the server keeps the samples, one a minute.
 *
 * @typedef {{at: number, cameras: number, sessions: number, sent: number, started: number, failed: number}} Sample
 * @typedef {{enrolled: number, now: Sample, samples: Sample[]}} Overview
 * @typedef {(number|null)[]} Bars one for each part of the time; null where nothing is known
 * @typedef {{entry: any, count: number, at: number}} Failure the latest of those that are alike, and how many there were
 */
import { list, text } from "../client/rules.js";
import { readTime } from "../client/when.js";

/** A day in half hours: as many bars as a small graph can show. */
export const PARTS = 48;
export const DAY_MS = 86_400_000;
/** Samples that are read: those of a day, and some. */
const MAX_SAMPLES = 1_500;
/** Bars leave this much of their place free, so that they are told apart. */
const GAP = 0.15;
/** A bar that is not nothing is seen. */
const LEAST = 0.04;

/** @param {unknown} value */
const count = (value) => (typeof value === "number" && Number.isFinite(value) && value > 0 ? value : 0);

/** @param {any} told @returns {Sample[]} */
function readSample(told) {
  const at = readTime(told?.at);
  if (at === null) return [];
  return [{ at, cameras: count(told.cameras), sessions: count(told.sessions), sent: count(told.sent), started: count(told.started), failed: count(told.failed) }];
}

/** What `api/overview` answers; null if that is nothing of the kind. @param {any} told @returns {Overview|null} */
export function readOverview(told) {
  const [now] = readSample(told?.now);
  if (!now) return null;
  const samples = list(told.samples).slice(-MAX_SAMPLES).flatMap(readSample).filter(({ at }) => at < now.at);
  return { enrolled: count(told.enrolled), now, samples: [...samples, now].sort((a, b) => a.at - b.at) };
}

/** In which part of the day before `to` it is; -1 if in none. @param {number} at @param {number} to */
const partOf = (at, to) => (at > to || at <= to - DAY_MS ? -1 : Math.ceil(((at - to + DAY_MS) / DAY_MS) * PARTS) - 1);

/** The most that there was in each part of the day. @param {Sample[]} samples by time @param {number} to @param {(sample: Sample) => number} of @returns {Bars} */
export function levels(samples, to, of) {
  const bars = /** @type {Bars} */ (Array(PARTS).fill(null));
  for (const sample of samples) {
    const part = partOf(sample.at, to);
    if (part >= 0) bars[part] = Math.max(bars[part] ?? 0, of(sample));
  }
  return bars;
}

/**
 * By how much a counter rose in each part of the day. One that is smaller than before began anew, with its server.
 * @param {Sample[]} samples by time @param {number} to @param {(sample: Sample) => number} of @returns {Bars}
 */
export function increases(samples, to, of) {
  const bars = /** @type {Bars} */ (Array(PARTS).fill(null));
  samples.forEach((sample, place) => {
    const part = partOf(sample.at, to);
    if (part < 0) return;
    // What was before the first of them was at some other time.
    const before = place ? of(samples[place - 1]) : of(sample);
    bars[part] = (bars[part] ?? 0) + (of(sample) >= before ? of(sample) - before : of(sample));
  });
  return bars;
}

/** @param {Bars} bars */
export const most = (bars) => bars.reduce((/** @type {number} */ most, bar) => Math.max(most, bar ?? 0), 0);
/** @param {Bars} bars */
export const total = (bars) => bars.reduce((/** @type {number} */ sum, bar) => sum + (bar ?? 0), 0);

/** The bars as the path of an SVG of so many by 1; what is nothing is a line at the ground, what is not known is not there. @param {Bars} bars */
export function drawn(bars) {
  const top = most(bars) || 1;
  return bars.flatMap((bar, place) => {
    if (bar === null) return [];
    const height = bar ? Math.max(LEAST, bar / top) : 0.01;
    const [left, right] = [place + GAP / 2, place + 1 - GAP / 2];
    return [`M${left} 1V${(1 - height).toFixed(3)}H${right}V1Z`];
  }).join("");
}

/** Those that are alike as one, the latest first. @param {any[]} entries of the audit log, the latest first @returns {Failure[]} */
export function failuresOf(entries) {
  /** @type {Map<string, Failure>} */
  const found = new Map();
  for (const entry of entries) {
    const at = readTime(entry?.at);
    if (at === null) continue;
    const key = JSON.stringify([entry.action, entry.user, entry.camera, entry.details?.reason].map(text));
    const more = count(entry.details?.count) || 1;
    const known = found.get(key);
    if (known) known.count += more;
    else found.set(key, { entry, count: more, at });
  }
  return [...found.values()];
}

/**
 * What is booked today and not over, and whether it is now.
 * @template {{start: number, end: number}} T
 * @param {T[]} entries @param {number} now
 * @returns {(T & {now: boolean})[]} by their start
 */
export function comingOf(entries, now) {
  return entries.filter(({ end }) => end > now).map((entry) => ({ ...entry, now: entry.start <= now })).sort((a, b) => a.start - b.start || a.end - b.end);
}
