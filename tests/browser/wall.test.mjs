// SPDX-License-Identifier: MPL-2.0
// The wall in a real browser, before a server and cameras that say what the test wants (fake.mjs).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { person as someone, said, say, served } from "./fake.mjs";
import { PATIENCE_MS, browser, scene } from "./lib.mjs";

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

const id = (n) => `cam${String(n).padStart(3, "0")}`;

/** So many cameras; `server.peak` is the most sessions that there were at once. Each picture is drawn once for all. */
function house(count) {
  const { server } = window;
  server.cameras = Array.from({ length: count }, (_, n) => ({ id: `cam${String(n).padStart(3, "0")}`, meta: { name: `Camera ${String(n).padStart(3, "0")}` } }));
  server.peak = 0;
  const { ends } = server;
  const add = ends.set.bind(ends);
  ends.set = (session, end) => {
    add(session, end);
    server.peak = Math.max(server.peak, ends.size);
    return ends;
  };
}

const person = async (count, { path = "#wall", ...options } = {}) => {
  const page = await someone(chromium, link, { path, script: `(${house})(${count})`, ...options });
  await page.getByTestId("tiles").waitFor();
  return page;
};

const hangs = (page) => page.getByTestId("tiles").locator("> .tile").evaluateAll((tiles) => tiles.map((tile) => tile.dataset.id));
const peak = (page) => page.evaluate(() => window.server.peak);
/** Waits until each of these tiles is live. */
const live = (page, ...ids) => page.waitForFunction((ids) => ids.every((id) => document.querySelector(`[data-testid="tile-${id}"]`)?.dataset.state === "live"), ids, { timeout: PATIENCE_MS });
const sessions = (page, count) => page.waitForFunction((count) => window.server.ends.size === count, count, { timeout: PATIENCE_MS });
const focused = (page) => page.evaluate(() => document.activeElement?.dataset.testid ?? document.activeElement?.localName);
const range = (from, to) => Array.from({ length: to - from }, (_, n) => id(from + n));

test("of a hundred cameras those of one page have a session, however one leafs, and none that is seen is left out", () => scene(async () => {
  const page = await person(100);
  await page.getByTestId("layout-9").click();
  assert.deepEqual(await hangs(page), range(0, 9));
  await live(page, ...range(0, 9));
  assert.equal(await page.getByTestId("wall-page").textContent(), "Page 1 of 12");
  const before = (await said(page, "startSession")).length;
  await page.getByTestId(`enlarge-${id(0)}`).focus();
  // In no time, however busy the machine is.
  await page.evaluate(() => {
    for (let n = 0; n < 11; n += 1) document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "PageDown", bubbles: true, cancelable: true }));
  });
  assert.deepEqual(await hangs(page), [id(99)]);
  await live(page, id(99));
  await sessions(page, 1);
  assert.ok((await said(page, "startSession")).length - before <= 3, "who leafs through pages starts next to nothing on the way");
  await page.getByTestId("page-before").click();
  await live(page, ...range(90, 99));
  assert.ok((await peak(page)) <= 9, `${await peak(page)} sessions at once`);
  assert.deepEqual(page.problems, []);
  await page.context().close();
}));

test("a tile is enlarged and small again in the same session and the same element, without a gap", () => scene(async () => {
  const page = await person(4);
  await live(page, ...range(0, 4));
  const started = (await said(page, "startSession")).length;
  assert.equal(started, 4);
  await page.evaluate((id) => {
    const video = document.querySelector(`[data-testid="tile-video-${id}"]`);
    window.same = video;
    window.gap = 0;
    let last = performance.now();
    const look = () => {
      window.gap = Math.max(window.gap, performance.now() - last);
      last = performance.now();
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  }, id(1));
  const width = () => page.getByTestId(`tile-${id(1)}`).evaluate((tile) => tile.getBoundingClientRect().width);
  const small = await width();
  await page.getByTestId(`enlarge-${id(1)}`).click();
  assert.ok((await width()) > 1.8 * small);
  assert.equal(await page.getByTestId(`tile-${id(0)}`).isVisible(), false);
  // The camera hears it, and the others hear that nobody sees them.
  await page.waitForFunction(() => {
    const told = window.server.sent.filter(({ type, width }) => type === "viewerStats" && width !== undefined);
    const last = (session) => told.filter(({ sessionId }) => sessionId === session).at(-1);
    const each = window.server.sent.filter(({ type }) => type === "startSession").map((_, n) => last(`s${n + 1}`));
    return each.filter((size) => size?.width > 800).length === 1 && each.filter((size) => size?.width === 0).length === 3;
  }, null, { timeout: PATIENCE_MS });
  await page.keyboard.press("Escape");
  assert.equal(await width(), small);
  assert.equal(await focused(page), `enlarge-${id(1)}`);
  await page.waitForFunction(() => window.same.isConnected && window.same.getVideoPlaybackQuality().totalVideoFrames > 30, null, { timeout: PATIENCE_MS });
  // The others, which nobody saw, may have ended meanwhile.
  const own = (await said(page, "startSession")).filter(({ peerId }) => peerId === id(1));
  assert.equal(own.length, 1, "no new connection");
  assert.ok((await page.evaluate(() => window.gap)) < 1_000, "no gap");
  await page.context().close();
}));

test("whoever stays with one picture has one session, and the others come back with their last pictures meanwhile", () => scene(async () => {
  const page = await person(4);
  await live(page, ...range(0, 4));
  await page.getByTestId(`enlarge-${id(2)}`).press("Enter");
  await sessions(page, 1);
  assert.equal(await page.getByTestId(`tile-${id(2)}`).getAttribute("data-state"), "live");
  await page.getByTestId(`shrink-${id(2)}`).click();
  const canvas = page.getByTestId(`tile-${id(0)}`).locator("canvas");
  const wasStill = await page.getByTestId(`tile-${id(0)}`).evaluate((tile) => !tile.querySelector("canvas").hidden || tile.dataset.state === "live");
  assert.ok(wasStill);
  await live(page, ...range(0, 4));
  assert.equal(await canvas.isVisible(), false);
  await page.context().close();
}));

test("the last picture of a camera that is off stays with its time, and goes with the right", () => scene(async () => {
  const page = await person(3);
  await live(page, ...range(0, 3));
  // Pictures are kept as they are counted, every two seconds.
  await page.waitForFunction(() => window.server.sent.filter(({ type, frames }) => type === "viewerStats" && frames > 0).length >= 6, null, { timeout: PATIENCE_MS });
  const off = async (reason, session, camera) => {
    await say(page, { type: "peerStatusChanged", peerId: camera, roles: [], meta: null });
    await say(page, { type: "endSession", sessionId: session, reason });
  };
  const [first, second] = (await said(page, "startSession")).map(({ peerId }) => peerId);
  await off("camera-gone", "s1", first);
  const tile = page.getByTestId(`tile-${first}`);
  await tile.locator("canvas").waitFor({ state: "visible" });
  assert.match(await tile.locator(".caption .state").textContent(), /Last picture: \d/);
  const painted = await tile.locator("canvas").evaluate((canvas) => canvas.getContext("2d").getImageData(5, 5, 1, 1).data[3]);
  assert.equal(painted, 255);
  // Of another camera the time is over.
  await say(page, { type: "endSession", sessionId: "s2", reason: "lease-ended" });
  const over = page.getByTestId(`tile-${second}`);
  await page.waitForFunction((id) => document.querySelector(`[data-testid="tile-${id}"]`)?.dataset.state === "ended", second);
  assert.equal(await over.locator("canvas").isVisible(), false);
  assert.deepEqual(await over.locator("canvas").evaluate(({ width, height }) => [width, height]), [1, 1], "nothing of it is left");
  assert.equal(await page.getByTestId(`tile-video-${second}`).evaluate((video) => video.srcObject), null);
  // It is not asked for again but by somebody.
  const started = (await said(page, "startSession")).length;
  await page.getByTestId(`enlarge-${id(2)}`).click();
  await sessions(page, 1);
  await page.keyboard.press("Escape");
  assert.equal(await over.getAttribute("data-state"), "ended");
  await page.getByTestId(`enlarge-${second}`).click();
  await live(page, second);
  assert.equal((await said(page, "startSession")).length, started + 1);
  await page.context().close();
}));

test("a last picture is gone when the time that it came in is over, though the camera is off and says nothing", () => scene(async () => {
  const page = await someone(chromium, link, { path: "#wall", script: `(${house})(2); window.server.terms = { lease: 6, perms: ["view"] };` });
  await live(page, ...range(0, 2));
  await page.waitForFunction(() => window.server.sent.filter(({ type, frames }) => type === "viewerStats" && frames > 0).length >= 2, null, { timeout: PATIENCE_MS });
  await say(page, { type: "endSession", sessionId: "s1", reason: "camera-gone" });
  const canvas = page.getByTestId(`tile-${id(0)}`).locator("canvas");
  await page.waitForFunction((id) => document.querySelector(`[data-testid="tile-${id}"] canvas`).width > 1, id(0));
  await page.waitForFunction((id) => document.querySelector(`[data-testid="tile-${id}"] canvas`).width === 1, id(0), { timeout: PATIENCE_MS });
  assert.equal(await canvas.isVisible(), false);
  await page.context().close();
}));

test("the keyboard reaches, enlarges, moves and leafs, and the order is there again after a reload", () => scene(async () => {
  const page = await person(12);
  await page.getByTestId("layout-9").click();
  await page.getByTestId(`enlarge-${id(0)}`).focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await focused(page), `enlarge-${id(1)}`);
  await page.keyboard.press("ArrowDown");
  assert.equal(await focused(page), `enlarge-${id(4)}`);
  await page.keyboard.press("Enter");
  assert.equal(await page.getByTestId(`tile-${id(4)}`).getAttribute("data-large"), "true");
  await page.keyboard.press("ArrowLeft");
  assert.equal(await page.getByTestId(`tile-${id(3)}`).getAttribute("data-large"), "true");
  assert.equal(await page.getByTestId(`tile-${id(4)}`).isVisible(), false);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Shift+ArrowLeft");
  assert.deepEqual((await hangs(page)).slice(0, 5), [0, 1, 3, 2, 4].map(id));
  assert.equal(await focused(page), `enlarge-${id(3)}`);
  assert.match(await page.getByTestId("wall-told").textContent(), /Camera 003.*place 3 of 12/);
  await page.keyboard.press("End");
  assert.equal(await focused(page), `enlarge-${id(9)}`);
  await page.keyboard.press("ArrowLeft");
  assert.equal(await focused(page), `enlarge-${id(8)}`, "beside the first of a page lies the last of the one before");
  await page.keyboard.press("Shift+ArrowRight");
  assert.deepEqual(await hangs(page), [8, 10, 11].map(id), "it goes with its camera");
  await page.reload();
  await page.getByTestId("tiles").waitFor();
  await page.waitForFunction(() => document.querySelectorAll(".tile").length === 9);
  assert.deepEqual(await hangs(page), [0, 1, 3, 2, 4, 5, 6, 7, 9].map(id), "and how many at once is kept, too");
  await page.context().close();
}));

test("a tile is dragged to its place, and has buttons for who does not drag", () => scene(async () => {
  const page = await person(4);
  await page.getByTestId("arrange").click();
  const box = async (n) => page.getByTestId(`tile-${id(n)}`).boundingBox();
  const [from, to] = [await box(0), await box(3)];
  await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
  await page.mouse.down();
  await page.mouse.move(to.x + to.width / 2, to.y + to.height / 2, { steps: 5 });
  await page.mouse.up();
  assert.deepEqual(await hangs(page), [1, 2, 3, 0].map(id));
  assert.equal(await page.locator("[data-large]").count(), 0, "who drags does not press");
  await page.getByTestId(`earlier-${id(3)}`).click();
  assert.deepEqual(await hangs(page), [1, 3, 2, 0].map(id));
  assert.equal(await focused(page), `earlier-${id(3)}`);
  await page.getByTestId("arrange").click();
  await live(page, ...range(0, 4));
  assert.equal((await said(page, "startSession")).length, 4, "whoever changes places keeps its session");
  await page.context().close();
}));

test("a finger turns the page", () => scene(async () => {
  const page = await person(30, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await page.getByTestId("layout-4").click();
  const swiped = (from, to) => page.getByTestId("tiles").evaluate((tiles, [from, to]) => {
    const { top } = tiles.getBoundingClientRect();
    const touch = (type, x) => tiles.children[0].querySelector(".cover").dispatchEvent(new PointerEvent(type, {
      bubbles: true, pointerId: 7, pointerType: "touch", isPrimary: true, clientX: x, clientY: top + 40 }));
    touch("pointerdown", from);
    touch("pointerup", to);
  }, [from, to]);
  await swiped(300, 100);
  assert.deepEqual(await hangs(page), range(4, 8));
  await swiped(100, 300);
  assert.deepEqual(await hangs(page), range(0, 4));
  await swiped(100, 130);
  assert.deepEqual(await hangs(page), range(0, 4));
  await page.context().close();
}));

test("all there is of one camera is opened from the wall in the session that runs, and Back leads from the wall to the list", () => scene(async () => {
  const other = await someone(chromium, link, { script: `(${house})(2)` });
  await other.getByTestId("to-wall").click();
  await live(other, ...range(0, 2));
  assert.match(other.url(), /#wall$/);
  assert.equal(await other.getByTestId(`camera-${id(0)}`).isVisible(), false);
  await other.goBack();
  await other.getByTestId(`camera-${id(0)}`).waitFor();
  await sessions(other, 0);
  await other.getByTestId("to-wall").click();
  await live(other, ...range(0, 2));
  const started = (await said(other, "startSession")).length;
  await other.getByTestId(`enlarge-${id(1)}`).click();
  await other.getByTestId(`tile-open-${id(1)}`).click();
  await other.getByTestId(`video-${id(1)}`).waitFor();
  await other.waitForFunction((id) => document.querySelector(`[data-testid="state-${id}"]`)?.dataset.state === "live", id(1));
  await sessions(other, 1);
  assert.equal((await said(other, "startSession")).length, started);
  assert.doesNotMatch(other.url(), /#wall/);
  assert.deepEqual(other.problems, []);
  await other.context().close();
}));

test("a page that nobody looks at gives its sessions back, and has its pictures again when somebody does", () => scene(async () => {
  const page = await person(4);
  await live(page, ...range(0, 4));
  const hide = (hidden) => page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
  await hide(true);
  await page.waitForFunction(() => window.server.sent.some(({ type, width, height }) => type === "viewerStats" && width === 0 && height === 0), null, { timeout: PATIENCE_MS });
  await sessions(page, 0);
  await hide(false);
  await live(page, ...range(0, 4));
  await page.context().close();
}));

test("who is signed out sees nothing more of the wall", () => scene(async () => {
  const page = await person(3);
  await live(page, ...range(0, 3));
  await say(page, { type: "error", code: "revoked", details: "" });
  await page.evaluate(() => window.server.drop(1008, "revoked"));
  await page.waitForFunction(() => document.querySelectorAll(".tile").length === 0, null, { timeout: PATIENCE_MS });
  assert.equal(await page.locator("#wall video, #wall canvas").count(), 0);
  await page.context().close();
}));

test("at four times the size the wall scrolls, nothing is cut off, and what is below the edge has no session until it is scrolled to", () => scene(async () => {
  const page = await person(9, { viewport: { width: 320, height: 256 } });
  await page.getByTestId("layout-9").click();
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok((await wide()) <= 0, "nothing to scroll to at the side");
  await page.getByTestId(`tile-${id(8)}`).scrollIntoViewIfNeeded();
  await live(page, id(8));
  await page.evaluate(() => scrollTo(0, 0));
  await page.waitForFunction((id) => document.querySelector(`[data-testid="tile-${id}"]`).dataset.state === "paused", id(8), { timeout: PATIENCE_MS });
  await page.context().close();
}));
