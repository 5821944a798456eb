// SPDX-License-Identifier: MPL-2.0
// What a viewer in Chromium sees of a camera that is unplugged, and what the device sees of the viewer.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FakeCameras } from "./cameras.mjs";
import { browser, camera, frames, PATIENCE_MS, scene, state, visitor, watch } from "./lib.mjs";

/** The fake camera's picture is orange, the slate grey: the difference of red and blue, of 255. */
const COLOURED = 20;
/**
 * Until the viewer sees it: what DESIGN.md allows the camera, which tests/elements/unplugged/promises.rs counts, and three times as much for
 * encoder, network and a busy machine.
 */
const SLATE_MS = 4 * 1_000;
const BACK_MS = 4 * 2_000;

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

/** Waits until the page shows the camera's picture, or the slate. */
async function shows(page, picture) {
  const colour = await page.getByTestId("video-front").evaluate(async (video, [picture, coloured, patience]) => {
    const canvas = new OffscreenCanvas(64, 36);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const look = () => {
      context.drawImage(video, 0, 0, 64, 36);
      const { data } = context.getImageData(0, 0, 64, 36);
      let sum = 0;
      for (let i = 0; i < data.length; i += 4) sum += Math.abs(data[i] - data[i + 2]);
      return sum / (data.length / 4);
    };
    const end = performance.now() + patience;
    let colour = look();
    while ((colour > coloured) !== picture && performance.now() < end) {
      await new Promise(requestAnimationFrame);
      colour = look();
    }
    return colour;
  }, [picture, COLOURED, PATIENCE_MS]);
  assert.equal(colour > COLOURED, picture, `a colour of ${colour}`);
}

/** Waits for it, and has it come soon enough after the moment `since`. */
async function showsSoon(page, picture, since, most) {
  await shows(page, picture);
  const ms = Math.round(performance.now() - since);
  console.log(`${picture ? "picture" : "slate"} after ${ms} ms`);
  assert.ok(ms <= most, `${ms} ms`);
}

/** A camera in `cameras` that does as told, and a page that lists it. */
async function begin(keep, text) {
  const cameras = await keep(new FakeCameras());
  cameras.set("front", text);
  const line = "portholesrc camera=front width=640 height=480 idle-timeout=0 ! portholesink listen=127.0.0.1:0 camera-name=front";
  const front = await keep(camera(line, cameras.env));
  // A page that lists one camera shows it at once.
  await cameras.wait("front", false);
  const page = await visitor(chromium, front.link);
  await page.getByTestId("camera-front").waitFor({ state: "attached" });
  return { cameras, front, page };
}

test("a viewer's coming opens the camera, its unplugging shows the slate, its return the picture, and the viewer's leaving releases it", () => scene(async (keep) => {
  const { cameras, front, page } = await begin(keep, "ok");
  await watch(page, "front");
  await shows(page, true);
  assert.ok(cameras.opened("front").open);

  let since = cameras.unplug("front");
  await showsSoon(page, false, since, SLATE_MS);
  await cameras.wait("front", false);
  const { count } = await frames(page, "front", 3_000);
  assert.ok(count >= 2, `the page plays on: ${count} frames in 3 s`);
  await state(page, "front", "live");

  since = cameras.set("front");
  await showsSoon(page, true, since, BACK_MS);
  assert.ok(cameras.opened("front").open);

  const from = front.lines.length;
  await page.getByTestId("close-front").click();
  await front.line(/porthole\/camera, .*state=\(string\)closed/, { from });
  await cameras.wait("front", false);
}));

test("who comes to a camera that another program has sees the slate, and the picture as soon as that lets go", () => scene(async (keep) => {
  const { cameras, front, page } = await begin(keep, "busy");
  await watch(page, "front");
  await shows(page, false);
  await front.line(/porthole\/camera, .*reason=\(string\)busy/);
  await showsSoon(page, true, cameras.set("front"), BACK_MS);
}));

test("a driver that hangs while the camera closes keeps nobody from the page, nor the process from ending", () => scene(async (keep) => {
  const { cameras, front, page } = await begin(keep, "ok");
  await watch(page, "front");
  await shows(page, true);
  cameras.set("front", "stuck=stop");
  await page.getByTestId("close-front").click();
  await page.getByTestId("camera-front").waitFor();
  await watch(page, "front");
  await shows(page, false);
  await showsSoon(page, true, cameras.set("front"), BACK_MS);
  cameras.set("front", "stuck=stop");
  const start = performance.now();
  assert.equal(await front.stop(), 0);
  console.log(`ended after ${Math.round(performance.now() - start)} ms`);
}));
