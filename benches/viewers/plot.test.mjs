// SPDX-License-Identifier: MPL-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { plot, step } from "./plot.mjs";

test("axes have round steps", () => {
  assert.deepEqual([9, 40, 99, 185, 3.2].map(step), [2, 10, 20, 20, 0.5]);
});

test("each point of each series is in the plot, and words cannot break it", () => {
  const points = [1, 2, 4].map((viewers) => ({ viewers, value: viewers * 10 }));
  const text = plot([{ title: "CPU <&\">", unit: "%", series: { porthole: points, stock: points.slice(1) } }]);
  assert.equal(text.match(/<circle/g).length, 5);
  assert.equal(text.match(/<polyline/g).length, 2);
  assert.match(text, /CPU &#60;&#38;&#34;&#62;/);
  assert.doesNotMatch(text, /NaN|undefined/);
});
