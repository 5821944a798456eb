// SPDX-License-Identifier: MPL-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { added } from "./verdict.mjs";

test("what is added is the difference of the medians, whatever a few frames took", () => {
  assert.equal(added([5, 6, 7, 900], [2, 3, 4, 5]), 3);
});

test("a way that is shorter adds nothing", () => {
  assert.equal(added([1, 2, 3], [2, 3, 4]), 0);
});
