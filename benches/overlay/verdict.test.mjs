// SPDX-License-Identifier: MPL-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { judge, kernels, kernelTable, pipelineTable, textChange } from "./verdict.mjs";

const row = (name, ours, stock) =>
  judge({
    format: "I420", width: 1280, height: 720, memcpy: [30, 29, 31], baseline: [1, 1, 9],
    cases: [{ name, ours: [ours, ours, 999], stock: [stock, stock, 999] }],
  })[0];

test("a row that keeps both targets passes", () => {
  const { ours_us, stock_us, memcpy_us, ratio_stock, ratio_memcpy, pass, problems } = row("180 + clock + text", 61, 301);
  assert.deepEqual({ ours_us, stock_us, memcpy_us, ratio_stock, ratio_memcpy }, {
    ours_us: 60, stock_us: 300, memcpy_us: 30, ratio_stock: 5, ratio_memcpy: 2,
  });
  assert.deepEqual([pass, problems], [true, []]);
});

test("each target that is missed is named", () => {
  assert.deepEqual(row("180 + clock + text", 61, 300).problems, ["missed: 5 x less than stock"]);
  assert.deepEqual(row("90r", 92, 500).problems, ["missed: 3 x memcpy"]);
  assert.deepEqual(row("180 + clock + text", 65, 300).problems, ["missed: 5 x less than stock", "missed: 2 x memcpy"]);
});

test("a row that is slower than stock is lost", () => {
  assert.deepEqual(row("identity + text", 4, 3).problems, ["Porthole loses"]);
  assert.match(pipelineTable([row("identity + text", 4, 3)]), /Porthole loses$/);
});

test("a chain that costs nothing has ratios that are numbers", () => {
  assert.ok(Number.isFinite(row("identity + text", 1, 9).ratio_stock));
});

test("the change of the text is spread over a second's frames", () => {
  const { ours_us, stock_us, row: spread } = textChange({ ours: [60, 60, 99], stock: [300, 300, 3] }, row("identity + text", 4, 61));
  assert.deepEqual([ours_us, stock_us], [60, 300]);
  assert.deepEqual([spread.name, spread.ours_us, spread.stock_us], ["identity + text, 30/s", 5, 70]);
  assert.deepEqual(spread.problems, ["missed: 0.15 x memcpy"]);
});

test("kernels are compared with the copy of their own format and size", () => {
  const at = { format: "I420", size: "640x480" };
  const rows = kernels([
    { ...at, size: "1280x720", name: "90r", isa: "AVX2", ns: 18 },
    { ...at, size: "1280x720", name: "memcpy", isa: "", ns: 9 },
    { ...at, name: "180", isa: "AVX2", ns: 1500 },
    { ...at, name: "180", isa: "scalar", ns: 5000 },
    { ...at, name: "memcpy", isa: "", ns: 1000 },
  ]);
  assert.deepEqual(rows.map(({ size }) => size), ["640x480", "1280x720"]);
  assert.deepEqual(rows.map(({ ratio_memcpy }) => ratio_memcpy), [{ scalar: 5, AVX2: 1.5 }, { AVX2: 2 }]);
  assert.match(kernelTable(rows), /90r +0.0 +- +2.00$/);
});
