// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * How well a picture arrives: the browser's counters and the camera's word become figures, words and a line. Pure: the
 * report of `getStats` and the time are arguments.
 *
 * @typedef {object} CameraStatistics what the camera says of the session; null is what it does not know
 * @property {number|null} rung counted from 0, the largest picture
 * @property {number|null} rungs
 * @property {number|null} width of the picture that it sends, in pixels
 * @property {number|null} height
 * @property {number|null} estimate what the way should carry, in bit/s
 * @property {number|null} sent in bit/s
 * @property {number|null} loss of late, as a fraction of the packets
 * @property {number|null} rtt in s
 *
 * @typedef {object} Statistics null is what is not known, or not yet
 * @property {number|null} width of the picture that was decoded last, in pixels
 * @property {number|null} height
 * @property {number|null} fps frames decoded in a second
 * @property {string|null} codec
 * @property {number|null} received picture and sound, in bit/s
 * @property {number|null} loss of late, as a fraction of the packets
 * @property {number|null} rtt from here to the camera and back, in s
 * @property {number|null} jitter in s
 * @property {number} decoded frames since the session began
 * @property {number|null} dropped frames that were not shown
 * @property {number|null} freezes how often the picture stood still for much longer than a frame
 * @property {number|null} freezeSeconds for how long in all
 * @property {{at: number, received: number}[]} history the last minute, the oldest first; `at` in ms of `Date.now()`
 * @property {CameraStatistics|null} camera null while it says nothing
 *
 * @typedef {{at: number, frames: number, bytes: number, packets: number, lost: number}} Counters as they stood `at` a time in ms
 */

/** What the line shows. */
export const HISTORY_MS = 60_000;
/** Points kept for it, at one every two seconds, and some that come closer together. */
const MAX_POINTS = 64;
/** What the camera said longer ago than this is not shown any more: it answers every two seconds. */
export const CAMERA_STALE_MS = 10_000;
/** Counters on the wire are of 32 bits. */
const MAX_COUNT = 2 ** 32 - 1;
/** Rungs, sides of a picture in pixels, and seconds that a camera may speak of, as in the server's `limits.rs`. */
const MAX_RUNGS = 16, MAX_SIDE = 16_384, MAX_SECONDS = 366 * 86_400;

/** @param {unknown} value @param {number} [max] @returns {number|null} */
const number = (value, max = Number.MAX_VALUE) => (typeof value === "number" && value >= 0 && value <= max ? value : null);
/** Of a camera: 0 is what it does not know. @param {unknown} value @param {number} [max] */
const known = (value, max) => number(value, max) || null;

/**
 * What a camera said, or null where it makes no sense.
 * @param {any} told @returns {CameraStatistics|null}
 */
export function readCamera(told) {
  const [rung, rungs] = [number(told?.rung, MAX_RUNGS), number(told?.rungs, MAX_RUNGS)];
  const loss = number(told?.loss, 1);
  if (rung === null || rungs === null || loss === null || (rungs > 0 && rung >= rungs)) return null;
  return {
    rung: rungs ? rung : null, rungs: rungs || null, width: known(told.width, MAX_SIDE), height: known(told.height, MAX_SIDE),
    estimate: known(told.estimate, MAX_COUNT), sent: known(told.sent, MAX_COUNT), loss, rtt: number(told.rtt, MAX_SECONDS),
  };
}

/** The pair of candidates that media goes by. @param {any[]} entries */
function selectedPair(entries) {
  const id = entries.find(({ type }) => type === "transport")?.selectedCandidatePairId;
  const pairs = entries.filter(({ type }) => type === "candidate-pair");
  return pairs.find((pair) => pair.id === id) ?? pairs.find(({ nominated, state }) => nominated && state === "succeeded");
}

/** Follows the counters of one peer connection. */
export class Figures {
  #before = /** @type {any} */ (null); #history = /** @type {{at: number, received: number}[]} */ ([]);
  #last = /** @type {Statistics|null} */ (null);
  #camera = /** @type {CameraStatistics|null} */ (null); #toldAt = 0;

  /** @param {any} report of `getStats` @param {number} now in ms */
  read(report, now) {
    /** @type {any[]} */ const entries = [];
    report.forEach((/** @type {any} */ entry) => entries.push(entry));
    const inbound = entries.filter(({ type }) => type === "inbound-rtp");
    const video = inbound.find(({ kind }) => kind === "video") ?? {};
    const sum = (/** @type {string} */ name) => inbound.reduce((all, entry) => all + (Number(entry[name]) || 0), 0);
    const after = {
      at: number(video.timestamp) ?? now, frames: number(video.framesDecoded) ?? 0, bytes: sum("bytesReceived"),
      packets: sum("packetsReceived"), lost: sum("packetsLost"),
    };
    const rates = this.#rates(after);
    this.#before = after;
    if (rates.received !== null) this.#history.push({ at: now, received: rates.received });
    this.#history = this.#history.filter(({ at }) => at > now - HISTORY_MS && at <= now).slice(-MAX_POINTS);
    this.#last = {
      width: known(video.frameWidth), height: known(video.frameHeight), ...rates, decoded: after.frames,
      codec: String(entries.find(({ id }) => id === video.codecId)?.mimeType ?? "").split("/")[1] ?? null,
      rtt: number(selectedPair(entries)?.currentRoundTripTime), jitter: number(video.jitter),
      dropped: number(video.framesDropped), freezes: number(video.freezeCount), freezeSeconds: number(video.totalFreezesDuration),
      history: this.#history, camera: null,
    };
  }

  /** What happened since the reading before, by the second. @param {Counters} after */
  #rates(after) {
    const before = this.#before;
    const seconds = before ? (after.at - before.at) / 1_000 : 0;
    if (!(seconds > 0)) return { fps: null, received: null, loss: null };
    const per = (/** @type {keyof Counters} */ name) => Math.max(0, after[name] - before[name]) / seconds;
    // A packet that comes late after all is not lost any more.
    const [packets, lost] = [per("packets"), per("lost")];
    return { fps: per("frames"), received: 8 * per("bytes"), loss: packets + lost > 0 ? lost / (packets + lost) : null };
  }

  /** A word of the camera's; one that makes no sense changes nothing. @param {any} told @param {number} now in ms */
  hear(told, now) {
    const camera = readCamera(told);
    if (!camera) return;
    this.#camera = camera;
    this.#toldAt = now;
  }

  /** As of the last reading, or null before the first. @param {number} now in ms @returns {Statistics|null} */
  at(now) {
    const camera = now - this.#toldAt <= CAMERA_STALE_MS ? this.#camera : null;
    return this.#last && { ...this.#last, history: [...this.#history], camera };
  }

  /** What the camera is told. */
  get forCamera() {
    const count = (/** @type {number|null|undefined} */ value) => Math.min(MAX_COUNT, Math.floor(value ?? 0));
    const { decoded, freezes, freezeSeconds } = this.#last ?? {};
    return { frames: count(decoded), freezes: count(freezes), freezeSeconds: Math.min(MAX_SECONDS, freezeSeconds ?? 0) };
  }
}
