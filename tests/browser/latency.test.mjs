// SPDX-License-Identifier: MPL-2.0
// The clock that the overlay paints is read in a real browser, after real coding.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { browser, camera, frames, PATIENCE_MS, ROOT, scene, visitor, watch } from "./lib.mjs";

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

const NAMED = "portholesink listen=127.0.0.1:0 camera-name=front";
/** Far more than it is on a loaded machine, far less than what a misread clock gives. */
const MOST_MS = 3_000;

/** What the client's module says about the latency, `count` times from the time on when it sees a clock. */
const reports = (page, count) => page.evaluate(async ([count, patience]) => {
  const { PortholeClient } = await import("/porthole-client.js");
  const video = document.body.appendChild(Object.assign(document.createElement("video"), { muted: true, autoplay: true }));
  const client = new PortholeClient();
  client.connect();
  const session = client.watch("front");
  session.attach(video);
  session.measureLatency();
  try {
    return await new Promise((done, fail) => {
      const seen = [];
      setTimeout(() => fail(new Error(`${session.state}: ${JSON.stringify(seen)}`)), patience);
      session.addEventListener("latency", ({ detail }) => {
        if (detail.reason !== "no-clock") seen.push({ ...detail, size: `${video.videoWidth}x${video.videoHeight}` });
        if (seen.length === count) done([...seen]);
      });
    });
  } finally {
    client.close();
    video.remove();
  }
}, [count, PATIENCE_MS]);

for (const [size, scale] of [["1280x720", ""], ["480x270", "video/x-raw,width=1280,height=720 ! videoscale ! video/x-raw,width=480,height=270 ! "]]) {
  test(`the latency of a picture of 1280x720 sent as ${size} is read and shown`, () => scene(async (keep) => {
    const front = await keep(camera(`portholesrc camera=test ! portholeoverlay latency-clock=true ! ${scale}${NAMED} renditions=${size}@2M`));
    const page = await visitor(chromium, front.link);
    await watch(page, "front");
    const seen = await reports(page, 5);
    for (const { latency, reason } of seen) assert.ok(latency > 0 && latency < MOST_MS && reason === "", JSON.stringify(seen));
    assert.equal(seen.at(-1).size, size);
    const line = page.getByTestId("latency-front").filter({ hasText: /^Latency \d+ ms$/ });
    await line.waitFor();
    assert.ok(parseInt((await line.textContent()).match(/\d+/)[0], 10) < MOST_MS);
    assert.match(await line.getAttribute("title"), /clock/);
    assert.deepEqual(page.problems, []);
  }));
}

test("without a clock no latency is shown", () => scene(async (keep) => {
  const front = await keep(camera(`portholesrc camera=test ! ${NAMED}`));
  const page = await visitor(chromium, front.link);
  await watch(page, "front");
  // Longer than the five looks after which a clock counts as not there.
  await frames(page, "front", 4_000);
  assert.equal(await page.getByTestId("latency-front").isVisible(), false);
}));

test("a camera whose clock is wrong has no latency, and the page says why", () => scene(async (keep) => {
  const front = await keep(camera(`portholesrc camera=test ! portholeoverlay latency-clock=true ! ${NAMED}`));
  const page = await visitor(chromium, front.link);
  // The other way round is the same: here the viewer's clock is an hour fast.
  await page.addInitScript(() => { const now = Date.now; Date.now = () => now() + 3_600_000; });
  await page.getByTestId("camera-front").waitFor({ state: "attached" }); // By then there is a cookie to come back with.
  await page.reload();
  await watch(page, "front");
  await page.getByTestId("latency-front").filter({ hasText: "Latency unknown" }).waitFor();
  const [{ latency, reason }] = await reports(page, 1);
  assert.deepEqual([latency, reason], [null, "clocks-differ"]);
}));

/** A block of JavaScript as it stands on a page, made fit for a page that lets no script in that is not a file of its server. */
function exampleOf(page, begin) {
  const [, rest] = readFileSync(join(ROOT, page), "utf8").split(begin);
  const example = rest.split("```")[0];
  const script = example.replace(/^import (.+) from (.+);$/m, "const $1 = await import($2);");
  assert.notEqual(script, example);
  return script;
}

/** Runs it where there is a video for it. */
const runs = (page, script) => page.evaluate(`document.body.append(Object.assign(document.createElement("video"), { id: "own", muted: true, autoplay: true }));
    (async () => { ${script} })()`);

test("the README's example shows the picture", () => scene(async (keep) => {
  const front = await keep(camera(`portholesrc camera=test ! ${NAMED}`));
  const page = await visitor(chromium, front.link);
  await page.getByTestId("camera-front").waitFor({ state: "attached" });
  await runs(page, exampleOf("README.md", "```js\n"));
  // The first video there is, as the example has it.
  await page.evaluate(() => Promise.any([...document.querySelectorAll("video")].map((video) => new Promise((done) => {
    video.requestVideoFrameCallback(() => done(undefined));
  }))));
  assert.deepEqual(page.problems, []);
}));

test("the example of docs/embed.md shows the latency", () => scene(async (keep) => {
  const front = await keep(camera(`portholesrc camera=test ! portholeoverlay latency-clock=true ! ${NAMED}`));
  const page = await visitor(chromium, front.link);
  await page.getByTestId("camera-front").waitFor({ state: "attached" });
  await runs(page, exampleOf("docs/embed.md", "<!-- client -->\n```js\n"));
  await page.locator('video[title$=" ms"]').waitFor();
  assert.deepEqual(page.problems, []);
}));
