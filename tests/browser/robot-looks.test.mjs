// SPDX-License-Identifier: MPL-2.0
// Talk, drive and telemetry on a desktop and on a phone: whatever a robot says is text and fits (fake-robot.mjs).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fakeRobot } from "./fake-robot.mjs";
import { person, served } from "./fake.mjs";
import { browser, PATIENCE_MS, ROOT, scene, watch } from "./lib.mjs";

const ANN = { id: 7, user: "ann" };
const ME = { id: 9, user: "bob" };

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

async function visit(keep, options) {
  const page = await person(chromium, link, { script: fakeRobot, ...options });
  await keep(page.context());
  await watch(page, "front");
  await page.getByTestId("drive-front").waitFor();
  return page;
}

const robot = (page, call, ...rest) => page.evaluate(([call, rest]) => window.robot[call](...rest), [call, rest]);
const says = (page, id, words) => page.getByTestId(`${id}-front`).filter({ hasText: words }).waitFor();

const DESKTOP = { width: 1100, height: 760 }, PHONE = { width: 390, height: 844 };
for (const [device, viewport, colorScheme] of [["desktop", DESKTOP, "light"], ["phone", PHONE, "dark"]]) {
  test(`whatever a robot says is text, and the page is no wider than its window, on a ${device}`, () => scene(async (keep) => {
    const page = await visit(keep, { viewport, colorScheme, isMobile: device === "phone", hasTouch: device === "phone" });
    const dark = "<img src=x onerror=alert(1)>\u202Egpj.exe" + "x".repeat(60_000);
    await page.evaluate((dark) => {
      window.robot.deaf = true;
      window.robot.say("services", Array.from({ length: 40 }, (_, i) => ({ service: i + 1, name: "x".repeat(30) + i, here: true, describe: { title: dark.slice(0, 1_000), unit: dark.slice(0, 1_000), drive: true } })));
      for (let i = 1; i <= 10; i += 1) window.robot.say("text", dark, i);
      window.robot.say("text", JSON.stringify({ [dark.slice(0, 9_000)]: dark.slice(0, 9_000) }), 11);
      const people = Array.from({ length: 50 }, (_, i) => ({ id: i + 20, user: dark.slice(0, 1_000) }));
      window.robot.say("wheel", { you: "watching", driver: people[0], waiting: people, reason: dark.slice(0, 1_000) });
      window.robot.say("talk", { you: "waiting", speaker: people[0], level: 1e99, waiting: people });
    }, dark);
    await says(page, "talk-words", "is speaking");
    await page.evaluate((dark) => window.robot.say("wheel", { you: "watching", driver: null, waiting: [], reason: "program", by: dark.slice(0, 10_240), detail: dark.slice(0, 10_240) }), dark);
    await says(page, "drive-words", "The robot stopped: ");
    await page.waitForFunction(() => document.querySelectorAll(".service").length === 40, null, { timeout: PATIENCE_MS });
    await page.getByTestId("wheel-front").click();
    await page.evaluate((dark) => window.robot.say("wheel", { you: "driving", driver: null, waiting: Array.from({ length: 50 }, (_, i) => ({ id: i + 20, user: dark.slice(0, 1_000) })) }), dark);
    await page.getByTestId("hand-over-20").waitFor();
    assert.equal(await page.locator("main img:not(#sign-in .qr), main script").count(), 0);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${wide} px too wide`);
    const longest = await page.evaluate(() => Math.max(...[...document.querySelectorAll("body *")].filter((it) => !it.children.length).map((it) => it.textContent.length)));
    assert.ok(longest < 1_000, `a text of ${longest} characters`);
    assert.deepEqual(page.problems, []);
  }));

  test(`a picture of it for who looks, on a ${device}`, () => scene(async (keep) => {
    const page = await visit(keep, { viewport, colorScheme, isMobile: device === "phone", hasTouch: device === "phone" });
    for (let i = 0; i < 100; i += 1) await robot(page, "say", "text", String(Math.round(90 - i / 3 + 8 * Math.sin(i / 6))), 1);
    await robot(page, "say", "text", JSON.stringify({ x: 1.52, y: -0.31, heading: 87, mode: "manual" }), 2);
    await robot(page, "say", "text", "12:04:11 gripper closed", 3);
    await page.getByTestId("wheel-front").click();
    await says(page, "drive-words", "You drive.");
    await page.evaluate(([me, ann]) => window.robot.say("wheel", { you: "driving", driver: me, waiting: [ann, { id: 8, user: "carl" }] }), [ME, ANN]);
    await page.evaluate((me) => window.robot.say("talk", { you: "speaking", speaker: me, level: -20, waiting: [] }), ME);
    await page.keyboard.down("ArrowUp");
    await page.keyboard.down("ArrowRight");
    await says(page, "talk-words", "hears you");
    await page.getByTestId("hand-over-8").waitFor();
    const folder = process.env.PORTHOLE_SCREENSHOT ?? join(ROOT, "target/screenshots");
    mkdirSync(folder, { recursive: true });
    await page.screenshot({ path: join(folder, `robot-${device}.png`) });
    assert.deepEqual(page.problems, []);
  }));
}
