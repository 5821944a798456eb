// SPDX-License-Identifier: MPL-2.0
// From samples to a table of two peers.

import { layout, quantile, round } from "../table.mjs";

/** Rows of kind "same" are no contest; from this difference on the other rows are no fair comparison. */
const ALIKE = 0.05;

function summary(samples) {
  return { median: round(quantile(samples, 0.5)), min: round(Math.min(...samples)), max: round(Math.max(...samples)), samples: samples.length };
}

const UNLIKE = "not the same work!";

function judge(better, porthole, stock) {
  if (better === "same") return Math.abs(porthole.median - stock.median) > ALIKE * stock.median ? UNLIKE : "";
  const loses = better === "lower" ? porthole.median > stock.median : porthole.median < stock.median;
  if (!loses) return "";
  const overlap = porthole.min <= stock.max && stock.min <= porthole.max;
  return overlap ? "Porthole loses (ranges overlap)" : "Porthole loses";
}

/**
 * Compares what was measured. `samples` has one list for each peer and row; a row is
 * `{key, label, unit, better}` with `better` "lower", "higher" or "same".
 */
export function compare(rows, samples) {
  const result = { porthole: {}, stock: {}, ratio: {}, loses: [], unlike: [] };
  const lines = rows.map(({ key, label, unit, better }) => {
    const [p, s] = ["porthole", "stock"].map((name) => (result[name][key] = summary(samples[name][key])));
    const ratio = (result.ratio[key] = s.median > 0 ? round(p.median / s.median, 2) : null);
    const verdict = judge(better, p, s);
    if (verdict.startsWith("Porthole loses")) result.loses.push(key);
    if (verdict === UNLIKE) result.unlike.push(key);
    const cell = ({ median, min, max }) => `${median.toFixed(1)} [${min.toFixed(1)}..${max.toFixed(1)}]`;
    return [label, unit, cell(p), cell(s), ratio === null ? "-" : ratio.toFixed(2), verdict];
  });
  const table = layout([["", "unit", "Porthole", "stock webrtcsink", "ratio", ""], ...lines], [2, 3, 4]);
  return { result, table };
}
