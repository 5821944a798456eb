// SPDX-License-Identifier: MPL-2.0
import test from "node:test";
import assert from "node:assert/strict";
import { Figures } from "../client/statistics.js";
import { useLanguage } from "../words/words.js";
import { inWords, sparkline } from "./statistics-words.js";

/** A report of `getStats`, as Chromium makes it, but for what `change` says. */
const report = (change = {}, more = []) => new Map([
  ["V", { id: "V", type: "inbound-rtp", kind: "video", codecId: "C", bytesReceived: 0, packetsReceived: 0, packetsLost: 0, framesDecoded: 0,
    framesDropped: 0, freezeCount: 0, totalFreezesDuration: 0, frameWidth: 1280, frameHeight: 720, jitter: 0.004, ...change }],
  ["C", { id: "C", type: "codec", mimeType: "video/VP8" }],
  ...more.map((entry) => [entry.id, entry]),
]);
const TOLD = { rung: 1, rungs: 3, width: 640, height: 360, estimate: 1_200_000, sent: 800_000, loss: 0.01, rtt: 0.02 };
/** The words of one figure. */
const words = (stats, key, latency = null) => inWords(stats, latency).find((row) => row.key === key)?.words;

test("figures are told in words", () => {
  const figures = new Figures();
  figures.read(report(), 0);
  figures.read(report({ bytesReceived: 525_000, packetsReceived: 995, packetsLost: 5, framesDecoded: 59, framesDropped: 3, freezeCount: 2, totalFreezesDuration: 1.44 }), 2_000);
  figures.hear(TOLD, 2_000);
  assert.deepEqual(inWords(figures.at(2_000), 38).map(({ name, words }) => `${name}: ${words}`), [
    "Picture: 1280 × 720", "Frames a second: 29.5", "Codec: VP8", "Quality: medium, 640 × 360", "Received: 2.10 Mbit/s", "Sent by the camera: 800 kbit/s",
    "Network allows: 1.20 Mbit/s", "Packets lost: 0.5 %", "Round trip: 20 ms", "Jitter: 4 ms", "Latency: 38 ms", "Frames decoded: 59",
    "Frames dropped: 3", "Freezes: 2, 1.4 s in all"]);
});

test("a camera without a ladder has no rung, and a browser that counts no freezes has none", () => {
  const figures = new Figures();
  figures.read(report({ freezeCount: undefined }), 0);
  figures.hear({ ...TOLD, rung: 0, rungs: 0 }, 0);
  assert.equal(words(figures.at(0), "rung"), undefined);
  assert.equal(words(figures.at(0), "freezes"), undefined);
  assert.equal(words(figures.at(0), "sent"), "800 kbit/s");
});

test("the line ends at the right, fits its box, and a hum is no mountain", () => {
  const { points, top } = sparkline([{ at: 0, received: 0 }, { at: 30_000, received: 2_000_000 }, { at: 60_000, received: 1_000_000 }], 60_000, 300, 48);
  assert.equal(points, "0.0,48.0 150.0,0.0 300.0,24.0");
  assert.equal(top, "2.00 Mbit/s");
  assert.equal(sparkline([{ at: 0, received: 1_000 }], 0, 300, 48).points, "300.0,47.5");
  assert.equal(sparkline([], 0, 300, 48).points, "");
});

test("what is not known is left out", () => {
  const figures = new Figures();
  figures.read(report(), 0);
  figures.read(report(), 1_000);
  figures.read(new Map(), 2_000);
  assert.deepEqual(inWords(figures.at(2_000), null).map(({ key }) => key), ["fps", "received", "decoded"]);
});

test("numbers are written as the language has them", async (context) => {
  context.after(() => useLanguage("en"));
  await useLanguage("de");
  const figures = new Figures();
  figures.read(report(), 0);
  figures.hear(TOLD, 0);
  assert.equal(words(figures.at(0), "estimate"), "1,20 Mbit/s");
  assert.equal(words(figures.at(0), "rung"), "mittel, 640 × 360");
});

test("the best rendition is of high quality, the last of low, and what is between of medium", () => {
  const figures = new Figures();
  figures.read(new Map(), 0);
  const quality = (rung, rungs) => {
    figures.hear({ ...TOLD, rung, rungs, width: 0, height: 0 }, 0);
    return words(figures.at(0), "rung");
  };
  assert.deepEqual([quality(0, 1), quality(0, 3), quality(1, 3), quality(2, 3), quality(1, 2)], ["high", "high", "medium", "low", "low"]);
});
