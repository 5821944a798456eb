// SPDX-License-Identifier: MPL-2.0
// Porthole beside the stock webrtcsink, both into Chromium on this machine, in turns. The last line of
// stdout is JSON; progress goes to stderr.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { browser, PATIENCE_MS } from "../../tests/browser/lib.mjs";
import { pause, PortholePeer, StockPeer } from "../peers/peers.mjs";
import { STOCK_PATTERN } from "../peers/pipelines.mjs";
import { cpuDuring, machineDuring, residentMb } from "../process.mjs";
import { others, quantile } from "../table.mjs";
import { compare } from "./compare.mjs";

/** Clicks in each round that find nobody else watching, each in a page of its own. */
const CLICKS = 3;
/** About eight seconds. */
const LATENCY_FRAMES = 240;
const VIEWERS = 4;
/** From the start of a process until it is idle: it probes its encoders first. */
const SETTLE_IDLE_MS = 3_000;
/** From the first frame until the congestion control has found its bitrate and the rest is steady. */
const SETTLE_WATCHED_MS = 6_000;
const CPU_WINDOW_MS = 6_000;
/** Until a changed jitter buffer has run empty. */
const SETTLE_BUFFER_MS = 3_000;

const ROWS = [
  { key: "firstFrameMs", label: "first frame after the click (1)", unit: "ms", better: "lower" },
  { key: "firstPictureMs", label: "  the camera's own picture (1)", unit: "ms", better: "lower" },
  { key: "firstFrameAgainMs", label: "  again in the same page (1)", unit: "ms", better: "lower" },
  { key: "firstFrameJoiningMs", label: "  while others watch already (2)", unit: "ms", better: "lower" },
  { key: "latencyMedianMs", label: "glass to glass, median (3)", unit: "ms", better: "lower" },
  { key: "latencyUnbufferedMs", label: "  neither with a jitter buffer (3)", unit: "ms", better: "lower" },
  { key: "latencyP95Ms", label: "glass to glass, 95th percentile (3)", unit: "ms", better: "lower" },
  { key: "cpu0Percent", label: "CPU, nobody watches (4)", unit: "% of a core", better: "lower" },
  { key: "cpu1Percent", label: "CPU, 1 viewer (4)", unit: "% of a core", better: "lower" },
  { key: "cpu4Percent", label: "CPU, 4 viewers (4)", unit: "% of a core", better: "lower" },
  { key: "memory4Mb", label: "resident memory, 4 viewers", unit: "MB", better: "lower" },
  { key: "fps1", label: "check: frames/s, 1 viewer (5)", unit: "1/s", better: "same" },
  { key: "fps4", label: "check: frames/s, each of 4 (5)", unit: "1/s", better: "same" },
  { key: "height4", label: "check: height of the picture, 4 viewers (5)", unit: "pixels", better: "same" },
];

const NOTES = `Each cell: median [lowest..highest] of the rounds; for the first frame, of all clicks. Ratio: Porthole / stock.
(1) The camera process runs already, the page is new and connected, and nobody watches. Porthole's camera is closed until
    the click and opens because of it; the stock pipeline's camera runs always. Until the camera is open Porthole shows a
    black slate: the second row waits for the camera's own picture. "Again": the browser has set up WebRTC in this page before.
(2) Second to fourth viewer, one after the other; the camera is open on both sides.
(3) From the overlay, which paints the time of day into the picture, to the frame's callback in the page; 1 viewer,
    ${LATENCY_FRAMES} frames a round. Porthole's page asks the browser for no jitter buffer; gstwebrtc-api leaves it as it is.
    The second row is with the stock page made to ask for none as well. The sources differ: videotestsrc reports one frame
    of latency, for which the stock element waits, and portholesink does not. So not all of the gain is the sink's.
(4) The whole gst-launch-1.0 process, user and system time, without Chromium. The stock source draws at 30 frames/s even
    when nobody watches; Porthole's is closed then.
(5) Not a contest: they show whether both sides did the same work. The stock element may scale down when short of bandwidth;
    a side that shows fewer frames also spends less on them.
Same source, overlay, size and codec on both sides: 720p30 test pattern, VP8, no STUN. Chromium decodes on the same machine.`;

const { rounds } = options();
// All that is written goes here: plugin folders, lists of plugins, the browser's profile.
process.env.TMPDIR = mkdtempSync(join(tmpdir(), "porthole-bench-"));
const peers = [new PortholePeer(), new StockPeer({ source: STOCK_PATTERN })];
// Also when interrupted: nothing stays behind. Playwright ends its browser in the same event.
process.on("exit", () => rmSync(process.env.TMPDIR, { recursive: true, force: true, maxRetries: 10 }));
for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]]) process.on(signal, () => process.exit(code));

/** Percent of a core that other programs used in each idle window: an idle Chromium, and what should not be there. */
const strange = [];
const started = performance.now();
const samples = Object.fromEntries(peers.map(({ name }) => [name, Object.fromEntries(ROWS.map(({ key }) => [key, []]))]));
for (let round = 1; round <= rounds; round++) {
  for (const peer of peers) {
    const seen = await measure(peer);
    for (const [key, values] of Object.entries(seen)) samples[peer.name][key].push(...values);
    const brief = Object.entries(seen).map(([key, values]) => `${key} ${values.map((value) => value.toFixed(0)).join(",")}`);
    console.error(`round ${round}/${rounds} ${peer.name}: ${brief.join("  ")}`);
  }
}
const { result, table } = compare(ROWS, samples);
const seconds = Math.round((performance.now() - started) / 1000);
const { sentence, median, max } = others(strange);
console.log(`
Porthole beside the stock webrtcsink, in turns; rounds: ${rounds}, ${seconds} s

${table}

${NOTES}
${sentence}
`);
// The callback: a pipe may not have taken the line yet.
process.stdout.write(`${JSON.stringify({ bench: "smoke", rounds, seconds, othersPercent: { median, max }, ...result })}\n`, () => process.exit(0));

/** One process of a peer from its start to its end, with nobody, one and four watching. */
async function measure(peer) {
  let chromium;
  try {
    const program = await peer.start();
    chromium = await browser();
    const pid = program.process.pid;
    await pause(SETTLE_IDLE_MS);
    const idle = await cpuDuring(pid, () => machineDuring(() => pause(CPU_WINDOW_MS)));
    strange.push(Math.max(0, idle.value - idle.percent));

    let first = await peer.viewer(chromium);
    const clicks = [await click(first)];
    while (clicks.length < CLICKS) {
      await peer.leave(() => first.context().close());
      first = await peer.viewer(chromium);
      clicks.push(await click(first));
    }
    await peer.leave(() => first.evaluate(() => bench.close()));
    const again = await click(first);

    await pause(SETTLE_WATCHED_MS);
    const alone = await cpuDuring(pid, () => paced([first], () => latency(peer, first)));
    const ages = alone.value.value;
    const unbuffered = (await peer.unbuffer(first)) ? await pause(SETTLE_BUFFER_MS).then(() => latency(peer, first)) : ages;

    const pages = [first];
    const joins = [];
    while (pages.length < VIEWERS) {
      const page = await peer.viewer(chromium);
      pages.push(page);
      joins.push((await click(page)).first);
    }
    await pause(SETTLE_WATCHED_MS);
    const four = await cpuDuring(pid, () => paced(pages, () => pause(CPU_WINDOW_MS)));
    return {
      firstFrameMs: clicks.map(({ first }) => first),
      firstPictureMs: clicks.map(({ picture }) => picture),
      firstFrameAgainMs: [again.first],
      firstFrameJoiningMs: joins,
      latencyMedianMs: [quantile(ages, 0.5)],
      latencyUnbufferedMs: [quantile(unbuffered, 0.5)],
      latencyP95Ms: [quantile(ages, 0.95)],
      cpu0Percent: [idle.percent],
      cpu1Percent: [alone.percent],
      cpu4Percent: [four.percent],
      memory4Mb: [residentMb(pid)],
      fps1: alone.value.fps,
      fps4: four.value.fps,
      height4: four.value.heights,
    };
  } finally {
    await chromium?.close();
    await peer.stop();
  }
}

function click(page) {
  return page.evaluate((patience) => bench.click(patience), PATIENCE_MS);
}

/** Ages of frames in ms. */
async function latency({ name }, page) {
  const { ages, unreadable } = await page.evaluate((args) => bench.latency(...args), [LATENCY_FRAMES, PATIENCE_MS]);
  if (unreadable > ages.length / 10) console.error(`${name}: ${unreadable} frames without a readable clock`);
  return ages;
}

/** Frames per second that each page shows while `body` runs, the height of its picture, and what `body` gives. */
async function paced(pages, body) {
  const look = () => Promise.all(pages.map((page) => page.evaluate(() => bench.progress())));
  const before = await look();
  const value = await body();
  const after = await look();
  const fps = after.map((now, i) => (1000 * (now.frames - now.dropped - before[i].frames + before[i].dropped)) / (now.at - before[i].at));
  return { fps, heights: after.map(({ height }) => height), value };
}

function options() {
  try {
    const { values } = parseArgs({ options: { rounds: { type: "string", default: "3" } } });
    if (!/^[1-9]\d?$/.test(values.rounds)) throw new Error(`--rounds ${values.rounds}: give a number from 1 to 99`);
    return { rounds: Number(values.rounds) };
  } catch (error) {
    console.error(`bench smoke: ${error.message}; see scripts/bench --help`);
    process.exit(2);
  }
}
