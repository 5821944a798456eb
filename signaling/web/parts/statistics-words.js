// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * The statistics of a picture in words, and as a line. Pure.
 *
 * @typedef {import("../client/statistics.js").Statistics} Statistics
 * @typedef {import("../client/statistics.js").CameraStatistics} CameraStatistics
 */
import { HISTORY_MS } from "../client/statistics.js";
import { numberInWords, percentInWords, rateInWords } from "../words/numbers.js";
import { t } from "../words/words.js";

/** A lower line than this is no line: it would draw a hum as mountains. */
const LEAST_SCALE = 100_000;

/** @param {number} seconds */
const millisInWords = (seconds) => `${numberInWords(seconds * 1_000)} ms`;
/** @param {number|null|undefined} width @param {number|null|undefined} height */
const sizeInWords = (width, height) => (width && height ? `${width} × ${height}` : null);
/** @template T @param {T|null|undefined} value @param {(value: T) => string} words */
const ifKnown = (value, words) => (value === null || value === undefined ? null : words(value));

/** Of the renditions the first is the best that the camera has, also where it is the only one. @param {CameraStatistics|null} camera */
function rungInWords(camera) {
  if (!camera || camera.rung === null) return null;
  const size = sizeInWords(camera.width, camera.height);
  const last = camera.rung === (camera.rungs ?? 0) - 1;
  const quality = t(`parts.quality.${camera.rung === 0 ? "high" : last ? "low" : "medium"}`);
  return size ? `${quality}, ${size}` : quality;
}

/** @param {number} freezes @param {number|null} seconds */
const freezesInWords = (freezes, seconds) => (freezes ? t("parts.freezes", { freezes, seconds: numberInWords(seconds ?? 0, 1) }) : numberInWords(freezes));

/**
 * What the panel shows, in order; what is not known is left out.
 * @param {Statistics} stats @param {number|null} latency in ms
 * @returns {{key: string, name: string, words: string}[]}
 */
export function inWords(stats, latency) {
  const { camera } = stats;
  const rows = /** @type {[string, string|null][]} */ ([
    ["size", sizeInWords(stats.width, stats.height)],
    ["fps", ifKnown(stats.fps, (fps) => numberInWords(fps, 1))],
    ["codec", stats.codec],
    ["rung", rungInWords(camera)],
    ["received", ifKnown(stats.received, rateInWords)],
    ["sent", ifKnown(camera?.sent, rateInWords)],
    ["estimate", ifKnown(camera?.estimate, rateInWords)],
    ["loss", ifKnown(stats.loss ?? camera?.loss, percentInWords)],
    ["rtt", ifKnown(stats.rtt ?? camera?.rtt, millisInWords)],
    ["jitter", ifKnown(stats.jitter, millisInWords)],
    ["latency", ifKnown(latency, (ms) => `${numberInWords(ms)} ms`)],
    ["decoded", numberInWords(stats.decoded)],
    ["dropped", ifKnown(stats.dropped, numberInWords)],
    ["freezes", ifKnown(stats.freezes, (freezes) => freezesInWords(freezes, stats.freezeSeconds))],
  ]);
  return rows.flatMap(([key, words]) => (words === null ? [] : [{ key, name: t(`parts.figure-${key}`), words }]));
}

/**
 * The received bitrate over the last minute as the `points` of a polyline in a box of this size, and the bitrate at its
 * upper edge. Now is at the right.
 * @param {{at: number, received: number}[]} history @param {number} now in ms @param {number} width @param {number} height
 */
export function sparkline(history, now, width, height) {
  const top = Math.max(LEAST_SCALE, ...history.map(({ received }) => received));
  const place = (/** @type {{at: number, received: number}} */ { at, received }) => {
    const x = width * (1 - Math.min(HISTORY_MS, Math.max(0, now - at)) / HISTORY_MS);
    return `${x.toFixed(1)},${(height * (1 - received / top)).toFixed(1)}`;
  };
  return { points: history.map(place).join(" "), top: rateInWords(top) };
}
