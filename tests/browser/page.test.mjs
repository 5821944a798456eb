// SPDX-License-Identifier: MPL-2.0
// The page in a real browser, before a server and a camera that say what the test wants (fake.mjs).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { person as someone, said, say, served } from "./fake.mjs";
import { browser, scene, state, watch } from "./lib.mjs";

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

const person = (path = "") => someone(chromium, link, { path });
const words = (page, id) => page.getByTestId(`${id}-front`).textContent();
const update = (page, lease, ...perms) => say(page, { type: "grantUpdate", sessionId: "s1", terms: { lease, perms } });

test("from a folder behind a proxy everything is found in that folder", () => scene(async () => {
  const page = await person("#camera=front");
  await state(page, "front", "live");
  assert.equal(await page.evaluate(() => window.server.sockets[0].url), `${link.replace("http", "ws")}ws`);
  assert.deepEqual(page.problems, []);
  await page.context().close();
}));

test("the time that is left is counted down, with a warning before the end that a longer lease takes away", () => scene(async () => {
  const page = await person();
  await watch(page, "front");
  assert.equal(await page.getByTestId("left-front").isVisible(), false);
  await update(page, 1_800, "view", "listen");
  assert.match(await words(page, "left"), /^(30:00|29:5\d) left$/);
  assert.equal(await words(page, "warning"), "");
  await update(page, 100, "view", "listen");
  assert.match(await words(page, "warning"), /two minutes/);
  const changes = await page.getByTestId("warning-front").evaluate((line) => new Promise((done) => {
    let changes = 0;
    new MutationObserver(() => { changes += 1; }).observe(line, { childList: true, characterData: true, subtree: true });
    const left = document.querySelector('[data-testid="left-front"]');
    const seen = new Set();
    new MutationObserver(() => { if (seen.add(left.textContent).size === 3) done(changes); }).observe(left, { childList: true });
  }));
  assert.equal(changes, 0, "a warning is said once, and not each second");
  await update(page, 7_200, "view", "listen");
  assert.equal(await words(page, "warning"), "");
  assert.equal(await page.getByTestId("left-front").isVisible(), false);
  await page.context().close();
}));

test("sound is offered to those who may listen, and a change is told", () => scene(async () => {
  const page = await person();
  await watch(page, "front");
  assert.equal(await page.getByTestId("sound-front").isVisible(), true);
  await update(page, 7_200, "view");
  assert.equal(await page.getByTestId("sound-front").isVisible(), false);
  assert.equal(await words(page, "notice"), "You may no longer listen.");
  await update(page, 7_200, "view", "listen", "talk");
  assert.equal(await page.getByTestId("sound-front").isVisible(), true);
  assert.equal(await words(page, "notice"), "You may listen now. You may talk now.");
  await page.context().close();
}));

test("when the server goes and comes the picture moves on, is called live, and its session is resumed", () => scene(async () => {
  const page = await person();
  await watch(page, "front");
  const seen = await page.evaluate(async () => {
    const line = document.querySelector('[data-testid="state-front"]');
    const video = document.querySelector("video");
    const states = new Set([line.dataset.state]);
    new MutationObserver(() => states.add(line.dataset.state)).observe(line, { attributes: true });
    const before = video.getVideoPlaybackQuality().totalVideoFrames;
    window.server.deaf = true;
    window.server.drop();
    const frames = (count) => new Promise((done) => {
      const look = () => (video.getVideoPlaybackQuality().totalVideoFrames > before + count ? done() : requestAnimationFrame(look));
      look();
    });
    await frames(25);
    const away = window.server.sent.filter(({ type }) => type === "resumeSession").length;
    window.server.deaf = false;
    window.server.drop();
    await frames(75);
    return { states: [...states], away };
  });
  assert.deepEqual(seen, { states: ["live"], away: 0 });
  await page.waitForFunction(() => window.server.sent.some(({ type }) => type === "resumeSession"));
  assert.deepEqual(await said(page, "resumeSession"), [{ type: "resumeSession", peerId: "front", sessionId: "s1", secret: "secret of s1" }]);
  assert.equal((await said(page, "startSession")).length, 1);
  await page.context().close();
}));

test("the next page in a tab takes the place of the last one's session, and a second tab does not", () => scene(async () => {
  const page = await person();
  await watch(page, "front");
  const stored = () => page.evaluate(() => Object.keys(sessionStorage));
  assert.deepEqual(await stored(), [], "a tab made from this one would find a session that still runs");
  await page.reload();
  assert.deepEqual(await stored(), []);
  await watch(page, "front");
  assert.deepEqual(await said(page, "startSession"),
    [{ type: "startSession", peerId: "front", replaces: { sessionId: "s1", secret: "secret of s1" } }]);
  // A page loaded again while the server is away ends as a new visit too.
  await page.goto(`${link}?again`);
  await watch(page, "front");
  assert.deepEqual(await said(page, "startSession"),
    [{ type: "startSession", peerId: "front", replaces: { sessionId: "s1", secret: "secret of s1" } }]);
  await page.getByTestId("close-front").click();
  await page.reload();
  await watch(page, "front");
  assert.deepEqual(await said(page, "startSession"), [{ type: "startSession", peerId: "front" }], "it was closed");
  await page.context().close();
}));

test("a camera that is full is tried again by itself until it has a place", () => scene(async () => {
  const page = await person();
  await page.evaluate(() => { window.server.full = true; });
  await page.getByTestId("camera-front").click();
  const { code, text } = await state(page, "front", "refused");
  assert.equal(code, "camera-full");
  assert.match(text, /again by itself/);
  await page.waitForFunction(() => window.server.sent.filter(({ type }) => type === "startSession").length > 2);
  await page.evaluate(() => { window.server.full = false; });
  await state(page, "front", "live");
  await page.context().close();
}));

test("at the end of the time the page says so, and a person may ask again", () => scene(async () => {
  const page = await person();
  await watch(page, "front");
  await say(page, { type: "endSession", sessionId: "s1", reason: "lease-ended", detail: "your next booking begins at 17:00" });
  const { code, text } = await state(page, "front", "ended");
  assert.equal(code, "lease-ended");
  assert.match(text, /^Ended .*over.*17:00/);
  await page.getByTestId("retry-front").click();
  await state(page, "front", "live");
  assert.equal((await said(page, "startSession")).length, 2);
  await page.context().close();
}));

test("a server that turns the page away is quoted", () => scene(async () => {
  const page = await person();
  const line = page.getByTestId("connection-state");
  await line.filter({ hasText: "Connected" }).waitFor();
  await page.evaluate(() => {
    window.server.deaf = true;
    window.server.say({ type: "error", code: "too-many", details: "the server is full: try again later" });
    window.server.drop(1008, "too-many");
  });
  await line.filter({ hasText: "the server is full" }).waitFor();
  assert.equal(await page.getByTestId("sign-in").isVisible(), false, "no token helps");
  await page.evaluate(() => { window.server.deaf = false; });
  await line.filter({ hasText: /^Connected$/ }).waitFor();
  await page.evaluate(() => window.server.drop(1008, "revoked"));
  await page.getByTestId("sign-in-error").filter({ hasText: "withdrawn" }).waitFor();
  await page.context().close();
}));
