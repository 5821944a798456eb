// SPDX-License-Identifier: MPL-2.0
// The views of the pages, each before a server that says what it needs (fake.mjs): for tests that look at all of them.

import { fakeRobot } from "./fake-robot.mjs";
import { CONFIG, person, say } from "./fake.mjs";

const SIGNED_IN = { ...CONFIG, openAccess: false, authenticated: true, passwords: true, user: "alice" };
const SIGNED_OUT = { ...CONFIG, openAccess: false, passwords: true };
const HOUR_MS = 3_600_000;
const CALL = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e01";
/** Names are in no language. */
export const NAMES = ["Porthole", "alice", "bob", "carol", "Front door", "Garden", "front", "garden"];

const shown = (id) => (page) => page.getByTestId(id).waitFor();
const opens = (button, dialog) => async (page) => {
  await page.getByTestId(button).click();
  await page.locator(dialog).waitFor();
};

/** Runs in the page: when there is something of the picture that stays after its end. */
async function blurred() {
  const ghost = document.querySelector(".ghost");
  while (!ghost.getContext("2d").getImageData(0, 0, 1, 1).data[3]) await new Promise((done) => { setTimeout(done, 50); });
}

/** So many cameras, all of them on the wall at once; those that are out of sight, as on a telephone, are not live. */
const wall = (count) => ({
  name: `wall of ${count}`, path: "#wall", script: `(${house})(${count})`, open: (page) => page.locator('.tile[data-state="live"]').nth(3).waitFor(),
});
function house(count) {
  localStorage.setItem("porthole.wall", JSON.stringify({ choice: String(count), order: [] }));
  window.server.cameras = Array.from({ length: count }, (_, n) => ({ id: `cam${n}`, meta: { name: `Camera ${n}` } }));
}

/**
 * Each with how it is opened: what the server says (`api`), the `path`, and what is done until it is there (`open`). `speaks` where all that it
 * says is in the catalogue. Their times are about `now`, in ms.
 */
export function views(now = Date.now()) {
  const time = (ms) => new Date(now + ms).toISOString();
  const cameras = ["front", "garden"].map((id, at) => ({ id, name: NAMES[4 + at], online: at === 0, perms: ["view", "listen", "talk"], until: time(3 * HOUR_MS), lastSeen: time(-HOUR_MS), meta: { name: NAMES[4 + at] } }));
  const booking = { id: "b1", booking: "b1", camera: "front", cameraName: "Front door", user: "bob", start: time(HOUR_MS), end: time(2 * HOUR_MS), perms: ["view"] };
  const me = (more = {}) => ({ user: "alice", role: "viewer", shared: false, passkeys: true, now: time(0), bookings: [booking], cameras, ...more });
  const kept = (n, more) => ({ id: `${CALL.slice(0, -2)}${String(10 + n)}`, camera: "front", name: "Front door", state: "ended", rang: time(-n * HOUR_MS), recipients: ["alice", "bob"], ...more });

  const VIEWER = { "GET api/config": SIGNED_IN, "GET api/me": me(), "GET api/v1/calls": { items: [] }, "GET api/me/passkeys": { items: [{ id: "p1", name: "Porthole", created: time(-HOUR_MS) }] } };
  const ADMINISTRATOR = {
    ...VIEWER, "GET api/me": me({ role: "administrator", administrator: true }),
    "GET api/cameras": { items: cameras }, "GET api/users": { items: [{ name: "alice", role: "administrator" }, { name: "bob", role: "viewer" }] },
    "GET api/sessions": { items: [{ id: "s1", camera: "front", user: "bob", perms: ["view", "listen"], started: time(-HOUR_MS), until: time(HOUR_MS), connected: true }] },
    "GET api/calendar": { items: [booking] }, "GET api/shares": { items: [{ id: "s1", camera: "front", start: time(-HOUR_MS), end: time(HOUR_MS), uses: 1, maxUses: 3, perms: ["view"] }] },
    "GET api/overview": { enrolled: 2, every: 60, now: { at: time(0), cameras: 1, sessions: 1, sent: 800_000, started: 7, failed: 1 }, samples: [-3, -2, -1].map((hours) => ({ at: time(hours * HOUR_MS), cameras: 2, sessions: 2, sent: 400_000, started: 5, failed: 0 })) },
    "GET api/bookings": { items: [booking, { ...booking, id: "b2", user: "carol", recurrence: { rule: "FREQ=DAILY;COUNT=3", zone: "UTC" } }] },
    "GET api/self-booking": { items: [{ id: "r1", cameras: ["front"], perms: ["view"], ahead: 1_209_600, week: 18_000, longest: 7_200, zone: "UTC" }] },
    "GET api/cameras/front": { ...cameras[0], bookings: 2, links: 1 }, "GET api/calls": { items: [] },
    "GET api/audit": { items: [{ id: 1, at: time(-HOUR_MS), actor: "alice", action: "session.started", user: "bob", camera: "front", details: {} }] },
  };

  return [
    { name: "sign-in", api: { "GET api/config": SIGNED_OUT }, open: shown("user-input"), speaks: "#sign-in" },
    {
      name: "second factor", speaks: "#sign-in",
      api: { "GET api/config": SIGNED_OUT, "POST api/session": { status: 403, code: "second-factor-needed", secret: "ABCDEFGH", link: "otpauth://totp/x", enrolment: "x", qr: "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4=" } },
      open: async (page) => {
        await page.getByTestId("user-input").fill("alice");
        await page.getByTestId("password-input").fill("x");
        await page.keyboard.press("Enter");
        await page.getByTestId("code-input").waitFor();
      },
    },
    { name: "list of cameras", api: VIEWER, open: shown("camera-front") },
    { name: "one picture", api: VIEWER, open: async (page) => { await page.getByTestId("camera-front").click(); await page.locator('[data-state="live"]').first().waitFor(); } },
    {
      name: "one picture with all that opens over it", api: VIEWER, open: async (page) => {
        await page.getByTestId("camera-front").click();
        await page.locator('[data-state="live"]').first().waitFor();
        for (const id of ["figures-front", "more-front"]) await page.getByTestId(id).click();
        await page.locator("figure figcaption").waitFor();
      },
    },
    {
      name: "a robot that one drives", api: VIEWER, script: fakeRobot, open: async (page) => {
        await page.getByTestId("camera-front").click();
        await page.getByTestId("wheel-front").click();
        await page.getByTestId("pad-front").waitFor();
      },
    },
    {
      name: "the end of a picture", api: VIEWER, open: async (page) => {
        await page.getByTestId("camera-front").click();
        await page.locator('[data-state="live"]').first().waitFor();
        await page.evaluate(blurred);
        await say(page, { type: "endSession", sessionId: "s1", reason: "lease-ended" });
        await page.getByTestId("retry-front").waitFor();
      },
    },
    { name: "keys", api: VIEWER, open: async (page) => { await page.getByTestId("camera-front").click(); await page.locator('[data-state="live"]').first().waitFor(); await page.keyboard.press("?"); await page.getByTestId("keys-dialog").waitFor(); }, speaks: "#keys-dialog" },
    { name: "diagnosis", api: VIEWER, open: opens("test-connection", "#diagnosis"), speaks: "#diagnosis" },
    { name: "call", api: VIEWER, open: async (page) => { await shown("camera-front")(page); await say(page, { type: "call", call: { id: CALL, camera: "front", name: "Front door", state: "ringing", you: "rung" } }); for (const id of ["calls", "state-front"]) await shown(id)(page); } },
    { name: "password", api: VIEWER, open: opens("password", "#password-dialog"), speaks: "#password-dialog" },
    { name: "passkeys", api: VIEWER, open: opens("passkeys", "#passkeys-dialog"), speaks: "#passkeys-dialog" },
    { name: "language and colours", api: { "GET api/config": SIGNED_OUT }, open: opens("preferences", "#preferences-dialog"), speaks: "#preferences-dialog" },
    {
      name: "who rang", path: "calls", speaks: true,
      api: { "GET api/v1/calls": { items: [kept(1, { reason: "no-answer" }), kept(2, { answeredBy: "bob", seconds: 65, reason: "hung-up-at-door", doorOpened: time(-2 * HOUR_MS) })], next: "x" } },
      open: async (page) => { await page.getByTestId("kept").first().waitFor(); },
    },
    { name: "who rang, of nobody", path: "calls", api: { "GET api/v1/calls": { items: [] } }, open: shown("history-said"), speaks: true },
    ...["cameras", "bookings", "users", "shares", "audit"].map((tab) => ({
      name: `administrator's ${tab}`, path: `admin#${tab}`, api: ADMINISTRATOR, open: (page) => page.locator(`#${tab}`).waitFor(),
    })),
    {
      name: "calendar", path: "calendar", speaks: true, open: (page) => page.getByTestId("slots").getByRole("button").first().waitFor(),
      api: {
        ...VIEWER, "GET api/me/feed": {}, "GET api/me/free-busy": { items: [] },
        "GET api/me/self-booking": { cameras: [{ id: "front", name: "Front door", rules: [{ perms: ["view", "control"], longest: 7_200, latest: time(7 * 24 * HOUR_MS), weeks: [{ start: time(-168 * HOUR_MS), end: time(168 * HOUR_MS), left: 18_000 }] }] }] },
      },
    },
    { name: "administrator's overview", path: "admin", api: ADMINISTRATOR, open: shown("figure-failed") },
    { name: "administrator's page of a camera", path: "admin#camera/front", api: ADMINISTRATOR, open: shown("camera-bookings") },
    { name: "administrator's list of bookings", path: "admin#bookings", api: ADMINISTRATOR, open: async (page) => { await page.getByTestId("calendar-list").click(); await page.getByTestId("booking-list").locator("li").nth(1).waitFor(); } },
    { name: "administrator's search", path: "admin#search/front", api: ADMINISTRATOR, open: shown("hit-camera-front") },
    wall(4),
    wall(9),
  ];
}

export const VIEWS = views();

/** A person who looks at a view. @param {import("playwright-core").Browser} chromium */
export async function looksAt(chromium, link, { path = "", api, open, script: own = null }, { script = own, before = null, ...options } = {}) {
  const page = await person(chromium, link, { path, api, script, before, ...options });
  await open(page);
  return page;
}
