// SPDX-License-Identifier: MPL-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { row, table } from "./rows.mjs";

test("a row is judged by its worst sample, or by the percentile that its target is for", () => {
  const samples = [...Array(99).fill(10), ...Array(100).fill(10), 500];
  assert.equal(row({ label: "a", samples, target: 20 }).pass, false);
  assert.equal(row({ label: "a", samples, target: 20, by: "p99" }).pass, true);
  assert.equal(row({ label: "a", samples }).pass, null);
});

test("what was not measured is an error, not a target that was kept", () => {
  assert.throws(() => row({ label: "a", samples: [], target: 20 }), /no figures/);
  assert.throws(() => row({ label: "a", samples: [1, NaN], target: 20 }), /no figures/);
  assert.throws(() => row({ label: "a", samples: [1], target: 20, by: "p99" }), /have no p99/);
});

test("the table says which targets were missed", () => {
  const text = table([row({ label: "a", samples: [30], target: 20 }), row({ label: "b", samples: [20], target: 20, remark: "a ratio" })]);
  assert.match(text, /^a +ms +1 +30\.0 +- +30\.0 +max <= 20 +MISSED$/m);
  assert.match(text, /^b .*kept; a ratio$/m);
});
