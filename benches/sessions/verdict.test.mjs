// SPDX-License-Identifier: MPL-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { longestNotLive, missed } from "./verdict.mjs";

const FRAME_MS = 1000 / 30;
/** Frames of a 30/s stream by their numbers; each presented when it was due. */
const frames = (...numbers) => numbers.map((n, i) => ({ at: n * FRAME_MS, rtp: (n * 3000) % 2 ** 32, presented: i }));

test("frames that come one after the other miss nothing, also where RTP's time starts over", () => {
  const start = Math.floor(2 ** 32 / 3000);
  for (const steady of [frames(0, 1, 2, 3), frames(start - 1, start, start + 1)]) {
    const { longest, long, missing } = missed(steady, FRAME_MS, 500);
    assert.ok(longest < 0.001, longest);
    assert.deepEqual([long, missing], [0, 0]);
  }
});

test("a hole is as long as the frames that are not there", () => {
  const { longest, long, missing } = missed(frames(0, 1, 16, 17, 20), FRAME_MS, 500);
  assert.ok(Math.abs(longest - 14 * FRAME_MS) < 0.001, longest);
  assert.deepEqual([long, missing], [0, 16]);
  assert.equal(missed(frames(0, 17), FRAME_MS, 500).long, 1);
});

test("frames that were shown without the page being told of each are not missing", () => {
  const [first, second] = frames(0, 3);
  assert.equal(missed([first, { ...second, presented: 3 }], FRAME_MS, 500).missing, 0);
});

test("time that is not live counts from the first such state, also if it is not over", () => {
  const states = [[0, true], [100, false], [150, false], [400, true], [500, false]].map(([at, live]) => ({ at, live }));
  assert.equal(longestNotLive(states, 600), 300);
  assert.equal(longestNotLive(states, 2500), 2000);
  assert.equal(longestNotLive([{ at: 0, live: true }], 600), 0);
});
