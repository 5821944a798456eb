// SPDX-License-Identifier: MPL-2.0
// The door's button without a page, under a clock of the test's own.
import test from "node:test";
import assert from "node:assert/strict";
import { HOLD_MS, Hold, SAID_MS, TWICE_MS, doorOf } from "./door.js";
import { settle } from "../client/world.mjs";

/** A clock, and a camera whose answers the test gives. */
function scene() {
  const timers = new Map();
  let now = 0, last = 0;
  const env = {
    setTimeout: (call, ms) => (timers.set(++last, { call, at: now + ms }), last),
    clearTimeout: (id) => timers.delete(id),
  };
  const asked = [];
  const answer = (what) => new Promise((accept, refuse) => asked.push({ ...what, accept, refuse }));
  const door = { holdDoor: () => answer({ is: "hold" }), openDoor: (nonce) => answer({ is: "open", nonce }) };
  const hold = new Hold(env, door, () => {});
  const pass = async (ms) => {
    await settle();
    now += ms;
    for (const [id, { call, at }] of [...timers]) if (at <= now && timers.delete(id)) call();
    await settle();
  };
  return { hold, asked, pass, timers };
}

test("it opens when it was held for a second, with what the camera gave for that", async () => {
  const { hold, asked, pass, timers } = scene();
  hold.press();
  assert.equal(hold.state, "holding");
  asked[0].accept(17);
  await pass(HOLD_MS - 1);
  assert.equal(asked.length, 1, "not yet");
  await pass(1);
  assert.deepEqual([asked[1].is, asked[1].nonce, hold.state], ["open", 17, "opening"]);
  hold.release();
  hold.press();
  asked[1].accept();
  await pass(0);
  assert.deepEqual([hold.state, hold.words], ["opened", "The door is open."]);
  await pass(SAID_MS);
  assert.deepEqual([hold.state, hold.words, timers.size], ["idle", "", 0]);
});

test("who lets go too soon opens nothing, whenever the camera answers", async () => {
  for (const when of ["before", "after"]) {
    const { hold, asked, pass } = scene();
    hold.press();
    if (when === "before") asked[0].accept(1);
    await pass(HOLD_MS - 10);
    hold.release();
    assert.match(hold.words, /until it is full/);
    if (when === "after") asked[0].accept(1);
    await pass(10 * HOLD_MS);
    assert.equal(asked.length, 1, when);
  }
});

test("a slow answer is waited for while the button is held", async () => {
  const { hold, asked, pass } = scene();
  hold.press();
  await pass(2 * HOLD_MS);
  assert.deepEqual([hold.state, asked.length], ["holding", 1]);
  asked[0].accept(3);
  await pass(0);
  assert.equal(asked[1].nonce, 3);
});

test("what the camera and the door refuse is said at once, and can be tried again", async () => {
  const { hold, asked, pass } = scene();
  hold.press();
  asked[0].refuse(new Error("No program at the camera opens a door."));
  await pass(0);
  assert.deepEqual([hold.state, hold.words], ["failed", "No program at the camera opens a door."]);
  // The finger is still on it.
  hold.release();
  assert.match(hold.words, /No program/);
  hold.press();
  asked[1].accept(2);
  await pass(HOLD_MS);
  asked[2].refuse(new Error("bolted"));
  await pass(0);
  assert.deepEqual([hold.state, hold.words], ["failed", "bolted"]);
});

test("who cannot hold a button presses it twice, and not by chance", async () => {
  const { hold, asked, pass } = scene();
  hold.tap();
  assert.match(hold.words, /once more/);
  await pass(TWICE_MS);
  assert.deepEqual([hold.words, asked.length], ["", 0]);
  hold.tap();
  hold.tap();
  asked[0].accept(9);
  await pass(0);
  assert.equal(asked[1].nonce, 9);
  asked[1].accept();
  await pass(0);
  assert.equal(hold.state, "opened");
});

test("nothing follows from a press of a call that is over", async () => {
  const { hold, asked, pass, timers } = scene();
  hold.press();
  asked[0].accept(1);
  await pass(HOLD_MS / 2);
  hold.end();
  await pass(10 * HOLD_MS);
  assert.deepEqual([asked.length, hold.state, timers.size], [1, "idle", 0]);
});

test("there is a button for whoever may, where there is a door", () => {
  const session = (perms, services, door = true) => ({ hello: { door }, terms: { perms }, services });
  const door = [{ name: "door", here: true }];
  assert.equal(doorOf(null), "");
  assert.equal(doorOf(session(["view"], door)), "");
  assert.equal(doorOf(session(["view", "door"], door, false)), "");
  assert.equal(doorOf(session(["view", "door"], [{ name: "arm", here: true }])), "away");
  assert.equal(doorOf(session(["view", "door"], [{ name: "door", here: false }])), "away");
  assert.equal(doorOf(session(["view", "door"], door)), "here");
});
