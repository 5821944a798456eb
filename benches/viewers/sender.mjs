// SPDX-License-Identifier: MPL-2.0
// The sender alone: from the buffer at the sink's pad to its last packet on the socket. A program of its own measures it.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "../../tests/browser/lib.mjs";
import { row } from "./verdict.mjs";

/** Its target, of what the stock element takes. */
const OF_STOCK = 0.5;

/** The row, from the last line of that program, `{"portholeMs": [...], "stockMs": [...]}`; none where it is not there. */
export async function senderRows() {
  const there = /^name = "sender"$/m.test(readFileSync(join(ROOT, "Cargo.toml"), "utf8"));
  if (!there) return [];
  const { stdout } = await promisify(execFile)("cargo", ["bench", "--quiet", "--locked", "--bench", "sender"], { cwd: ROOT, maxBuffer: 1 << 26 });
  const { portholeMs, stockMs } = JSON.parse(stdout.trim().split("\n").at(-1));
  return [row({ key: "sender", label: "sender alone: pad to last packet", unit: "ms", ours: portholeMs, stock: stockMs, target: { than: "stock", most: OF_STOCK } })];
}
