// SPDX-License-Identifier: MPL-2.0
// From samples to rows with a target, beside the stock element and beside the browser alone. Pure.

import { layout, quantile, round } from "../table.mjs";

const median = (samples) => (samples?.length ? quantile(samples, 0.5) : null);
const figures = (value, digits) => (value === null ? null : round(value, digits));

/**
 * A row: samples of ours, of the stock element and of the browser alone, of which either may be missing. The `target` says what
 * our median must not exceed: `most` of a figure, or so many times that of `stock` or of `alone`. Without one, and where
 * that to compare with is missing, it is told and not judged.
 */
export function row({ key, label, unit, ours, stock = [], alone = [], target = null, digits = 1, remark = "" }) {
  const all = [...ours, ...stock, ...alone];
  if (!ours.length || !all.every(Number.isFinite)) throw new Error(`${label}: no figures, but ${JSON.stringify({ ours, stock, alone })}`);
  const [own, peer, floor] = [ours, stock, alone].map(median);
  const bound = target && { figure: target.most, stock: peer && target.most * peer, alone: floor && target.most * floor }[target.than];
  return {
    key, label, unit, digits, ours: figures(own, digits), stock: figures(peer, digits), alone: figures(floor, digits), samples: ours.length,
    ratio: peer > 0 ? round(own / peer, 3) : null, target, pass: bound === null || bound === undefined ? null : own <= bound, remark,
  };
}

function targetText(target) {
  if (!target) return "-";
  const times = target.most === 1 ? "" : `${target.most} x `;
  return { figure: `<= ${target.most}`, stock: `<= ${times}stock`, alone: `<= ${times}browser alone` }[target.than];
}

export function table(rows) {
  const cell = (value, digits) => (value === null ? "-" : value.toFixed(digits));
  const lines = rows.map(({ label, unit, digits, ours, stock, alone, ratio, target, pass, remark }) => [
    label, unit, cell(ours, digits), cell(stock, digits), cell(alone, digits), cell(ratio, 2), targetText(target),
    [{ true: "kept", false: "MISSED", null: "" }[pass], ratio > 1 && pass !== true ? "Porthole loses" : "", remark].filter(Boolean).join("; "),
  ]);
  return layout([["", "unit", "Porthole", "stock", "browser alone", "ratio", "target", ""], ...lines], [2, 3, 4, 5]);
}

/** What each viewer beyond the first adds, from `points` of `{viewers, ...}`, for each number of them but one. */
export function further(points, key) {
  const first = points.find(({ viewers }) => viewers === 1);
  return points.filter(({ viewers }) => viewers > 1).map((point) => ({ viewers: point.viewers, each: (point[key] - first[key]) / (point.viewers - 1) }));
}
