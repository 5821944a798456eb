// SPDX-License-Identifier: MPL-2.0
// From samples to medians and a table.

export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * q;
  const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return low + (high - low) * (place - Math.floor(place));
}

export const round = (value, digits = 1) => Number(value.toFixed(digits));

/** Lines of cells, the first of which is the heading, as text. The columns in `right` are figures. */
export function layout([head, ...lines], right) {
  const widths = head.map((_, i) => Math.max(...[head, ...lines].map((line) => line[i].length)));
  const write = (line) =>
    line.map((cell, i) => (right.includes(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join("  ").trimEnd();
  const rule = "-".repeat(widths.reduce((sum, width) => sum + width + 2, -2));
  return [write(head), rule, ...lines.map(write)].join("\n");
}

/** More than this from other programs (on a machine with few cores) and the figures mean little. */
const OTHERS_PERCENT = 15;

/** From the percents of a core that other programs took, each time that one looked. */
export function others(percents) {
  const [median, max] = [quantile(percents, 0.5), Math.max(...percents)].map((percent) => Math.round(percent));
  const busy = max > OTHERS_PERCENT;
  const warning = busy ? " THE MACHINE WAS BUSY: run this again." : "";
  return { median, max, busy, sentence: `Other programs took ${median} % of a core, at most ${max} %.${warning}` };
}
