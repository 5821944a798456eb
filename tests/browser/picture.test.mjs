// SPDX-License-Identifier: MPL-2.0
// What a person with the link sees, and a person without it does not.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { mkdtempSync, rmSync } from "node:fs";
import { audioPackets, browser, camera, corners, frames, freePort, GAP_MS, launch, loudness, PATIENCE_MS, ROOT, scene, state, visitor, watch, opened } from "./lib.mjs";
import { longestGap, presented, record } from "./record.mjs";

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

const NAMED = "portholesink listen=127.0.0.1:0 camera-name=front";
const close = (a, b) => a.every((value, i) => Math.abs(value - b[i]) < 40);

test("video-direction=180 turns the picture: opposite corners change places", () => scene(async (keep) => {
  const upright = await keep(camera(`portholesrc camera=test ! ${NAMED}`));
  const turned = await keep(camera(`portholesrc camera=test ! portholeoverlay video-direction=180 ! ${NAMED}`));
  const [a, b] = await Promise.all([visitor(chromium, upright.link), visitor(chromium, turned.link)]);
  await watch(a, "front");
  await watch(b, "front");
  const [before, after] = [await corners(a, "front"), await corners(b, "front")];
  assert.ok(!close(before.topLeft, before.topRight), "the test picture has unlike corners");
  assert.ok(close(before.topLeft, after.bottomRight), JSON.stringify({ before, after }));
  assert.ok(close(before.topRight, after.bottomLeft), JSON.stringify({ before, after }));
  assert.ok(!close(before.topRight, after.topRight), "the picture is not turned");
}));

test("without the token the page asks for it, refuses a wrong one, and no media flows", () => scene(async (keep) => {
  const front = await keep(camera(`portholesrc camera=test ! ${NAMED}`));
  const page = await visitor(chromium, `${front.origin}/`);
  await page.getByTestId("sign-in").waitFor();
  await page.getByTestId("token-input").fill("this is not the token");
  await page.getByTestId("token-input").press("Enter");
  await page.getByTestId("sign-in-error").filter({ hasText: /\S/ }).waitFor();
  assert.equal(await page.getByTestId("camera-front").count(), 0, "a stranger sees the list of cameras");
  const refused = await page.evaluate(() => new Promise((done) => {
    const socket = new WebSocket(`ws://${location.host}/ws`);
    socket.onopen = () => done(false);
    socket.onerror = () => done(true);
  }));
  assert.ok(refused, "a WebSocket without credential was accepted");
  assert.ok(!front.lines.some((line) => /viewer-joined|state=\(string\)(opening|live)/.test(line)), "the camera was opened");
}));

test("the right token typed into the form lets one in", () => scene(async (keep) => {
  const front = await keep(camera(`portholesrc camera=test ! ${NAMED}`));
  const page = await visitor(chromium, `${front.origin}/`);
  await page.getByTestId("token-input").fill(front.token);
  await page.getByTestId("token-input").press("Enter");
  await watch(page, "front");
}));

test("two browsers watch at once", () => scene(async (keep) => {
  const front = await keep(camera(`portholesrc camera=test ! ${NAMED}`));
  const pages = await Promise.all([visitor(chromium, front.link), visitor(chromium, front.link)]);
  for (const page of pages) await watch(page, "front");
  for (const page of pages) {
    const seen = await frames(page, "front", 1000);
    assert.ok(seen.count > 5, `${seen.count} frames`);
  }
}));

test("with max-viewers=1 the second is told that the camera is full, asks again, and disturbs nobody", () => scene(async (keep) => {
  const front = await keep(camera(
    `portholesrc camera=test ! videoscale ! video/x-raw,width=320,height=180 ! ${NAMED} max-viewers=1`));
  const first = await visitor(chromium, front.link);
  await watch(first, "front");
  await record(first, "front");
  await presented(first, 10);
  const second = await visitor(chromium, front.link);
  await opened(second, "front");
  const { code, text } = await state(second, "front", "refused");
  assert.equal(code, "camera-full");
  assert.match(text, /full/i);
  while (second.talk.count("server", "endSession") < 3) await presented(first, 5);
  const gap = await longestGap(first);
  assert.ok(gap < GAP_MS, `the first viewer had no new frame for ${gap} ms`);
  await first.getByTestId("close-front").click();
  await state(second, "front", "live");
}));

test("killing the page ends its session, and the camera closes", () => scene(async (keep) => {
  const front = await keep(camera(`portholesrc camera=test idle-timeout=0 ! ${NAMED}`));
  // A browser that crashes does not clean up after itself.
  const folder = mkdtempSync(join(tmpdir(), "porthole-crash-"));
  await keep({ stop: () => rmSync(folder, { recursive: true, force: true }) });
  const own = await browser({ TMPDIR: folder });
  const page = await visitor(own, front.link);
  await watch(page, "front");
  await front.line(/porthole\/camera, state=\(string\)live/);
  const session = await own.newBrowserCDPSession();
  session.send("Browser.crash").catch(() => {});
  // Nobody said goodbye: the viewer has half a minute to come back, or the camera finds it gone before that.
  await front.line(/viewer-left.*reason=\(string\)(viewer-left|media-failed)/, { patience: 30_000 + 5_000 });
  await front.line(/porthole\/camera, state=\(string\)closed/);
  await own.close().catch(() => {});
}));

test("a camera of real footage is shown with its sound", () => scene(async (keep) => {
  const clip = `file://${join(ROOT, "tests/clips/car-detection.mp4")}`;
  const road = await keep(camera(
    `portholesrc name=cam camera=${clip} ! ${NAMED} name=out cam.audio ! out.audio`));
  const page = await visitor(chromium, road.link);
  await watch(page, "front");
  // Before, it is a slate of the same size, and silence. On a machine that has other work the ladder begins lower.
  await road.line(/porthole\/camera, state=\(string\)live/);
  const said = () => road.lines.filter((line) => /porthole\/(camera|rung),|WARN|ERROR/.test(line)).join("\n");
  await page.waitForFunction(() => Array.from(document.querySelectorAll("video"), (video) => video.videoWidth).includes(768), undefined, { timeout: PATIENCE_MS });
  const seen = await frames(page, "front", 3000);
  assert.equal(seen.width * 9, seen.height * 16);
  assert.ok(seen.count >= 25, `${seen.count} frames in 3 s of 12.5 fps\n${said()}`);
  assert.ok(seen.changed > 0);
  // This clip's microphone recorded next to nothing, so its packets are counted. Silence has 5 a second, 50 are the
  // rule, and where the clip begins anew some are missing: half of them are enough.
  const [before, from] = [await audioPackets(page), performance.now()];
  await frames(page, "front", 4000);
  const rate = ((await audioPackets(page)) - before) / ((performance.now() - from) / 1000);
  assert.ok(rate > 20, `${rate.toFixed(1)} packets of sound a second\n${said()}`);
}));

test("a file's sound is heard, again and again", () => scene(async (keep) => {
  const folder = mkdtempSync(join(tmpdir(), "porthole-clip-"));
  await keep({ stop: () => rmSync(folder, { recursive: true, force: true }) });
  const clip = join(folder, "tone.mkv");
  const maker = launch(`videotestsrc num-buffers=30 ! video/x-raw,width=320,height=240,framerate=30/1 ! vp8enc deadline=1 ! matroskamux name=mux ! filesink location=${clip} audiotestsrc num-buffers=44 ! opusenc ! mux.`);
  assert.equal(await maker.exit, 0);
  const front = await keep(camera(`portholesrc name=cam camera=file://${clip} ! ${NAMED} name=out cam.audio ! out.audio`));
  const page = await visitor(chromium, front.link);
  await watch(page, "front");
  assert.ok((await loudness(page, "front", 0.1)) > 0.1);
  const seen = await frames(page, "front", 3000);
  assert.ok(seen.count > 45, `a clip of 30 frames gave ${seen.count}`);
  assert.ok((await loudness(page, "front", 0.1)) > 0.1);
}));

test("the test camera ticks", () => scene(async (keep) => {
  const front = await keep(camera(`portholesrc name=cam camera=test ! ${NAMED} name=out cam.audio ! out.audio`));
  const page = await visitor(chromium, front.link);
  await watch(page, "front");
  assert.ok((await loudness(page, "front", 0.05)) > 0.05);
}));

for (const encoder of ["vp8enc deadline=1 keyframe-max-dist=30", "x264enc tune=zerolatency key-int-max=30 ! video/x-h264,profile=constrained-baseline"]) {
  test(`video encoded by ${encoder.split(" ")[0]} is passed through`, () => scene(async (keep) => {
    const front = await keep(camera(
      `videotestsrc is-live=true ! video/x-raw,format=I420,width=640,height=360,framerate=30/1 ! ${encoder} ! ${NAMED}`));
    const page = await visitor(chromium, front.link);
    await watch(page, "front");
    const seen = await frames(page, "front", 2000);
    assert.ok(seen.count > 20 && seen.changed > 0, JSON.stringify(seen));
  }));
}

test("two cameras of one process stand on one page", () => scene(async (keep) => {
  const listen = `listen=127.0.0.1:${await freePort()}`;
  const both = await keep(camera(
    `portholesrc camera=test ! portholesink ${listen} camera-name=front portholesrc camera=test ! portholesink ${listen} camera-name=garden`));
  const page = await visitor(chromium, both.link);
  await watch(page, "front");
  await watch(page, "garden");
}));
