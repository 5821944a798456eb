// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_KEPT, MAX_SCALE, TAP_SCALE, WHOLE, bounded, fit, isWhole, keep, panned, placed, recall, tapped, zoomed } from "./zoom.js";

/** 16:9 on a stage of the same shape, and one with bars above and below. */
const FULL = fit(1280, 720, 1600, 900), PORTRAIT = fit(1280, 720, 400, 800);
const near = (a, b) => Math.abs(a - b) < 1e-9;
/** The picture's point that stands at a place of the stage, given from its middle. */
const under = ({ scale, x, y }, right, below, { width, height }) => [x + right / (width * scale), y + below / (height * scale)];
function storage() {
  const items = new Map();
  return () => ({ getItem: (key) => items.get(key) ?? null, setItem: (key, value) => items.set(key, value) });
}

test("a picture fits its stage with its shape kept, also before its size is known", () => {
  assert.deepEqual(PORTRAIT, { width: 400, height: 225, stageWidth: 400, stageHeight: 800 });
  assert.deepEqual(fit(0, 0, 400, 800), { width: 400, height: 800, stageWidth: 400, stageHeight: 800 });
});

test("what is under the finger stays under it", () => {
  for (const box of [FULL, PORTRAIT]) {
    const from = { scale: 2, x: 0.5, y: 0.5 };
    const to = zoomed(from, 1.5, 60, box === FULL ? -40 : 0, box);
    const [a, b] = [under(from, 60, box === FULL ? -40 : 0, box), under(to, 60, box === FULL ? -40 : 0, box)];
    assert.ok(near(a[0], b[0]) && near(a[1], b[1]), `${a} ${b}`);
  }
});

test("it grows from the whole to eight times and no further, and the whole is in the middle", () => {
  let view = WHOLE;
  for (let i = 0; i < 50; i += 1) view = zoomed(view, 1.25, 300, 200, FULL);
  assert.equal(view.scale, MAX_SCALE);
  for (let i = 0; i < 50; i += 1) view = zoomed(view, 0.8, -300, 100, FULL);
  assert.deepEqual(view, { ...WHOLE });
});

test("it is moved with the finger and never out of the picture", () => {
  const view = { scale: 4, x: 0.5, y: 0.5 };
  const moved = panned(view, 160, 0, FULL);
  assert.ok(near(moved.x, 0.5 - 160 / (1600 * 4)));
  const far = panned(view, 1e6, -1e6, FULL);
  assert.deepEqual(far, { scale: 4, x: 1 / 8, y: 7 / 8 });
  // With bars above and below there is nothing to move to, up and down.
  assert.equal(panned({ scale: 2, x: 0.5, y: 0.5 }, 0, 500, PORTRAIT).y, 0.5);
});

test("a double tap goes in at that place, and out again", () => {
  const into = tapped(WHOLE, 400, 0, FULL);
  assert.equal(into.scale, TAP_SCALE);
  assert.ok(into.x > 0.5 && near(into.y, 0.5));
  assert.ok(isWhole(tapped(into, 400, 0, FULL)));
});

test("where it is placed, the point of the view is in the middle of the stage", () => {
  assert.deepEqual(placed(WHOLE, FULL), { scale: 1, right: 0, down: 0 });
  assert.deepEqual(placed({ scale: 2, x: 0.75, y: 0.25 }, FULL), { scale: 2, right: -800, down: 450 });
});

test("whatever is not a number is the whole picture", () => {
  assert.deepEqual(bounded({ scale: NaN, x: NaN, y: Infinity }, FULL), { ...WHOLE });
});

test("any sequence of gestures stays in its bounds", () => {
  let seed = 7;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  let view = WHOLE;
  for (let i = 0; i < 5_000; i += 1) {
    const box = random() < 0.5 ? FULL : PORTRAIT;
    const [a, b] = [(random() - 0.5) * 3_000, (random() - 0.5) * 3_000];
    view = random() < 0.5 ? zoomed(view, random() * 3, a, b, box) : panned(view, a, b, box);
    assert.ok(view.scale >= 1 && view.scale <= MAX_SCALE && view.x >= 0 && view.x <= 1 && view.y >= 0 && view.y <= 1, JSON.stringify(view));
  }
});

test("each camera's view is kept, of the last cameras, and the whole one is not", () => {
  const store = storage();
  const view = { scale: 2, x: 0.4, y: 0.6 };
  assert.deepEqual(recall(store, "front"), { ...WHOLE });
  keep(store, "front", view);
  assert.deepEqual(recall(store, "front"), view);
  assert.deepEqual(recall(store, "yard"), { ...WHOLE });
  keep(store, "front", WHOLE);
  assert.deepEqual(recall(store, "front"), { ...WHOLE });
  for (let i = 0; i < MAX_KEPT + 5; i += 1) keep(store, `c${i}`, view);
  assert.deepEqual(recall(store, "c0"), { ...WHOLE });
  assert.deepEqual(recall(store, `c${MAX_KEPT + 4}`), view);
});

test("a storage that is off, or holds something else, changes nothing", () => {
  const off = () => { throw new Error("off"); };
  keep(off, "front", { scale: 2, x: 0.5, y: 0.5 });
  assert.deepEqual(recall(off, "front"), { ...WHOLE });
  for (const junk of ["{", "7", '[["front"]]', '[["front",{"scale":1e9,"x":0,"y":0}]]', '[["front",{"scale":2,"x":"0","y":0}]]', "[null]"]) {
    assert.deepEqual(recall(() => ({ getItem: () => junk }), "front"), { ...WHOLE }, junk);
  }
});
