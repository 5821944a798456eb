// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** Several things that are chosen, and what is done with each of them. Pure. */

/** Names that a question shows; of more it says how many. */
export const MAX_NAMES = 10;

/** Which of a list are chosen, by their keys. */
export class Selection {
  #keys = new Set();

  get size() { return this.#keys.size; }

  /** @param {string} key */
  has(key) { return this.#keys.has(key); }

  /** @param {string} key @param {boolean} chosen */
  set(key, chosen) {
    if (chosen) this.#keys.add(key);
    else this.#keys.delete(key);
  }

  clear() { this.#keys.clear(); }

  /** What is not there any more is not chosen. @param {string[]} keys those that are there */
  keep(keys) {
    const there = new Set(keys);
    for (const key of this.#keys) if (!there.has(key)) this.#keys.delete(key);
  }
}

/**
 * Does something with one after the other; what fails stops none of the others.
 * @template T, R
 * @param {T[]} items @param {(item: T) => Promise<R>} act
 * @returns {Promise<{done: {item: T, made: R}[], failed: {item: T, problem: any}[]}>}
 */
export async function eachOf(items, act) {
  const done = [];
  const failed = [];
  for (const item of items) {
    try {
      done.push({ item, made: await act(item) });
    } catch (problem) {
      failed.push({ item, problem });
    }
  }
  return { done, failed };
}

/** The names that are shown, and how many more there are. @param {string[]} names @returns {{shown: string[], more: number}} */
export function someOf(names) {
  // One more fits where it would only be said that there is one more.
  const shown = names.length <= MAX_NAMES + 1 ? names : names.slice(0, MAX_NAMES);
  return { shown, more: names.length - shown.length };
}

/** Whether this is what was to be typed: spaces at the ends and the way letters are composed do not count. @param {string} typed @param {string[]} wanted */
export function isTyped(typed, wanted) {
  const plain = (/** @type {string} */ words) => words.normalize("NFC").trim();
  return wanted.some((words) => plain(words) !== "" && plain(words) === plain(typed));
}
