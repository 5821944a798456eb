// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** A time as the server tells it, in ms; null where there is none. @param {unknown} told */
export function readTime(told) {
  const at = typeof told === "string" && told.length < 64 ? Date.parse(told) : NaN;
  return Number.isFinite(at) ? at : null;
}
