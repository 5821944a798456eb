// SPDX-License-Identifier: MPL-2.0
// From samples to ratios, verdicts and tables.

import { layout, quantile, round } from "../table.mjs";

/** `stock`: so many times less CPU than the stock elements at least; `memcpy`: so many copies of the frame at most. */
export const TARGETS = {
  "180": { stock: 1, memcpy: 2 },
  "180 + clock + text": { stock: 5, memcpy: 2 },
  "90r": { stock: 1, memcpy: 3 },
  "identity + text": { stock: 1, memcpy: 0.15 },
};

/** Frames a second of a usual camera, over which the change of the text each second is spread. */
const FPS = 30;

const median = (samples) => quantile(samples, 0.5);

/**
 * Rows of one format and size. `group` is what the program measured: lists of µs a frame, `memcpy`, `baseline` (feeding and
 * dropping frames, in every chain) and for each case `ours` and `stock`.
 */
export function judge({ format, width, height, memcpy, baseline, cases }) {
  const [unit, nothing] = [median(memcpy), median(baseline)];
  const at = { format, size: `${width}x${height}` };
  return cases.map(({ name, ours, stock }) => {
    const [us, them] = [ours, stock].map((samples) => Math.max(0.01, median(samples) - nothing));
    return verdict({ ...at, target: TARGETS[name] }, { name, us, them, unit });
  });
}

/** A row with its ratios, from µs a frame. */
function verdict({ format, size, target }, { name, us, them, unit }) {
  const [timesLess, copies] = [them / us, us / unit];
  const problems = [
    timesLess < 1 && "Porthole loses",
    timesLess >= 1 && timesLess < target.stock && `missed: ${target.stock} x less than stock`,
    copies > target.memcpy && `missed: ${target.memcpy} x memcpy`,
  ].filter(Boolean);
  return {
    name, format, size,
    ours_us: round(us, 2), stock_us: round(them, 1), memcpy_us: round(unit, 2),
    ratio_stock: round(timesLess, 2), ratio_memcpy: round(copies, 3),
    target, pass: problems.length === 0, problems,
  };
}

const targetText = ({ stock, memcpy }) => `>= ${stock}, <= ${memcpy}`;

/** The rows for people. */
export function pipelineTable(rows) {
  const lines = rows.map((row) => [
    row.format, row.size, row.name, row.ours_us.toFixed(1), row.stock_us.toFixed(1), row.memcpy_us.toFixed(1),
    row.ratio_stock.toFixed(1), row.ratio_memcpy.toFixed(2), targetText(row.target), row.pass ? "pass" : row.problems.join(", "),
  ]);
  const head = ["format", "size", "", "Porthole", "stock", "memcpy", "stock/P.", "P./memcpy", "targets", ""];
  return layout([head, ...lines], [3, 4, 5, 6, 7]);
}

/**
 * What the change of the text costs, and a row for a camera: `row`, which the text stays the same in, with what the change adds
 * to each frame.
 */
export function textChange({ ours, stock }, row) {
  const [us, them] = [ours, stock].map((samples) => Math.max(0, median(samples)));
  return {
    ours_us: round(us), stock_us: round(them), fps: FPS,
    row: verdict(row, { name: `${row.name}, ${FPS}/s`, us: row.ours_us + us / FPS, them: row.stock_us + them / FPS, unit: row.memcpy_us }),
  };
}

const FORMATS = ["I420", "NV12", "YUY2", "BGRx"];
const ISAS = ["scalar", "SSE2", "AVX2", "NEON"];
const place = (list, name) => list.findIndex((other) => other.toLowerCase() === name.toLowerCase());

/** Kernels beside a copy, from `{format, size, name, isa, ns}`, where `memcpy` has no `isa`. */
export function kernels(measured) {
  const copies = new Map(measured.filter(({ name }) => name === "memcpy").map(({ format, size, ns }) => [`${format} ${size}`, ns]));
  const rows = new Map();
  for (const { format, size, name, isa, ns } of measured) {
    const copy = copies.get(`${format} ${size}`);
    if (name === "memcpy" || !copy) continue;
    const key = `${format} ${size} ${name}`;
    const row = rows.get(key) ?? { name, format: FORMATS[place(FORMATS, format)] ?? format, size, memcpy_us: round(copy / 1000, 2), ratio_memcpy: {} };
    row.ratio_memcpy[isa] = round(ns / copy, 3);
    rows.set(key, row);
  }
  const order = (a, b) =>
    place(FORMATS, a.format) - place(FORMATS, b.format) || parseInt(a.size) - parseInt(b.size) || a.name.localeCompare(b.name);
  return [...rows.values()].sort(order);
}

/** The kernels for people: a column for each instruction set. */
export function kernelTable(rows) {
  const isas = [...new Set(rows.flatMap(({ ratio_memcpy }) => Object.keys(ratio_memcpy)))].sort((a, b) => place(ISAS, a) - place(ISAS, b));
  const lines = rows.map(({ name, format, size, memcpy_us, ratio_memcpy }) => [
    format, size, name, memcpy_us.toFixed(1), ...isas.map((isa) => ratio_memcpy[isa]?.toFixed(2) ?? "-"),
  ]);
  return layout([["format", "size", "", "memcpy", ...isas], ...lines], [3, ...isas.map((_, i) => 4 + i)]);
}
