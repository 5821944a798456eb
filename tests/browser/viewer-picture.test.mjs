// SPDX-License-Identifier: MPL-2.0
// One picture that fills the window, and what lies over it: on a telephone upright and across, and on a desktop (fake.mjs).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fakeRobot } from "./fake-robot.mjs";
import { CONFIG, person, said, say, served } from "./fake.mjs";
import { browser, PATIENCE_MS, ROOT, scene, state, watch } from "./lib.mjs";

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const ACROSS = { viewport: { width: 844, height: 390 }, isMobile: true, hasTouch: true };
const DESKTOP = { viewport: { width: 1280, height: 800 } };
const DEVICES = { phone: PHONE, across: ACROSS, desktop: DESKTOP };
const SIGNED_IN = { ...CONFIG, openAccess: false, authenticated: true, user: "share:s1" };
/** The least that a finger hits, in CSS pixels. */
const FINGER = 44;

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

const until = (page, look, arg) => page.waitForFunction(look, arg, { timeout: PATIENCE_MS, polling: "raf" });
const faded = (page, wanted) => page.locator(`.picture[data-faded="${wanted}"]`).waitFor();

/** Somebody who looks at the camera. */
async function visit(keep, options = {}) {
  const page = await person(chromium, link, options);
  await keep(page.context());
  await watch(page, "front");
  return page;
}

/** A guest with a link to one camera. */
async function guest(keep, options = {}) {
  const time = (ms) => new Date(Date.now() + ms).toISOString();
  const api = {
    "GET api/config": SIGNED_IN, "POST api/session": { user: "share:s1" },
    "GET api/me": { user: "share:s1", role: "viewer", shared: true, now: time(0), bookings: [], cameras: [{ id: "front", name: "Front door", online: true, perms: ["view"], until: time(3_000_000) }] },
  };
  const page = await person(chromium, link, { path: "#share=x", api, ...options });
  await keep(page.context());
  await state(page, "front", "live");
  return page;
}

/** A picture of the page, for who looks at it. */
async function shot(page, name) {
  const folder = process.env.PORTHOLE_SCREENSHOT ?? join(ROOT, "target/screenshots");
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

for (const [device, options] of Object.entries(DEVICES)) {
  test(`the picture fills the window, and each button over it is large enough and named, on: ${device}`, () => scene(async (keep) => {
    const page = await guest(keep, options);
    const { width, height } = page.viewportSize();
    const box = await page.getByTestId("stage-front").boundingBox();
    assert.deepEqual(box, { x: 0, y: 0, width, height });
    assert.equal(await page.evaluate(() => document.documentElement.scrollHeight <= innerHeight && document.documentElement.scrollWidth <= innerWidth), true, "a guest has nothing to scroll to");
    await page.mouse.move(200, 200);
    const buttons = await page.locator(".picture button:visible").evaluateAll((all) => all.map((button) => {
      const { x, y, width, height } = button.getBoundingClientRect();
      return { name: button.getAttribute("aria-label") || button.textContent.trim(), x, y, width, height };
    }));
    assert.ok(buttons.length >= 7, JSON.stringify(buttons));
    for (const each of buttons) {
      assert.ok(each.name !== "" && each.width >= FINGER && each.height >= FINGER, JSON.stringify(each));
      assert.ok(each.x >= 0 && each.y >= 0 && each.x + each.width <= width && each.y + each.height <= height, JSON.stringify(each));
    }
    assert.equal(await page.locator("#camera-section").isVisible(), false, "a list of one camera says nothing");
    for (const id of ["talk", "drive", "telemetry", "wheel", "stop"]) assert.equal(await page.getByTestId(`${id}-front`).isVisible(), false, id);
    assert.doesNotMatch(await page.locator("body").innerText(), /may not|robot/i);
    await shot(page, `viewer-${device}`);
    assert.deepEqual(page.problems, []);
  }));

  test(`a robot is driven over its picture, with Stop in reach, on: ${device}`, () => scene(async (keep) => {
    const page = await visit(keep, { script: fakeRobot, ...options });
    for (let i = 0; i < 60; i += 1) await page.evaluate((value) => window.robot.say("text", value, 1), String(Math.round(90 - i / 3)));
    await page.evaluate(() => window.robot.say("text", JSON.stringify({ x: 1.52, y: -0.31, mode: "manual" }), 2));
    await page.getByTestId("wheel-front").click();
    await page.getByTestId("drive-words-front").filter({ hasText: "You drive." }).waitFor();
    await page.getByTestId("sign-front").filter({ hasText: /^Link: / }).waitFor();
    const { width, height } = page.viewportSize();
    const boxes = {};
    for (const id of ["stop", "pad", ...(device === "across" ? ["turn"] : [])]) {
      const box = (boxes[id] = await page.getByTestId(`${id}-front`).boundingBox());
      assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= width && box.y + box.height <= height, `${id}: ${JSON.stringify(box)}`);
      assert.ok(box.y + box.height > height / 2, `${id} is out of reach: ${JSON.stringify(box)}`);
      const hit = await page.getByTestId(`${id}-front`).evaluate((element) => {
        const { x, y, width, height } = element.getBoundingClientRect();
        return element.contains(document.elementFromPoint(x + width / 2, y + height / 2));
      });
      assert.ok(hit, `${id} is below something`);
    }
    const all = Object.values(boxes);
    all.forEach((one, i) => all.slice(i + 1).forEach((other) => {
      const apart = one.x + one.width <= other.x || other.x + other.width <= one.x || one.y + one.height <= other.y || other.y + other.height <= one.y;
      assert.ok(apart, JSON.stringify([one, other]));
    }));
    await shot(page, `viewer-drive-${device}`);
    // With all else gone it is there.
    await faded(page, true);
    const seen = await page.getByTestId("stop-front").evaluate((element) => {
      for (let each = element; each; each = each.parentElement) if (Number(getComputedStyle(each).opacity) < 1) return false;
      return element.checkVisibility();
    });
    assert.ok(seen, "Stop has gone");
    await page.getByTestId("stop-front").click();
    await until(page, () => window.robot.count("stop") === 1);
    assert.deepEqual(page.problems, []);
  }));
}

test("held across, one thumb drives and the other turns, and both together do both", () => scene(async (keep) => {
  const page = await visit(keep, { script: fakeRobot, ...ACROSS });
  await page.getByTestId("wheel-front").click();
  await page.getByTestId("pad-front").waitFor();
  const hold = (id, pointerId, right, below) => page.getByTestId(`${id}-front`).evaluate((pad, [pointerId, right, below]) => {
    // No finger of the browser's own: there is none to capture.
    pad.setPointerCapture = () => {};
    const { left, top, width, height } = pad.getBoundingClientRect();
    const at = { clientX: left + width / 2 + right * width / 2, clientY: top + height / 2 + below * height / 2 };
    pad.dispatchEvent(new PointerEvent("pointerdown", { pointerId, button: 0, bubbles: true, pointerType: "touch", ...at }));
  }, [pointerId, right, below]);
  const drop = (id, pointerId) => page.getByTestId(`${id}-front`).dispatchEvent("pointerup", { pointerId, bubbles: true });
  const last = (x, y) => until(page, ([x, y]) => { const place = window.robot.commands().at(-1); return place && Math.abs(place.x - x) < 0.05 && Math.abs(place.y - y) < 0.05; }, [x, y]);
  await hold("pad", 11, 0.4, -1);
  await last(0, 0.93);
  await hold("turn", 12, 0.5, 0.5);
  await last(0.5, 0.93);
  await drop("pad", 11);
  await last(0.5, 0);
  await drop("turn", 12);
  await last(0, 0);
}));

test("what lies over the picture goes away when nobody touches it, and comes with a pointer, a key and the focus", () => scene(async (keep) => {
  const page = await visit(keep, DESKTOP);
  await page.mouse.move(600, 300);
  await faded(page, true);
  assert.equal(await page.getByTestId("bar-front").evaluate((bar) => new Promise((done) => {
    const look = () => (Number(getComputedStyle(bar).opacity) === 0 ? done(true) : requestAnimationFrame(look));
    look();
  })), true);
  await page.mouse.move(610, 310);
  await faded(page, false);
  await faded(page, true);
  await page.keyboard.press("Tab");
  await faded(page, false);
  // As long as the keyboard is in it, it stays: half as long again as it would.
  await page.evaluate(() => new Promise((done) => setTimeout(done, 6_000)));
  assert.equal(await page.locator(".picture").getAttribute("data-faded"), "false");
}));

test("a finger that makes the buttons appear presses none of them, and one more does", () => scene(async (keep) => {
  const page = await visit(keep, PHONE);
  await faded(page, true);
  await page.getByTestId("play-front").tap();
  await faded(page, false);
  assert.equal(await page.getByTestId("paused-front").isVisible(), false);
  await page.getByTestId("play-front").tap();
  await page.getByTestId("paused-front").waitFor();
}));

test("a picture that is held still says so, and goes back to now", () => scene(async (keep) => {
  const page = await visit(keep, DESKTOP);
  await page.keyboard.press("k");
  await page.getByTestId("paused-front").filter({ hasText: "Paused" }).waitFor();
  assert.equal(await page.getByTestId("video-front").evaluate((video) => video.paused), true);
  await page.getByRole("button", { name: "Back to live" }).click();
  await page.getByTestId("paused-front").waitFor({ state: "hidden" });
  const moves = await page.getByTestId("video-front").evaluate((video) => new Promise((done) => video.requestVideoFrameCallback(() => done(!video.paused))));
  assert.equal(moves, true);
}));

test("the button for sound says what it does, and the key does the same", () => scene(async (keep) => {
  const page = await visit(keep, DESKTOP);
  const muted = () => page.getByTestId("video-front").evaluate((video) => video.muted);
  assert.equal(await muted(), true);
  await page.getByRole("button", { name: "Unmute" }).click();
  assert.equal(await muted(), false);
  await page.getByRole("button", { name: "Mute", exact: true }).waitFor();
  await page.keyboard.press("m");
  assert.equal(await muted(), true);
  await page.getByTestId("sound-front").hover();
  await page.getByTestId("volume-front").fill("0.4");
  assert.equal(await muted(), false);
  assert.equal(await page.getByTestId("video-front").evaluate((video) => video.volume), 0.4);
  assert.match(await page.getByTestId("sound-front").getAttribute("title"), /\(M\)/);
  assert.equal(await page.getByTestId("sound-front").getAttribute("aria-keyshortcuts"), "M");
}));

test("the full screen has everything that lies over the picture, time left and statistics included", () => scene(async (keep) => {
  const page = await visit(keep, DESKTOP);
  await say(page, { type: "grantUpdate", sessionId: "s1", terms: { lease: 100, perms: ["view", "listen"] } });
  await page.keyboard.press("f");
  await until(page, () => document.fullscreenElement?.classList.contains("picture"));
  await page.getByTestId("figures-front").click();
  for (const id of ["left", "warning", "sound", "statistics", "bar", "state"]) await page.getByTestId(`${id}-front`).waitFor();
  await page.getByRole("button", { name: "Leave full screen" }).click();
  await until(page, () => document.fullscreenElement === null);
}));

test("one looks into the picture with the wheel, keys, fingers and a double click, and comes back to what one looked at", () => scene(async (keep) => {
  const page = await visit(keep, DESKTOP);
  const scale = () => page.getByTestId("video-front").evaluate((video) => new DOMMatrix(getComputedStyle(video).transform).a);
  await page.keyboard.press("+");
  assert.ok(await scale() > 1.2);
  await page.keyboard.press("0");
  assert.equal(await scale(), 1);
  await page.mouse.move(900, 300);
  await page.keyboard.down("Control");
  await page.mouse.wheel(0, -300);
  await page.keyboard.up("Control");
  await until(page, () => new DOMMatrix(getComputedStyle(document.querySelector("video")).transform).a > 1.5);
  for (let i = 0; i < 30; i += 1) await page.keyboard.press("+");
  assert.equal(await scale(), 8, "no further");
  await page.getByTestId("whole-front").click();
  assert.equal(await scale(), 1);
  await page.mouse.dblclick(900, 300);
  assert.equal(await scale(), 2.5);
  const left = () => page.getByTestId("video-front").evaluate((video) => new DOMMatrix(getComputedStyle(video).transform).e);
  const before = await left();
  await page.mouse.move(600, 400);
  await page.mouse.down();
  await page.mouse.move(700, 400, { steps: 4 });
  await page.mouse.up();
  assert.ok(await left() > before + 60, `${before} ${await left()}`);
  await page.getByTestId("close-front").click();
  await watch(page, "front");
  assert.equal(await scale(), 2.5);
  assert.deepEqual(page.problems, []);
}));

test("two fingers spread enlarge the picture between them, and a double tap shows the whole again", () => scene(async (keep) => {
  const page = await visit(keep, PHONE);
  const scale = () => page.getByTestId("video-front").evaluate((video) => new DOMMatrix(getComputedStyle(video).transform).a);
  const touch = await page.context().newCDPSession(page);
  const fingers = (type, ...points) => touch.send("Input.dispatchTouchEvent", { type, touchPoints: points.map(([x, y], id) => ({ x, y, id })) });
  await fingers("touchStart", [180, 420]);
  await fingers("touchStart", [180, 420], [220, 420]);
  for (let i = 1; i <= 5; i += 1) await fingers("touchMove", [180 - 12 * i, 420], [220 + 12 * i, 420]);
  await fingers("touchEnd");
  const wide = await scale();
  assert.ok(wide > 3 && wide < 5, `${wide}`);
  for (let i = 0; i < 2; i += 1) {
    await fingers("touchStart", [200, 420]);
    await fingers("touchEnd");
  }
  await until(page, () => new DOMMatrix(getComputedStyle(document.querySelector("video")).transform).a === 1);
}));

test("a question mark lists the keys, and who speaks to the computer switches them off", () => scene(async (keep) => {
  const page = await visit(keep, DESKTOP);
  await page.keyboard.press("?");
  const dialog = page.getByTestId("keys-dialog");
  await dialog.filter({ hasText: "Full screen" }).waitFor();
  assert.doesNotMatch(await dialog.textContent(), /Stop the robot|while it is held/, "of no robot and no loudspeaker");
  await page.getByTestId("keys-on").uncheck();
  await page.keyboard.press("Escape");
  await page.keyboard.press("k");
  assert.equal(await page.getByTestId("paused-front").isVisible(), false);
  await page.getByTestId("more-front").click();
  await page.getByRole("button", { name: "Keys" }).click();
  await page.getByTestId("keys-on").check();
  await page.keyboard.press("Escape");
  await page.keyboard.press("k");
  await page.getByTestId("paused-front").waitFor();
  assert.deepEqual(page.problems, []);
}));

test("at the end there is what to do next, over the colours of the last frame", () => scene(async (keep) => {
  const page = await visit(keep, DESKTOP);
  await until(page, () => {
    const { data } = document.querySelector(".ghost").getContext("2d").getImageData(0, 0, 16, 9);
    return data.some((value, i) => i % 4 !== 3 && value > 20);
  });
  await say(page, { type: "endSession", sessionId: "s1", reason: "lease-ended", nextBooking: new Date(Date.now() + 7_200_000).toISOString() });
  const { text } = await state(page, "front", "ended");
  assert.match(text, /^Ended Your time with this camera is over/);
  assert.match(await page.getByTestId("again-front").textContent(), /^Your next booking: /);
  await page.getByTestId("retry-front").waitFor();
  assert.equal(await page.getByTestId("video-front").evaluate((video) => video.srcObject), null, "who may no longer watch sees no frame");
  await shot(page, "viewer-ended");
  await page.getByTestId("why-front").click();
  await page.locator('[data-testid="findings"] [data-cause="right-over"]').waitFor();
}));

test("over one picture the header is a menu, and a server that is away is said all the same", () => scene(async (keep) => {
  const page = await visit(keep, DESKTOP);
  const header = page.locator("header");
  await header.waitFor({ state: "hidden" });
  await page.getByTestId("menu-front").click();
  await header.waitFor();
  await page.keyboard.press("Escape");
  await header.waitFor({ state: "hidden" });
  await page.evaluate(() => { window.server.deaf = true; window.server.drop(); });
  await page.locator('#connection[data-state="reconnecting"]').waitFor();
  await page.waitForFunction(() => document.title.includes("Front door"));
}));

test("two pictures stand side by side, and are there again after a reload", () => scene(async (keep) => {
  const page = await visit(keep, { ...DESKTOP, script: () => { window.server.cameras.push({ id: "yard", meta: { name: "Yard" } }); } });
  await page.getByTestId("camera-yard").click();
  await state(page, "yard", "live");
  assert.equal(await page.evaluate(() => document.body.dataset.view), "many");
  await page.locator("header").waitFor();
  const [front, yard] = await Promise.all(["front", "yard"].map((id) => page.getByTestId(`stage-${id}`).boundingBox()));
  assert.ok(front.x + front.width <= yard.x, JSON.stringify([front, yard]));
  await shot(page, "viewer-two");
  await page.reload();
  for (const id of ["front", "yard"]) await state(page, id, "live");
  assert.equal((await said(page, "startSession")).length, 2);
}));

test("a gamepad's buttons are shown, and light up while they are held", () => scene(async (keep) => {
  const page = await visit(keep, { ...DESKTOP, script: fakeRobot });
  await page.evaluate(() => {
    window.pads = [{ axes: [0, 0], buttons: Array.from({ length: 4 }, () => ({ pressed: false })) }];
    navigator.getGamepads = () => window.pads;
  });
  await page.getByTestId("wheel-front").click();
  await page.getByTestId("gamepad-front").filter({ hasText: "left stick" }).waitFor();
  await page.evaluate(() => { window.pads[0].buttons[2].pressed = true; });
  await page.locator('[data-testid="gamepad-front"] [data-pressed="true"]').filter({ hasText: "2" }).waitFor();
  await page.evaluate(() => { window.pads = []; });
  await page.getByTestId("gamepad-front").waitFor({ state: "hidden" });
}));

test("a phone ticks when the robot is told to stop", () => scene(async (keep) => {
  const page = await visit(keep, { ...PHONE, script: `(${fakeRobot})(); window.ticks = []; navigator.vibrate = (pattern) => window.ticks.push(pattern);` });
  await page.getByTestId("wheel-front").click();
  await page.getByTestId("stop-front").click();
  await until(page, () => window.ticks.length >= 1 && window.robot.count("stop") === 1);
}));
