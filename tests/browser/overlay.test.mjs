// SPDX-License-Identifier: MPL-2.0
// What a privacy mask covers does not reach the viewer: proved on the pictures that the browser decoded.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser, camera, launch, PATIENCE_MS, scene, visitor, watch } from "./lib.mjs";

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

/**
 * How far a decoded sample may be from what was sent, 0 to 255: the codec is lossy, and a change of colour
 * model rounds. Within masks 2 is usual, the snow of the test picture without a mask has a spread of 60.
 */
const LOSS = 20;

/**
 * Pixels of a picture 720 high that say nothing on both sides of an edge: the codec works in blocks of 16
 * and smooths across their edges.
 */
const EDGE = 20;

/** Side of the squares of a pixelated mask, in pixels of a picture 720 high; they begin at its upper left corner. */
const SQUARE = 32;

/** Pixels of a square beside its edge, which the codec smooths. */
const SQUARE_EDGE = 7;

/** Pictures looked at: the first ones, which a congested start makes coarse, and later ones. */
const PICTURES = 12;

const FRAME = { width: 1280, height: 720 };

/**
 * For what is told by single squares and pixels: on a busy machine the ladder would give a quarter of the size, in which a square of a
 * mask is eight pixels wide and blurred into its neighbours as it is enlarged.
 */
const FULL_SIZE = "renditions=1280x720@6000k";

/** The pipeline as words, in which a property may hold blanks. */
function words(...overlay) {
  const source = ["portholesrc", "camera=test", "!", "portholeoverlay", ...overlay];
  return [...source, "!", "portholesink", "listen=127.0.0.1:0", "camera-name=front"];
}

/** The next picture that the video presents, as RGBA, whatever its size was, on a canvas of FRAME. */
async function picture(page, id) {
  const { text, time } = await page.getByTestId(`video-${id}`).evaluate(async (video, { width, height }) => {
    const frame = await new Promise((done) => video.requestVideoFrameCallback((_, data) => done(data)));
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context.drawImage(video, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    // A list of millions of numbers would take seconds to reach the test.
    let text = "";
    for (let i = 0; i < data.length; i += 0x8000) text += String.fromCharCode(...data.subarray(i, i + 0x8000));
    return { text: btoa(text), time: frame.presentedFrames };
  }, FRAME);
  return { rgba: Buffer.from(text, "base64"), time };
}

/** The mean colour of a part of the picture, and the spread: the largest standard deviation of its channels. */
function look({ rgba }, { left, top, right, bottom }) {
  const sums = [0, 0, 0];
  const squares = [0, 0, 0];
  let most = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      for (let c = 0; c < 3; c++) {
        const value = rgba[(y * FRAME.width + x) * 4 + c];
        sums[c] += value;
        squares[c] += value * value;
        most = Math.max(most, value);
      }
    }
  }
  const count = (bottom - top) * (right - left);
  const mean = sums.map((sum) => sum / count);
  const spread = Math.max(...squares.map((sum, c) => Math.sqrt(Math.max(0, sum / count - mean[c] ** 2))));
  return { mean, spread, most };
}

/** Where a rectangle is, given as fractions like a mask; smaller by `edge` on each side, or larger if negative. */
function area(x, y, width, height, edge = EDGE) {
  const within = (value, size) => Math.min(size, Math.max(0, Math.round(value)));
  return {
    left: within(x * FRAME.width + edge, FRAME.width),
    top: within(y * FRAME.height + edge, FRAME.height),
    right: within((x + width) * FRAME.width - edge, FRAME.width),
    bottom: within((y + height) * FRAME.height - edge, FRAME.height),
  };
}

/** Strips, as wide as EDGE is, around an area and EDGE away from it; those that would leave the picture are left out. */
function around(x, y, width, height) {
  const near = area(x, y, width, height, -EDGE);
  const far = area(x, y, width, height, -2 * EDGE);
  return [
    { ...near, top: far.top, bottom: near.top },
    { ...near, top: near.bottom, bottom: far.bottom },
    { ...near, left: far.left, right: near.left },
    { ...near, left: near.right, right: far.right },
  ].filter(({ left, top, right, bottom }) => right - left >= EDGE && bottom - top >= EDGE);
}

/** The insides of all squares of a pixelated mask that lie in an area, in rows. */
function squares({ left, top, right, bottom }) {
  const rows = [];
  for (let y = Math.ceil(top / SQUARE) * SQUARE; y + SQUARE <= bottom; y += SQUARE) {
    const row = [];
    for (let x = Math.ceil(left / SQUARE) * SQUARE; x + SQUARE <= right; x += SQUARE) {
      row.push({
        left: x + SQUARE_EDGE, top: y + SQUARE_EDGE, right: x + SQUARE - SQUARE_EDGE, bottom: y + SQUARE - SQUARE_EDGE,
      });
    }
    rows.push(row);
  }
  return rows;
}

/** Pictures that may be on their way from the camera to the page. */
const UNDERWAY = 15;

/** Calls `check` with PICTURES pictures of the camera, after those of before it was open, which are black. */
async function pictures(keep, program, check) {
  const front = await keep(program);
  const page = await visitor(chromium, front.link);
  await watch(page, "front");
  // Before that it is the slate, on a busy machine for seconds; what is on its way then has arrived some pictures later.
  await front.line(/porthole\/camera, .*state=\(string\)live/);
  const until = Date.now() + PATIENCE_MS;
  let seen = await picture(page, "front");
  for (const { time } = seen; seen.time < time + UNDERWAY;) seen = await picture(page, "front");
  while (look(seen, area(0, 0, 1, 1, 0)).spread < 3 * LOSS) {
    assert.ok(Date.now() < until, "the picture stays empty");
    seen = await picture(page, "front");
  }
  for (let i = 0; i < PICTURES; i++) {
    check(seen);
    const last = seen.time;
    while (seen.time === last) seen = await picture(page, "front");
  }
}

test("in the browser a filled mask is black and what is around it is not", () => scene(async (keep) => {
  const mask = [0.25, 0.25, 0.25, 0.5];
  await pictures(keep, camera(words(`masks=rect ${mask.join(" ")}; pixelate rect 0.6 0.5 0.4 0.5`)), (seen) => {
    const { most } = look(seen, area(...mask));
    assert.ok(most <= LOSS, `a sample of ${most} within the mask`);
    for (const strip of around(...mask)) {
      const { mean } = look(seen, strip);
      assert.ok(Math.max(...mean) > 4 * LOSS, `${JSON.stringify(strip)} is ${mean}`);
    }
  });
}));

test("in the browser each square of a pixelated mask has one colour, and they are not all alike", () => scene(async (keep) => {
  const place = area(0.6, 0.5, 0.4, 0.5, 0);
  const rows = squares(place);
  const snow = squares(area(0.76, 0.76, 0.24, 0.24, 0)).flat();
  assert.ok(snow.length > 20);
  await pictures(keep, camera([...words("masks=rect 0.25 0.25 0.25 0.5; pixelate rect 0.6 0.5 0.4 0.5"), FULL_SIZE]), (seen) => {
    const means = rows.map((row) => row.map((square) => {
      const { mean, spread } = look(seen, square);
      assert.ok(spread < LOSS, `${JSON.stringify(square)} has a spread of ${spread}`);
      return mean;
    }));
    const apart = (a, b) => Math.max(...a.map((value, c) => Math.abs(value - b[c])));
    const steps = means.flatMap((row) => row.slice(1).map((mean, i) => apart(mean, row[i])));
    const edges = steps.filter((step) => step > 2 * LOSS).length;
    assert.ok(edges >= rows.length, `${edges} squares differ from their neighbour`);
  });
  // Without the mask there is something to see: the test picture has snow there.
  await pictures(keep, camera([...words(), FULL_SIZE]), (seen) => {
    const rough = snow.filter((square) => look(seen, square).spread > LOSS).length;
    assert.ok(rough > snow.length * 0.9, `${rough} of ${snow.length} squares show detail without a mask`);
  });
}));

test("a mask stays where the viewer sees it when the picture is turned", () => scene(async (keep) => {
  const mask = [0, 0, 0.3, 0.4];
  await pictures(keep, camera([...words("video-direction=180", `masks=fill=#00ff00 rect ${mask.join(" ")}`), FULL_SIZE]), (seen) => {
    const { mean, spread } = look(seen, area(...mask));
    assert.ok(spread < LOSS && mean[0] < 2 * LOSS && mean[1] > 200 && mean[2] < 2 * LOSS, `${mean} +- ${spread}`);
    const opposite = look(seen, area(0.7, 0.6, 0.3, 0.4));
    assert.ok(opposite.spread > LOSS, "the opposite corner is covered");
  });
}));

test("a mask that is not understood ends gst-launch with an error, and no frame reaches a viewer", () => scene(async (keep) => {
  const program = await keep(launch(words("masks=rect 0.25 0.25 0.25; pixelate rect 0.6 0.5 0.4 0.5")));
  const code = await program.exit;
  assert.notEqual(code, 0);
  const said = program.lines.join("\n");
  assert.match(said, /ERROR: .*property masks is not understood: mask 1, "rect" at character 1/);
  assert.doesNotMatch(said, /viewer-joined|porthole\/camera, state=\(string\)live/);
  const link = said.match(/porthole: watch at (http:\S+)/)?.[1];
  if (link) await assert.rejects(fetch(link), "there is still a page that answers");
}));
