// SPDX-License-Identifier: MPL-2.0
// What sessions live through, and how soon they end. The last line of stdout is JSON; progress goes to stderr.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { browser, ROOT } from "../../tests/browser/lib.mjs";
import { machineDuring } from "../process.mjs";
import { row, table } from "../rows.mjs";
import { others } from "../table.mjs";
import { FLOODS, porthole, stock } from "./floods.mjs";
import { own } from "../own.mjs";
import { cuts, FRAME_MS, LONG_GAP_MS, ORPHAN_SECONDS, pause, restarts, revocations } from "./parts.mjs";
import { longestNotLive, missed } from "./verdict.mjs";

const THOROUGH = { rounds: 20, undisturbedMs: 20_000, revocations: 8, cuts: 5, leases: 10, floodSeconds: [5, 15, 10] };
const QUICK = { rounds: 5, undisturbedMs: 5_000, revocations: 2, cuts: 1, leases: 3, floodSeconds: [3, 5, 3] };
/** How long the machine is watched, before each part, while nothing of this runs. */
const IDLE_MS = 2_000;

const NOTES = `(1) The server is killed with -9, stays away for 0.2 to 5 s, and is started again, while Chromium watches: from its line
    "listening on" to the camera's state=online on the bus, and to the page's session being resumed.
(2) Gaps between two presented frames beyond the frame's own time, and frames of the 640x360 VP8 stream at 30/s that were
    never presented. "Undisturbed": the same page just before, for what the machine itself does to the figures.
(3) From SIGHUP to a server whose file has the viewer no more, to the last packet in Chromium's statistics. The page holds on:
    its peer connection is not closed by the page itself.
(4) The server's process is stopped, so that its connections stay and nobody answers; the viewer is removed meanwhile. The
    camera has orphan-timeout=${ORPHAN_SECONDS}. The packets come straight from the camera, which is not cut off from the viewer.
(5) A lease of 3 s and a viewer that is webrtcbin, while the application's handler of viewer-joined blocks.
(6) An honest viewer's candidate to its camera, which sends it back: from when it was due. One each 25 ms, whether or not
    those before came back; what is not back 10 s after the last of them counts as that long. The floods are ${FLOODS} people with
    a session each, who send messages of 64 KiB as fast as the server takes them and read nothing. "Connecting anew": after
    every two messages, as each connection has a burst of its own. The stock server is the one in webrtcsink's process,
    without its log. Floods, honest client and camera share the machine with the server.`;

const { effort, quick } = options();
// All that is written goes here: configurations, plugin lists, the browser's profile.
process.env.TMPDIR = mkdtempSync(join(tmpdir(), "porthole-bench-"));
process.env.GST_REGISTRY = join(process.env.TMPDIR, "registry.bin");
// Another copy of the plugin must not come in.
delete process.env.GST_PLUGIN_PATH;
process.on("exit", () => rmSync(process.env.TMPDIR, { recursive: true, force: true, maxRetries: 10 }));
for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]]) process.on(signal, () => process.exit(code));

console.error("building");
const measurements = await build();
const started = performance.now();
const strange = [];
const rows = [...await inChromium(), ...await leases(), ...await floods()];
const seconds = Math.round((performance.now() - started) / 1000);
const judged = rows.filter(({ pass }) => pass !== null);
const kept = judged.filter(({ pass }) => pass).length;
const { sentence, median, max, busy } = others(strange);
console.log(`
Sessions: restarts of the server, revocations, leases and floods; ${seconds} s

${table(rows)}

${NOTES}
${kept} of ${judged.length} targets are kept.
${sentence}
`);
const report = { bench: "sessions", quick, rounds: effort.rounds, seconds, busy, othersPercent: { median, max }, kept, targets: judged.length, rows };
// The callback: a pipe may not have taken the line yet.
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));

async function inChromium() {
  await idle();
  const chromium = await browser();
  try {
    const { camerasBack, pagesBack, undisturbed, watched } = await restarts(chromium, effort.rounds, effort.undisturbedMs);
    const [calm, seen] = [undisturbed, watched].map(({ frames }) => missed(frames, FRAME_MS, LONG_GAP_MS));
    const revoked = await revocations(chromium, effort.revocations);
    const cut = await cuts(chromium, effort.cuts);
    const frames = ({ missing, count }) => ({ unit: "frames", samples: [missing], remark: `of ${count + missing}` });
    return [
      row({ key: "cameraBackMs", label: "camera back after a restart (1)", samples: camerasBack, target: 3_000 }),
      row({ key: "pageBackMs", label: "  page's session resumed (1)", samples: pagesBack }),
      row({ key: "notLiveMs", label: "  page not \"live\", longest (1)", samples: [longestNotLive(watched.states, watched.now)], target: 5_000 }),
      row({ key: "longGaps", label: `gaps of more than ${LONG_GAP_MS} ms meanwhile (2)`, unit: "gaps", samples: [seen.long], target: 0 }),
      row({ key: "longestGapMs", label: "  longest gap (2)", samples: [seen.longest] }),
      row({ key: "longestGapUndisturbedMs", label: "  longest gap, undisturbed (2)", samples: [calm.longest] }),
      row({ key: "framesMissing", label: "  frames missing (2)", ...frames(seen) }),
      row({ key: "framesMissingUndisturbed", label: "  frames missing, undisturbed (2)", ...frames(calm) }),
      row({ key: "revokedMs", label: "revoked, to the last packet (3)", samples: revoked, target: 1_000 }),
      row({ key: "cutMs", label: "  revoked while the link is cut (4)", samples: cut, target: 1_000 * (ORPHAN_SECONDS + 1) }),
    ];
  } finally {
    await chromium.close();
  }
}

async function leases() {
  await idle();
  const { lateMs } = await measure(["lease", String(effort.leases)]);
  return [row({ key: "leaseLateMs", label: "lease end to the last packet, handler blocks (5)", samples: lateMs, target: 100 })];
}

async function floods() {
  const flood = (plan) => measure(["flood"], plan);
  await idle();
  const own = await porthole(flood, effort.floodSeconds);
  await idle();
  const peer = await stock(flood, effort.floodSeconds);
  const cases = [
    ["quiet", "honest round trip, nobody else (6)"],
    ["flood", `  beside ${FLOODS} floods of 64 KiB messages (6)`],
    ["returning", `  beside ${FLOODS} floods connecting anew (6)`],
  ];
  return cases.flatMap(([key, label]) => {
    const ours = row({ key: `${key}Ms`, label, samples: own[`${key}Ms`], by: "p99", target: key === "flood" ? 20 : null });
    const theirs = row({ key: `${key}StockMs`, label: "    stock server", samples: peer[`${key}Ms`] });
    ours.ratio = Number((ours.p99 / theirs.p99).toFixed(4));
    ours.remark = `p99: ${ours.ratio} of the stock server's${ours.ratio > 1 ? "; Porthole loses" : ""}`;
    return [ours, theirs];
  }).concat([
    row({ key: "grownMb", label: "memory that the floods took (6)", unit: "MB", samples: [own.grownMb] }),
    row({ key: "grownStockMb", label: "    stock server", unit: "MB", samples: [peer.grownMb] }),
  ]);
}

/** Looks at what others do to the machine while nothing of this runs. */
async function idle() {
  strange.push(await machineDuring(() => pause(IDLE_MS)));
}

/** The program that measures what needs no browser. */
async function build() {
  const bench = ["bench", "--quiet", "--locked", "-p", "gst-plugin-porthole", "--bench", "sessions", "--no-run", "--message-format=json"];
  const made = (await output("cargo", bench)).map((line) => JSON.parse(line));
  return made.find(({ executable, target }) => executable && target.name === "sessions").executable;
}

/** What the program says of one of its measurements, which reads `plan`. */
async function measure(words, plan = null) {
  return JSON.parse((await output(measurements, words, JSON.stringify(plan))).at(-1));
}

/** The lines of a program's stdout. */
async function output(command, args, input = "") {
  const child = spawn(command, args, { cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] });
  own({ process: child });
  // One that ends before it has read says why.
  child.stdin.on("error", () => {}).end(input);
  const chunks = [];
  child.stdout.on("data", (chunk) => chunks.push(chunk));
  const code = await new Promise((done, fail) => child.on("error", fail).on("close", done));
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: exit code ${code}`);
  return Buffer.concat(chunks).toString().trim().split("\n");
}

function options() {
  try {
    const { values } = parseArgs({ options: { rounds: { type: "string" }, quick: { type: "boolean", default: false } } });
    const effort = { ...(values.quick ? QUICK : THOROUGH) };
    if (values.rounds !== undefined) {
      if (!/^[1-9]\d?$/.test(values.rounds)) throw new Error(`--rounds ${values.rounds}: give a number from 1 to 99`);
      effort.rounds = Number(values.rounds);
    }
    return { effort, quick: values.quick };
  } catch (error) {
    console.error(`bench sessions: ${error.message}; see scripts/bench --help`);
    process.exit(2);
  }
}
