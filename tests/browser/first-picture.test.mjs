// SPDX-License-Identifier: MPL-2.0
// The one scene of `scripts/test quick`: from the test camera through overlay and sink to a viewer.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser, camera, frames, scene, visitor, watch } from "./lib.mjs";

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

test("a viewer sees the test camera's picture go on", () => scene(async (keep) => {
  const { link } = await keep(camera('portholesrc camera=test ! portholeoverlay text=%H:%M:%S ! portholesink listen=127.0.0.1:0 camera-name=front'));
  const page = await visitor(chromium, link);
  await watch(page, "front");
  const { count, width, changed } = await frames(page, "front", 1_000);
  assert.ok(count > 5 && width > 0 && changed > 0, `${count} frames of ${width} pixels`);
  assert.deepEqual(page.problems, []);
}));
