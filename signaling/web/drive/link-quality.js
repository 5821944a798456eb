// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * How good the way to the robot is, as one sign for who drives: red before the robot is out of hand. Pure.
 *
 * @typedef {{rtt: number|null, loss: number|null, freezes: number|null, age: number|null, timeout: number}} Sample `rtt` in s; `loss` of late,
 *   as a fraction; `freezes` since the session began; `age` of the frame on the screen in ms, null where there is none; `timeout` after which
 *   the camera takes the wheel back, in ms
 * @typedef {"good"|"fair"|"poor"} Level
 */

/** Above the first it is felt, above the second one steers behind what one sees. Round trips in ms. */
const RTT_MS = [150, 300];
/** Packets lost: the first costs sharpness, the second breaks the picture. */
const LOSS = [0.02, 0.08];
/** A frame that is older than this: some frames are missing at any usual rate; the picture stands. In ms. */
const AGE_MS = [250, 500];
/** The camera takes the wheel when it hears nothing for its timeout: half of it used up on the way is a warning, three quarters are red. */
const OF_TIMEOUT = [0.5, 0.75];
/** A freeze is a warning for so long, and a second one within it is red. */
const FREEZE_MS = 10_000;
/** What is worse is said at once; what is better when it stayed so for this long: a sign that flickers is looked at in place of the robot. */
export const BETTER_MS = 3_000;
/** To be better it must be so by a margin. */
const MARGIN = 0.8;
/** Freezes remembered: two decide. */
const MAX_FREEZES = 2;

/** @type {Level[]} */
const LEVELS = ["good", "fair", "poor"];

/** @param {number|null} value @param {number[]} bounds @param {number} margin */
const rank = (value, [fair, poor], margin) => (value === null || !Number.isFinite(value) ? 0 : value > poor * margin ? 2 : value > fair * margin ? 1 : 0);

export class LinkQuality {
  /** @type {Level} */
  level = "good";
  /** What it is about, for words: `rtt`, `loss`, `age`, `freeze` or nothing. */
  cause = "";
  /** Since when it could be better. @type {number|null} */
  #since = null;
  #freezes = 0; #frozenAt = /** @type {number[]} */ ([]);

  /** @param {Sample} sample @param {number} now in ms of a clock that only goes on @returns {Level} */
  take(sample, now) {
    this.#count(sample.freezes, now);
    const [bad, cause] = this.#judge(sample, 1);
    const before = LEVELS.indexOf(this.level);
    if (bad >= before) {
      this.#since = null;
      if (bad > before || cause) this.cause = cause;
      this.level = LEVELS[bad];
      return this.level;
    }
    const [better, why] = this.#judge(sample, MARGIN);
    if (better >= before) this.#since = null;
    else if (this.#since === null) this.#since = now;
    else if (now - this.#since >= BETTER_MS) {
      this.#since = null;
      this.level = LEVELS[better];
      this.cause = why;
    }
    return this.level;
  }

  /** @param {Sample} sample @param {number} margin @returns {[number, string]} */
  #judge({ rtt, loss, age, timeout }, margin) {
    const ms = rtt === null ? null : rtt * 1_000;
    const frozen = this.#frozenAt.length;
    const ranks = /** @type {[number, string][]} */ ([
      [Math.max(rank(ms, RTT_MS, margin), rank(ms === null ? null : ms / timeout, OF_TIMEOUT, margin)), "rtt"],
      [rank(loss, LOSS, margin), "loss"], [rank(age, AGE_MS, margin), "age"], [Math.min(2, frozen), "freeze"],
    ]);
    return ranks.reduce((worst, each) => (each[0] > worst[0] ? each : worst), [0, ""]);
  }

  /** @param {number|null} freezes @param {number} now */
  #count(freezes, now) {
    const count = freezes ?? 0;
    // A new session counts from nothing.
    const fresh = Math.min(MAX_FREEZES, Math.max(0, count - this.#freezes));
    this.#freezes = count;
    this.#frozenAt = [...this.#frozenAt.filter((at) => now - at < FREEZE_MS), ...Array(fresh).fill(now)].slice(-MAX_FREEZES);
  }
}
