// SPDX-License-Identifier: MPL-2.0
// The administrator's page in a real browser, with the real server.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Accounts, screenshot, signIn } from "./accounts.mjs";
import { browser, enrolled, scene, state, visitor } from "./lib.mjs";

/** Small: it is not the encoder that is tested. */
const CAMERA = "portholesrc camera=test idle-timeout=0 ! videoscale ! video/x-raw,width=320,height=180 ! portholesink";
const [HOUR, DAY] = [3_600_000, 86_400_000];
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
/** What nobody may be harmed by: markup, and a direction turned around. */
const HOSTILE = ["<img src=x onerror=alert(1)>", "\u202Egpj.exe\u2066"];
/** Times are read from the page: everyone reads the same clock. */
const CLOCK = { locale: "en-GB", timezoneId: "Europe/Berlin" };

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

/** The form that is open. */
const asked = (page) => page.locator("dialog[open]");

/** The secret that is shown. */
async function secret(page) {
  await page.getByTestId("secret-dialog").waitFor();
  return page.getByTestId("secret").inputValue();
}

/** The moment of that hour tomorrow, in the zone of the page. */
const tomorrowAt = (page, hour) => page.evaluate((hour) => {
  const day = new Date();
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1, 0, hour * 60).getTime();
}, hour);

/** The calendar of tomorrow, with a column for each camera. */
async function tomorrow(page) {
  await page.getByTestId("tab-bookings").click();
  await page.getByTestId("calendar-day").click();
  const span = page.getByTestId("calendar-span");
  await span.filter({ hasText: /\d{4}/ }).waitFor();
  const today = await span.textContent();
  await page.getByRole("button", { name: "Later" }).click();
  await page.waitForFunction(([span, today]) => document.querySelector(span).textContent !== today, ['[data-testid="calendar-span"]', today]);
}

/** Where an hour is on a column, once that is on the screen. */
async function placeOf(page, hour, column = 0) {
  const calendar = page.getByTestId("calendar");
  await calendar.evaluate((element, hour) => { element.scrollTop = (element.scrollHeight * (hour - 2)) / 24; }, hour);
  const box = await page.getByTestId(`column-${column}`).boundingBox();
  return { x: box.x + box.width / 2, y: box.y + (box.height * hour) / 24, hour: box.height / 24 };
}

/** Drags with the mouse, in steps as a hand does. */
async function drag(page, from, to) {
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: 6 });
  await page.mouse.up();
}

/** The one booking there is, from and to so many hours after `zero`, once what `act` does is saved. */
async function booked(server, page, zero, act) {
  const saved = page.waitForResponse((response) => /api\/bookings/.test(response.url()) && response.request().method() !== "GET");
  await act();
  assert.ok((await saved).ok());
  const [{ id, start, end }] = (await server.ask("GET", "bookings")).items;
  return { id, hours: [start, end].map((at) => (Date.parse(at) - zero) / HOUR) };
}

test("an administrator adds a camera and a user, and books by dragging", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  const page = await keep(server.administrator(chromium, CLOCK));

  await page.getByTestId("add-camera").click();
  await asked(page).getByLabel("Name", { exact: true }).fill("Front door");
  await page.keyboard.press("Enter");
  const key = await secret(page);
  assert.match(key, /^phk1/);
  assert.match(await page.getByTestId("secret-lines").inputValue(), /camera-key-file=front-door\.key/);
  await page.getByTestId("secret-close").click();
  // A key does not stay in the page. The dialog's close is an event of its own.
  await page.waitForFunction(() => document.querySelector("[data-testid=secret]").value === "");
  await page.getByTestId("camera-front-door").filter({ hasText: "Never connected" }).waitFor();
  await keep(enrolled({ key }, CAMERA));
  await page.getByTestId("camera-front-door").filter({ hasText: "Online" }).waitFor();

  await page.getByTestId("tab-users").click();
  await page.getByTestId("add-user").click();
  await asked(page).getByLabel("Name", { exact: true }).fill("alice");
  await page.keyboard.press("Enter");
  const password = await secret(page);
  await page.getByTestId("secret-close").click();
  await page.getByTestId("user-alice").filter({ hasText: "Has a password" }).waitFor();

  await tomorrow(page);
  const zero = await tomorrowAt(page, 0);
  const ten = await placeOf(page, 10);
  await drag(page, { x: ten.x, y: ten.y + 2 }, { x: ten.x, y: ten.y + 1.5 * ten.hour - 2 });
  await asked(page).getByLabel("User").selectOption("alice");
  const made = await booked(server, page, zero, () => page.getByTestId("save-booking").click());
  assert.deepEqual(made.hours, [10, 11.5]);
  const window = page.getByTestId(`window-${made.id}`);
  await window.filter({ hasText: "10:00" }).waitFor();

  // The whole of it two hours down, then its lower edge one hour further.
  const moved = await booked(server, page, zero, () => drag(page, { x: ten.x, y: ten.y + ten.hour }, { x: ten.x, y: ten.y + 3 * ten.hour }));
  assert.deepEqual(moved.hours, [12, 13.5]);
  await window.filter({ hasText: "12:00" }).waitFor();
  const longer = await booked(server, page, zero, () => drag(page, { x: ten.x, y: ten.y + 3.5 * ten.hour - 3 }, { x: ten.x, y: ten.y + 4.5 * ten.hour - 3 }));
  assert.deepEqual(longer.hours, [12, 14.5]);
  await window.click();
  assert.equal(await asked(page).getByLabel("User").inputValue(), "alice");
  await page.getByTestId("remove-booking").click();
  await window.waitFor({ state: "detached" });

  const viewer = await keep(server.signedIn(chromium, "alice", password));
  await viewer.getByTestId("logout").waitFor();
  assert.deepEqual([...page.problems, ...viewer.problems], []);
}));

test("a week of several cameras is shown, and pictured for docs/", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  const cameras = { front: "Front door", garden: "Garden", workshop: "Workshop" };
  for (const [id, name] of Object.entries(cameras)) await server.camera(name, id);
  for (const name of ["alice", "bob", "carol"]) await server.user(name);
  const page = await keep(server.administrator(chromium, { ...CLOCK, viewport: { width: 1180, height: 820 } }));
  // The day of the week, from when to when, and what more there is to it: of next week, whatever day it is now.
  const week = [
    ["front", "alice", 0, 9, 10.5, { recurrence: { rule: "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;COUNT=5", zone: "Europe/Berlin" } }],
    ["garden", "bob", 1, 10, 12], ["garden", "carol", 1, 11, 13], ["workshop", "carol", 2, 13, 16, { perms: ["view", "listen", "control"] }],
    ["workshop", "bob", 3, 11, 12, { perms: ["view", "control"] }], ["front", "bob", 4, 14, 15.25], ["garden", "alice", 5, 10, 15],
  ];
  const moments = await page.evaluate((week) => {
    const now = new Date();
    const monday = now.getDate() + 7 - ((now.getDay() + 6) % 7);
    const at = (day, hour) => new Date(now.getFullYear(), now.getMonth(), monday + day, 0, hour * 60).toISOString();
    return week.map(([, , day, from, to]) => ({ start: at(day, from), end: at(day, to) }));
  }, week);
  for (const [i, [camera, user, , , , more]] of week.entries()) await server.ask("POST", "bookings", { camera, user, ...moments[i], ...more });
  await page.getByTestId("tab-bookings").click();
  await page.getByTestId("calendar-week").click();
  await page.getByRole("button", { name: "Later" }).click();
  await page.locator(".window").nth(10).waitFor();
  await page.getByTestId("calendar").evaluate((element) => { element.scrollTop = (element.scrollHeight * 8) / 24; });
  await page.screenshot({ path: screenshot("admin-calendar.png") });
  await page.getByTestId("calendar-camera").selectOption("workshop");
  await page.waitForFunction(() => document.querySelectorAll(".window").length === 2);
  assert.equal(await page.locator('.window[data-control="true"]').count(), 2);
  await page.getByTestId("calendar-search").fill("CAROL");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelectorAll(".window").length === 1);
}));

test("control that is taken is explained where it is asked for, in the form and where one drags", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  await server.camera("Front door", "front");
  await server.user("alice");
  const page = await keep(server.administrator(chromium, CLOCK));
  const [ten, noon] = [await tomorrowAt(page, 10), await tomorrowAt(page, 12)];
  const book = (start) => server.ask("POST", "bookings", {
    camera: "front", user: "alice", start: new Date(start).toISOString(), end: new Date(start + HOUR).toISOString(), perms: ["view", "control"],
  });
  await book(ten);
  const later = await book(noon);
  await tomorrow(page);

  const place = await placeOf(page, 12);
  await page.getByTestId(`window-${later.id}`).waitFor();
  await drag(page, { x: place.x, y: place.y + place.hour / 2 }, { x: place.x, y: place.y - 1.5 * place.hour });
  await page.getByTestId("calendar-error").filter({ hasText: /controls this camera then \(tomorrow, 10:00–11:00\)/ }).waitFor();
  await page.waitForFunction((it) => document.querySelector(`[data-testid="window-${it}"]`).textContent.includes("12:00"), later.id);

  await page.getByTestId("add-booking").click();
  await asked(page).getByLabel("From").fill(`${new Date(ten).toLocaleDateString("sv-SE", { timeZone: "Europe/Berlin" })}T10:30`);
  await asked(page).getByLabel("User").selectOption("alice");
  await asked(page).getByLabel("control").check();
  await page.getByTestId("save-booking").click();
  await page.getByTestId("booking-error").filter({ hasText: "10:00–11:00" }).waitFor();
  assert.equal(await asked(page).getByLabel("From").getAttribute("aria-invalid"), "true");
  await asked(page).getByLabel("control").uncheck();
  await page.getByTestId("save-booking").click();
  await page.locator("#booking-dialog").waitFor({ state: "hidden" });
  assert.equal((await server.ask("GET", "bookings")).items.length, 3);
}));

test("who knows no mouse books by the keyboard alone, and what recurs is shown on each of its days", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  await server.camera("Front door", "front");
  await server.user("alice");
  const page = await keep(server.administrator(chromium, CLOCK));
  await page.getByTestId("tab-bookings").focus();
  await page.keyboard.press("Enter");
  await page.getByTestId("calendar-week").focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Later" }).focus();
  await page.keyboard.press("Enter");
  await page.getByTestId("add-booking").focus();
  await page.keyboard.press("Enter");
  const monday = await page.evaluate(() => {
    const now = new Date();
    const day = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 7 - ((now.getDay() + 6) % 7), 9);
    return `${day.getFullYear()}-${String(day.getMonth() + 1).padStart(2, "0")}-${String(day.getDate()).padStart(2, "0")}T09:00`;
  });
  await asked(page).getByLabel("From").fill(monday);
  await asked(page).getByLabel("User").selectOption("alice");
  await asked(page).getByLabel("Repeats").selectOption("weekdays");
  await asked(page).getByLabel("How many times").fill("5");
  await asked(page).getByLabel("Note").focus();
  await page.keyboard.press("Enter");
  await page.locator(".window").nth(4).waitFor();
  assert.equal(await page.locator('.window[data-recurring="true"]').count(), 5);
  const [{ recurrence }] = (await server.ask("GET", "bookings")).items;
  assert.deepEqual(recurrence, { rule: "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;COUNT=5", zone: "Europe/Berlin" });
}));

test("an administrator ends a session from a phone", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  await keep(enrolled(await server.camera("Front door", "front"), CAMERA));
  const { password } = await server.user("alice");
  await server.book("front", "alice", 0, HOUR);
  const viewer = await keep(server.signedIn(chromium, "alice", password));
  await state(viewer, "front", "live");

  const page = await keep(server.administrator(chromium, { ...CLOCK, ...PHONE }));
  const camera = page.getByTestId("camera-front");
  await camera.filter({ hasText: "alice" }).waitFor();
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `the page is ${wide} px wider than the phone`);
  await page.screenshot({ path: screenshot("admin-phone.png") });
  await camera.getByRole("button", { name: "End" }).tap();
  await page.getByTestId("confirm").tap();
  assert.equal((await state(viewer, "front", "refused")).code, "revoked");
  await camera.filter({ hasNotText: "alice" }).waitFor();
}));

test("with a finger one scrolls the calendar, and drags after holding", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  await server.camera("Front door", "front");
  const page = await keep(server.administrator(chromium, { ...CLOCK, ...PHONE }));
  await tomorrow(page);
  const calendar = page.getByTestId("calendar");
  const ten = await placeOf(page, 10);
  const devtools = await page.context().newCDPSession(page);
  const finger = (type, ...points) => devtools.send("Input.dispatchTouchEvent", { type, touchPoints: points });
  const stroke = async (dy) => { for (let i = 1; i <= 6; i += 1) await finger("touchMove", { x: ten.x, y: ten.y + (dy * i) / 6 }); };

  // While it still glides a browser lets no page have a finger.
  await calendar.evaluate((element) => {
    const before = element.scrollTop;
    window.glided = new Promise((done) => { element.addEventListener("scrollend", () => done(element.scrollTop - before), { once: true }); });
  });
  await finger("touchStart", { x: ten.x, y: ten.y });
  await stroke(-80);
  await finger("touchEnd");
  assert.ok((await page.evaluate(() => window.glided)) > 20);
  assert.equal(await page.locator("#booking-dialog[open]").count(), 0);

  const again = await placeOf(page, 10);
  await finger("touchStart", { x: again.x, y: again.y + 2 });
  await page.locator(".draft").waitFor();
  await stroke(again.hour);
  await finger("touchEnd");
  assert.match(await asked(page).getByLabel("From").inputValue(), /T10:00$/);
  assert.match(await asked(page).getByLabel("To", { exact: true }).inputValue(), /T11:\d\d$/);
}));

test("the overview says who watches, what is booked today and what failed, and one click ends a session", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  await keep(enrolled(await server.camera("Front door", "front"), CAMERA));
  await server.camera("Garden", "garden");
  const { password } = await server.user("alice");
  await server.book("front", "alice", 0, HOUR);
  await server.book("garden", "alice", HOUR / 2, HOUR / 2);
  const viewer = await keep(server.signedIn(chromium, "alice", password));
  await state(viewer, "front", "live");

  const page = await keep(server.administrator(chromium, { ...CLOCK, part: "", viewport: { width: 1280, height: 800 } }));
  const watching = page.getByTestId("watching");
  await watching.filter({ hasText: "alice" }).filter({ hasText: "Front door" }).waitFor();
  await page.getByTestId("figure-cameras").filter({ hasText: "1 of 2" }).waitFor();
  await page.getByTestId("figure-sessions").filter({ hasText: "1" }).waitFor();
  await page.getByTestId("off").filter({ hasText: "Garden" }).filter({ hasText: "Never connected" }).waitFor();
  // Around midnight not all of it is today's.
  if (await page.evaluate(() => new Date(Date.now() + 3_600_000).toDateString() === new Date().toDateString())) {
    await page.getByTestId("today").filter({ hasText: "now, today" }).filter({ hasText: "Garden" }).waitFor();
  }
  await page.screenshot({ path: screenshot("admin-overview.png") });
  await watching.getByRole("button", { name: "End", exact: true }).click();
  assert.equal((await state(viewer, "front", "refused")).code, "revoked");
  await page.getByTestId("undo").filter({ hasText: "alice" }).waitFor();
  await watching.filter({ hasNotText: "alice" }).waitFor({ state: "attached" });

  // What a share link's bearer may not see is refused, and counted as a failure.
  await viewer.evaluate(() => fetch("api/session", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ user: "alice", password: "not the password" }) }));
  await page.getByTestId("figure-failed").filter({ hasText: "1" }).waitFor();
  assert.deepEqual(page.problems, []);
}));

test("what is searched for is found among all there is, and leads to the camera's own page", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  await keep(enrolled(await server.camera("Front door", "front"), CAMERA));
  await server.camera("Garden", "garden");
  const { password } = await server.user("frontman");
  const { id } = await server.book("front", "frontman", 0, HOUR, { note: "rounds" });
  await server.book("garden", "frontman", DAY, HOUR);
  const { share } = await server.ask("POST", "shares", { camera: "garden", for: "2h", note: "in front of the house" });
  const viewer = await keep(server.signedIn(chromium, "frontman", password));
  await state(viewer, "front", "live");

  const page = await keep(server.administrator(chromium, CLOCK));
  await page.getByTestId("search").fill("FRONT");
  await page.keyboard.press("Enter");
  for (const hit of ["camera-front", "user-frontman", `booking-${id}`, `share-${share.id}`]) await page.getByTestId(`hit-${hit}`).waitFor();
  await page.getByTestId(`hit-booking-${id}`).getByRole("link").click();
  assert.equal(await asked(page).getByLabel("Note").inputValue(), "rounds");
  await asked(page).getByRole("button", { name: "Cancel" }).click();
  await page.getByTestId("hit-camera-front").getByRole("link").click();

  const camera = page.getByTestId("camera-page");
  await camera.filter({ hasText: "Online" }).waitFor();
  const session = page.getByTestId("camera-sessions");
  // What the camera says of what it sends, once the viewer's page has told of what it shows.
  await session.filter({ hasText: "frontman" }).filter({ hasText: "320×180" }).waitFor();
  await page.getByTestId("camera-bookings").filter({ hasText: "rounds" }).waitFor();
  await page.getByTestId("camera-log").filter({ hasText: "frontman began to watch front" }).waitFor();
  assert.equal(await page.getByTestId("camera-bookings").locator("li").count(), 1, "of this camera alone");
  await page.screenshot({ path: screenshot("admin-camera.png") });
  await page.getByTestId("search").fill("nobody has this name");
  await page.keyboard.press("Enter");
  await page.locator("#search .none").filter({ hasText: "Nothing has this" }).waitFor();
  await page.goBack();
  await camera.filter({ hasText: "Online" }).waitFor();
  assert.deepEqual(page.problems, []);
}));

test("several bookings are extended and removed at once, and put back", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  await server.camera("Front door", "front");
  for (const name of ["alice", "bob", "carol"]) await server.user(name);
  for (const [i, name] of ["alice", "bob", "carol"].entries()) await server.book("front", name, DAY + i * HOUR, HOUR, { note: `of ${name}`, saving: i !== 0 });
  const again = { recurrence: { rule: "FREQ=DAILY;COUNT=3", zone: "Europe/Berlin" } };
  await server.book("front", "alice", 2 * DAY, HOUR, again);
  const all = async () => (await server.ask("GET", "bookings")).items;
  const before = await all();
  const page = await keep(server.administrator(chromium, { ...CLOCK, part: "bookings" }));
  await page.getByTestId("calendar-list").click();
  const list = page.getByTestId("booking-list");
  await list.locator("li").nth(3).waitFor();
  await list.filter({ hasText: "every day, 3 times" }).waitFor();
  await list.filter({ hasText: "without saving pictures and clips" }).waitFor();
  const saved = (method, count) => {
    let left = count;
    return page.waitForResponse((response) => response.request().method() === method && /api\/bookings/.test(response.url()) && (left -= 1) === 0);
  };

  await list.getByLabel(/Select .alice/).first().check();
  await list.getByLabel(/Select .bob/).check();
  const longer = saved("PATCH", 2);
  await page.getByTestId("extend-60").click();
  await longer;
  const ends = (bookings) => bookings.map(({ end }) => Date.parse(end));
  const extended = await all();
  assert.deepEqual(ends(extended).map((end, i) => end - ends(before)[i]), [HOUR, HOUR, 0, 0]);
  const shorter = saved("PATCH", 2);
  await page.getByTestId("put-back").click();
  await shorter;
  assert.deepEqual(await all(), before);

  await page.locator("#bookings").getByLabel("Select all").check();
  await page.getByTestId("remove-selected").click();
  const question = page.locator("#confirm-dialog");
  for (const words of ["Remove 4 bookings?", "alice", "carol"]) await question.filter({ hasText: words }).waitFor();
  await page.getByTestId("confirm").click();
  await list.locator("li").first().waitFor({ state: "detached" });
  assert.deepEqual(await all(), []);
  const back = saved("POST", 4);
  await page.getByTestId("put-back").click();
  await back;
  await list.locator("li").nth(3).waitFor();
  const same = ({ created, ...booking }) => booking;
  assert.deepEqual((await all()).map(same), before.map(same));
  assert.deepEqual(page.problems, []);
}));

test("a link has a QR code, and one that was revoked by mistake is put back", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  await keep(enrolled(await server.camera("Front door", "front"), CAMERA));
  const page = await keep(server.administrator(chromium, { ...CLOCK, part: "shares" }));
  await page.getByTestId("add-share").click();
  await asked(page).getByLabel("May save").uncheck();
  await page.keyboard.press("Enter");
  const link = await secret(page);
  const qr = page.getByRole("img", { name: "QR code" });
  await qr.waitFor();
  assert.ok(await qr.evaluate((image) => image.decode().then(() => image.naturalWidth >= 200)));
  await page.getByTestId("secret-close").click();
  await qr.waitFor({ state: "detached" });
  const [{ id, saving }] = (await server.ask("GET", "shares")).items;
  assert.equal(saving, false);
  const share = page.getByTestId(`share-${id}`);
  await share.getByRole("button", { name: "Revoke" }).click();
  await page.getByTestId("confirm").click();
  await share.waitFor({ state: "detached" });
  await page.getByTestId("put-back").click();
  await share.waitFor();
  const guest = await keep(visitor(chromium, link));
  await state(guest, "front", "live");
  assert.deepEqual(page.problems, []);
}));

test("a camera is removed by typing its name, and a second one of a name is warned of", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  await server.camera("Front door", "front");
  await server.user("alice");
  await server.book("front", "alice", DAY, HOUR);
  await server.book("front", "alice", 2 * DAY, HOUR);
  await server.ask("POST", "shares", { camera: "front", for: "2h" });
  const page = await keep(server.administrator(chromium, CLOCK));

  await page.getByTestId("add-camera").click();
  await asked(page).getByLabel("Name", { exact: true }).fill("front DOOR");
  await asked(page).getByLabel("Id").fill("second");
  await page.keyboard.press("Enter");
  await asked(page).getByRole("alert").filter({ hasText: "another camera of this name" }).filter({ hasText: "front" }).waitFor();
  assert.equal((await server.ask("GET", "cameras")).items.length, 1);
  await page.keyboard.press("Enter");
  assert.match(await secret(page), /^phk1/);
  await page.getByTestId("secret-dialog").filter({ hasText: "Another camera has the same name" }).waitFor();
  await page.getByTestId("secret-close").click();

  const camera = page.getByTestId("camera-front");
  await camera.getByLabel("More").click();
  await camera.getByRole("button", { name: "Remove" }).click();
  const question = page.locator("#confirm-dialog");
  for (const words of ["Front door", "with 2 bookings", "with 1 link"]) await question.filter({ hasText: words }).waitFor();
  const yes = page.getByTestId("confirm");
  for (const wrong of ["", "Front", "second"]) {
    await page.getByTestId("confirm-typed").fill(wrong);
    assert.ok(await yes.isDisabled(), wrong);
    await page.keyboard.press("Enter");
  }
  await page.getByTestId("confirm-typed").fill("Front door");
  await page.keyboard.press("Enter");
  await camera.waitFor({ state: "detached" });
  assert.deepEqual((await server.ask("GET", "cameras")).items.map(({ id }) => id), ["second"]);
  assert.deepEqual(page.problems, []);
}));

test("a booking that recurs says why it is not dragged, and a short one can be read", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  await server.camera("Front door", "front");
  await server.user("alice");
  const page = await keep(server.administrator(chromium, { ...CLOCK, viewport: { width: 1280, height: 800 } }));
  const [ten, noon] = [await tomorrowAt(page, 10), await tomorrowAt(page, 12)];
  const at = (start, length) => ({ camera: "front", user: "alice", start: new Date(start).toISOString(), end: new Date(start + length).toISOString() });
  await server.ask("POST", "bookings", { ...at(ten, HOUR), recurrence: { rule: "FREQ=DAILY;COUNT=2", zone: "Europe/Berlin" } });
  const short = await server.ask("POST", "bookings", at(noon, HOUR / 6));
  await tomorrow(page);
  const window = page.getByTestId(`window-${short.id}`);
  await window.waitFor();
  const place = await placeOf(page, 10);
  await drag(page, { x: place.x, y: place.y + place.hour / 2 }, { x: place.x, y: place.y + 2 * place.hour });
  await page.getByTestId("calendar-error").filter({ hasText: "recurs" }).waitFor();
  const parts = await window.evaluate((element) => {
    const own = element.getBoundingClientRect();
    return [".who", ".what"].map((part) => {
      const { top, bottom, width } = element.querySelector(part).getBoundingClientRect();
      return { inside: top >= own.top - 1 && bottom <= own.bottom + 1, width };
    });
  });
  assert.ok(parts.every(({ inside, width }) => inside && width > 30), JSON.stringify(parts));
}));

test("every part of the administrator's page fits on a phone, and speaks German", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  await server.camera("Front door", "front");
  await server.user("alice");
  await server.book("front", "alice", DAY, HOUR);
  await server.book("front", "alice", 2 * DAY, HOUR);
  for (const note of ["courier", "plumber"]) await server.ask("POST", "shares", { camera: "front", for: "2h", note });
  const page = await keep(server.administrator(chromium, { ...PHONE, locale: "de-DE", timezoneId: "Europe/Berlin" }));
  for (const [hash, words] of [["overview", "Wer gerade zusieht"], ["cameras", "Nie verbunden"], ["camera/front", "Protokoll"], ["bookings", "Heute"],
    ["users", "Hat ein Passwort"], ["shares", "courier"], ["audit", "fügte die Kamera"], ["search/front", "Gefunden"]]) {
    await page.evaluate((hash) => { location.hash = hash; }, hash);
    await page.locator(`#${hash.split("/")[0]}`).filter({ hasText: words }).waitFor();
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${hash} is wider than the phone`);
  }
  await page.getByTestId("tab-bookings").tap();
  await page.getByTestId("calendar-list").tap();
  await page.getByTestId("booking-list").locator("li").nth(1).waitFor();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the list is wider than the phone");
  await page.screenshot({ path: screenshot("admin-list-phone.png") });
  assert.deepEqual(page.problems, []);
}));

test("a viewer who opens the administrator's page is told no, and where to go", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  const { password } = await server.user("alice");
  const page = await keep(server.signedIn(chromium, "alice", password, { path: "/admin" }));
  await page.getByTestId("no-administrator").filter({ hasText: "alice" }).waitFor();
  assert.equal(await page.getByTestId("tab-cameras").isVisible(), false);
  await page.getByRole("link", { name: "Go to the cameras" }).click();
  await page.getByTestId("connection-state").filter({ hasText: "Connected" }).waitFor();
}));

test("a share link is made, shown once, opened, and revoked; the log tells of it", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  await keep(enrolled(await server.camera("Front door", "front"), CAMERA));
  const page = await keep(server.administrator(chromium, CLOCK));
  await page.getByTestId("tab-shares").click();
  await page.getByTestId("add-share").click();
  await asked(page).getByLabel("Note").fill("For the courier");
  await page.keyboard.press("Enter");
  const link = await secret(page);
  assert.match(link, /#share=\S{20,}$/);
  await page.getByTestId("secret-close").click();
  const guest = await keep(visitor(chromium, link));
  await state(guest, "front", "live");
  const [{ id }] = (await server.ask("GET", "shares")).items;
  const share = page.getByTestId(`share-${id}`);
  await share.filter({ hasText: "For the courier" }).waitFor();
  await page.getByTestId("tab-cameras").click();
  await page.getByTestId("camera-front").filter({ hasText: `share link …${id.slice(-4)}` }).waitFor();
  await page.screenshot({ path: screenshot("admin-cameras.png") });

  // Two of one link are alike to everybody, until they say a name.
  await guest.locator(".menu").click();
  await guest.getByTestId("guest-name").click();
  await guest.getByTestId("called").fill("Anna");
  await guest.keyboard.press("Enter");
  await page.getByTestId("camera-front").filter({ hasText: "Anna" }).waitFor();
  await page.getByTestId("camera-front").filter({ hasText: `share link …${id.slice(-4)}` }).waitFor();
  assert.equal((await state(guest, "front", "live")).code, "", "the picture goes on");

  await page.getByTestId("tab-shares").click();
  await share.getByRole("button", { name: "Revoke" }).click();
  await page.getByTestId("confirm").click();
  assert.equal((await state(guest, "front", "refused")).code, "revoked");
  await page.getByTestId("tab-audit").click();
  const log = page.getByTestId("audit-entries");
  await log.filter({ hasText: "removed a share link" }).waitFor();
  for (const words of ["made a share link for front", "added the camera front", "began to watch front", "said a name at front", "called"]) {
    assert.ok((await log.textContent()).includes(words), words);
  }
  assert.ok(!(await log.textContent()).includes(link.split("#share=")[1]), "the log holds a secret");
}));

test("the log shows the latest, goes on when asked, and is filtered", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  await server.camera("Front door", "front");
  await server.camera("Garden", "garden");
  for (let i = 0; i < 60; i += 1) await server.ask("PATCH", "cameras/front", { name: `Front door ${i}` });
  const page = await keep(server.administrator(chromium, CLOCK));
  await page.getByTestId("tab-audit").click();
  const entries = page.getByTestId("audit-entries").locator("li");
  await entries.nth(49).waitFor();
  assert.equal(await entries.count(), 50);
  await page.getByTestId("audit-more").click();
  await entries.filter({ hasText: "added the camera front" }).waitFor();
  assert.ok(await entries.count() > 60);
  await page.getByTestId("audit-more").waitFor({ state: "hidden" });
  await page.getByTestId("audit-camera").selectOption("garden");
  await page.waitForFunction(() => document.querySelectorAll("#audit .entries li").length === 1);
  assert.match(await entries.first().textContent(), /admin added the camera garden/);
  await page.getByTestId("audit-camera").selectOption("");
  await page.getByTestId("audit-search").fill("DOOR 41");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelectorAll("#audit .entries li").length === 1);
  assert.match(await entries.first().textContent(), /Front door 41/);
}));

test("names that someone else chose are text on the administrator's page", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  for (const [i, name] of [...HOSTILE, "x".repeat(100)].entries()) {
    await server.camera(name, `c${i}`);
    const user = name.slice(0, 60).replace("/", "");
    await server.user(user);
    await server.book(`c${i}`, user, DAY, HOUR, { note: `${name} <script>alert(1)</script>` });
    await server.ask("POST", "shares", { camera: `c${i}`, for: "2h", note: name });
  }
  const page = await keep(server.administrator(chromium, { ...CLOCK, ...PHONE }));
  for (const part of ["cameras", "bookings", "users", "shares", "audit"]) {
    await page.getByTestId(`tab-${part}`).click();
    const section = page.locator(`#${part}`);
    await section.filter({ hasText: HOSTILE[0] }).waitFor();
    assert.equal(await page.locator("main img:not(#sign-in .qr), main script").count(), 0, part);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${part} is wider than the phone`);
  }
  // A name that turns the direction has no say over the words beside it.
  const sentence = page.locator("#audit bdi").filter({ hasText: HOSTILE[1] }).first();
  assert.equal(await sentence.evaluate((element) => getComputedStyle(element).unicodeBidi), "isolate");
  assert.deepEqual(page.problems, []);
}));

test("who was signed out signs in again in the same place", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  await server.camera("Front door", "front");
  const page = await keep(server.administrator(chromium, CLOCK));
  await page.getByTestId("tab-users").click();
  await page.context().clearCookies();
  await page.getByTestId("sign-in").waitFor();
  await signIn(page, "admin", "not the password");
  await page.getByTestId("sign-in-error").filter({ hasText: "not right" }).waitFor();
  await signIn(page, "admin", server.password);
  await page.getByTestId("user-admin").waitFor();
}));
