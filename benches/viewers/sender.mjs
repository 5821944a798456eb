// SPDX-License-Identifier: MPL-2.0
// The sender alone: from the buffer at the sink's pad to its last packet at the socket, less what the encoder takes. A program of
// its own measures it.

import { build, output } from "../built.mjs";
import { quantile } from "../table.mjs";
import { row } from "./verdict.mjs";

/** In ms. */
const TARGETS = [["median", 0.5, 2], ["95th percentile", 0.95, 4]];

/** Rows for each number of viewers, from the last line of that program: `{"1": [[ms before the encoder, ms behind it], ...], "8": ...}`. */
export async function senderRows() {
  const lines = await output(await build("sender"), []);
  const samples = JSON.parse(lines.at(-1));
  return Object.entries(samples).flatMap(([viewers, parts]) => {
    const of = (part, share) => quantile(parts.map(part), share);
    const remark = `median before it ${of(([before]) => before, 0.5).toFixed(1)}, behind it ${of(([, behind]) => behind, 0.5).toFixed(1)}`;
    return TARGETS.map(([name, share, most]) => row({
      key: `sender-${viewers}-${share}`, label: `sender alone beside the encoder, ${viewers} viewers, ${name}`, unit: "ms",
      ours: [of(([before, behind]) => before + behind, share)], target: { than: "figure", most }, remark,
    }));
  });
}
