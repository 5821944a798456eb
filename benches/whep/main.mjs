// SPDX-License-Identifier: MPL-2.0
// The first frame of a player that asks by WHEP, beside that of the page of the same server, in turns. The last line of stdout is
// JSON; progress goes to stderr.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { browser, enrolled, PATIENCE_MS, Server, visitor } from "../../tests/browser/lib.mjs";
import { pause } from "../peers/peers.mjs";
import { layout, quantile, round } from "../table.mjs";

/** Of the median of the page's. */
const TARGET = 1.1;
/** From the start of a process until it is idle: it probes its encoders first. */
const SETTLE_MS = 3_000;
const PIPELINE = "portholesrc camera=test idle-timeout=0 ! portholeoverlay ! portholesink codec=vp8";

const NOTES = `Each with a new browser at a camera that is closed: from the click on the page, which is connected, and from the call of a
player that knows nothing but its address, to the first frame that is shown. The player is ten lines of script, so that what is compared is
the way of asking. Both at one server in a process of its own; 1280x720 test pattern, VP8, no STUN.`;

const { values } = parseArgs({ options: { rounds: { type: "string", default: "12" }, quick: { type: "boolean" } } });
const rounds = values.quick ? 5 : Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds}: give a number`);
process.env.TMPDIR = mkdtempSync(join(tmpdir(), "porthole-bench-"));
process.on("exit", () => rmSync(process.env.TMPDIR, { recursive: true, force: true, maxRetries: 10 }));
for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]]) process.on(signal, () => process.exit(code));

/** Milliseconds from the click to the first frame. */
async function byPage(chromium, server) {
  const page = await visitor(chromium, server.link);
  await page.locator('[data-testid="camera-front"]:enabled').waitFor();
  return page.evaluate((patience) => new Promise((done, fail) => {
    setTimeout(() => fail(new Error("no picture")), patience);
    const start = performance.now();
    document.querySelector('[data-testid="camera-front"]').click();
    const look = () => {
      const video = document.querySelector('[data-testid="video-front"]');
      if (video) video.requestVideoFrameCallback(() => done({ frame: performance.now() - start }));
      else setTimeout(look, 0);
    };
    look();
  }), PATIENCE_MS);
}

/** The same from the call on, and until the offer was made, the answer was there, and both were connected. */
async function byWhep(chromium, server) {
  const page = await visitor(chromium, `${server.url}/health`);
  return page.evaluate(([token, patience]) => new Promise((done, fail) => {
    setTimeout(() => fail(new Error("no picture")), patience);
    const video = document.body.appendChild(Object.assign(document.createElement("video"), { muted: true, autoplay: true }));
    const start = performance.now();
    let offered, answered, connected;
    video.requestVideoFrameCallback(() => done({ frame: performance.now() - start, offered, answered, connected }));
    const peer = window.peer = new RTCPeerConnection();
    peer.addTransceiver("video", { direction: "recvonly" });
    peer.onconnectionstatechange = () => { if (peer.connectionState === "connected") connected = performance.now() - start; };
    peer.ontrack = ({ track }) => { video.srcObject = new MediaStream([track]); };
    (async () => {
      await peer.setLocalDescription(await peer.createOffer());
      offered = performance.now() - start;
      const headers = { "content-type": "application/sdp", authorization: `Bearer ${token}` };
      const answer = await fetch("/whep/front", { method: "POST", body: peer.localDescription.sdp, headers });
      if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
      const sdp = await answer.text();
      answered = performance.now() - start;
      await peer.setRemoteDescription({ type: "answer", sdp });
      window.resource = answer.headers.get("location");
    })().catch(fail);
  }), [server.token, PATIENCE_MS]);
}

const samples = { page: [], whep: [], offered: [], answered: [], connected: [] };
const server = await Server.start({ env: { PORTHOLE_WHEP_ENABLED: "true" } });
const front = await enrolled(server, PIPELINE);
try {
  await pause(SETTLE_MS);
  for (let n = 0; n < 2 * rounds; n++) {
    // Who goes first takes turns as well.
    const isWhep = (n % 2 === 0) === (Math.floor(n / 2) % 2 === 0);
    const chromium = await browser();
    const from = front.lines.length;
    try {
      const { frame, offered, answered, connected } = await (isWhep ? byWhep : byPage)(chromium, server);
      samples[isWhep ? "whep" : "page"].push(frame);
      if (isWhep) {
        samples.offered.push(offered);
        samples.answered.push(answered);
        samples.connected.push(connected);
      }
      console.error(`${n + 1}/${2 * rounds} ${isWhep ? "whep" : "page"}: ${frame.toFixed(0)} ms`);
      for (const page of chromium.contexts().flatMap((context) => context.pages())) {
        if (isWhep) await page.evaluate(() => fetch(window.resource, { method: "DELETE" }));
        else await page.getByTestId("close-front").click();
      }
      await front.line(/porthole\/camera, .*state=\(string\)closed/, { from });
    } finally {
      await chromium.close();
    }
  }
} finally {
  await front.stop();
  await server.stop();
}

const figures = Object.fromEntries(Object.entries(samples).map(([key, all]) => [key, { median: round(quantile(all, 0.5)), max: round(Math.max(...all)), samples: all.length }]));
const ratio = round(figures.whep.median / figures.page.median, 2);
const pass = ratio <= TARGET;
const line = (label, { median, max, samples: n }, verdict = "") => [label, String(n), median.toFixed(1), max.toFixed(1), verdict];
console.log(`
${layout([
    ["first frame, ms", "n", "median", "max", ""],
    line("the page", figures.page),
    line("a player by WHEP", figures.whep, `${ratio} of the page's; at most ${TARGET}: ${pass ? "kept" : "MISSED"}`),
    line("  its offer", figures.offered),
    line("  the answer", figures.answered),
    line("  connected", figures.connected),
  ], [1, 2, 3])}

${NOTES}
`);
console.log(JSON.stringify({ bench: "whep", rounds, ...figures, ratio, target: TARGET, pass }));
