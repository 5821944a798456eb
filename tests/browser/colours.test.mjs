// SPDX-License-Identifier: MPL-2.0
// What a camera sees has the same colours in a browser, by whichever matrix and range the camera writes them and whichever codec carries
// them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FakeCameras } from "./cameras.mjs";
import { CASES, chart, error, told } from "./chart.mjs";
import { browser, camera, PATIENCE_MS, scene, visitor, watch } from "./lib.mjs";

/** Of 255, in each channel. */
const MOST = 6;
const SINK = "portholesink listen=127.0.0.1:0 camera-name=front";
/** Paints over the blue patch in its own colour: what the overlay adds is written as the picture is. */
const OVERLAY = ["portholeoverlay", "masks=fill=#1e32be rect 0.5 0.5 0.25 0.5", "!"];

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

for (const [codec, overlay] of [["vp8", OVERLAY], ["h264", []]]) {
  for (const { name, behaviour, mode } of CASES) {
    test(`${name} has the camera's colours in ${codec}${overlay.length ? ", with what is painted over it" : ""}`, () => scene(async (keep) => {
      const cameras = await keep(new FakeCameras());
      cameras.set("front", behaviour);
      const words = [`portholesrc camera=front ${mode} !`, `${SINK} codec=${codec}`].map((part) => part.split(" "));
      const front = await keep(camera([...words[0], ...overlay, ...words[1]], cameras.env));
      const page = await visitor(chromium, front.link);
      await watch(page, "front");
      const colours = await chart(page, "front", PATIENCE_MS);
      console.log(`${name}, ${codec}: ${error(colours).toFixed(1)}`);
      assert.ok(error(colours) <= MOST, told(colours));
    }));
  }
}
