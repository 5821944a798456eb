// SPDX-License-Identifier: MPL-2.0
// Talk, drive and telemetry on the page, in a real browser before a fake robot (fake-robot.mjs).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fakeRobot } from "./fake-robot.mjs";
import { person as someone, served } from "./fake.mjs";
import { browser, PATIENCE_MS, scene, watch } from "./lib.mjs";

/** A microphone that beeps, and nobody who has to be asked. */
const MICROPHONE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
const ANN = { id: 7, user: "ann" };
const ME = { id: 9, user: "bob" };

let chromium, server, link;
before(async () => {
  server = await served();
  link = server.link;
  chromium = await browser({}, undefined, MICROPHONE);
});
after(async () => {
  await chromium.close();
  server.close();
});

/** A person who looks through the robot's camera; `before` runs in the page first. */
async function visit(keep, options = {}) {
  const page = await someone(chromium, link, { script: fakeRobot, ...options });
  await keep(page.context());
  await watch(page, "front");
  await page.getByTestId("drive-front").waitFor();
  return page;
}

const robot = (page, call, ...rest) => page.evaluate(([call, rest]) => window.robot[call](...rest), [call, rest]);
const until = (page, look, arg) => page.waitForFunction(look, arg, { timeout: PATIENCE_MS, polling: "raf" });
const says = (page, id, words) => page.getByTestId(`${id}-front`).filter({ hasText: words }).waitFor();
const commands = (page) => page.evaluate(() => window.robot.commands());
const last = (page) => page.evaluate(() => window.robot.commands().at(-1));

async function drive(page) {
  await page.getByTestId("wheel-front").click();
  await says(page, "drive-words", "You drive.");
}

/** Has the robot move, and stop when `how` was done: once. */
async function stops(page, how) {
  await page.keyboard.down("ArrowUp");
  await until(page, () => window.robot.commands().at(-1)?.y === 1);
  await how();
  await until(page, () => window.robot.commands().at(-1)?.y === 0);
  const { length } = await commands(page);
  await page.evaluate(() => new Promise((done) => { let frames = 0; const next = () => (frames++ > 10 ? done() : requestAnimationFrame(next)); next(); }));
  assert.equal((await commands(page)).length, length, "zeros are sent once");
}

test("what the programs say is shown: numbers with a graph, objects, texts, bytes, and what was lost", () => scene(async (keep) => {
  const page = await visit(keep);
  for (const value of ["80", "60", "70"]) await robot(page, "say", "text", value, 1);
  await robot(page, "say", "text", JSON.stringify({ x: 1.5, y: -2, mode: "manual" }), 2);
  await robot(page, "say", "text", "ready", 3);
  await robot(page, "bytes", 2_048, 4);
  await page.evaluate(() => window.robot.say("lost", new Uint8Array([0, 0, 0, 3]), 3));
  const tile = (name) => page.getByTestId(`service-${name}`);
  await tile("log").filter({ hasText: "3 lost" }).waitFor();
  assert.match(await tile("battery").innerText(), /Battery\s+70\s*%\s+0 to 100/);
  assert.equal((await tile("battery").locator("polyline").getAttribute("points")).split(" ").length, 3);
  assert.match(await tile("arm").innerText(), /Position\s+x\s+1\.5\s+y\s+-2\s+mode\s+manual/);
  assert.match(await tile("map").innerText(), /Map\s+not connected\s+2\.0 KiB/);
  assert.deepEqual(page.problems, []);
}));

test("a robot that says a thousand things costs the page no more than its frames", () => scene(async (keep) => {
  const page = await visit(keep);
  const changes = await page.getByTestId("service-battery").evaluate((tile) => new Promise((done) => {
    const value = tile.querySelector(".value");
    let changes = 0, frames = 0;
    new MutationObserver(() => {
      changes += 1;
      if (value.textContent === "1000") done({ changes, frames });
    }).observe(value, { childList: true });
    const count = () => { frames += 1; requestAnimationFrame(count); };
    count();
    for (let i = 1; i <= 1_000; i += 1) window.robot.say("text", String(i), 1);
  }));
  assert.ok(changes.changes <= changes.frames + 1, JSON.stringify(changes));
}));

test("a service that comes, and one that goes, is seen", () => scene(async (keep) => {
  const page = await visit(keep);
  await page.evaluate(() => window.robot.say("services", [{ service: 9, name: "lamp", here: true, describe: {} }]));
  await page.getByTestId("service-lamp").waitFor();
  assert.equal(await page.locator(".service").count(), 1);
  await page.evaluate(() => window.robot.say("services", []));
  await page.getByTestId("telemetry-front").waitFor({ state: "hidden" });
}));

test("who drives steers with the keys, sends heartbeats, and stops where nobody is seen to hold a key", () => scene(async (keep) => {
  const page = await visit(keep);
  await page.keyboard.press("ArrowUp");
  await drive(page);
  assert.deepEqual(await commands(page), [], "not before");
  assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), "pad-front");
  await stops(page, () => page.keyboard.up("ArrowUp"));
  await stops(page, () => page.evaluate(() => dispatchEvent(new Event("blur"))));
  await page.keyboard.up("ArrowUp");
  await stops(page, () => page.evaluate(() => {
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
    delete document.hidden;
  }));
  await page.keyboard.up("ArrowUp");
  await stops(page, () => page.keyboard.down("Meta"));
  for (const key of ["Meta", "ArrowUp"]) await page.keyboard.up(key);
  await stops(page, () => page.mouse.click(300, 200, { button: "right" }));
  await page.keyboard.up("ArrowUp");
  await page.keyboard.down("KeyA");
  await page.keyboard.down("KeyS");
  await until(page, () => { const { x, y } = window.robot.commands().at(-1); return x === -1 && y === -1; });
  await page.keyboard.up("KeyA");
  await page.keyboard.up("KeyS");
  await until(page, () => window.robot.count("alive") > 3);
  const rate = await page.evaluate(() => new Promise((done) => {
    const before = window.robot.count("text");
    document.dispatchEvent(new KeyboardEvent("keydown", { code: "ArrowUp", bubbles: true }));
    setTimeout(() => done(window.robot.count("text") - before), 1_000);
  }));
  assert.ok(rate > 5 && rate <= 22, `${rate} in a second`);
  assert.deepEqual(page.problems, []);
}));

test("a finger on the stick steers, and lifted or taken away it stops", () => scene(async (keep) => {
  const page = await visit(keep);
  await drive(page);
  const pad = page.getByTestId("pad-front");
  await pad.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await pad.boundingBox();
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + width / 2, y - 200);
  await until(page, () => window.robot.commands().at(-1)?.y === 1);
  await page.mouse.move(x + width * 0.75, y + height / 2);
  await until(page, () => { const { x, y } = window.robot.commands().at(-1); return Math.abs(x - 0.5) < 0.05 && Math.abs(y) < 0.05; });
  await page.mouse.up();
  await until(page, () => window.robot.commands().at(-1)?.x === 0);
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + width, y + height / 2);
  await until(page, () => window.robot.commands().at(-1)?.x > 0.9);
  await pad.dispatchEvent("pointercancel", { pointerId: 1, bubbles: true });
  await until(page, () => window.robot.commands().at(-1)?.x === 0);
}));

test("a gamepad steers, with its buttons by number", () => scene(async (keep) => {
  const page = await visit(keep);
  const held = { axes: [0.5, -1], buttons: Array.from({ length: 17 }, (_, i) => ({ pressed: i === 3 })) };
  const hold = (pad) => page.evaluate((pad) => { window.pads = [null, pad]; }, pad);
  await hold(held);
  await page.evaluate(() => {
    window.looks = 0;
    navigator.getGamepads = () => { window.looks += 1; return window.pads; };
  });
  await drive(page);
  // One that is held already moves nothing until it was let go.
  await until(page, () => window.looks > 3);
  assert.equal(await page.evaluate(() => window.robot.commands().length), 0);
  await hold({ axes: [0, 0], buttons: [] });
  await page.evaluate(() => { window.looks = 0; });
  await until(page, () => window.looks > 1);
  await hold(held);
  await until(page, () => window.robot.commands().length > 2);
  const { x, y, buttons } = await last(page);
  assert.ok(x > 0.3 && x < 0.5 && y === 1, `${x} ${y}`);
  assert.deepEqual(buttons, [3]);
  await page.evaluate(() => { window.pads = []; });
  await until(page, () => { const { x, y, buttons } = window.robot.commands().at(-1); return !x && !y && !buttons.length; });
}));

test("one waits for the wheel, hands it over, loses it and is told why", () => scene(async (keep) => {
  const page = await visit(keep);
  await page.evaluate(() => { window.robot.deaf = true; });
  await robot(page, "turn", { driver: ANN });
  await says(page, "drive-words", "drives.");
  await page.getByTestId("wheel-front").click();
  await until(page, () => window.robot.count("ask") === 1);
  await robot(page, "turn", { you: "waiting", driver: ANN, waiting: [ME] });
  await says(page, "drive-words", "you are next");
  await robot(page, "turn", { you: "driving", driver: ME, waiting: [ANN] });
  await page.getByTestId("hand-over-7").click();
  await until(page, () => window.robot.heard.some(({ name }) => name === "hand-over"));
  assert.deepEqual(await page.evaluate(() => JSON.parse(window.robot.heard.find(({ name }) => name === "hand-over").text)), { to: 7 });
  await robot(page, "turn", { driver: ANN, reason: "handed-over" });
  await says(page, "drive-words", "You handed the wheel over.");
  await page.getByTestId("wheel-front").click();
  await robot(page, "turn", { you: "driving", driver: ME });
  await robot(page, "turn", { reason: "stalled" });
  await says(page, "drive-words", "heard nothing from this page");
  await page.getByTestId("pad-front").waitFor({ state: "hidden" });
  await robot(page, "turn", { you: "not-permitted", driver: ANN });
  await page.getByTestId("wheel-front").waitFor({ state: "hidden" });
}));

test("letting go stops the robot first", () => scene(async (keep) => {
  const page = await visit(keep);
  await drive(page);
  await page.keyboard.down("ArrowUp");
  await until(page, () => window.robot.commands().length > 0);
  await page.getByTestId("wheel-front").click();
  await until(page, () => window.robot.count("release") === 1);
  const names = await page.evaluate(() => window.robot.heard.filter(({ name }) => name !== "alive").map(({ name }) => name));
  assert.deepEqual(names.slice(-2), ["text", "release"]);
  assert.deepEqual(await last(page), { x: 0, y: 0, buttons: [] });
}));

test("who holds the button, or the space bar, is heard at the robot, and no longer than that", () => scene(async (keep) => {
  const page = await visit(keep);
  const hold = page.getByTestId("hold-front");
  const heard = () => until(page, () => window.robot.loudness() > 0.05);
  /** The fake microphone beeps once a second: silence is a second and a half without a beep. */
  const silent = () => page.evaluate(() => new Promise((done, fail) => {
    const end = performance.now() + 20_000;
    let since = performance.now();
    const look = () => {
      if (window.robot.loudness() > 0.01) since = performance.now();
      if (performance.now() - since > 1_500) done();
      else if (performance.now() > end) fail(new Error("it is still heard"));
      else requestAnimationFrame(look);
    };
    look();
  }));
  await silent();
  await hold.hover();
  await page.mouse.down();
  await heard();
  assert.equal(await hold.getAttribute("aria-pressed"), "true");
  await page.evaluate((me) => window.robot.say("talk", { you: "speaking", speaker: me, level: -20, waiting: [] }), ME);
  await says(page, "talk-words", "The robot hears you.");
  assert.ok(await page.locator("meter").evaluate((meter) => meter.value > 0.5));
  await page.mouse.up();
  await until(page, () => document.querySelector(".hold").getAttribute("aria-pressed") === "false");
  await silent();
  await page.evaluate(() => window.robot.say("talk", { you: "silent", speaker: null, level: null, waiting: [] }));
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.down("Space");
  await heard();
  await page.keyboard.up("Space");
  await until(page, () => document.querySelector(".hold").getAttribute("aria-pressed") === "false");
  assert.deepEqual(page.problems, []);
}));

test("after a click on another button the space bar is still for talking, and the arrows are for driving", () => scene(async (keep) => {
  const page = await visit(keep);
  await drive(page);
  await page.getByTestId("figures-front").click();
  await page.keyboard.down("Space");
  await until(page, () => document.querySelector(".hold").getAttribute("aria-pressed") === "true");
  await page.keyboard.up("Space");
  await until(page, () => document.querySelector(".hold").getAttribute("aria-pressed") === "false");
  assert.equal(await page.getByTestId("figures-front").getAttribute("aria-expanded"), "true", "it was pressed again");
  await stops(page, () => page.keyboard.up("ArrowUp"));
  // But who has gone to a button with the keyboard presses that one.
  await page.getByTestId("figures-front").focus();
  await page.keyboard.press("Space");
  assert.equal(await page.getByTestId("figures-front").getAttribute("aria-expanded"), "false");
  assert.equal(await page.getByTestId("hold-front").getAttribute("aria-pressed"), "false");
}));

test("a screen reader's press turns the microphone on and off", () => scene(async (keep) => {
  const page = await visit(keep);
  const hold = page.getByTestId("hold-front");
  for (const on of ["true", "false"]) {
    await hold.evaluate((button) => button.click());
    await until(page, (on) => document.querySelector(".hold").getAttribute("aria-pressed") === on, on);
  }
}));

test("a microphone that the person does not allow is told in words", () => scene(async (keep) => {
  const page = await visit(keep);
  await page.evaluate(() => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("no", "NotAllowedError"); }; });
  await page.getByTestId("hold-front").click();
  await says(page, "talk-words", "does not let this page use the microphone");
}));

test("of a robot without a loudspeaker there is nothing to talk with, and a mere camera shows nothing of all this", () => scene(async (keep) => {
  const page = await visit(keep, { script: `(${fakeRobot})(); window.robot.hello.talk = null;` });
  assert.equal(await page.getByTestId("talk-front").isVisible(), false);
  const other = await someone(chromium, link);
  await keep(other.context());
  await watch(other, "front");
  for (const id of ["talk", "drive", "telemetry"]) assert.equal(await other.getByTestId(`${id}-front`).isVisible(), false);
}));

test("of two robots that one drives the gamepad moves the one that has the focus, and so do the keys", () => scene(async (keep) => {
  const page = await visit(keep, { script: `(${fakeRobot})(); window.server.cameras.push({ id: "yard", meta: { name: "Yard" } });` });
  await drive(page);
  await page.evaluate(() => { navigator.getGamepads = () => { window.looks += 1; return window.pads ?? []; }; });
  await page.getByTestId("camera-yard").click();
  await page.locator('[data-testid="state-yard"][data-state="live"]').waitFor();
  await page.getByTestId("wheel-yard").click();
  await page.getByTestId("drive-words-yard").filter({ hasText: "You drive." }).waitFor();
  await page.evaluate(() => { window.looks = 0; });
  await until(page, () => window.looks > 1);
  await page.evaluate(() => { window.pads = [{ axes: [1, 0], buttons: [] }]; });
  const knobs = (wanted) => until(page, (wanted) => [...document.querySelectorAll(".pad:not(.turn)")].map(({ style }) => `${Number(style.getPropertyValue("--x"))} ${Number(style.getPropertyValue("--y"))}`).join() === wanted, wanted);
  await knobs("0 0,1 0");
  await page.getByTestId("pad-front").focus();
  await knobs("1 0,0 0");
  await page.evaluate(() => { window.pads = []; });
  await page.keyboard.down("ArrowUp");
  await knobs("0 -1,0 0");
}));

test("whoever may control stops the robot without driving, and all see who it was until somebody drives again", () => scene(async (keep) => {
  const page = await visit(keep);
  const stop = page.getByRole("button", { name: "Stop the robot" });
  await page.evaluate((ann) => window.robot.turn({ driver: ann }), ANN);
  await says(page, "drive-words", "drives.");
  const { width, height } = await stop.boundingBox();
  assert.ok(width > 150 && height >= 60, `${width} x ${height}`);
  assert.match(await stop.getAttribute("title"), /Escape/);
  await stop.click();
  await says(page, "drive-words", "Stopped by");
  assert.equal(await page.evaluate(() => window.robot.count("stop")), 1, "once, when it is pressed");
  assert.match(await page.getByTestId("drive-words-front").textContent(), /^Stopped by .?bob.?\. Nobody drives\.$/);
  await robot(page, "turn", { waiting: [] });
  await robot(page, "turn", { reason: "program", by: "arm", detail: "bumper" });
  await says(page, "drive-words", /^The robot stopped: .?bumper.? \(.?arm.?\)\./);
  await robot(page, "turn", { driver: ANN });
  await says(page, "drive-words", /^.?ann.? drives\.$/);
  assert.deepEqual(page.problems, []);
}));

test("who stops the robot with a key held drives on neither then nor when the wheel is back, until the key is pressed anew", () => scene(async (keep) => {
  const page = await visit(keep);
  await drive(page);
  await page.keyboard.down("ArrowUp");
  await until(page, () => window.robot.commands().at(-1)?.y === 1);
  await page.keyboard.press("Escape");
  await says(page, "drive-words", "Stopped by");
  const { length } = await commands(page);
  // As a keyboard goes on to say.
  for (let i = 0; i < 5; i += 1) await page.keyboard.down("ArrowUp");
  await drive(page);
  for (let i = 0; i < 5; i += 1) await page.keyboard.down("ArrowUp");
  const more = (await commands(page)).slice(length);
  assert.deepEqual(more, []);
  const names = await page.evaluate(() => window.robot.heard.map(({ name }) => name).filter((name) => name !== "alive"));
  assert.equal(names[names.indexOf("stop") + 1], "ask", "not even an end was sent after the stop");
  await page.keyboard.up("ArrowUp");
  await stops(page, () => page.keyboard.up("ArrowUp"));
}));

test("Escape stops wherever the focus is, but in a dialog and in a text field it has its own meaning", () => scene(async (keep) => {
  const page = await visit(keep);
  const count = () => page.evaluate(() => window.robot.count("stop"));
  await page.evaluate(() => document.querySelector("#password-dialog").showModal());
  await page.keyboard.press("Escape");
  await until(page, () => !document.querySelector("#password-dialog").open);
  await page.evaluate(() => {
    const field = document.createElement("input");
    document.querySelector("main").append(field);
    field.focus();
  });
  await page.keyboard.press("Escape");
  assert.equal(await count(), 0);
  for (const [i, place] of ["stop-front", "figures-front", "camera-front"].entries()) {
    await page.getByTestId(place).focus();
    await page.keyboard.press("Escape");
    await until(page, (wanted) => window.robot.count("stop") === wanted, i + 1);
    await robot(page, "turn", { driver: ANN });
    await says(page, "drive-words", "drives.");
  }
}));

test("the button is pressed with a keyboard, by a screen reader, and with a second finger beside the one on the stick", () => scene(async (keep) => {
  const page = await visit(keep);
  const stop = page.getByTestId("stop-front");
  const presses = [
    () => stop.press("Enter"), () => stop.press("Space"), () => stop.evaluate((button) => button.click()),
    () => stop.dispatchEvent("pointerdown", { pointerId: 7, pointerType: "touch", isPrimary: false, button: 0, bubbles: true }),
  ];
  for (const [i, press] of presses.entries()) {
    await drive(page);
    await press();
    await says(page, "drive-words", "Stopped by");
    assert.equal(await page.evaluate(() => window.robot.count("stop")), i + 1);
  }
}));

test("a stop that the camera does not confirm is no stop, and is told so", () => scene(async (keep) => {
  const page = await visit(keep);
  await drive(page);
  await page.evaluate(() => { window.robot.deaf = true; });
  await page.keyboard.press("Escape");
  await says(page, "drive-words", "Stopping…");
  await says(page, "drive-words", "The robot may still move");
  assert.doesNotMatch(await page.getByTestId("drive-words-front").textContent(), /Stopped/);
  await robot(page, "turn", { reason: "stopped", by: "bob" });
  await says(page, "drive-words", /^Stopped by .?bob.?\. Nobody drives\.$/);
}));

test("for who drives, leaving the full screen is a stop, and for who looks it is none", () => scene(async (keep) => {
  const page = await visit(keep);
  const full = async (on) => {
    if (on) await page.getByTestId("full-front").click();
    else await page.evaluate(() => document.exitFullscreen());
    await until(page, (on) => (document.fullscreenElement !== null) === on, on);
  };
  await full(true);
  await full(false);
  await drive(page);
  await full(true);
  assert.equal(await page.evaluate(() => window.robot.count("stop")), 0);
  await full(false);
  await says(page, "drive-words", "Stopped by");
  assert.equal(await page.evaluate(() => window.robot.count("stop")), 1);
}));

test("on the full screen there is Stop as well, large while somebody drives", () => scene(async (keep) => {
  const page = await visit(keep);
  const stop = page.getByTestId("stop-front");
  await stop.waitFor();
  await page.getByTestId("full-front").click();
  await until(page, () => document.fullscreenElement !== null);
  await stop.waitFor();
  await page.evaluate((ann) => window.robot.turn({ driver: ann }), ANN);
  await says(page, "drive-words", "drives.");
  const { width, height } = await stop.boundingBox();
  assert.ok(width > 150 && height >= 60, `${width} x ${height}`);
  await stop.click();
  await until(page, () => window.robot.count("stop") === 1);
  await page.evaluate(() => document.exitFullscreen());
  await page.getByTestId("drive-front").getByTestId("stop-front").waitFor();
  assert.deepEqual(page.problems, []);
}));

test("there is nothing to stop with for who may not control, nor without a program that drives", () => scene(async (keep) => {
  const page = await visit(keep);
  const stop = page.getByTestId("stop-front");
  await stop.waitFor();
  await robot(page, "turn", { you: "not-permitted", reason: "stopped", by: "ann" });
  await says(page, "drive-words", /^Stopped by .?ann.?\.$/);
  for (const id of ["stop", "wheel"]) assert.equal(await page.getByTestId(`${id}-front`).isVisible(), false, id);
  await page.keyboard.press("Escape");
  await robot(page, "turn", {});
  await stop.waitFor();
  await page.evaluate(() => window.robot.say("services", window.robot.services.filter(({ describe }) => !describe.drive)));
  await stop.waitFor({ state: "hidden" });
  await page.keyboard.press("Escape");
  assert.equal(await page.getByTestId("wheel-front").isVisible(), false, "nothing takes steering");
  assert.equal(await page.evaluate(() => window.robot.count("stop")), 0);
}));

test("of two robots Escape stops the one that has the focus, and both where neither has", () => scene(async (keep) => {
  const page = await visit(keep, { script: `(${fakeRobot})(); window.server.cameras.push({ id: "yard", meta: { name: "Yard" } });` });
  await page.getByTestId("camera-yard").click();
  await page.getByTestId("stop-yard").waitFor();
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("Escape");
  await until(page, () => window.robot.count("stop") === 2);
  await page.getByTestId("drive-words-yard").filter({ hasText: "Stopped by" }).waitFor();
  await page.getByTestId("figures-yard").focus();
  await page.keyboard.press("Escape");
  await until(page, () => window.robot.count("stop") === 3);
  await says(page, "drive-words", "The robot may still move");
  assert.equal(await page.evaluate(() => window.robot.count("stop")), 3);
}));
