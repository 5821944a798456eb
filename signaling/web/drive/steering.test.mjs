// SPDX-License-Identifier: MPL-2.0
import test from "node:test";
import assert from "node:assert/strict";
import { SEND_MS, Steering, readGamepad, readStick } from "./steering.js";

const pressed = (...which) => Array.from({ length: 17 }, (_, i) => ({ pressed: which.includes(i) }));
const told = (text) => (text === null ? null : JSON.parse(text));

test("keys push as far as they go, both ways at once not at all, and other keys mean nothing", () => {
  const steering = new Steering();
  for (const [codes, x, y] of [[["ArrowUp"], 0, 1], [["KeyS"], 0, -1], [["KeyA", "KeyW"], -1, 1], [["ArrowLeft", "ArrowRight"], 0, 0],
    [["ArrowUp", "KeyW"], 0, 1], [["KeyQ", "constructor", "Space"], 0, 0]]) {
    steering.letGo();
    for (const code of codes) steering.key(code, true);
    assert.deepEqual([steering.place.x, steering.place.y], [x, y], codes.join());
  }
});

test("while something is held it is sent at most each 50 ms, and zeros once at the end, at once", () => {
  const steering = new Steering();
  assert.equal(steering.next(0, 0), null);
  steering.key("ArrowUp", true);
  const sent = [];
  for (let now = 0; now < 1_000; now += 1) if (steering.next(now, 0)) sent.push(now);
  assert.equal(sent.length, 1_000 / SEND_MS);
  steering.key("ArrowUp", false);
  assert.deepEqual(told(steering.next(sent.at(-1) + 1, 0)), { x: 0, y: 0, buttons: [] });
  assert.equal(steering.next(sent.at(-1) + 500, 0), null);
});

test("however fast a key is hit, no more than 20 in a second and their ends are sent", () => {
  const steering = new Steering();
  let moves = 0, ends = 0;
  for (let now = 0; now < 1_000; now += 1) {
    steering.key("ArrowUp", now % 2 === 0);
    const text = steering.next(now, 0);
    if (text) told(text).y ? moves += 1 : ends += 1;
  }
  assert.ok(moves <= 20 && ends <= moves, `${moves} and ${ends}`);
});

test("where nobody answers no more is sent, but for the end", () => {
  const steering = new Steering();
  steering.stick({ x: 1, y: 0 });
  assert.notEqual(steering.next(0, 0), null);
  assert.equal(steering.next(100, 4), null);
  assert.notEqual(steering.next(200, 3), null);
  steering.stick(null);
  assert.deepEqual(told(steering.next(201, 99)), { x: 0, y: 0, buttons: [] });
});

test("a stick that is held in the middle is held", () => {
  const steering = new Steering();
  steering.stick({ x: 0, y: 0 });
  assert.deepEqual(told(steering.next(0, 0)), { x: 0, y: 0, buttons: [] });
  steering.stick(null);
  assert.notEqual(steering.next(1, 0), null);
});

test("a finger moves the stick no farther than its edge", () => {
  assert.deepEqual(readStick(50, -50, 100), { x: 0.5, y: 0.5 });
  assert.deepEqual(readStick(300, 0, 100), { x: 1, y: 0 });
  assert.deepEqual(readStick(-300, 400, 100), { x: -0.6, y: -0.8 });
  assert.deepEqual(readStick(0, 0, 100), { x: 0, y: 0 });
});

test("a gamepad that rests near the middle is not held; its buttons are told by number", () => {
  assert.equal(readGamepad(null), null);
  assert.equal(readGamepad({ axes: [0.1, -0.14, 1, 1], buttons: pressed() }), null);
  assert.deepEqual(readGamepad({ axes: [1, -1], buttons: pressed() }), { x: 1, y: 1, buttons: [] });
  assert.deepEqual(readGamepad({ axes: [], buttons: pressed(0, 3) }), { x: 0, y: 0, buttons: [0, 3] });
  assert.equal(readGamepad({ axes: [NaN, undefined], buttons: [] }), null);
  assert.ok(readGamepad({ axes: [], buttons: Array(999).fill({ pressed: true }) }).buttons.length <= 32);
});

test("a gamepad that is held already moves nothing until it was at rest, and so again after all was let go", () => {
  const steering = new Steering();
  const held = { x: 1, y: 0, buttons: [] };
  for (const round of [0, 1]) {
    steering.gamepad(held);
    steering.gamepad(undefined); // Not looked at: it may be held still.
    steering.gamepad(held);
    assert.equal(steering.next(1000 * round, 0), null);
    steering.gamepad(null);
    steering.gamepad(held);
    assert.equal(told(steering.next(1000 * round, 0)).x, 1);
    steering.letGo();
    assert.equal(told(steering.next(1000 * round + 1, 0)).x, 0);
  }
});

test("all that is held is added up, and stays between -1 and 1", () => {
  const steering = new Steering();
  steering.key("ArrowUp", true);
  steering.stick({ x: 0.25, y: 0.5 });
  steering.gamepad(null);
  steering.gamepad({ x: -0.5, y: 1, buttons: [2] });
  assert.deepEqual(told(steering.next(0, 0)), { x: -0.25, y: 1, buttons: [2] });
  steering.letGo();
  assert.deepEqual(told(steering.next(1, 0)), { x: 0, y: 0, buttons: [] });
});
