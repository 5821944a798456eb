// SPDX-License-Identifier: MPL-2.0
// How many pictures a second a person with the link sees.
// Runs alone: frames are counted, and a machine that is shared has fewer.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { mkdirSync } from "node:fs";
import { browser, camera, frames, PATIENCE_MS, ROOT, scene, visitor, watch } from "./lib.mjs";

const [WIDTH, HEIGHT] = [1280, 720];
/** Once the viewer's network is known to carry it. */
const WINDOW_MS = 5_000;

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

test("the printed link shows 720p at 25 frames a second or more, and it moves", () => scene(async (keep) => {
  const front = await keep(camera("portholesrc camera=test ! portholeoverlay text=%H:%M:%S\\ {camera} ! portholesink listen=127.0.0.1:0 camera-name=front"));
  const page = await visitor(chromium, front.link);
  await watch(page, "front");
  await page.waitForFunction((width) => document.querySelector("video").videoWidth === width, WIDTH, { timeout: PATIENCE_MS });
  const seen = await frames(page, "front", WINDOW_MS);
  assert.deepEqual([seen.width, seen.height], [WIDTH, HEIGHT]);
  assert.ok(seen.fps >= 25, `${seen.count} frames, ${seen.fps.toFixed(1)} fps`);
  assert.ok(seen.changed > 0, "the picture stands still");
  assert.equal(new URL(page.url()).hash, "", "the token stays in the address bar");
  assert.deepEqual(page.problems, []);
  const folder = process.env.PORTHOLE_SCREENSHOT ?? join(ROOT, "target/screenshots");
  mkdirSync(folder, { recursive: true });
  await page.mouse.move(500, 300); // What lies over the picture comes with it.
  await page.locator('.picture[data-faded="false"]').waitFor();
  await page.screenshot({ path: join(folder, "viewer.png") });
}));
