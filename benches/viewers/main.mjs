// SPDX-License-Identifier: MPL-2.0
// Many viewers of one camera: Porthole beside the stock webrtcsink, in turns, and beside the browser alone. The last line of
// stdout is JSON; progress goes to stderr.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { refusal } from "../../tests/network/links.mjs";
import { BrowserAlone, pause, PortholePeer, StockPeer } from "../peers/peers.mjs";
import { footage as played, PATTERN } from "../peers/pipelines.mjs";
import { machineDuring } from "../process.mjs";
import { others } from "../table.mjs";
import { footage } from "./clip.mjs";
import { crowdRows, encoderRows, glassRows, linkRows, panels, qualityRows } from "./report.mjs";
import { crowded } from "./crowd.mjs";
import { encoders } from "./encoder.mjs";
import { glass } from "./glass.mjs";
import { squeezed } from "./links.mjs";
import { qualities } from "./quality.mjs";
import { senderRows } from "./sender.mjs";
import { table } from "./verdict.mjs";

const THOROUGH = {
  rounds: 2, sizes: [1, 2, 4, 8, 16], windowMs: 6_000, clicks: 4, frames: 240, crowd: 8,
  scenes: [["footage", "h264"], ["footage", "vp8"], ["pattern", "h264"], ["pattern", "vp8"]], codecs: ["h264", "vp8"], links: ["h264", "vp8"],
  bitrates: [600_000, 2_000_000],
};
const QUICK = {
  rounds: 1, sizes: [1, 2, 4, 8], windowMs: 4_000, clicks: 2, frames: 120, crowd: 8,
  scenes: [["footage", "h264"]], codecs: ["h264"], links: ["h264"], bitrates: [2_000_000],
};
const PARTS = ["crowd", "glass", "encoder", "links", "quality", "sender"];
/** Of the footage, for the picture's quality: SSIM takes its time. */
const JUDGED_SECONDS = 8;
/** How long the machine is watched, before each part, while nothing of this runs. */
const IDLE_MS = 2_000;

const NOTES = `Each cell: median of the rounds, for first frames of all clicks. Ratio: Porthole / stock. Source, overlay with its clock, size
(720p30) and codec are the same on both sides, in processes of their own; "footage" is tests/clips/car-detection.mp4 scaled to
720p30, which both decode as they go. The stock element adapts and encodes for each viewer as it is set up by default.
(1) User and system time of the camera's whole process. Viewers are webrtcsrcs in other processes, which decode nothing: what
    viewers cost themselves is not in it. A further viewer's share is the difference to one viewer, shared out.
(2) A machine that has no more to give makes the stock element look cheap: look at what its viewers get.
(3) Of the camera's process, what it shares with others its part (PSS); of a further viewer the difference to one.
(4) Resident, ten seconds after the last viewer has left, above what it was before the first came.
(5) From the overlay, which paints the time of day into the picture, to the frame's callback in Chromium, which asks for no jitter
    buffer, on either page. The others of 8 are webrtcsrcs. The browser alone: a canvas with the same clock in Chromium
    through WebRTC to the same page; it has no others.
(6) From the click in a browser started for it to the camera's own picture. Nobody else watches: Porthole's camera is closed
    and opens because of it; the stock pipeline's camera runs always.
(7) A link of 5 Mbit/s to Chromium's network namespace, then 500 kbit/s, then 5 Mbit/s again. Settled: from then on no gap of
    more than 250 ms in 3 s. Recovered: 0.8 of the bitrate before. What did not come counts as all the time it was given.
(8) 1 - SSIM of the footage after each side's encoder and its settings, without a network, in thousandths.
(9) From the click, in a page that has connected before, with nobody else there and the camera closed; in turns with an encoder
    that the last viewer left a second ago, and with one that was stopped and has to be started.`;

const { effort, quick, parts, svg } = options();
// All that is written goes here: plugin lists, footage, the browser's profile.
const folder = (process.env.TMPDIR = mkdtempSync(join(tmpdir(), "porthole-bench-")));
process.on("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]]) process.on(signal, () => process.exit(code));

const started = performance.now();
const strange = [];
const clip = parts.includes("crowd") || parts.includes("links") ? await footage(folder) : "";
const sources = { footage: played(clip), pattern: PATTERN };
const seen = { crowds: [], glasses: [], encoders: [], links: [], qualities: [] };
for (let round = 1; round <= effort.rounds; round++) {
  if (parts.includes("crowd")) {
    for (const [scene, codec] of effort.scenes) {
      for (const Peer of [PortholePeer, StockPeer]) {
        const peer = new Peer({ source: sources[scene], codec });
        const result = await observed(`crowd ${scene} ${codec} ${peer.name}`, () => crowded(peer, effort.sizes, effort.windowMs));
        seen.crowds.push({ scene, codec, name: peer.name, ...result });
      }
    }
  }
  if (parts.includes("glass")) {
    for (const codec of effort.codecs) {
      for (const Peer of [PortholePeer, StockPeer, BrowserAlone]) {
        const peer = new Peer({ source: PATTERN, codec });
        seen.glasses.push({ codec, name: peer.name, ...(await observed(`glass ${codec} ${peer.name}`, () => glass(peer, effort))) });
      }
    }
  }
}
if (parts.includes("encoder")) {
  for (const codec of effort.codecs) {
    const peer = new PortholePeer({ source: PATTERN, codec });
    seen.encoders.push({ codec, ...(await observed(`encoder ${codec}`, () => encoders(peer, { clicks: effort.rounds * effort.clicks }))) });
  }
}
const refused = refusal();
if (parts.includes("links") && !refused) {
  for (const codec of effort.links) {
    for (const Peer of [PortholePeer, StockPeer]) {
      const make = (place) => new Peer({ source: played(clip), codec, place });
      seen.links.push({ codec, ...(await observed(`links ${codec}`, () => squeezed(make))) });
    }
  }
}
if (parts.includes("quality")) {
  seen.qualities = await qualities(await footage(folder, JUDGED_SECONDS), effort.codecs, effort.bitrates, folder);
}

const rows = [
  ...crowdRows(seen.crowds), ...glassRows(seen.glasses, effort.crowd), ...encoderRows(seen.encoders), ...linkRows(seen.links), ...qualityRows(seen.qualities),
  ...(parts.includes("sender") ? await senderRows() : []),
];
const seconds = Math.round((performance.now() - started) / 1000);
const judged = rows.filter(({ pass }) => pass !== null);
const kept = judged.filter(({ pass }) => pass).length;
const { sentence, median, max, busy } = others(strange.length ? strange : [0]);
const points = panels(seen.crowds);
if (svg) writeFileSync(svg, (await import("./plot.mjs")).plot(points));
console.log(`
Viewers: Porthole beside the stock webrtcsink, in turns, and the browser alone; rounds: ${effort.rounds}, ${seconds} s

${table(rows)}

${NOTES}
${parts.includes("links") && refused ? `Nothing about links: ${refused}\n` : ""}${kept} of ${judged.length} targets are kept.
${sentence}
`);
const report = { bench: "viewers", quick, rounds: effort.rounds, seconds, busy, othersPercent: { median, max }, kept, targets: judged.length, rows, points };
// The callback: a pipe may not have taken the line yet.
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));

/** What `body` gives, after a look at what others do to the machine. */
async function observed(what, body) {
  strange.push(await machineDuring(() => pause(IDLE_MS)));
  const result = await body();
  console.error(`${what}: ${JSON.stringify(result, (_, value) => (Number.isFinite(value) ? Math.round(value * 10) / 10 : value))}`);
  return result;
}

function options() {
  try {
    const { values } = parseArgs({ options: {
      rounds: { type: "string" }, quick: { type: "boolean", default: false }, svg: { type: "string" }, only: { type: "string" },
    } });
    const effort = { ...(values.quick ? QUICK : THOROUGH) };
    if (values.rounds !== undefined) {
      if (!/^[1-9]\d?$/.test(values.rounds)) throw new Error(`--rounds ${values.rounds}: give a number from 1 to 99`);
      effort.rounds = Number(values.rounds);
    }
    const parts = values.only?.split(",") ?? PARTS;
    const unknown = parts.find((part) => !PARTS.includes(part));
    if (unknown !== undefined) throw new Error(`--only ${unknown}: the parts are ${PARTS.join(", ")}`);
    return { effort, quick: values.quick, parts, svg: values.svg };
  } catch (error) {
    console.error(`bench viewers: ${error.message}; see scripts/bench --help`);
    process.exit(2);
  }
}
