// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import test from "node:test";
import { leadsToWall } from "./door.js";
import { Still, keptUntil } from "./still.js";

const VIDEO = { videoWidth: 1280, videoHeight: 720, readyState: 4 };

function still() {
  const canvas = { drawn: 0, getContext: () => ({ drawImage() { canvas.drawn += 1; } }) };
  return { canvas, still: new Still(canvas) };
}

test("a last picture is kept small, and until the time of its session is over", () => {
  const { canvas, still: last } = still();
  last.take(VIDEO, { until: 10_000 }, 1_000);
  assert.deepEqual([canvas.width, canvas.height, canvas.drawn, last.at], [320, 180, 1, 1_000]);
  last.check(9_999);
  assert.equal(last.at, 1_000);
  last.check(10_000);
  assert.deepEqual([canvas.width, canvas.height, last.at], [1, 1, null]);
});

test("a right that ends sooner takes it sooner, and one that ends never lets none be kept", () => {
  const { still: last } = still();
  last.take(VIDEO, { until: 10_000 }, 1_000);
  last.hold({ until: 2_000 }, 1_500);
  last.check(2_000);
  assert.equal(last.at, null);
  for (const terms of [null, { until: NaN }, { until: 500 }, { until: 10_000, saving: false }]) {
    last.take(VIDEO, { until: 10_000 }, 1_000);
    last.take(VIDEO, terms, 1_000);
    assert.equal(last.at, null, JSON.stringify(terms));
  }
  assert.equal(keptUntil({ until: 7, saving: true }), 7);
});

test("an element that shows nothing leaves the picture before it, and none is made of nothing", () => {
  const { canvas, still: last } = still();
  for (const nothing of [{ ...VIDEO, videoWidth: 0 }, { ...VIDEO, readyState: 1 }]) last.take(nothing, { until: 10_000 }, 1_000);
  assert.deepEqual([last.at, canvas.drawn], [null, 0]);
  last.take(VIDEO, { until: 10_000 }, 2_000);
  last.take({ ...VIDEO, videoHeight: 0 }, { until: 10_000 }, 3_000);
  assert.equal(last.at, 2_000);
});

test("a link leads to the wall by its name, beside whatever else is in it", () => {
  for (const link of ["#wall", "#token=x&wall", "wall"]) assert.ok(leadsToWall(link), link);
  for (const link of ["", "#", "#camera=wall", "#share=wall"]) assert.ok(!leadsToWall(link), link);
});
