// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import test from "node:test";
import { DAY_MS, PARTS, comingOf, drawn, failuresOf, increases, levels, most, readOverview, total } from "./overview.js";

const TO = Date.UTC(2026, 10, 30, 12);
const HALF_HOUR = DAY_MS / PARTS;
const sample = (ago, more = {}) => ({ at: TO - ago, cameras: 0, sessions: 0, sent: 0, started: 0, failed: 0, ...more });
const told = (ago, more = {}) => ({ ...sample(ago, more), at: new Date(TO - ago).toISOString() });

test("what the server tells is read, and what it cannot have meant is nothing", () => {
  const overview = readOverview({ enrolled: 3, now: told(0, { sessions: 2 }), samples: [told(60_000), { at: "never" }, null, told(-60_000)] });
  assert.equal(overview.enrolled, 3);
  assert.deepEqual(overview.samples.map(({ at, sessions }) => [TO - at, sessions]), [[60_000, 0], [0, 2]]);
  assert.equal(readOverview({ now: told(0, { sessions: "many", sent: -1, failed: Infinity }) }).now.sessions, 0);
  for (const nothing of [null, {}, { now: {} }, { now: { at: 7 } }]) assert.equal(readOverview(nothing), null);
  assert.ok(readOverview({ now: told(0), samples: Array(9_999).fill(told(1)) }).samples.length <= 1_501);
});

test("of a level each part of the day has its most, and parts of which nothing is known have none", () => {
  const samples = [sample(DAY_MS, { sessions: 9 }), sample(DAY_MS - 1, { sessions: 1 }), sample(HALF_HOUR + 1, { sessions: 4 }), sample(HALF_HOUR - 1, { sessions: 2 }), sample(0, { sessions: 3 })];
  const bars = levels(samples, TO, ({ sessions }) => sessions);
  assert.equal(bars.length, PARTS);
  assert.equal(bars[0], 1, "what was a day ago is no more of it");
  assert.deepEqual(bars.slice(-2), [4, 3]);
  assert.deepEqual(bars.slice(1, -2), Array(PARTS - 3).fill(null));
});

test("of a counter each part has what was added in it, also where the server began anew", () => {
  const samples = [sample(3 * HALF_HOUR - 1, { failed: 100 }), sample(2 * HALF_HOUR - 1, { failed: 103 }), sample(HALF_HOUR - 1, { failed: 2 }), sample(0, { failed: 3 })];
  const bars = increases(samples, TO, ({ failed }) => failed);
  assert.deepEqual(bars.slice(-3), [0, 3, 3]);
  assert.deepEqual([most(bars), total(bars)], [3, 6]);
  assert.deepEqual([most([null]), total([])], [0, 0]);
});

test("bars are as high as they are large, nothing is a line, and what is not known is not drawn", () => {
  assert.equal(drawn([null, null]), "");
  const path = drawn([null, 0, 5, 10]);
  assert.match(path, /^M1\.075 1V0\.990H1\.925V1Z/);
  assert.match(path, /M2\.075 1V0\.500H/);
  assert.match(path, /M3\.075 1V0\.000H/);
  assert.match(drawn([1, 1e9]), /V0\.960H/, "little is seen");
});

test("failures that are alike are one line with their number", () => {
  const at = (second) => new Date(TO + second * 1_000).toISOString();
  const refused = { action: "session.refused", user: "alice", camera: "front", details: { reason: "no-booking" } };
  const found = failuresOf([
    { ...refused, at: at(9) }, { action: "login.refused", at: at(8), details: { count: 5 } }, { ...refused, at: at(7) },
    { ...refused, user: "bob", at: at(6) }, { ...refused, details: { count: 7 }, at: at(5) }, { action: "session.refused" }, null,
  ]);
  assert.deepEqual(found.map(({ count, entry, at }) => [entry.user ?? "", count, at - TO]), [["alice", 2, 9_000], ["", 5, 8_000], ["bob", 1, 6_000], ["alice", 7, 5_000]]);
});

test("what is booked today is told by its start, without what is over", () => {
  const entry = (start, end) => ({ start: TO + start, end: TO + end });
  const coming = comingOf([entry(10, 20), entry(-10, 0), entry(-10, 1), entry(0, 5)], TO);
  assert.deepEqual(coming.map(({ start, now }) => [start - TO, now]), [[-10, true], [0, true], [10, false]]);
});
