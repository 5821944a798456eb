// SPDX-License-Identifier: MPL-2.0
// Pictures and clips that a viewer saves: what the browser is given, and what is not there where saving is forbidden (fake.mjs).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { person, say, served } from "./fake.mjs";
import { browser, PATIENCE_MS, scene, watch } from "./lib.mjs";

const NAME = /^Front door \d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d\.(jpg|webm|mp4)$/;

let chromium, server, link;
before(async () => {
  server = await served();
  link = server.link;
  chromium = await browser();
});
after(async () => {
  await chromium.close();
  server.close();
});

async function visit(keep, options = {}) {
  const page = await person(chromium, link, { viewport: { width: 1280, height: 800 }, acceptDownloads: true, ...options });
  await keep(page.context());
  await watch(page, "front");
  return page;
}

/** The file that comes of it. */
async function downloaded(page, act) {
  const [download] = await Promise.all([page.waitForEvent("download"), act()]);
  assert.match(download.suggestedFilename(), NAME);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

/** How a browser reads it: its size and length. */
const played = (page, bytes) => page.evaluate(async (base64) => {
  const video = document.createElement("video");
  video.src = `data:video/webm;base64,${base64}`;
  const blob = new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], { type: "video/webm" });
  video.src = URL.createObjectURL(blob);
  await new Promise((done, fail) => { video.onloadeddata = done; video.onerror = () => fail(video.error); });
  return { width: video.videoWidth, height: video.videoHeight };
}, bytes.toString("base64"));

/** Frames are shown, so that there is something to record. */
const frames = (page, count) => page.getByTestId("video-front").evaluate((video, count) => new Promise((done) => {
  const next = () => (count-- > 0 ? video.requestVideoFrameCallback(next) : done());
  next();
}), count);

test("a snapshot is the whole frame in its own size, also of a picture that is zoomed", () => scene(async (keep) => {
  const page = await visit(keep);
  await page.keyboard.press("+");
  const { name, bytes } = await downloaded(page, () => page.getByRole("button", { name: "Save a picture" }).click());
  assert.match(name, /\.jpg$/);
  assert.deepEqual([...bytes.subarray(0, 3)], [0xff, 0xd8, 0xff]);
  const { width, height } = await page.getByTestId("video-front").evaluate(({ videoWidth: width, videoHeight: height }) => ({ width, height }));
  const size = await page.evaluate(async (base64) => {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], { type: "image/jpeg" }));
    return { width: bitmap.width, height: bitmap.height };
  }, bytes.toString("base64"));
  assert.deepEqual(size, { width, height });
  await page.getByTestId("notice-front").filter({ hasText: name }).waitFor();
  assert.deepEqual(page.problems, []);
}));

test("a clip is what was shown while it was recorded, and plays", () => scene(async (keep) => {
  const page = await visit(keep);
  const button = page.getByTestId("record-front");
  await button.click();
  assert.equal(await button.getAttribute("aria-pressed"), "true");
  await page.locator(".recording").filter({ hasText: /0:0[1-9]/ }).waitFor();
  await frames(page, 20);
  const { bytes } = await downloaded(page, () => page.keyboard.press("r"));
  assert.equal(await button.getAttribute("aria-pressed"), "false");
  const { width, height } = await played(page, bytes);
  assert.ok(width > 0 && height > 0, `${width} x ${height}`);
  assert.deepEqual(page.problems, []);
}));

test("a clip that is recorded is saved when the picture is closed", () => scene(async (keep) => {
  const page = await visit(keep);
  await page.getByTestId("record-front").click();
  await frames(page, 40);
  const { bytes } = await downloaded(page, () => page.getByTestId("close-front").click());
  assert.ok((await played(page, bytes)).width > 0);
}));

test("the last seconds are kept once that is switched on, and not before", () => scene(async (keep) => {
  const page = await visit(keep);
  await page.getByTestId("more-front").click();
  assert.equal(await page.getByTestId("last-front").isVisible(), false);
  const keeps = page.getByTestId("keep-front");
  assert.equal(await keeps.getAttribute("aria-checked"), "false");
  await keeps.click();
  assert.equal(await keeps.getAttribute("aria-checked"), "true");
  await frames(page, 40);
  const { bytes } = await downloaded(page, () => page.getByTestId("last-front").click());
  assert.ok((await played(page, bytes)).width > 0);
  await keeps.click();
  await page.getByTestId("last-front").waitFor({ state: "hidden" });
  assert.deepEqual(page.problems, []);
}));

test("where saving is forbidden there is no button and no key for it, and it is said that a screen can be filmed", () => scene(async (keep) => {
  const forbidden = () => { window.server.terms = { lease: 7_200, perms: ["view", "listen"], saving: false }; };
  const page = await visit(keep, { script: forbidden });
  await page.getByTestId("figures-front").click();
  await page.getByTestId("statistics-front").filter({ hasText: "a screen can still be filmed" }).waitFor();
  await page.getByTestId("more-front").click();
  for (const id of ["snapshot", "record", "keep", "last"]) assert.equal(await page.getByTestId(`${id}-front`).isVisible(), false, id);
  const made = await page.evaluate(() => {
    window.made = 0;
    URL.createObjectURL = () => { window.made += 1; return ""; };
    return window.made;
  });
  assert.equal(made, 0);
  for (const key of ["p", "r", "l"]) await page.keyboard.press(key);
  await frames(page, 10);
  assert.equal(await page.evaluate(() => window.made), 0);
}));

test("what is recorded when saving becomes forbidden is thrown away", () => scene(async (keep) => {
  const page = await visit(keep);
  await page.evaluate(() => {
    window.made = 0;
    URL.createObjectURL = () => { window.made += 1; return ""; };
  });
  await page.getByTestId("record-front").click();
  await frames(page, 40);
  await say(page, { type: "grantUpdate", sessionId: "s1", terms: { lease: 7_200, perms: ["view"], saving: false } });
  await page.getByTestId("record-front").waitFor({ state: "hidden", timeout: PATIENCE_MS });
  await frames(page, 40);
  assert.equal(await page.evaluate(() => window.made), 0);
}));
