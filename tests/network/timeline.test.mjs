// SPDX-License-Identifier: MPL-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { bitrate, flowsAfter, frozen, longestGap, rate, reaches, sizes } from "./timeline.mjs";

/** A frame each 100 ms from 0 on, but none from 1,000 to 2,500. */
const frames = Array.from({ length: 60 }, (_, i) => ({ at: i * 100, width: i < 30 ? 1280 : 640, height: i < 30 ? 720 : 360 }))
  .filter(({ at }) => at <= 1_000 || at >= 2_500);
/** 100 kbit/s for 2 s, then 1 Mbit/s. */
const stats = Array.from({ length: 17 }, (_, i) => ({
  at: i * 250, bytes: i <= 8 ? i * 3_125 : 25_000 + (i - 8) * 31_250, frozenSeconds: i < 4 ? 0 : 1.5,
}));

test("a gap counts between frames, and from either end", () => {
  assert.equal(longestGap(frames, 0, 5_900), 1_500);
  assert.equal(longestGap(frames, 0, 1_800), 800);
  assert.equal(longestGap(frames, 1_100, 2_000), 900);
});

test("frames and their sizes are those of the window", () => {
  assert.equal(rate(frames, 3_001, 4_001), 10);
  assert.deepEqual(sizes(frames, 0, 900), ["1280x720"]);
  assert.deepEqual(sizes(frames, 0, 5_000), ["1280x720", "640x360"]);
});

test("the picture flows once nothing interrupts it any more", () => {
  assert.equal(flowsAfter(frames, 500, 5_900, { gap: 200, hold: 1_000 }), 2_000);
  assert.equal(flowsAfter(frames, 3_000, 5_900, { gap: 200, hold: 1_000 }), 0);
  assert.equal(flowsAfter(frames, 500, 3_000, { gap: 200, hold: 1_000 }), null);
});

test("bitrates are those of the window, and nothing where nobody looked", () => {
  assert.equal(bitrate(stats, 0, 2_000), 100_000);
  assert.equal(bitrate(stats, 2_000, 4_000), 1_000_000);
  assert.ok(Number.isNaN(bitrate(stats, 10, 20)));
  assert.equal(frozen(stats, 0, 4_000), 1.5);
  assert.equal(reaches(stats, 0, 4_000, { bitsPerSecond: 900_000, span: 1_000 }), 2_000);
  assert.equal(reaches(stats, 0, 4_000, { bitsPerSecond: 2_000_000, span: 1_000 }), null);
});
