// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import test from "node:test";
import { MAX_NAMES, Selection, eachOf, isTyped, someOf } from "./selection.js";

test("what is gone is chosen no more, and what comes back under its key is not either", () => {
  const chosen = new Selection();
  for (const key of ["a", "b", "c"]) chosen.set(key, true);
  chosen.set("b", false);
  chosen.keep(["a", "b", "d"]);
  assert.deepEqual(["a", "b", "c"].map((key) => chosen.has(key)), [true, false, false]);
  chosen.keep(["a", "c"]);
  assert.equal(chosen.size, 1);
  chosen.clear();
  assert.equal(chosen.size, 0);
});

test("what fails stops none of the others, and one goes after the other", async () => {
  const order = [];
  const { done, failed } = await eachOf([1, 2, 3], async (item) => {
    order.push(item);
    await null;
    order.push(-item);
    if (item === 2) throw new Error("no");
    return item * 10;
  });
  assert.deepEqual(done, [{ item: 1, made: 10 }, { item: 3, made: 30 }]);
  assert.deepEqual(failed.map(({ item, problem }) => [item, problem.message]), [[2, "no"]]);
  assert.deepEqual(order, [1, -1, 2, -2, 3, -3]);
});

test("of many names some are shown, and the rest is a number", () => {
  const names = (count) => Array.from({ length: count }, (_, n) => `c${n}`);
  assert.deepEqual(someOf(names(2)), { shown: ["c0", "c1"], more: 0 });
  assert.deepEqual([someOf(names(MAX_NAMES + 1)).more, someOf(names(MAX_NAMES + 2)).more], [0, 2]);
});

test("a name counts as typed however its letters are composed, and nothing never does", () => {
  assert.ok(isTyped(" Küche ", ["Ku\u0308che"]));
  assert.ok(isTyped("front", ["Front door", "front"]));
  for (const typed of ["", " ", "Front", "front door"]) assert.ok(!isTyped(typed, ["Front door", "front", ""]), typed);
});
