// SPDX-License-Identifier: MPL-2.0
// The reader against the figures and the code that src/overlay/painter/src/pixels/clock.rs documents. Time, timers and canvas are fakes.
import test from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { LatencyHistory, LatencyMeter, age, checksum, clockReader, decode, geometry, sides } from "./latency-clock.js";

const NOW = 1_790_000_000_000;
const word = (number, count) => Array.from({ length: count }, (_, i) => Math.floor(number / 2 ** (count - 1 - i)) % 2);
/** The blocks for a time, 1 for white. */
const encode = (ms) => [1, 0, ...word(ms, 32), ...word(checksum(ms), 8)];
const lumas = (ms, white = 235, black = 16) => encode(ms).map((bit) => (bit ? white : black));
/** The same numbers in each run, in [0, 1). */
const random = (seed) => () => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;

/** A video whose clock was painted in `painted` and which is shown in `shown`; `look` changes the brightness. */
function video(ms, painted, shown = painted, look = (luma) => luma) {
  const { side, top } = geometry(...painted);
  const blocks = encode(ms);
  const [scaleX, scaleY] = [painted[0] / shown[0], painted[1] / shown[1]];
  const at = (x, y) => {
    // Linear, as scalers are: an edge between two blocks becomes grey.
    const [left, part] = [Math.floor((x + 0.5) * scaleX - 0.5), ((x + 0.5) * scaleX - 0.5) % 1];
    const line = Math.floor((y + 0.5) * scaleY);
    const pixel = (px) => (line >= top && line < top + side && px < side * blocks.length ? (blocks[Math.max(0, Math.floor(px / side))] ? 235 : 16) : 90);
    return look(pixel(left) * (1 - part) + pixel(left + 1) * part, x, y);
  };
  return { videoWidth: shown[0], videoHeight: shown[1], at };
}

/** A picture without a clock. */
const plain = (luma = 90) => ({ videoWidth: 640, videoHeight: 360, at: () => luma });

let drawn = 0;
class Canvas {
  constructor(width, height) { this.pixels = new Uint8ClampedArray(4 * width * height); this.width = width; }
  getContext() { return this; }
  drawImage(source, left, top, width, height) {
    assert.ok(left + width <= source.videoWidth && top >= 0 && top + height <= source.videoHeight, "outside the picture");
    assert.equal(this.width, width);
    drawn += width * height;
    for (let i = 0; i < width * height; i++) {
      this.pixels.fill(source.at(left + (i % width), top + Math.floor(i / width)), 4 * i, 4 * i + 3);
    }
  }
  getImageData() { return { data: this.pixels }; }
}
const reader = () => clockReader({ OffscreenCanvas: Canvas });

// -- geometry and code --------------------------------------------------------------------------

test("common sizes have the documented blocks", () => {
  for (const [width, height, side, top] of [[640, 480, 8, 472], [1280, 720, 16, 704], [1920, 1080, 24, 1056]]) {
    assert.deepEqual(geometry(width, height), { side, top });
  }
});

test("a picture too small for the row has no clock", () => {
  for (const [width, height] of [[83, 100], [640, 7], [0, 0]]) assert.equal(geometry(width, height), null);
});

test("the tests of the element and these have the same figures", () => {
  const source = readFileSync(new URL("../../../src/overlay/painter/src/pixels/clock.rs", import.meta.url), "utf8");
  for (const [, width, height, side, top] of source.matchAll(/geometry\((\d+), (\d+)\),\s*Some\(Geometry \{\s*side: (\d+),\s*top: (\d+)/g)) {
    assert.deepEqual(geometry(+width, +height), { side: +side, top: +top });
  }
  const figures = [...source.matchAll(/checksum\((\w+|u32::MAX)\), (0x\w\w)\)/g)];
  assert.equal(figures.length, 3);
  for (const [, ms, crc] of figures) assert.equal(checksum(ms === "u32::MAX" ? 0xffffffff : +ms.replaceAll("_", "")), +crc);
});

test("what was encoded is decoded, with each bit alone, each missing, and any mixture", () => {
  const next = random(1);
  const bits = Array.from({ length: 32 }, (_, i) => 2 ** i);
  const any = Array.from({ length: 2_000 }, () => Math.floor(next() * 2 ** 32));
  for (const ms of [0, 0xffffffff, 0x12345678, ...bits, ...bits.map((bit) => 0xffffffff - bit), ...any]) {
    assert.equal(decode(lumas(ms)), ms);
  }
});

test("a wrong block is noticed, and so are two", () => {
  const right = lumas(0xdeadbeef);
  const flip = (blocks, i) => blocks.with(i, 251 - blocks[i]);
  right.forEach((_, i) => {
    assert.equal(decode(flip(right, i)), null, `block ${i}`);
    for (let j = i + 1; j < right.length; j++) assert.equal(decode(flip(flip(right, i), j)), null, `blocks ${i} and ${j}`);
  });
});

test("white must be brighter than black by 64", () => {
  assert.equal(decode(lumas(7, 164, 100)), 7);
  assert.equal(decode(lumas(7, 163, 100)), null);
  assert.equal(decode(lumas(7, 16, 235)), null);
});

test("blank and missing blocks are no clock", () => {
  for (const luma of [0, 16, 235, 255]) assert.equal(decode(Array(42).fill(luma)), null);
  assert.equal(decode([]), null);
});

test("an age is the difference of the times of day, over the wrap of the clock too", () => {
  assert.equal(age((NOW - 143) % 2 ** 32, NOW), 143);
  assert.equal(age((NOW + 5) % 2 ** 32, NOW), -5);
  assert.equal(age(0xffffffff, 2 ** 32 * 400 + 9), 10);
});

// -- reading a picture --------------------------------------------------------------------------

for (const [width, height] of [[86, 61], [240, 180], [320, 240], [337, 241], [641, 361], [640, 480], [1280, 720], [1366, 768], [3840, 2160], [720, 1280]]) {
  test(`a ${width}x${height} picture is read`, () => {
    for (const ms of [0, 0x12345678, 0xffffffff]) assert.equal(reader()(video(ms, [width, height])), ms);
  });
}

for (const [painted, shown] of [
  [[1280, 720], [640, 360]], [[1280, 720], [480, 270]], [[1280, 720], [854, 480]], [[1280, 720], [320, 180]],
  [[1920, 1080], [1280, 720]], [[1920, 1080], [640, 360]], [[1920, 1080], [480, 270]], [[3840, 2160], [640, 360]],
  [[640, 480], [480, 360]], [[640, 480], [320, 240]], [[800, 600], [480, 360]], [[1640, 1232], [480, 360]],
  [[1296, 972], [480, 360]], [[2304, 1296], [640, 360]], [[1536, 864], [640, 360]], [[1024, 768], [480, 360]],
  [[848, 480], [636, 360]], [[720, 1280], [360, 640]], [[640, 360], [1280, 720]],
]) {
  test(`a ${painted.join("x")} picture sent as ${shown.join("x")} is read`, () => {
    for (const ms of [0, 0x12345678, 0x55555555, 0xffffffff]) assert.equal(reader()(video(ms, painted, shown)), ms);
  });
}

test("noise of lossy coding does not hinder", () => {
  const [next, read] = [random(2), reader()];
  for (let i = 0; i < 100; i++) {
    const ms = Math.floor(next() * 2 ** 32);
    assert.equal(read(video(ms, [1280, 720], [640, 360], (luma) => luma + 160 * (next() - 0.5))), ms);
  }
});

test("a pale picture is read until black and white are too near", () => {
  const pale = (contrast) => (luma) => 100 + ((luma - 16) / 219) * contrast;
  assert.equal(reader()(video(9, [640, 360], [640, 360], pale(66))), 9);
  assert.equal(reader()(video(9, [640, 360], [640, 360], pale(60))), null);
});

test("the sender may scale while one looks, and the clock may go and come", () => {
  const read = reader();
  for (const [ms, shown] of [[1, [1280, 720]], [2, [640, 360]], [3, [480, 270]], [4, [1280, 720]]]) {
    assert.equal(read(video(ms, [1280, 720], shown)), ms);
    assert.equal(read(plain()), null);
  }
});

test("a video that shows nothing yet, and a browser without canvas, have no clock", () => {
  assert.equal(reader()({ videoWidth: 0, videoHeight: 0 }), null);
  assert.equal(reader()({ videoWidth: 2, videoHeight: 2 }), null);
  assert.equal(clockReader({ OffscreenCanvas: null })(video(1, [640, 360])), null);
});

test("one row of pixels is all that is drawn", () => {
  const read = reader();
  drawn = 0;
  read(plain());
  assert.ok(drawn <= 640);
  assert.ok(sides(640, 360).length <= 16, "each is tried in a picture without clock");
});

// -- from readings to a figure ------------------------------------------------------------------

/** A history that has taken a reading for each age, half a second apart; null is an unreadable frame. */
function history(...ages) {
  const taken = new LatencyHistory();
  ages.forEach((ms, i) => taken.take(ms === null ? null : (NOW + 500 * i - ms) % 2 ** 32, NOW + 500 * i));
  return taken;
}

test("the latency is the median of the last nine readings", () => {
  assert.equal(history(100, 120, 140, 1_100, 130).latency, 140);
  assert.equal(history(...Array(9).fill(1_000), ...Array(5).fill(100)).latency, 100);
});

test("one reading alone may be chance, and is none", () => {
  const { latency, reason } = history(100);
  assert.deepEqual([latency, reason], [null, "no-clock"]);
});

test("what stands still, or jumps, is no clock", () => {
  const still = new LatencyHistory();
  for (let i = 0; i < 100; i++) still.take(1234, NOW + 500 * i);
  assert.deepEqual([still.latency, still.reason], [null, "no-clock"]);
  const next = random(3);
  const jumping = new LatencyHistory();
  for (let i = 0; i < 1_000; i++) jumping.take(Math.floor(next() * 2 ** 32), NOW + 500 * i);
  assert.deepEqual([jumping.latency, jumping.reason], [null, "no-clock"]);
});

test("an unreadable frame changes nothing, and five in a row end it", () => {
  assert.equal(history(100, 100, null, null, null, null).latency, 100);
  const { latency, reason, eager } = history(100, 100, null, null, null, null, null);
  assert.deepEqual([latency, reason, eager], [null, "no-clock", false]);
  assert.equal(history(100, 100, ...Array(9).fill(null), 70, 70).latency, 70);
});

for (const [words, ms] of [["in the future", -1], ["an hour old", 3_600_000], ["ten days ahead", -864_000_000]]) {
  test(`a picture ${words} is not called a latency: the clocks differ`, () => {
    const { latency, reason } = history(ms, ms, ms);
    assert.deepEqual([latency, reason], [null, "clocks-differ"]);
  });
}

test("a picture of a minute is the oldest that is believed", () => {
  assert.equal(history(60_000, 60_000).latency, 60_000);
  assert.equal(history(60_001, 60_001).latency, null);
});

test("a clock that is set right while one looks is believed from then on", () => {
  const { latency, reason } = history(3_600_000, 3_600_000, 80, 80);
  assert.deepEqual([latency, reason], [80, ""]);
});

// -- the meter ----------------------------------------------------------------------------------

class World {
  now = NOW;
  timers = [];
  reports = [];
  env = {
    OffscreenCanvas: Canvas,
    now: () => this.now,
    setTimeout: (call, ms) => { const timer = { at: this.now + ms, call }; this.timers.push(timer); return timer; },
    clearTimeout: (timer) => { this.timers = this.timers.filter((t) => t !== timer); },
  };
  meter = new LatencyMeter(this.env, () => this.reports.push(this.meter.latency ?? this.meter.reason));

  advance(ms) {
    const end = this.now + ms;
    for (let next; (next = this.timers.sort((a, b) => a.at - b.at)[0])?.at <= end;) {
      this.now = next.at;
      this.env.clearTimeout(next);
      next.call();
    }
    this.now = end;
  }

  /** A video that is `latency` ms behind. */
  video(latency, more = {}) {
    const world = this;
    return { videoWidth: 640, videoHeight: 360, at: (x, y) => video((world.now - latency) % 2 ** 32, [640, 360]).at(x, y), ...more };
  }
}

test("it reads twice a second and reports from the second reading on", () => {
  const world = new World();
  world.meter.start(world.video(143));
  assert.deepEqual([world.meter.latency, world.meter.reason], [null, "no-clock"]);
  world.advance(3_000);
  assert.deepEqual(world.reports, ["no-clock", ...Array(5).fill(143)]);
});

test("it looks at new frames only, where the browser tells of them", () => {
  const world = new World();
  const frames = [];
  world.meter.start(world.video(143, { requestVideoFrameCallback: (call) => frames.push(call) }));
  world.advance(5_000);
  assert.equal(frames.length, 1);
  frames.pop()();
  world.advance(500);
  frames.pop()();
  assert.deepEqual(world.reports, ["no-clock", 143]);
});

test("without a clock it says so once, looks less often, and finds one that is switched on", () => {
  const world = new World();
  let looks = 0;
  let shown = { videoWidth: 640, videoHeight: 360, at: () => 90 };
  world.meter.start({ get videoWidth() { return shown.videoWidth; }, videoHeight: 360, at: (x, y) => { looks += x === 0; return shown.at(x, y); } });
  world.advance(60_000);
  assert.deepEqual(world.reports, ["no-clock"]);
  assert.ok(looks <= 35, `${looks} looks in a minute`);
  shown = world.video(70);
  world.advance(4_000);
  assert.equal(world.meter.latency, 70);
});

test("after its end it neither reads nor reports, and knows nothing", () => {
  const world = new World();
  let frame;
  world.meter.start(world.video(143, { requestVideoFrameCallback: (call) => { frame = call; } }));
  world.advance(500);
  world.meter.stop();
  assert.deepEqual([world.meter.latency, world.meter.reason, world.reports], [null, "off", ["no-clock", "off"]]);
  frame();
  world.meter.stop();
  assert.equal(world.timers.length, 0);
  assert.equal(world.reports.length, 2);
});
