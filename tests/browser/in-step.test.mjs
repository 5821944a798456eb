// SPDX-License-Identifier: MPL-2.0
// A camera and its microphone, each with a clock of its own, are seen and heard at the same time.
// Runs alone: it measures when something is seen and heard.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FakeCameras } from "./cameras.mjs";
import { apart, MEASURING, median } from "./flash.mjs";
import { browser, camera, scene, visitor, watch } from "./lib.mjs";

/** 40 ms are promised, which `scripts/bench camera` counts. On a busy machine a browser takes its time; what is out of step is more than this. */
const MOST_MS = 100;
/** A browser brings both together step by step. */
const SETTLE = 20;
const FLASHES = 12;
const PATIENCE_MS = 90_000;

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

test("a flash is seen when its beep is heard", () => scene(async (keep) => {
  const cameras = await keep(new FakeCameras());
  cameras.set("front", "flash mic");
  const line = "portholesrc name=cam camera=front width=640 height=480 ! portholesink name=out listen=127.0.0.1:0 camera-name=front cam.audio ! out.audio";
  const front = await keep(camera(line, cameras.env));
  const page = await visitor(chromium, front.link, MEASURING);
  await watch(page, "front");
  const all = await apart(page, "front", SETTLE + FLASHES, PATIENCE_MS);
  const ms = median(all.slice(SETTLE));
  console.log(`apart: ${all.map((each) => Math.round(each)).join(" ")}; ${ms.toFixed(1)} ms in the middle`);
  assert.ok(Math.abs(ms) <= MOST_MS, `${ms} ms`);
}, 150_000));
