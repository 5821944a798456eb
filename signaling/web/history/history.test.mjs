// SPDX-License-Identifier: MPL-2.0
import test from "node:test";
import assert from "node:assert/strict";
import { byDay, keptInWords, lengthInWords, pictureOf, readKept, readPage } from "./history.js";

const ID = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e01";
const HOW = { locale: "en-GB", timeZone: "UTC" };
const NOW = Date.parse("2026-12-01T18:00:00Z");
const told = (more = {}) => ({
  id: ID, camera: "front", name: "Front door", state: "ended", rang: "2026-12-01T10:00:00Z", recipients: ["alice", "bob"], reason: "no-answer", ended: "2026-12-01T10:00:45Z", ...more,
});
const talked = { answered: "2026-12-01T10:00:10Z", answeredBy: "alice", reason: "hung-up", seconds: 65 };
const words = (more) => keptInWords(readKept(told(more)), HOW);
const plain = (text) => text.replace(/[\u2068\u2069]/g, "");

test("what makes no sense is left out, and the rest is read", () => {
  const odd = [null, 7, {}, told({ id: "1" }), told({ id: `${ID}/../x` }), told({ camera: 7 }), told({ rang: "now" }), told({ rang: 7 })];
  const { calls, next } = readPage({ items: [...odd, told()], next: "1.x" });
  assert.deepEqual([calls.length, next], [1, "1.x"]);
  for (const none of [null, {}, { items: 7, next: 7 }]) assert.deepEqual(readPage(none), { calls: [], next: "" });
  const call = readKept(told({ name: undefined, recipients: [7, "alice"], seconds: -1, doorOpened: 7, answered: "x" }));
  assert.deepEqual([call.name, call.recipients, call.seconds, call.doorOpened, call.answered], ["front", ["alice"], null, null, null]);
});

test("a picture is asked for where this page's server has it", () => {
  const call = readKept(told({ snapshot: "https://evil.example/x" }));
  assert.equal(call.snapshot, true);
  assert.equal(pictureOf(call), `api/v1/calls/${ID}/snapshot`);
});

test("a call says when, who answered, for how long and how it ended", () => {
  assert.deepEqual([words().when, words().outcome, plain(words().whom), words().isMissed], ["10:00", "Nobody answered.", "It rang alice and bob.", true]);
  assert.deepEqual([plain(words(talked).outcome), words(talked).isMissed], ["alice answered and talked for 1 min 5 s.", false]);
  assert.match(words({ ...talked, reason: "hung-up-at-door" }).outcome, /1 min 5 s\. The visitor hung up\./);
  assert.match(words({ ...talked, reason: "no-media", seconds: undefined }).outcome, /answered. No picture came/);
  assert.match(words({ ...talked, reason: "hung-up", seconds: undefined }).outcome, /answered. Nobody was heard/);
  assert.match(words({ reason: "nobody-home" }).outcome, /nobody is at home/);
  for (const reason of ["moon-full", "__proto__", undefined]) assert.equal(words({ reason }).outcome, "It is over.");
});

test("one that goes on says so", () => {
  assert.equal(words({ state: "ringing", reason: undefined }).outcome, "It rings now.");
  assert.equal(words({ state: "ringing" }).isMissed, false);
  assert.match(words({ ...talked, state: "talking" }).outcome, /goes on/);
});

test("whether the door was opened, and who rang by a program, is said", () => {
  assert.equal(words().door, "");
  assert.equal(words({ doorOpened: null }).door, "");
  assert.equal(words({ doorOpened: "2026-12-01T10:00:30Z" }).door, "The door was opened at 10:00.");
  assert.match(plain(words({ rangBy: "button" }).whom), /button rang by a program/);
});

test("of many people some are named", () => {
  assert.equal(plain(words({ recipients: ["a", "b", "c", "d", "e", "f"] }).whom), "It rang a, b, c, d and 2 more.");
  assert.equal(words({ recipients: [] }).whom, "");
});

test("lengths are said to the second", () => {
  assert.deepEqual([0, 1, 59, 60, 61, 900].map(lengthInWords), ["0 s", "1 s", "59 s", "1 min", "1 min 1 s", "15 min"]);
});

test("calls stand under the day on which they rang", () => {
  const calls = ["2026-12-01T10:00:00Z", "2026-12-01T00:00:00Z", "2026-11-30T23:59:59Z", "2025-12-01T10:00:00Z"].map((rang) => readKept(told({ rang })));
  const days = byDay(calls, NOW, HOW);
  assert.deepEqual(days.map(({ day, calls: { length } }) => [day, length]), [["Today", 2], ["Yesterday", 1], ["Mon, 1 Dec 2025", 1]]);
});
