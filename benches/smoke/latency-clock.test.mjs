// SPDX-License-Identifier: MPL-2.0
// The reader against the figures that src/overlay/clock.rs documents.

import assert from "node:assert/strict";
import { test } from "node:test";
import { latencyClock } from "./latency-clock.mjs";

const { geometry, checksum, decode } = latencyClock();
const bits = (number, count) => Array.from({ length: count }, (_, i) => (Math.floor(number / 2 ** (count - 1 - i)) % 2 ? 235 : 16));
const blocks = (ms) => [235, 16, ...bits(ms, 32), ...bits(checksum(ms), 8)];

test("the checksum has the documented values", () => {
  assert.deepEqual([0, 0x12345678, 0xffffffff].map(checksum), [0xd1, 0xcd, 0x0f]);
});

test("common sizes have the documented blocks", () => {
  assert.deepEqual(geometry(640, 480), { side: 8, top: 472 });
  assert.deepEqual(geometry(1280, 720), { side: 16, top: 704 });
  assert.equal(geometry(83, 100), null);
});

test("what was painted is read", () => {
  for (const ms of [0, 1, 0x80000000, 0x12345678, 0xffffffff]) assert.equal(decode(blocks(ms)), ms);
});

test("a wrong block and a blank row are no clock", () => {
  const painted = blocks(0xdeadbeef);
  painted.forEach((value, i) => assert.equal(decode(painted.with(i, 251 - value)), null, `block ${i}`));
  assert.equal(decode(painted.map(() => 235)), null);
});
