// SPDX-License-Identifier: MPL-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { Listener, over, verdict } from "./verdict.mjs";

test("what is over a bound is counted, and what is on it is not", () => {
  assert.equal(over([1, 2, 3], 2), 1);
  assert.equal(verdict([1, 2, 3], 3), "0 of 3 over");
});

test("a tone is found where it begins, however the samples come, and nothing before it is looked at", () => {
  const all = Int16Array.from({ length: 100 }, (_, i) => (i >= 60 || i < 10 ? 1 : 0));
  for (const step of [1, 7, 10, 100]) {
    const listener = new Listener(10, 10, (samples) => samples.every(Boolean));
    for (let end = 10; !listener.take(all.subarray(listener.next, end)); end = Math.min(100, end + step));
    assert.equal(listener.found, 60, `in steps of ${step}`);
  }
  const none = new Listener(0, 10, () => false);
  assert.equal(none.take(all), false);
  assert.equal(none.next, 100);
});
