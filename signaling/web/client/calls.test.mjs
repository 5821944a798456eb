// SPDX-License-Identifier: MPL-2.0
import test from "node:test";
import assert from "node:assert/strict";
import { Bell } from "../watch/bell.js";
import { Calls, MAX_CALLS, OVER_MS, choices, readCall, snapshotPath } from "./calls.js";

const ID = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e01";
const told = (more = {}) => ({ id: ID, camera: "front", name: "Front door", state: "ringing", since: "2026-12-01T10:00:00Z", you: "rung", ...more });

test("what makes no sense is no call", () => {
  assert.equal(readCall(told()).name, "Front door");
  assert.equal(readCall(told({ name: 7 })).name, "front");
  for (const odd of [null, 7, {}, told({ id: "1" }), told({ id: `${ID}/../../x` }), told({ id: 7 }), told({ camera: "" }), told({ state: "moon" }), told({ you: "me" })]) {
    assert.equal(readCall(odd), null);
  }
  assert.equal(readCall(told({ by: "x".repeat(9_999) })).by.length, 300);
});

test("a picture is asked for where this page's server has it, whatever is told", () => {
  const call = readCall(told({ snapshot: "https://evil.example/x" }));
  assert.equal(call.snapshot, true);
  assert.equal(snapshotPath(call), `api/v1/calls/${ID}/snapshot`);
  assert.equal(readCall(told()).snapshot, false);
});

test("a call is there from its ring to a while after its end", () => {
  const calls = new Calls();
  assert.equal(calls.hear(told({ state: "ended", reason: "busy" }), 0), null, "never heard of");
  calls.hear(told(), 0);
  assert.equal(calls.ringing.camera, "front");
  calls.hear(told({ you: "watching" }), 0);
  assert.equal(calls.ringing, null);
  calls.hear(told({ state: "ended", reason: "no-answer", you: "watching" }), 1_000);
  calls.tick(999 + OVER_MS);
  assert.equal(calls.all.length, 1);
  calls.tick(1_000 + OVER_MS);
  assert.equal(calls.all.length, 0);
});

test("a page keeps no more calls than it can show", () => {
  const calls = new Calls();
  for (let n = 0; n < 99; n += 1) calls.hear(told({ id: `018f2b7e-6f4a-7c3d-9e21-0000000000${String(n).padStart(2, "0")}` }), 0);
  assert.equal(calls.all.length, MAX_CALLS);
});

test("what was known is told again when the server is back, and an answer stays this page's", () => {
  const calls = new Calls();
  calls.hear(told(), 0);
  calls.answer(ID);
  assert.equal(calls.forget().length, 1);
  assert.equal(calls.all.length, 0);
  const call = calls.hear(told({ state: "talking", you: "answered", by: "alice" }), 0);
  assert.equal(calls.isHere(call), true);
});

test("who was slower has not answered, whatever this page has said", () => {
  const calls = new Calls();
  calls.hear(told(), 0);
  calls.answer(ID);
  const call = calls.hear(told({ state: "answered", you: "watching", by: "bob" }), 0);
  assert.equal(calls.isHere(call), false);
  assert.deepEqual([call.you, call.by], ["watching", "bob"]);
});

test("one may do what makes sense", () => {
  const may = (more, isHere = false) => Object.entries(choices(readCall(told(more)), isHere)).filter(([, may]) => may).map(([name]) => name);
  assert.deepEqual(may({}), ["answer", "decline", "nobody"]);
  assert.deepEqual(may({ you: "watching" }), ["answer"], "one may change one's mind");
  assert.deepEqual(may({ state: "answered", you: "answered" }, true), ["hangUp", "mute"]);
  assert.deepEqual(may({ state: "talking", you: "answered" }), ["hangUp"], "on another device");
  assert.deepEqual(may({ state: "talking", you: "watching" }), []);
  assert.deepEqual(may({ state: "ended", you: "answered" }, true), []);
});

test("the bell rings until it is silent, once at a time", () => {
  const heard = [];
  const node = () => ({ connect: (to) => to, start: () => heard.push("tone"), stop() {}, frequency: {}, gain: { setValueAtTime() {}, exponentialRampToValueAtTime() {} } });
  const timers = new Map();
  class AudioContext {
    currentTime = 0;
    destination = {};
    createOscillator = node;
    createGain = node;
    resume = async () => {};
    suspend() { heard.push("silent"); }
  }
  const bell = new Bell({ AudioContext, setInterval: (call) => { timers.set(1, call); return 1; }, clearInterval: (id) => timers.delete(id) });
  bell.ring(false);
  bell.ring(true);
  bell.ring(true);
  assert.deepEqual([heard, timers.size], [["tone", "tone"], 1]);
  timers.get(1)();
  assert.equal(heard.length, 4);
  bell.ring(false);
  assert.deepEqual([heard.at(-1), timers.size], ["silent", 0]);
  new Bell({ setInterval: () => 1, clearInterval() {} }).ring(true);
});
