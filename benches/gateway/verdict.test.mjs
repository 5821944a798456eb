// SPDX-License-Identifier: MPL-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { late, slower, times } from "./verdict.mjs";

test("what is slower is the median's growth, whatever a few frames took", () => {
  assert.equal(slower([11, 11, 900], [10, 10, 10]).toFixed(6), "10.000000");
  assert.equal(slower([9, 9, 9], [10, 10, 10]), 0);
});

test("what comes early is not late", () => {
  assert.deepEqual(late([499, 500, 530], 500), [0, 0, 30]);
});

test("times another's is taken at one quantile of both", () => {
  assert.equal(times([2, 4, 6], [1, 2, 3], 0.5), 2);
});
