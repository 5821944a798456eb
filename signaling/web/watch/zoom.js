// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * Which part of a picture is on the screen. Pure; `zoom-view.js` hears the fingers.
 *
 * @typedef {{scale: number, x: number, y: number}} View how large, and which point of the picture (0 to 1) stands in the middle
 * @typedef {{width: number, height: number, stageWidth: number, stageHeight: number}} Box the whole picture as it fits the stage, and the
 *   stage, in pixels of the screen
 */
import { MAX_ID, list } from "../client/rules.js";

/** Beyond this one sees the squares of the codec. */
export const MAX_SCALE = 8;
/** A press of a key, or a notch of the wheel. */
export const STEP = 1.25;
/** What a double tap shows: details of a room, and still most of it. */
export const TAP_SCALE = 2.5;
/** A press of an arrow key moves the view by this part of it. */
export const PAN_STEP = 0.1;
/** Cameras of which the view is kept: more than anybody looks at by turns. */
export const MAX_KEPT = 50;
const STORED = "porthole-zoom";

/** The whole picture. @type {View} */
export const WHOLE = Object.freeze({ scale: 1, x: 0.5, y: 0.5 });

/** How a picture of this size fits a stage of that. @param {number} width @param {number} height @param {number} stageWidth @param {number} stageHeight @returns {Box} */
export function fit(width, height, stageWidth, stageHeight) {
  const scale = width > 0 && height > 0 ? Math.min(stageWidth / width, stageHeight / height) : 0;
  return { width: scale > 0 ? width * scale : stageWidth, height: scale > 0 ? height * scale : stageHeight, stageWidth, stageHeight };
}

/** @param {number} value @param {number} least @param {number} most */
const clamp = (value, least, most) => Math.min(most, Math.max(least, value));

/** Within the picture: no edge of it comes further in than it must. @param {View} view @param {Box} box @returns {View} */
export function bounded({ scale, x, y }, { width, height, stageWidth, stageHeight }) {
  const size = Number.isFinite(scale) ? clamp(scale, 1, MAX_SCALE) : 1;
  const middle = (/** @type {number} */ at, /** @type {number} */ picture, /** @type {number} */ stage) => {
    const half = picture > 0 ? Math.min(1, stage / (picture * size)) / 2 : 0.5;
    return Number.isFinite(at) ? clamp(at, half, 1 - half) : 0.5;
  };
  return { scale: size, x: middle(x, width, stageWidth), y: middle(y, height, stageHeight) };
}

/**
 * Larger or smaller, so that the point under the fingers stays under them.
 * @param {View} view @param {number} factor @param {number} right of the stage's middle, in pixels @param {number} below it @param {Box} box
 */
export function zoomed(view, factor, right, below, box) {
  const scale = clamp(view.scale * factor, 1, MAX_SCALE);
  const at = (/** @type {number} */ middle, /** @type {number} */ offset, /** @type {number} */ size) => middle + offset / (size * view.scale) - offset / (size * scale);
  return bounded({ scale, x: at(view.x, right, box.width), y: at(view.y, below, box.height) }, box);
}

/** Moved with the finger. @param {View} view @param {number} right in pixels @param {number} down @param {Box} box */
export const panned = (view, right, down, box) =>
  bounded({ ...view, x: view.x - right / (box.width * view.scale), y: view.y - down / (box.height * view.scale) }, box);

/** What a double tap makes of it: in where it was whole, and whole where it was not. @param {View} view @param {number} right @param {number} below @param {Box} box */
export const tapped = (view, right, below, box) => (isWhole(view) ? zoomed(view, TAP_SCALE, right, below, box) : { ...WHOLE });

/** @param {View} view */
export const isWhole = ({ scale }) => scale < 1.01;

/** Where the picture stands on the screen: what CSS transforms it by, around its middle. @param {View} view @param {Box} box */
export const placed = ({ scale, x, y }, { width, height }) => ({ scale, right: (0.5 - x) * width * scale, down: (0.5 - y) * height * scale });

/** @param {any} told @returns {View|null} */
function readView(told) {
  const { scale, x, y } = told ?? {};
  const fits = Number.isFinite(scale) && scale > 1 && scale <= MAX_SCALE && [x, y].every((at) => Number.isFinite(at) && at >= 0 && at <= 1);
  return fits ? { scale, x, y } : null;
}

/** @param {() => Storage} storage which may throw @returns {[string, View][]} */
function kept(storage) {
  try {
    return list(JSON.parse(storage().getItem(STORED) ?? "[]")).slice(0, MAX_KEPT).flatMap((each) => {
      const view = readView(each?.[1]);
      return typeof each?.[0] === "string" && each[0].length <= MAX_ID && view ? [[each[0], view]] : [];
    });
  } catch {
    return []; // Storage may be off; or another page of this origin stored something else.
  }
}

/** How a camera's picture was looked at last. @param {() => Storage} storage which may throw @param {string} camera */
export const recall = (storage, camera) => kept(storage).find(([id]) => id === camera)?.[1] ?? { ...WHOLE };

/** Keeps it, the newest first; whole is what needs no keeping. @param {() => Storage} storage which may throw @param {string} camera @param {View} view */
export function keep(storage, camera, { scale, x, y }) {
  if (camera.length > MAX_ID) return;
  const others = kept(storage).filter(([id]) => id !== camera);
  const all = isWhole({ scale, x, y }) ? others : [[camera, { scale, x, y }], ...others].slice(0, MAX_KEPT);
  try { storage().setItem(STORED, JSON.stringify(all)); } catch { /* It is whole the next time. */ }
}
