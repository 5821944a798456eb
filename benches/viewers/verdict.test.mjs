// SPDX-License-Identifier: MPL-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { further, row, table } from "./verdict.mjs";

const a = { key: "a", label: "a", unit: "ms" };

test("a row is judged against what its target names", () => {
  const samples = { ours: [10, 12, 11], stock: [20, 22], alone: [10] };
  assert.equal(row({ ...a, ...samples, target: { than: "figure", most: 11 } }).pass, true);
  assert.equal(row({ ...a, ...samples, target: { than: "stock", most: 0.5 } }).pass, false);
  assert.equal(row({ ...a, ...samples, target: { than: "stock", most: 0.6 } }).pass, true);
  assert.equal(row({ ...a, ...samples, target: { than: "alone", most: 1 } }).pass, false);
  assert.equal(row({ ...a, ...samples }).pass, null);
});

test("where that to compare with is missing nothing is judged, and what was not measured is an error", () => {
  assert.equal(row({ ...a, ours: [1], target: { than: "alone", most: 1 } }).pass, null);
  assert.throws(() => row({ ...a, ours: [] }), /no figures/);
  assert.throws(() => row({ ...a, ours: [1], stock: [NaN] }), /no figures/);
});

test("the table says what was missed, and where Porthole loses", () => {
  const text = table([
    row({ ...a, ours: [3], stock: [2], target: { than: "stock", most: 0.9 } }),
    row({ ...a, label: "b", ours: [3], stock: [2], remark: "told" }),
    row({ ...a, label: "c", ours: [1], stock: [2], target: { than: "figure", most: 1 } }),
  ]);
  assert.match(text, /^a +ms +3\.0 +2\.0 +- +1\.50 +<= 0\.9 x stock +MISSED; Porthole loses$/m);
  assert.match(text, /^b .*- +Porthole loses; told$/m);
  assert.match(text, /^c .*<= 1 +kept$/m);
});

test("what a further viewer costs is the difference to the first, shared out", () => {
  const points = [{ viewers: 1, cpu: 30 }, { viewers: 2, cpu: 50 }, { viewers: 4, cpu: 120 }];
  assert.deepEqual(further(points, "cpu"), [{ viewers: 2, each: 20 }, { viewers: 4, each: 30 }]);
});
