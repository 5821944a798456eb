// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * What each key does with a picture. Pure. W A S D and the arrows are the robot's, Space is for talking, Escape for stopping.
 *
 * @typedef {{action: string, key: string, words: string}} Key `key` as `KeyboardEvent.key` has it, in lower case; `words`: the key of what it does
 */

/** In the order in which they are listed. @type {readonly Key[]} */
export const KEYS = Object.freeze([
  { action: "play", key: "k", words: "watch.key.play" },
  { action: "sound", key: "m", words: "watch.key.sound" },
  { action: "wheel", key: "g", words: "watch.key.wheel" },
  { action: "snapshot", key: "p", words: "watch.key.snapshot" },
  { action: "record", key: "r", words: "watch.key.record" },
  { action: "keep", key: "l", words: "watch.key.keep" },
  { action: "window", key: "i", words: "watch.key.window" },
  { action: "full", key: "f", words: "watch.key.full" },
  { action: "figures", key: "n", words: "watch.key.figures" },
  { action: "in", key: "+", words: "watch.key.in" },
  { action: "out", key: "-", words: "watch.key.out" },
  { action: "whole", key: "0", words: "watch.key.whole" },
  { action: "close", key: "x", words: "watch.key.close" },
  { action: "keys", key: "?", words: "watch.key.keys" },
]);

/** Those of other files, which hear them themselves. */
export const OTHER_KEYS = Object.freeze([
  { key: "Space", action: "hold", words: "watch.key.talk" },
  { key: "W A S D  ↑ ↓ ← →", action: "pad", words: "watch.key.steer" },
  { key: "Esc", action: "stop", words: "watch.key.stop" },
]);

/** On some keyboards `+` is beside `=`. @type {Readonly<Record<string, string>>} */
const SAME = Object.freeze({ "=": "+", "_": "-" });

const STORED = "porthole-keys";

/** What a key asks for, or "". @param {string} key of the event */
export function actionOf(key) {
  const plain = Object.hasOwn(SAME, key) ? SAME[key] : key.toLowerCase();
  return KEYS.find((each) => each.key === plain)?.action ?? "";
}

/** The key of an action, as `aria-keyshortcuts` has it; "" where it has none. @param {string} action */
export const shortcut = (action) => KEYS.find((each) => each.action === action)?.key.toUpperCase().replace("+", "Plus") ?? "";

/** Whether single keys do something: who speaks to the computer may switch that off (WCAG 2.1.4). @param {() => Storage} storage which may throw */
export function areOn(storage) {
  try { return storage().getItem(STORED) !== "off"; } catch { return true; }
}

/** @param {() => Storage} storage which may throw @param {boolean} on */
export function switchKeys(storage, on) {
  try { storage().setItem(STORED, on ? "on" : "off"); } catch { /* They are on the next time. */ }
}
