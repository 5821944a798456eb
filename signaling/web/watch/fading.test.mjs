// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { FADE_MS, Fading } from "./fading.js";

function world() {
  let now = 0, timers = [];
  const env = {
    setTimeout: (call, ms) => { const timer = { call, at: now + ms }; timers.push(timer); return timer; },
    clearTimeout: (timer) => { timers = timers.filter((each) => each !== timer); },
  };
  const told = [];
  const fading = new Fading(env, (isShown) => told.push(isShown));
  const run = (ms) => {
    now += ms;
    for (const timer of timers.filter(({ at }) => at <= now)) { env.clearTimeout(timer); timer.call(); }
  };
  return { fading, told, run, timers: () => timers.length };
}

test("it goes away after the last sign of a person, and comes back with the next", () => {
  const { fading, told, run } = world();
  fading.stir();
  run(FADE_MS - 1);
  fading.stir();
  run(FADE_MS - 1);
  assert.equal(fading.isShown, true);
  run(1);
  assert.equal(fading.isShown, false);
  fading.stir();
  assert.deepEqual(told, [false, true]);
});

test("it stays while there is a reason, and goes some time after the last one", () => {
  const { fading, run } = world();
  fading.hold("focus", true);
  fading.hold("paused", true);
  run(10 * FADE_MS);
  fading.hold("focus", false);
  run(10 * FADE_MS);
  assert.equal(fading.isShown, true);
  fading.hold("paused", false);
  run(FADE_MS - 1);
  assert.equal(fading.isShown, true);
  run(1);
  assert.equal(fading.isShown, false);
});

test("a tap shows it, and the next takes it away, but not what must stay", () => {
  const { fading, run } = world();
  fading.stir();
  fading.toggle();
  assert.equal(fading.isShown, false);
  fading.toggle();
  assert.equal(fading.isShown, true);
  fading.hold("focus", true);
  fading.toggle();
  assert.equal(fading.isShown, true);
  run(FADE_MS);
  assert.equal(fading.isShown, true);
});

test("after its end no timer is left", () => {
  const { fading, timers } = world();
  fading.stir();
  fading.end();
  assert.equal(timers(), 0);
});
