// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** Numbers as the viewer's language writes them. */
import { locale } from "./words.js";

/** @param {number} value @param {number} [digits] after the point, always so many */
export const numberInWords = (value, digits = 0) =>
  new Intl.NumberFormat(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: false }).format(value);

/** @param {number} rate in bit/s */
export function rateInWords(rate) {
  if (rate >= 999_500) return `${numberInWords(rate / 1e6, rate < 9_950_000 ? 2 : 1)} Mbit/s`;
  return `${numberInWords(rate / 1_000)} kbit/s`;
}

/** @param {number} fraction */
export const percentInWords = (fraction) => `${numberInWords(fraction * 100, 1)} %`;
