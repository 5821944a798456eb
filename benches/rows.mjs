// SPDX-License-Identifier: MPL-2.0
// From samples to rows with a target and a verdict.

import { layout, quantile, round } from "./table.mjs";

/** How many samples there must be for each percentile that is shown. */
const P99_SAMPLES = 100;

/**
 * A row: `samples` in `unit`, and the `target` that their `by` ("max" or "p99") must not exceed. A row without a target is
 * told, and not judged.
 */
export function row({ key, label, unit = "ms", samples, target = null, by = "max", remark = "" }) {
  if (samples.length === 0 || !samples.every(Number.isFinite)) throw new Error(`${label}: no figures, but ${JSON.stringify(samples)}`);
  const figures = {
    median: round(quantile(samples, 0.5)), p99: samples.length < P99_SAMPLES ? null : round(quantile(samples, 0.99)),
    max: round(Math.max(...samples)), samples: samples.length,
  };
  if (target !== null && figures[by] === null) throw new Error(`${label}: ${samples.length} samples have no ${by}`);
  return { key, label, unit, ...figures, target, by, pass: target === null ? null : figures[by] <= target, remark };
}

export function table(rows) {
  const lines = rows.map(({ label, unit, median, p99, max, samples, target, by, pass, remark }) => [
    label, unit, String(samples), median.toFixed(1), p99?.toFixed(1) ?? "-", max.toFixed(1),
    target === null ? "-" : `${by} <= ${target}`,
    [{ true: "kept", false: "MISSED", null: "" }[pass], remark].filter(Boolean).join("; "),
  ]);
  return layout([["", "unit", "n", "median", "p99", "max", "target", ""], ...lines], [2, 3, 4, 5]);
}
