// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { HIDDEN_TIMES, SAY_MS, Shown, WHOLE, isAlike, pictureSize } from "./shown.js";
import { World } from "./world.mjs";

const size = (width, height) => ({ width, height });

test("the picture's size is that of its pixels on the screen, without bars and with what is cut off", () => {
  const hd = size(1280, 720);
  for (const [box, ratio, natural, covers, expected] of [
    [size(640, 360), 1, hd, false, size(640, 360)],
    [size(390, 844), 3, hd, false, size(1170, 658)],
    [size(400, 400), 1, hd, false, size(400, 225)],
    [size(400, 400), 1, hd, true, size(711, 400)],
    [size(400, 400), 2, size(0, 0), false, size(800, 800)],
    [size(0, 0), 1, hd, false, size(0, 0)],
    [size(640, 0), 1, hd, false, size(0, 0)],
  ]) assert.deepEqual(pictureSize(box, ratio, natural, covers), expected);
});

test("whatever a page measures is a size that a server passes on", () => {
  const odd = [0, -1, NaN, Infinity, 1e300, 0.3, 17, 1e9];
  for (const width of odd) for (const height of odd) for (const ratio of odd) for (const natural of odd) {
    for (const covers of [false, true]) {
      const shown = pictureSize(size(width, height), ratio, size(natural, natural), covers);
      for (const side of [shown.width, shown.height]) assert.ok(Number.isInteger(side) && side >= 0 && side <= 16_384, `${side}`);
    }
  }
});

test("some pixels are no change, nothing and something are one", () => {
  assert.ok(isAlike(size(640, 360), size(645, 363)));
  assert.ok(!isAlike(size(640, 360), size(660, 371)));
  assert.ok(!isAlike(size(0, 0), size(1, 1)));
  assert.ok(isAlike(null, null) && !isAlike(null, size(0, 0)));
});

test("what is not seen is due some times, and what is seen never", () => {
  const shown = new Shown();
  assert.equal(shown.isDue, false);
  shown.set(size(0, 0));
  for (let n = 0; n < HIDDEN_TIMES; n += 1) {
    assert.equal(shown.isDue, true);
    shown.told(n);
  }
  assert.equal(shown.isDue, false);
  shown.forget();
  assert.equal(shown.isDue, true, "another camera has not heard it");
  shown.set(size(640, 360));
  assert.equal(shown.isDue, false);
});

// -- the client ---------------------------------------------------------------------------------

/** A world whose element says what the test wants. */
function sized(first, options = {}) {
  const on = { size: first, watches: 0 };
  const world = new World({
    ...options,
    watchSize: (_video, say) => {
      on.watches += 1;
      on.resize = (to) => { on.size = to; say(to); };
      say(on.size);
      return { look: () => say(on.size), end: () => { on.watches -= 1; } };
    },
  });
  return { world, on };
}

const sizes = (told) => told.map(({ width, height }) => [width, height]);

test("the camera hears the size as soon as there is a session, and again where it changes, once a second at most", async () => {
  const { world, on } = sized(size(320, 180));
  const session = await world.live();
  session.attach(world.video?.() ?? {});
  await world.play(1_000);
  const first = world.sent("viewerStats").find(({ width }) => width !== undefined);
  assert.deepEqual([first.sessionId, first.width, first.height], ["s1", 320, 180]);
  await world.play(10_000);
  const before = world.sent("viewerStats").length;
  for (let n = 0; n < 1_000; n += 1) on.resize(size(400 + 20 * n, 300));
  await world.play(10);
  on.resize(size(1280, 720));
  await world.play(SAY_MS + 10);
  const told = world.sent("viewerStats").slice(before);
  assert.ok(told.length <= 3, `${told.length}`);
  assert.deepEqual(sizes(told).at(-1), [1280, 720]);
  session.close();
  assert.equal(on.watches, 0, "nothing is watched after the end");
});

test("a page that nobody looks at says so, and no more than that", async () => {
  let hidden = false;
  const { world, on } = sized(size(320, 180), { hidden: () => hidden });
  const session = await world.live();
  session.attach({});
  await world.play(5_000);
  hidden = true;
  const before = world.sent("viewerStats").length;
  on.resize(size(0, 0));
  await world.play(12_000);
  const told = world.sent("viewerStats").slice(before);
  assert.equal(told.length, HIDDEN_TIMES);
  assert.deepEqual(sizes(told).at(-1), [0, 0]);
  session.wantWhole();
  await world.play(3_000);
  assert.deepEqual(sizes(world.sent("viewerStats")).at(-1), [WHOLE.width, WHOLE.height], "but for who records it");
  hidden = false;
  session.wantWhole(false);
  on.resize(size(640, 360));
  await world.play(3_000);
  assert.deepEqual(sizes(world.sent("viewerStats")).at(-1), [640, 360]);
});

test("a session that begins anew tells its camera the size at once, before the offer", async () => {
  const { world } = sized(size(640, 360));
  const session = await world.live();
  session.attach({});
  await world.play(3_000);
  await world.say({ type: "endSession", sessionId: "s1", reason: "media-failed" });
  await world.play(3_000);
  const asked = world.sent("startSession");
  assert.equal(asked.length, 2);
  const before = world.sent("viewerStats").length;
  await world.say({ type: "sessionStarted", peerId: "front", sessionId: "s2", secret: "x", terms: { lease: 600, perms: ["view"] } });
  const told = world.sent("viewerStats").slice(before);
  assert.deepEqual(told.map((each) => [each.sessionId, each.frames, each.width]), [["s2", 0, 640]]);
});
