// SPDX-License-Identifier: MPL-2.0
// What a viewer with an account or a share link sees, before a server that says what the test wants (fake.mjs).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CONFIG, person, said, say, served } from "./fake.mjs";
import { browser, scene, state } from "./lib.mjs";

const SIGNED_IN = { ...CONFIG, openAccess: false, authenticated: true, passwords: true, user: "alice" };
const SIGNED_OUT = { ...CONFIG, openAccess: false, passwords: true };
const MINUTE_MS = 60_000;

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

const time = (ms) => new Date(Date.now() + ms).toISOString();
/** What `api/me` answers of alice. */
const me = (open, bookings = [], more = {}) => ({
  user: "alice", role: "viewer", shared: false, now: time(0), bookings,
  cameras: open.map((id) => ({ id, name: "Front door", online: true, perms: ["view", "listen"], until: time(90 * MINUTE_MS) })), ...more,
});
const booking = (start, end, cameraName = "Front door") => ({ id: "b1", camera: "front", cameraName, start: time(start), end: time(end), perms: ["view"] });
/** The server answers otherwise from now on. */
const answer = (page, api) => page.evaluate((api) => Object.assign(window.server.api, api), api);
const asked = (page, route) => page.evaluate((route) => window.server.asked.filter((each) => each.route === route), route);

test("one signs in with a name and a password, and a wrong one is told and not tried again", () => scene(async (keep) => {
  const page = await keep(person(chromium, link, { api: { "GET api/config": SIGNED_OUT, "GET api/me": me([]), "POST api/session": { status: 401, code: "wrong-credentials" } } }));
  await page.getByTestId("user-input").fill("alice");
  await page.getByTestId("password-input").fill("wrong");
  await page.keyboard.press("Enter");
  await page.getByTestId("sign-in-error").filter({ hasText: "not right" }).waitFor();
  assert.equal(await page.getByTestId("password-input").inputValue(), "", "a password does not stay in the page");
  await answer(page, { "POST api/session": { user: "alice" } });
  await page.getByTestId("password-input").fill("right");
  await page.evaluate((config) => {
    // The cookie is there once the password was right.
    const { api } = window.server;
    let signedIn = false;
    Object.defineProperty(api, "POST api/session", { enumerable: true, get: () => { signedIn = true; return { user: "alice" }; } });
    Object.defineProperty(api, "GET api/config", { enumerable: true, get: () => ({ ...config, authenticated: signedIn }) });
  }, SIGNED_IN);
  await page.keyboard.press("Enter");
  await page.getByTestId("logout").waitFor();
  assert.deepEqual((await asked(page, "POST api/session")).map(({ body }) => body),
    [{ user: "alice", password: "wrong" }, { user: "alice", password: "right" }]);
  assert.deepEqual(page.problems, []);
}));

test("a token is the second way in, and the first where there are no accounts", () => scene(async (keep) => {
  const page = await keep(person(chromium, link, { api: { "GET api/config": SIGNED_OUT } }));
  await page.getByTestId("user-input").waitFor();
  assert.equal(await page.getByTestId("token-input").isVisible(), false);
  await page.getByRole("button", { name: "I have a token" }).click();
  await page.getByTestId("token-input").waitFor();
  assert.equal(await page.getByTestId("user-input").isVisible(), false);
  const other = await keep(person(chromium, link, { api: { "GET api/config": { ...SIGNED_OUT, passwords: false } } }));
  await other.getByTestId("token-input").waitFor();
  assert.equal(await other.getByRole("button", { name: "password" }).count(), 0);
}));

test("a share link leaves the address, and its one picture starts without a click", () => scene(async (keep) => {
  const api = { "GET api/config": SIGNED_IN, "POST api/session": { user: "share:s1" }, "GET api/me": me(["front"], [], { user: "share:s1", shared: true }) };
  const page = await keep(person(chromium, link, { path: "#share=se%2Fcret", api }));
  await state(page, "front", "live");
  assert.equal(await page.evaluate(() => location.hash), "");
  assert.deepEqual((await asked(page, "POST api/session")).map(({ body }) => body), [{ share: "se/cret" }]);
  assert.equal(await page.getByTestId("password").isVisible(), false, "who came by a link has none");
}));

test("a share link that is used up, or is not open yet, says so", () => scene(async (keep) => {
  const spent = await keep(person(chromium, link, { path: "#share=x", api: { "GET api/config": SIGNED_OUT, "POST api/session": { status: 410, code: "link-spent" } } }));
  await spent.getByTestId("sign-in-error").filter({ hasText: "used up" }).waitFor();
  const early = await keep(person(chromium, link, { path: "#share=x", api: { "GET api/config": SIGNED_OUT, "POST api/session": { status: 403, code: "link-not-yet", opens: time(90 * MINUTE_MS) } } }));
  await early.getByTestId("connection-state").filter({ hasText: /opens (today|tomorrow), \d.*by itself/ }).waitFor();
  assert.equal(await early.getByTestId("sign-in").isVisible(), false, "there is nothing to do but wait");
}));

test("a booking is counted down to, and its picture starts by itself", () => scene(async (keep) => {
  const api = { "GET api/config": SIGNED_IN, "GET api/me": me([], [booking(90_000, 30 * MINUTE_MS)]) };
  const page = await keep(person(chromium, link, { api }));
  const next = page.getByTestId("next-booking");
  await next.filter({ hasText: /Front door\u2069 opens in 1:\d\d/ }).waitFor();
  assert.match(await page.getByTestId("bookings").textContent(), /Front door\s*(today|tomorrow), \d/);
  assert.equal((await said(page, "startSession")).length, 0);
  await answer(page, { "GET api/me": me(["front"], [booking(-1_000, 30 * MINUTE_MS)]) });
  await say(page, { type: "accessChanged" });
  await state(page, "front", "live");
  await page.getByTestId("bookings").filter({ hasText: "Now" }).waitFor();
  await page.getByTestId("camera-front").filter({ hasText: "until" }).waitFor();
}));

test("without a booking the page says when the next one is, and the picture comes then", () => scene(async (keep) => {
  const api = { "GET api/config": SIGNED_IN, "GET api/me": me([], [booking(60 * MINUTE_MS, 90 * MINUTE_MS)]) };
  const page = await keep(person(chromium, link, { api }));
  await page.evaluate((nextBooking) => { window.server.refusal = { code: "no-booking", nextBooking }; }, time(60 * MINUTE_MS));
  await page.getByTestId("camera-front").click();
  assert.equal((await state(page, "front", "refused")).code, "no-booking");
  assert.match(await page.getByTestId("again-front").textContent(), /next booking: (today|tomorrow), \d/);
  await page.evaluate(() => { delete window.server.refusal; });
  await answer(page, { "GET api/me": me(["front"]) });
  await say(page, { type: "accessChanged" });
  await state(page, "front", "live");
  await say(page, { type: "endSession", sessionId: "s1", reason: "lease-ended", nextBooking: time(25 * 60 * MINUTE_MS) });
  await state(page, "front", "ended");
  assert.match(await page.getByTestId("again-front").textContent(), /next booking: \w+, \d/);
}));

test("who was refused a moment too early is let in without being told anew", () => scene(async (keep) => {
  const page = await keep(person(chromium, link, { api: { "GET api/config": SIGNED_IN, "GET api/me": me(["front", "yard"]) } }));
  await page.evaluate((nextBooking) => { window.server.refusal = { code: "no-booking", nextBooking }; }, time(1_000));
  await page.getByTestId("camera-front").click();
  await state(page, "front", "refused");
  await page.evaluate(() => { delete window.server.refusal; });
  await state(page, "front", "live");
}));

test("one changes one's password, and is told where it is not right", () => scene(async (keep) => {
  const api = { "GET api/config": SIGNED_IN, "GET api/me": me([]), "PUT api/me/password": { status: 403, code: "wrong-credentials" } };
  const page = await keep(person(chromium, link, { api }));
  await page.getByTestId("password").click();
  const fill = async (old, fresh, repeated) => {
    await page.getByLabel("Old password").fill(old);
    await page.getByLabel("New password", { exact: true }).fill(fresh);
    await page.getByLabel("New password again").fill(repeated);
    await page.keyboard.press("Enter");
  };
  const error = page.getByTestId("password-error");
  await fill("old", "fresh", "other");
  await error.filter({ hasText: "not the same" }).waitFor();
  assert.equal((await asked(page, "PUT api/me/password")).length, 0);
  await fill("wrong", "fresh", "fresh");
  await error.filter({ hasText: "old password is not right" }).waitFor();
  await answer(page, { "PUT api/me/password": { status: 422, code: "weak-password", detail: "The password is too short." } });
  await fill("old", "fresh", "fresh");
  await error.filter({ hasText: "too short" }).waitFor();
  await answer(page, { "PUT api/me/password": { status: 204 } });
  await fill("old", "a better one", "a better one");
  await page.getByText("Your password is changed.").waitFor();
  assert.deepEqual((await asked(page, "PUT api/me/password")).at(-1).body, { old: "old", new: "a better one" });
}));
