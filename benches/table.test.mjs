// SPDX-License-Identifier: MPL-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { layout, others, quantile } from "./table.mjs";

test("quantiles lie between the samples", () => {
  assert.equal(quantile([3, 1, 2], 0.5), 2);
  assert.equal(quantile([4, 1, 2, 3], 0.5), 2.5);
  assert.equal(quantile([1, 2], 1), 2);
});

test("words stand left, figures right", () => {
  assert.equal(layout([["", "us"], ["a case", "1"], ["b", "234"]], [1]), "         us\n-----------\na case    1\nb       234");
});

test("a machine is busy when other programs take much of a core at any time", () => {
  assert.equal(others([1, 2, 15]).busy, false);
  assert.match(others([1, 2, 16]).sentence, /at most 16 %. THE MACHINE WAS BUSY/);
});
