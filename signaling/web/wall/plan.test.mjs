// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import test from "node:test";
import { dice } from "../client/world.mjs";
import { GONE_MS, MAX_STARTS, Plan, SETTLE_MS } from "./plan.js";

const page = (from, count) => Array.from({ length: count }, (_, n) => `c${from + n}`);

/** A wall whose sessions are connected after a while. */
class Hall {
  now = 0; plan = new Plan(); open = new Map(); started = 0; most = 9; peak = 0; connecting = 0;
  show(seen, turned = true) {
    this.seen = seen;
    if (turned) this.plan.turned(this.now);
  }
  tick(ms = 50) {
    this.now += ms;
    for (const [id, at] of this.open) if (at !== true && at <= this.now) this.open.set(id, true);
    const open = new Map([...this.open].map(([id, at]) => [id, at !== true]));
    const { start, stop } = this.plan.next({ seen: this.seen, open, most: this.most }, this.now);
    for (const id of stop) assert.ok(this.open.delete(id));
    for (const id of start) {
      assert.ok(!this.open.has(id));
      this.open.set(id, this.now + 400);
      this.started += 1;
    }
    this.peak = Math.max(this.peak, this.open.size);
    this.connecting = Math.max(this.connecting, [...this.open.values()].filter((at) => at !== true).length);
  }
  run(ms) { for (const end = this.now + ms; this.now < end;) this.tick(); }
  get all() { return [...this.open.keys()].sort(); }
}

test("the tiles of a page start some at a time, in their order", () => {
  const hall = new Hall();
  hall.show(page(0, 9));
  hall.run(SETTLE_MS - 50);
  assert.equal(hall.open.size, 0);
  hall.run(100);
  assert.deepEqual(hall.all, page(0, MAX_STARTS));
  hall.run(3_000);
  assert.deepEqual(hall.all, page(0, 9));
  assert.equal(hall.connecting, MAX_STARTS);
});

test("whoever leafs through a hundred cameras starts none on the way, and has never more sessions than tiles", () => {
  const hall = new Hall();
  hall.show(page(0, 9));
  hall.run(3_000);
  for (let n = 1; n < 11; n += 1) {
    hall.show(page(9 * n, 9));
    hall.run(200);
  }
  assert.equal(hall.started, 9);
  hall.run(3_000);
  assert.deepEqual(hall.all, page(90, 9).sort());
  assert.equal(hall.peak, 9);
});

test("what is not seen any more stops after some seconds, and goes on for who comes back before", () => {
  const hall = new Hall();
  hall.show(page(0, 9));
  hall.run(3_000);
  hall.show(["c3"], false);
  hall.run(GONE_MS - 100);
  assert.equal(hall.open.size, 9);
  hall.show(page(0, 9), false);
  hall.run(1_000);
  assert.equal(hall.started, 9);
  hall.show(["c3"], false);
  hall.run(GONE_MS + 100);
  assert.deepEqual(hall.all, ["c3"]);
  hall.show([], false);
  hall.run(GONE_MS + 100);
  assert.deepEqual(hall.all, []);
});

test("however somebody leafs, enlarges and comes back, there are never too many and in the end all that are seen", () => {
  for (let seed = 0; seed < 300; seed += 1) {
    const random = dice(seed);
    const hall = new Hall();
    hall.most = 1 + Math.floor(12 * random());
    hall.show([]);
    for (let n = 0; n < 30; n += 1) {
      const seen = page(Math.floor(100 * random()), hall.most);
      hall.show(random() < 0.3 ? seen.slice(0, 1) : seen, random() < 0.7);
      hall.run(2_000 * random());
      assert.ok(hall.open.size <= hall.most, `seed ${seed}`);
    }
    hall.run(GONE_MS + 5_000);
    assert.deepEqual(hall.all, [...hall.seen].sort(), `seed ${seed}`);
    assert.ok(hall.peak <= hall.most && hall.connecting <= MAX_STARTS, `seed ${seed}`);
  }
});

test("it is asked again when something is due, and not otherwise", () => {
  const plan = new Plan();
  plan.turned(0);
  assert.equal(plan.next({ seen: ["a"], open: new Map(), most: 4 }, 100).again, SETTLE_MS - 100);
  const open = new Map([["a", false], ["b", false]]);
  assert.equal(plan.next({ seen: ["a", "b"], open, most: 4 }, 1_000).again, null);
  assert.equal(plan.next({ seen: ["a"], open, most: 4 }, 2_000).again, GONE_MS);
  assert.equal(plan.next({ seen: ["a"], open, most: 4 }, 3_000).again, GONE_MS - 1_000);
});
