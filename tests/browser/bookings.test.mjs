// SPDX-License-Identifier: MPL-2.0
// Bookings and share links, from the server's database to the picture in a real browser.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Accounts, time } from "./accounts.mjs";
import { browser, END_MS, enrolled, GAP_MS, scene, state, visitor, watch } from "./lib.mjs";
import { lastPacket, longestGap, presented, record } from "./record.mjs";

/** Small: it is not the encoder that is tested. */
const CAMERA = "portholesrc camera=test idle-timeout=0 ! videoscale ! video/x-raw,width=320,height=180 ! portholesink";
const [SECOND, HOUR, DAY] = [1_000, 3_600_000, 86_400_000];
/** Who does not end the picture: the camera has to. */
const CLINGS = { clings: true };

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

/** A server with a camera `front` that is online, and the viewers of these names. */
async function house(keep, ...names) {
  const server = await keep(Accounts.start());
  await keep(enrolled(await server.camera("Front door", "front"), CAMERA));
  const people = {};
  for (const name of names) people[name] = (await server.user(name)).password;
  return { server, people };
}

test("a viewer logs in, waits for the booking, watches, is warned, and is cut off", () => scene(async (keep) => {
  const { server, people } = await house(keep, "alice");
  await server.book("front", "alice", DAY, HOUR);
  const page = await keep(server.signedIn(chromium, "alice", people.alice, CLINGS));
  await page.getByTestId("next-booking").filter({ hasText: "opens in" }).waitFor();
  assert.equal(await page.getByTestId("camera-front").count(), 0, "what is not open is not listed");

  const { end } = await server.book("front", "alice", 3 * SECOND, 8 * SECOND);
  await page.getByTestId("next-booking").filter({ hasText: /opens in 0:0\d/ }).waitFor();
  await state(page, "front", "live");
  await record(page, "front");
  await page.getByTestId("warning-front").filter({ hasText: "two minutes left" }).waitFor();
  assert.match(await page.getByTestId("left-front").textContent(), /^0:\d\d left$/);

  const { code, text } = await state(page, "front", "ended");
  assert.equal(code, "lease-ended");
  assert.match(text, /time with this camera is over/);
  assert.match(await page.getByTestId("again-front").textContent(), /next booking: \w+, \d/);
  const late = (await lastPacket(page, "video")) - Date.parse(end);
  assert.ok(late < END_MS, `a packet came ${late} ms after the end`);
  assert.deepEqual(page.problems, []);
}));

test("a booking ends on time also when the camera cannot hear the server", () => scene(async (keep) => {
  const { server, people } = await house(keep, "alice");
  const page = await keep(server.signedIn(chromium, "alice", people.alice, CLINGS));
  const { end } = await server.book("front", "alice", 0, 10 * SECOND);
  await state(page, "front", "live");
  await record(page, "front");
  await presented(page, 5);
  server.program.process.kill("SIGSTOP");
  try {
    await page.waitForFunction((end) => Date.now() > end + 3_000, Date.parse(end));
  } finally {
    server.program.process.kill("SIGCONT");
  }
  const late = (await lastPacket(page, "video")) - Date.parse(end);
  assert.ok(-2 * SECOND < late && late < END_MS, `the last packet came ${late} ms after the end`);
}));

test("without a booking the camera is not listed, and who asks for it is told when the next one is", () => scene(async (keep) => {
  const { server, people } = await house(keep, "alice", "bob");
  await server.book("front", "alice", 0, HOUR);
  const alice = await keep(server.signedIn(chromium, "alice", people.alice));
  await state(alice, "front", "live");

  await server.book("front", "bob", DAY, HOUR);
  const bob = await keep(server.signedIn(chromium, "bob", people.bob));
  await bob.getByTestId("bookings").filter({ hasText: "Front door" }).waitFor();
  assert.equal(await bob.getByTestId("camera-front").count(), 0);
  await bob.goto(`${server.url}/#camera=front`);
  assert.equal((await state(bob, "front", "refused")).code, "no-booking");
  assert.match(await bob.getByTestId("again-front").textContent(), /next booking: tomorrow, \d/);
}));

test("a booking that is extended or followed by another leaves no gap, and one that is removed ends the picture", () => scene(async (keep) => {
  const { server, people } = await house(keep, "alice");
  const first = await server.book("front", "alice", 0, 6 * SECOND);
  await server.ask("POST", "bookings", { camera: "front", user: "alice", start: first.end, end: time(12 * SECOND) });
  const page = await keep(server.signedIn(chromium, "alice", people.alice, CLINGS));
  await state(page, "front", "live");
  await record(page, "front");
  await presented(page, 10);
  // Past the end of the first booking, and then of the second.
  const [second] = (await server.ask("GET", "bookings?user=alice")).items.slice(-1);
  await page.waitForFunction((end) => Date.now() > end + 1_000, Date.parse(first.end));
  await server.ask("PATCH", `bookings/${second.id}`, { end: time(HOUR) });
  await page.waitForFunction((end) => Date.now() > end + 1_000, Date.parse(second.end));
  await presented(page, 5);
  const gap = await longestGap(page);
  assert.ok(gap < GAP_MS, `${gap} ms without a new frame`);
  assert.equal(page.talk.count("page", "startSession"), 1);

  const at = Date.now();
  await server.ask("DELETE", `bookings/${second.id}`);
  assert.equal((await state(page, "front", "refused")).code, "revoked");
  const late = (await lastPacket(page, "video")) - at;
  assert.ok(late < END_MS, `a packet came ${late} ms after it was removed`);
}));

test("a share link starts its picture without a click, as often as it may be opened", () => scene(async (keep) => {
  const { server } = await house(keep);
  const { share, link } = await server.ask("POST", "shares", { camera: "front", for: "2h", uses: 1 });
  const guest = await keep(visitor(chromium, link));
  await state(guest, "front", "live");
  assert.equal(await guest.evaluate(() => location.hash), "");
  await guest.reload();
  await state(guest, "front", "live");

  const other = await keep(visitor(chromium, link));
  await other.getByTestId("sign-in-error").filter({ hasText: "used up" }).waitFor();

  await server.ask("DELETE", `shares/${share.id}`);
  assert.equal((await state(guest, "front", "refused")).code, "revoked");
}));

test("a share link that is opened too early opens by itself when its time has come", () => scene(async (keep) => {
  const { server } = await house(keep);
  const { link } = await server.ask("POST", "shares", { camera: "front", start: time(8 * SECOND), end: time(HOUR) });
  const guest = await keep(visitor(chromium, link));
  await guest.getByTestId("connection-state").filter({ hasText: /not open yet.*by itself/ }).waitFor();
  await state(guest, "front", "live");
}));

test("a password that is changed signs its user out everywhere else, and on", () => scene(async (keep) => {
  const { server, people } = await house(keep, "alice");
  await server.book("front", "alice", 0, HOUR);
  const here = await keep(server.signedIn(chromium, "alice", people.alice));
  const there = await keep(server.signedIn(chromium, "alice", people.alice));
  await state(there, "front", "live");
  await state(here, "front", "live");
  await here.getByTestId("menu-front").click();
  await here.getByTestId("password").click();
  await here.getByLabel("Old password").fill(people.alice);
  await here.getByLabel("New password", { exact: true }).fill("a rather better one");
  await here.getByLabel("New password again").fill("a rather better one");
  await here.keyboard.press("Enter");
  await here.getByText("Your password is changed.").waitFor();
  await there.getByTestId("sign-in").waitFor();
  await watch(here, "front");
}));
