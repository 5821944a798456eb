// SPDX-License-Identifier: MPL-2.0
// portholeoverlay beside its stock peers and beside a copy of the frame. The last line of stdout is JSON; progress goes
// to stderr.

import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { othersDuring } from "../process.mjs";
import { others } from "../table.mjs";
import { judge, kernels, kernelTable, pipelineTable, textChange } from "./verdict.mjs";

const ROOT = join(import.meta.dirname, "../..");
const PIPELINES = ["-p", "gst-plugin-porthole", "--bench", "overlay"];
const KERNELS = ["-p", "porthole-painter", "--bench", "kernels"];

/** Rounds of the pipelines, and criterion's seconds for each kernel: together below four minutes. */
const THOROUGH = { rounds: "21", kernels: ["--warm-up-time", "0.1", "--measurement-time", "0.3"] };
const QUICK = { rounds: "5", kernels: ["--warm-up-time", "0.05", "--measurement-time", "0.1"] };

const PIPELINE_NOTES = `Microseconds of CPU time a frame, user and system, of the whole process; medians of the rounds, without what the same feed
into a sink alone takes. The chains and memcpy took turns in each round. "stock/P.": times less CPU than stock; "P./memcpy":
copies of the frame. A row passes if it keeps the targets for these two; those for I420 at 1280x720 count in all rows.
180                  videoflip video-direction=180
180 + clock + text   stock: videoflip video-direction=180 ! clockoverlay ! textoverlay text="front door"
                     Porthole: text="%H:%M:%S front door" in a box, and latency-clock=true besides
90r                  videoflip video-direction=90r
identity + text      stock: clockoverlay time-format="%H:%M:%S front door"; Porthole: the same text, in a box
memcpy               all bytes of a frame; as in the chains, four frames are read in turns, and two are written
The element works alone in each chain, one thread, default properties otherwise.`;

const KERNEL_NOTES = `The painter alone, without GStreamer, from one frame into one other again and again: small ones stay in the cache. memcpy in
microseconds, the others as copies of the frame ("0.5": half of a copy), with each instruction set of this machine.`;

const chosen = options();
// All that is written goes here: criterion's files, and GStreamer's list of plugins. The user's own stays as it is.
const folder = mkdtempSync(join(tmpdir(), "porthole-bench-"));
let child;
process.on("exit", () => {
  child?.kill("SIGTERM");
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});
for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]]) process.on(signal, () => process.exit(code));

const env = { ...process.env, CRITERION_HOME: join(folder, "criterion"), GST_REGISTRY: join(folder, "registry.bin") };
// Another copy of the plugin must not come in.
delete env.GST_PLUGIN_PATH;
delete env.GST_DEBUG;

const wanted = [chosen.pipelines && PIPELINES, chosen.kernels && KERNELS].filter(Boolean);
console.error("building");
for (const bench of wanted) await cargo([...bench, "--no-run"]);
const started = performance.now();
const busy = [];
const report = { bench: "overlay", quick: chosen.quick };
if (chosen.pipelines) {
  let lines;
  busy.push(await othersDuring(async () => (lines = await cargo([...PIPELINES, "--", "--rounds", chosen.effort.rounds]))));
  const measured = lines.trim().split("\n").map((line) => JSON.parse(line));
  report.rounds = Number(chosen.effort.rounds);
  report.rows = measured.filter(({ cases }) => cases).flatMap(judge);
  const { textChange: change } = measured.find((line) => line.textChange);
  const place = report.rows.findIndex((row) => row.name === change.name && row.format === change.format && row.size === change.size);
  const { row, ...costs } = textChange(change, report.rows[place]);
  report.rows.splice(place + 1, 0, row);
  report.text_change = costs;
  console.log(`
portholeoverlay in whole pipelines, beside stock; rounds: ${report.rounds}

${pipelineTable(report.rows)}

${PIPELINE_NOTES}
The text changes once a second, which the rows hardly see, as they have thousands of frames a second. That frame takes
${costs.ours_us} us more (stock: ${costs.stock_us} us). The row "${row.name}" has a ${costs.fps}th of this on top, as with a camera.`);
}
if (chosen.kernels) {
  busy.push(await othersDuring(() => cargo([...KERNELS, "--", "--quiet", "--noplot", ...chosen.effort.kernels])));
  report.kernels = kernels(criterion(env.CRITERION_HOME));
  console.log(`
portholeoverlay's kernels

${kernelTable(report.kernels)}

${KERNEL_NOTES}`);
}
const seconds = Math.round((performance.now() - started) / 1000);
const { sentence, ...machine } = others(busy);
const failed = (report.rows ?? []).filter(({ pass }) => !pass).length;
if (report.rows) console.log(`\n${report.rows.length - failed} of ${report.rows.length} rows pass.`);
console.log(`${sentence} ${seconds} s.\n`);
// The callback: a pipe may not have taken the line yet.
process.stdout.write(`${JSON.stringify({ ...report, seconds, busy: machine.busy, othersPercent: { median: machine.median, max: machine.max } })}\n`, () => process.exit(0));

/** What `cargo bench` writes to stdout. */
function cargo(args) {
  return new Promise((done) => {
    child = spawn("cargo", ["bench", "--quiet", "--locked", ...args], { cwd: ROOT, env, stdio: ["ignore", "pipe", "inherit"] });
    const chunks = [];
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.on("error", ({ message }) => fail(message));
    // The program has said on stderr what is wrong.
    child.on("close", (code) => (code === 0 ? done(Buffer.concat(chunks).toString()) : process.exit(2)));
  });
}

/** What criterion left in its folder, in no particular order. */
function criterion(home) {
  const results = readdirSync(home, { recursive: true }).filter((file) => file.endsWith("new/benchmark.json"));
  return results.map((file) => {
    const read = (name) => JSON.parse(readFileSync(join(home, file, "..", name), "utf8"));
    const { group_id, function_id, value_str } = read("benchmark.json");
    const [format, size] = group_id.split(" ");
    return { format, size, name: function_id, isa: value_str ?? "", ns: read("estimates.json").median.point_estimate };
  });
}

function options() {
  try {
    const flag = { type: "boolean", default: false };
    const { values } = parseArgs({ options: { quick: flag, pipelines: flag, kernels: flag } });
    const both = values.pipelines === values.kernels;
    return {
      quick: values.quick, effort: values.quick ? QUICK : THOROUGH,
      pipelines: both || values.pipelines, kernels: both || values.kernels,
    };
  } catch (error) {
    return fail(`${error.message}; see scripts/bench --help`);
  }
}

function fail(message) {
  console.error(`bench overlay: ${message}`);
  process.exit(2);
}
