// SPDX-License-Identifier: MPL-2.0
// The sender alone: from the buffer at the sink's pad to its last packet at the socket, less what the encoder takes. A program of
// its own measures it.

import { build, output } from "../built.mjs";
import { quantile } from "../table.mjs";
import { row } from "./verdict.mjs";

/** In ms. */
const TARGETS = [["median", 0.5, 2], ["95th percentile", 0.95, 4]];

/** Rows for each number of viewers, from the last line of that program: `{"1": [ms, ...], "8": [ms, ...]}`. */
export async function senderRows() {
  const lines = await output(await build("sender"), []);
  const samples = JSON.parse(lines.at(-1));
  return Object.entries(samples).flatMap(([viewers, ms]) => TARGETS.map(([name, share, most]) => row({
    key: `sender-${viewers}-${share}`, label: `sender alone above the encoder, ${viewers} viewers, ${name}`, unit: "ms", ours: [quantile(ms, share)], target: { than: "figure", most },
  })));
}
