// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import test from "node:test";
import { arrange, keep, moved, read } from "./order.js";

const cameras = (...ids) => ids.map((id) => ({ id }));
const ids = (list) => list.map(({ id }) => id).join("");

function storage(kept) {
  const items = new Map(kept === undefined ? [] : [["porthole.wall", kept]]);
  return () => /** @type {any} */ ({ getItem: (key) => items.get(key) ?? null, setItem: (key, value) => items.set(key, value) });
}

test("what somebody put in order hangs first, the others as they come", () => {
  assert.equal(ids(arrange(cameras("a", "b", "c", "d"), ["c", "x", "a"])), "cabd");
  assert.equal(ids(arrange(cameras("a", "b"), [])), "ab");
});

test("a camera is moved among those that hang, and those that are off keep their places", () => {
  assert.deepEqual(moved([], ["a", "b", "c"], "c", 0), ["c", "a", "b"]);
  assert.deepEqual(moved([], ["a", "b", "c"], "a", 1), ["b", "a", "c"]);
  assert.deepEqual(moved(["a", "off", "b"], ["a", "b", "c"], "c", 1), ["a", "off", "c", "b"]);
  assert.deepEqual(moved(["a", "off", "b"], ["a", "b"], "a", 99), ["off", "b", "a"]);
  assert.deepEqual(moved(["a", "b"], ["a", "b"], "b", -5), ["b", "a"]);
  assert.deepEqual(moved(["a"], ["a"], "another", 0), ["a"]);
});

test("wherever a camera is moved to, there it hangs", () => {
  const shown = ["a", "b", "c", "d", "e"];
  let order = ["off1", "d", "off2", "a"];
  for (let n = 0; n < 200; n += 1) {
    const hangs = arrange(cameras(...shown), order).map(({ id }) => id);
    const [id, to] = [shown[(n * 7) % 5], (n * 3) % 5];
    order = moved(order, hangs, id, to);
    assert.equal(arrange(cameras(...shown), order)[to].id, id);
    assert.equal(new Set(order).size, order.length);
  }
});

test("the order is kept, and what another page wrote in its place is none", () => {
  const place = storage();
  keep(place, { order: ["b", "a"], choice: "9" });
  assert.deepEqual(read(place), { order: ["b", "a"], choice: "9" });
  for (const odd of ["{", "7", "null", '{"order":7,"choice":"16"}', '{"order":[null,{},"",7]}']) assert.deepEqual(read(storage(odd)), { order: [], choice: "auto" });
  const many = JSON.stringify({ order: [...Array(5_000).keys()].map(String).concat("x".repeat(500)) });
  assert.equal(read(storage(many)).order.length, 1_000);
  const none = () => { throw new DOMException("off", "SecurityError"); };
  assert.deepEqual(read(none), { order: [], choice: "auto" });
  keep(none, { order: [], choice: "1" });
});
