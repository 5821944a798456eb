// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * What a service's messages are shown as. Pure.
 *
 * @typedef {import("../client/gateway-rules.js").Description} Description
 * @typedef {{value: string, unit: string, members: {key: string, name: string, value: string}[], more: number,
 *   graph: {points: string, least: string, most: string}|null}} Shown
 */

/** Points of a graph: as many as can be told apart on a phone. */
export const MAX_POINTS = 120;
/** Members of one JSON object that are shown, and characters of one of them. */
export const MAX_MEMBERS = 32;
const MAX_MEMBER = 100;
/** A text, in characters. */
const MAX_SHOWN = 300;
/** No number is written longer. */
const MAX_DIGITS = 64;

const DECIMAL = /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d{1,3})?\s*$/i;

/** @param {string} words @param {number} most */
const cut = (words, most) => (words.length > most ? `${words.slice(0, most)}…` : words);

/** The number that a text is, or null. @param {string|Uint8Array} data */
export function readNumber(data) {
  if (typeof data !== "string" || data.length > MAX_DIGITS || !DECIMAL.test(data)) return null;
  const number = Number(data);
  return Number.isFinite(number) ? number : null;
}

/** @param {number} number */
export const numberInWords = (number) => String(Number(number.toPrecision(6)));

/** @param {number} bytes */
export function sizeInWords(bytes) {
  return bytes < 1_024 ? `${bytes} ${bytes === 1 ? "byte" : "bytes"}` : `${(bytes / 1_024).toFixed(1)} KiB`;
}

/** The members of a JSON object, or null where it is none. @param {string} data */
function readMembers(data) {
  if (!data.trimStart().startsWith("{")) return null;
  let told;
  try { told = JSON.parse(data); } catch { return null; }
  const entries = Object.entries(told);
  const members = entries.slice(0, MAX_MEMBERS).map(([name, value], i) => ({ key: String(i), name: cut(name, MAX_MEMBER), value: cut(inWords(value), MAX_MEMBER) }));
  return { members, more: entries.length - members.length };
}

/** @param {any} value of JSON */
function inWords(value) {
  if (typeof value === "number") return numberInWords(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

/**
 * A graph in a box of this size; the newest is at the right. Without a range it is as high as what is in it.
 * @param {number[]} history @param {[number, number]|null} range @param {number} width @param {number} height
 */
export function graph(history, range, width, height) {
  if (history.length < 2) return null;
  const [least, most] = range ?? [Math.min(...history), Math.max(...history)];
  // The difference of the largest numbers is none.
  const scale = Number.isFinite(most - least) ? 1 : 2;
  const step = width / (MAX_POINTS - 1);
  const points = history.map((value, i) => {
    const part = least === most ? 0.5 : (value / scale - least / scale) / (most / scale - least / scale);
    const y = height * (1 - Math.min(1, Math.max(0, part)));
    return `${(width - (history.length - 1 - i) * step).toFixed(1)},${y.toFixed(1)}`;
  });
  return { points: points.join(" "), least: numberInWords(least), most: numberInWords(most) };
}

/** What one service has said, as far as it is shown. */
export class Reading {
  /** @type {string|Uint8Array|null} */ #last = null;
  /** @type {number[]} */ #history = [];

  /** Cheap: a robot may say a hundred things in the time of one frame. @param {string|Uint8Array} data */
  take(data) {
    this.#last = data;
    const number = readNumber(data);
    if (number === null) return;
    this.#history.push(number);
    if (this.#history.length > MAX_POINTS) this.#history.shift();
  }

  /** @param {Description} description @param {number} width of a graph @param {number} height @returns {Shown} */
  show({ kind, unit, range }, width, height) {
    const last = this.#last;
    const shown = { value: "", unit: "", members: [], more: 0, graph: null };
    if (last === null) return { ...shown, value: "–" };
    if (typeof last !== "string") return { ...shown, value: sizeInWords(last.length) };
    const number = kind === "" || kind === "number" ? readNumber(last) : null;
    if (number !== null) return { ...shown, value: numberInWords(number), unit, graph: graph(this.#history, range, width, height) };
    const members = kind === "" || kind === "json" ? readMembers(last) : null;
    return members ? { ...shown, ...members } : { ...shown, value: cut(last, MAX_SHOWN) };
  }
}
