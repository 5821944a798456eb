// SPDX-License-Identifier: MPL-2.0
// What is said of samples beside their figures.

/** How many of these are over the bound. @param {number[]} samples @param {number} bound */
export const over = (samples, bound) => samples.filter((each) => each > bound).length;

/** The same in words. @param {number[]} samples @param {number} bound */
export const verdict = (samples, bound) => `${over(samples, bound)} of ${samples.length} over`;

/**
 * When a tone is first heard in a stream of samples that grows: `power` of one window against a threshold. `take` is given all
 * samples from the first that has not been looked at, and gives how many it has taken; `found` is the number of the window's
 * first sample.
 */
export class Listener {
  found = -1;
  #window; #isTone; #taken;

  /** @param {number} from the first sample that is looked at @param {number} window @param {(samples: Int16Array) => boolean} isTone */
  constructor(from, window, isTone) {
    this.#taken = from;
    this.#window = window;
    this.#isTone = isTone;
  }

  /** The first sample that is wanted next. */
  get next() { return this.#taken; }

  /** @param {Int16Array} samples from {@link next} on */
  take(samples) {
    for (let at = 0; this.found < 0 && at + this.#window <= samples.length; at += this.#window) {
      if (this.#isTone(samples.subarray(at, at + this.#window))) this.found = this.#taken;
      this.#taken += this.#window;
    }
    return this.found >= 0;
  }
}
