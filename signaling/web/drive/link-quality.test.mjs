// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { BETTER_MS, LinkQuality } from "./link-quality.js";

const GOOD = { rtt: 0.02, loss: 0, freezes: 0, age: 30, timeout: 500 };
/** Takes samples each 250 ms; gives the levels. */
function run(samples, quality = new LinkQuality()) {
  return samples.map((sample, i) => quality.take({ ...GOOD, ...sample }, i * 250));
}
const times = (count, sample = {}) => Array(count).fill(sample);

test("what is not known is no fault", () => {
  assert.deepEqual(new Set(run(times(20, { rtt: null, loss: null, freezes: null, age: null }))), new Set(["good"]));
});

test("it is amber where it is felt and red where it hurts, each for what it is", () => {
  for (const [sample, level, cause] of [
    [{ rtt: 0.2 }, "fair", "rtt"], [{ rtt: 0.35 }, "poor", "rtt"], [{ loss: 0.05 }, "fair", "loss"], [{ loss: 0.2 }, "poor", "loss"],
    [{ age: 300 }, "fair", "age"], [{ age: 600 }, "poor", "age"], [{ freezes: 1 }, "fair", "freeze"], [{ freezes: 2 }, "poor", "freeze"],
  ]) {
    const quality = new LinkQuality();
    assert.equal(quality.take({ ...GOOD, ...sample }, 0), level, JSON.stringify(sample));
    assert.equal(quality.cause, cause);
  }
});

test("it is red before the camera takes the wheel: by the part of its timeout that the way takes", () => {
  assert.equal(run([{ rtt: 0.14, timeout: 200 }])[0], "fair");
  assert.equal(run([{ rtt: 0.16, timeout: 200 }])[0], "poor");
  // The picture stands for 510 ms, and the wheel would be gone after 1 s.
  assert.equal(run([{ age: 510, timeout: 1_000 }])[0], "poor");
});

test("a link that fades is red before the picture freezes", () => {
  const levels = run([20, 60, 120, 180, 240, 290, 320, 400, 500].map((ms) => ({ rtt: ms / 1_000 })));
  assert.deepEqual(levels, ["good", "good", "good", "fair", "fair", "fair", "poor", "poor", "poor"]);
});

test("what gets worse is said at once, and what gets better only when it stays so", () => {
  const quality = new LinkQuality();
  quality.take({ ...GOOD, rtt: 0.4 }, 0);
  assert.equal(quality.take(GOOD, 100), "poor");
  assert.equal(quality.take(GOOD, 100 + BETTER_MS - 1), "poor");
  assert.equal(quality.take(GOOD, 100 + BETTER_MS), "good");
  assert.equal(quality.cause, "");
});

test("around a bound it does not flicker", () => {
  const around = Array.from({ length: 200 }, (_, i) => ({ rtt: 0.15 + (i % 2 ? 0.01 : -0.01) }));
  const levels = run(around);
  const changes = levels.filter((level, i) => i > 0 && level !== levels[i - 1]).length;
  assert.ok(changes <= 1, `${changes} changes`);
});

test("one freeze is a warning for a while and no longer, and counts of a new session begin anew", () => {
  const quality = new LinkQuality();
  assert.equal(quality.take({ ...GOOD, freezes: 1 }, 0), "fair");
  assert.equal(quality.take({ ...GOOD, freezes: 1 }, 9_000), "fair");
  quality.take({ ...GOOD, freezes: 1 }, 10_100);
  assert.equal(quality.take({ ...GOOD, freezes: 1 }, 13_200), "good");
  assert.equal(quality.take({ ...GOOD, freezes: 0 }, 13_300), "good");
  assert.equal(quality.take({ ...GOOD, freezes: 1 }, 13_400), "fair");
});
