// SPDX-License-Identifier: MPL-2.0
// A viewer who books itself, in a real browser, with the real server.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Accounts, screenshot } from "./accounts.mjs";
import { browser, scene } from "./lib.mjs";

const [HOUR, DAY] = [3_600_000, 86_400_000];
const CLOCK = { locale: "en-GB", timezoneId: "Europe/Berlin" };
const RULE = { cameras: ["front"], ahead: 7 * 86_400, week: 3 * 3_600, longest: 2 * 3_600, zone: "Europe/Berlin" };

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

/** The page for booking, of somebody who has signed in. */
async function booking(server, name, password, options = {}) {
  const page = await server.signedIn(chromium, name, password, { ...CLOCK, ...options });
  await page.getByTestId("book").click();
  await page.getByTestId("day").filter({ hasText: /\d{4}/ }).waitFor();
  return page;
}

/** The next day, once it is shown. */
async function next(page) {
  const before = await page.getByTestId("day").textContent();
  await page.getByTestId("day-after").click();
  await page.waitForFunction((before) => document.querySelector('[data-testid="day"]').textContent !== before, before);
}

test("a viewer books a free time, sees it, cancels it and takes that back; others see when, and not who", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  await server.camera("Front door", "front");
  await server.camera("Garden", "garden");
  const [{ password }, other] = [await server.user("alice"), await server.user("bob")];
  await server.ask("POST", "self-booking", { ...RULE, perms: ["view", "listen", "control"] });
  const page = await keep(booking(server, "alice", password));
  assert.deepEqual(await page.getByTestId("camera").locator("option").allTextContents(), ["Front door"]);
  await page.getByTestId("left").filter({ hasText: "3 h left this week" }).waitFor();
  await next(page);
  const { start } = await page.evaluate(() => {
    const day = new Date();
    return { start: new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1, 10).getTime() };
  });
  await page.getByTestId("length").selectOption(String(HOUR));
  await page.getByTestId("control").check();
  await page.screenshot({ path: screenshot("calendar.png") });
  await page.getByTestId(`slot-${start}`).getByRole("button").click();
  const own = page.getByTestId("own");
  await own.filter({ hasText: "tomorrow, 10:00–11:00" }).waitFor();
  await page.getByTestId(`slot-${start}`).waitFor({ state: "detached" });
  const [{ id, user, perms }] = (await server.ask("GET", "bookings")).items;
  assert.deepEqual([user, perms.includes("control")], ["alice", true]);

  const bob = await keep(booking(server, "bob", other.password));
  await next(bob);
  await bob.getByTestId("length").selectOption(String(HOUR));
  const shared = bob.getByTestId(`slot-${start}`);
  await shared.and(bob.locator('[data-state="shared"]')).waitFor();
  assert.ok(!(await bob.content()).includes("alice"));
  await bob.getByTestId("control").check();
  await shared.waitFor({ state: "detached" });

  await page.getByTestId(`own-${id}`).getByRole("button").click();
  await own.filter({ hasNotText: "10:00" }).waitFor({ state: "attached" });
  assert.deepEqual((await server.ask("GET", "bookings")).items, []);
  await page.getByTestId("put-back").click();
  await own.filter({ hasText: "tomorrow, 10:00–11:00" }).waitFor();
  assert.equal((await server.ask("GET", "bookings")).items[0].id, id);
  assert.deepEqual([...page.problems, ...bob.problems], []);
}));

test("what may not be booked is said why, and a rule is made on the administrator's page", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  await server.camera("Front door", "front");
  const { password } = await server.user("alice");
  const admin = await keep(server.administrator(chromium, { ...CLOCK, part: "bookings" }));
  const page = await keep(server.signedIn(chromium, "alice", password, CLOCK));
  await page.getByTestId("logout").waitFor();
  await page.goto(`${server.url}/calendar`);
  await page.getByTestId("nothing").filter({ hasText: "Ask an administrator" }).waitFor();

  await admin.getByTestId("add-rule").click();
  await admin.locator("#rule-cameras").selectOption("front");
  await admin.locator("#rule-week").fill("1");
  await admin.getByTestId("save-rule").click();
  await admin.getByTestId("rules").filter({ hasText: "Everyone with an account" }).filter({ hasText: "1 h a week" }).waitFor();
  await page.reload();
  await page.getByTestId("length").selectOption(String(2 * HOUR));
  await page.getByTestId("none").filter({ hasText: "as much of this week" }).waitFor();
  await page.getByTestId("length").selectOption(String(HOUR / 2));
  await next(page);
  await page.getByTestId("slots").getByRole("button").first().waitFor();
  const phone = await keep(booking(server, "alice", password, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }));
  assert.ok(await phone.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page is wider than the phone");
  assert.deepEqual([...admin.problems, ...page.problems], []);
}));

test("one's own calendar follows by an address that is shown once, made anew and voided", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  await server.camera("Front, \"door\"; 1", "front");
  const { password } = await server.user("alice");
  await server.ask("POST", "self-booking", RULE);
  await server.book("front", "alice", DAY, HOUR);
  const page = await keep(booking(server, "alice", password));
  const made = async () => {
    const before = await page.getByTestId("feed-link").inputValue();
    await page.getByTestId("make-feed").click();
    await page.waitForFunction((before) => ![before, ""].includes(document.querySelector('[data-testid="feed-link"]').value), before);
    return page.getByTestId("feed-link").inputValue();
  };
  const first = await made();
  const text = await (await fetch(first)).text();
  assert.match(text, /^BEGIN:VCALENDAR\r\n/);
  assert.ok(text.includes('SUMMARY:Front\\, "door"\\; 1\r\n'), text);
  const second = await made();
  assert.equal((await fetch(first)).status, 401);
  assert.equal((await fetch(second)).status, 200);
  await page.getByTestId("void-feed").click();
  await page.getByTestId("feed-since").filter({ hasText: /^$/ }).waitFor({ state: "attached" });
  assert.equal((await fetch(second)).status, 401);
}));

test("who wants it is reminded by the browser of what begins soon, once", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  await server.camera("Front door", "front");
  const { password } = await server.user("alice");
  await server.book("front", "alice", 120_000, HOUR);
  const page = await keep(server.signedIn(chromium, "alice", password, CLOCK));
  await page.getByTestId("logout").waitFor();
  await page.addInitScript(() => {
    window.reminded = [];
    window.Notification = class extends EventTarget {
      static permission = sessionStorage.granted ? "granted" : "default";
      static async requestPermission() { sessionStorage.granted = "yes"; window.Notification.permission = "granted"; return "granted"; }
      constructor(title, { body }) { super(); window.reminded.push(`${title}, ${body}`); }
    };
  });
  await page.goto(`${server.url}/calendar`);
  await page.getByTestId("own").filter({ hasText: "Front door" }).waitFor();
  assert.deepEqual(await page.evaluate(() => window.reminded), [], "nobody asked for it");
  await page.getByTestId("remind").click();
  await page.waitForFunction(() => window.reminded.length === 1);
  assert.match(await page.evaluate(() => window.reminded[0]), /^Your time at .Front door. begins, today/);
  await page.reload();
  await page.getByTestId("own").filter({ hasText: "Front door" }).waitFor();
  await page.locator('[data-testid="remind"][aria-pressed="true"]').waitFor();
  assert.deepEqual(await page.evaluate(() => window.reminded), [], "it was told");
}));
