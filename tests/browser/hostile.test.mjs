// SPDX-License-Identifier: MPL-2.0
// Whatever a server says of names and notes that people chose is text on every page, before a fake server (fake.mjs) that
// says what a real one would never let pass.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CONFIG, person, served } from "./fake.mjs";
import { browser, scene } from "./lib.mjs";

/** Markup, a direction turned around, and far too much. */
const HOSTILE = ["<img src=x onerror=alert(1)>", "\u202Egpj.exe", "x".repeat(10_000)];
const SIGNED_IN = { ...CONFIG, openAccess: false, authenticated: true, passwords: true, user: HOSTILE[0] };
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
const window = { start: time(-MINUTE_MS), end: time(30 * MINUTE_MS) };
/** Every field that someone may write is hostile. */
const each = (more) => HOSTILE.map((name, i) => ({
  id: `c${i}`, name, user: name, camera: `c${i}`, cameraName: name, note: name, perms: ["view", name], ...window, ...more?.(name, i),
}));
const me = (role) => ({ user: HOSTILE[0], role, shared: false, now: time(0), cameras: each(), bookings: each() });
const ADMINISTRATION = {
  "GET api/config": SIGNED_IN,
  "GET api/me": me("administrator"),
  "GET api/cameras": { items: each() },
  "GET api/users": { items: each() },
  "GET api/sessions": { items: each((_, i) => ({ id: `s${i}`, started: time(-MINUTE_MS), until: time(MINUTE_MS), connected: true })) },
  "GET api/calendar": { items: each((_, i) => ({ booking: `b${i}`, recurring: false })) },
  "GET api/self-booking": { items: each((name) => ({ users: [name], cameras: [name], ahead: 86_400, week: 3_600, longest: 3_600 })) },
  "GET api/shares": { items: each((_, i) => ({ id: `l${i}`, uses: 0, maxUses: 1 })) },
  "GET api/audit": { items: each((name, i) => ({ id: i, at: time(0), actor: name, action: "booking.added", camera: name, details: { [name]: name } })) },
};

/** There is no markup from outside, nothing ran or was asked for, and the page is no wider than its window. */
async function unharmed(page, what) {
  assert.equal(await page.locator("main img:not(#sign-in .qr), main script, dialog img, dialog script").count(), 0, what);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${what}: ${wide} px too wide`);
  const longest = await page.evaluate(() => Math.max(...[...document.querySelectorAll("body *")].filter((it) => !it.children.length).map((it) => it.textContent.length)));
  assert.ok(longest < 1_000, `${what}: a text of ${longest} characters`);
  assert.deepEqual(page.problems, [], what);
}

test("names are text on the viewer's page", () => scene(async (keep) => {
  const page = await keep(person(chromium, link, { api: { "GET api/config": SIGNED_IN, "GET api/me": me("viewer") } }));
  for (const [i, name] of HOSTILE.entries()) {
    const shown = page.getByTestId(`camera-c${i}`).locator(".name");
    await shown.waitFor();
    assert.ok(name.startsWith((await shown.textContent()).replace("…", "")));
    assert.equal(await shown.evaluate((element) => getComputedStyle(element).unicodeBidi), "isolate");
  }
  await page.getByTestId("camera-c0").click();
  await page.getByTestId("state-c0").waitFor();
  await unharmed(page, "viewer");
}));

for (const [device, viewport] of [["wide screen", { width: 1100, height: 760 }], ["phone", { width: 390, height: 844 }]]) {
  test(`names are text on the administrator's page, on a ${device}`, () => scene(async (keep) => {
    const page = await keep(person(chromium, link, { path: "admin", api: ADMINISTRATION, viewport }));
    for (const part of ["cameras", "bookings", "users", "shares", "audit"]) {
      await page.getByTestId(`tab-${part}`).click();
      await page.locator(`#${part}`).filter({ hasText: HOSTILE[0] }).waitFor();
      await unharmed(page, part);
    }
    await page.getByTestId("tab-users").click();
    for (const name of HOSTILE) {
      await page.getByTestId(`user-${name}`).locator("details.menu > summary").click();
      await page.getByTestId(`user-${name}`).getByRole("button", { name: "Remove" }).click();
      await page.locator("#confirm-dialog[open]").waitFor();
      await unharmed(page, "a question");
      await page.keyboard.press("Escape");
    }
    await page.getByTestId("tab-bookings").click();
    await page.getByTestId("add-booking").click();
    await page.locator("#booking-dialog[open]").waitFor();
    await unharmed(page, "a form");
  }));
}
