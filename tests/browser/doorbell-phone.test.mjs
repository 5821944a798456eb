// SPDX-License-Identifier: MPL-2.0
// A doorbell on a telephone held upright: what the thumb reaches, notifications while no page is open, and pictures for docs/.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, before, test } from "node:test";
import { screenshot } from "./accounts.mjs";
import { house, MICROPHONE, online, PHONE, press, says } from "./house.mjs";
import { browser, PATIENCE_MS, scene, state } from "./lib.mjs";

/** The least that a finger hits, in CSS pixels (WCAG 2.2, 2.5.5). */
const FINGER = 44;
/** What a thumb reaches of a screen that is held by its lower end: the lower 60 %. */
const THUMB = 0.4;

let chromium;
before(async () => { chromium = await browser({}, undefined, MICROPHONE); });
after(() => chromium.close());

/** Where these buttons of a call are; each must be large enough, on the screen, in reach, and not below anything else. */
async function reachable(page, names) {
  const { width, height } = page.viewportSize();
  const boxes = {};
  for (const name of names) {
    const button = page.getByTestId(`call-${name}`);
    const box = (boxes[name] = await button.boundingBox());
    const what = `${name}: ${JSON.stringify(box)}`;
    assert.ok(box.width >= FINGER && box.height >= FINGER, what);
    assert.ok(box.x >= 0 && box.x + box.width <= width && box.y >= height * THUMB && box.y + box.height <= height, what);
    const isOnTop = await button.evaluate((element) => {
      const { x, y, width, height } = element.getBoundingClientRect();
      return document.elementFromPoint(x + width / 2, y + height / 2) === element;
    });
    assert.ok(isOnTop, `${name} is below something`);
  }
  const all = Object.values(boxes);
  all.forEach((one, i) => all.slice(i + 1).forEach((other) => {
    const apart = one.x + one.width <= other.x || other.x + other.width <= one.x || one.y + one.height <= other.y || other.y + other.height <= one.y;
    assert.ok(apart, `two buttons overlap: ${JSON.stringify([one, other])}`);
  }));
  return Math.min(...all.map(({ y }) => y));
}

/** The picture is the first thing, and nothing of it is covered. */
async function pictureFirst(page, buttons) {
  const video = await page.getByTestId("video-front").boundingBox();
  const panel = await page.locator("#calls").boundingBox();
  assert.ok(video.y >= 0 && video.y < page.viewportSize().height * THUMB, `the picture begins at ${video.y}`);
  assert.ok(video.y + video.height <= panel.y, `${JSON.stringify(video)} is below the buttons' ${JSON.stringify(panel)}`);
  assert.ok(panel.y < buttons);
  assert.ok(video.width > page.viewportSize().width * 0.85, `the picture is ${video.width} wide`);
}

const developed = (page) => page.waitForFunction(() => [...document.querySelectorAll("img")].some((image) => image.src.includes("/snapshot") && image.naturalWidth > 0));

test("a telephone shows the picture first, and all that can be done lies under one thumb", () => scene(async (keep) => {
  const { accounts, button, alice } = await house(keep, chromium, { people: ["alice"], options: PHONE });
  press(button);
  await state(alice, "front", "live");
  await developed(alice);
  await pictureFirst(alice, await reachable(alice, ["answer", "decline", "nobody"]));
  await alice.screenshot({ path: screenshot("doorbell-ring.png") });

  await alice.getByTestId("call-answer").tap();
  await alice.getByTestId("call-mute").filter({ hasText: "Mute" }).waitFor();
  await says(alice, "You are connected.");
  await pictureFirst(alice, await reachable(alice, ["mute", "hang-up"]));
  await alice.screenshot({ path: screenshot("doorbell-call.png") });

  await alice.getByTestId("call-mute").tap();
  await alice.getByTestId("call-mute").filter({ hasText: "Speak" }).waitFor();
  await alice.getByTestId("call-hang-up").tap();
  await button.word("call", ["ended", "hung-up"]);
  await accounts.ask("POST", "cameras/front/ring");
  await developed(alice);
  await alice.locator('.call[data-state="ringing"]').getByTestId("call-nobody").tap();
  await alice.getByTestId("calls").waitFor({ state: "hidden" });
  await alice.getByTestId("who-rang").tap();
  await alice.waitForFunction(() => [...document.querySelectorAll(".kept img")].filter(({ naturalWidth }) => naturalWidth > 0).length === 2);
  assert.equal(await alice.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true, "it is wider than the screen");
  await alice.screenshot({ path: screenshot("doorbell-history.png"), clip: { x: 0, y: 0, width: 390, height: 360 } });
  assert.deepEqual(alice.problems, []);
}));

const point = () => {
  const { x, y } = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" });
  return Buffer.concat([Buffer.of(4), ...[x, y].map((each) => Buffer.from(each, "base64url"))]).toString("base64url");
};

/**
 * A server that can push, and a browser that has a push service: both are the page's own, since there is no network in a test. What
 * was said to the server is in `window.pushes`.
 */
function pushable({ key, endpoint }) {
  window.pushes = [];
  const network = window.fetch;
  window.fetch = async (url, options = {}) => {
    const path = new URL(url, location.href).pathname;
    if (path === "/api/v1/push") return Response.json({ publicKey: key });
    if (path !== "/api/v1/me/push") return network(url, options);
    window.pushes.push([options.method, JSON.parse(options.body)]);
    return new Response(null, { status: 204 });
  };
  const kept = () => JSON.parse(localStorage.getItem("test-subscription") ?? "null");
  const subscription = () => kept() && {
    endpoint, options: { applicationServerKey: Uint8Array.from(kept()).buffer },
    toJSON: () => ({ endpoint, expirationTime: null, keys: { p256dh: "p", auth: "a" } }),
    unsubscribe: async () => { localStorage.removeItem("test-subscription"); return true; },
  };
  PushManager.prototype.getSubscription = async () => subscription();
  PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
    if (!userVisibleOnly) throw new Error("browsers demand it");
    localStorage.setItem("test-subscription", JSON.stringify([...applicationServerKey]));
    return subscription();
  };
}

/** The service worker of a page: what pushes come to, and what was shown. */
async function workerOf(page) {
  const context = page.context();
  const worker = context.serviceWorkers()[0] ?? await context.waitForEvent("serviceworker", { timeout: PATIENCE_MS });
  const cdp = await context.newCDPSession(page);
  const registered = new Promise((done) => {
    cdp.on("ServiceWorker.workerRegistrationUpdated", ({ registrations: [first] }) => { if (first) done(first.registrationId); });
  });
  await cdp.send("ServiceWorker.enable");
  const registrationId = await registered;
  const { origin } = new URL(page.url());
  return {
    push: (told) => cdp.send("ServiceWorker.deliverPushMessage", { origin, registrationId, data: typeof told === "string" ? told : JSON.stringify(told) }),
    /** What is shown, once it fits. */
    async shown(fits) {
      const end = performance.now() + PATIENCE_MS;
      for (;;) {
        const all = await worker.evaluate(async () => (await self.registration.getNotifications()).map(({ title, body, tag, silent, requireInteraction, image, actions }) =>
          ({ title, body, tag, silent, requireInteraction, image: image?.slice(0, 30), actions: actions?.map(({ action }) => action) })));
        if (fits(all)) return all;
        if (performance.now() > end) throw new Error(`shown is ${JSON.stringify(all)}`);
        await new Promise((done) => { setTimeout(done, 20); });
      }
    },
    /** As if somebody touched what is shown. */
    touch: (action) => worker.evaluate(async (action) => {
      const [notification] = await self.registration.getNotifications();
      const event = new NotificationEvent("notificationclick", { notification, action });
      // Browsers do not wait for what a script has made.
      Object.defineProperty(event, "waitUntil", { value: () => {} });
      self.dispatchEvent(event);
    }, action),
  };
}

test("a telephone is rung while its page is elsewhere, answers and declines from the notification, and is rung no more after that is taken back", () => scene(async (keep) => {
  const { accounts, button, alice } = await house(keep, chromium, { people: ["alice"], options: PHONE });
  const endpoint = "https://push.example/alice";
  await alice.context().grantPermissions(["notifications"]);
  await alice.addInitScript(pushable, { key: point(), endpoint });
  await alice.reload();
  await online(alice);
  const ring = alice.getByTestId("ring-here");
  await ring.filter({ hasText: /Ring this (phone|computer)/ }).waitFor();
  const asked = () => alice.evaluate(async () => ({ pushes: window.pushes.length, subscription: await (await navigator.serviceWorker.ready).pushManager.getSubscription() }));
  assert.deepEqual(await asked(), { pushes: 0, subscription: null }, "nobody is rung before somebody wants it");
  await ring.tap();
  await ring.filter({ hasText: "Notifications on" }).waitFor();
  assert.deepEqual(await alice.evaluate(() => window.pushes), [["POST", { endpoint, expirationTime: null, keys: { p256dh: "p", auth: "a" } }]]);
  await alice.screenshot({ path: screenshot("doorbell-notifications.png"), clip: { x: 0, y: 0, width: 390, height: 360 } });
  const worker = await workerOf(alice);
  await alice.reload();
  await online(alice);
  await ring.filter({ hasText: "Notifications on" }).waitFor();
  assert.equal((await alice.evaluate(() => window.pushes)).length, 1, "the server is told again: it may have forgotten");

  const pushOf = ({ id, since }) => ({
    v: 1, kind: "ring", call: id, camera: "front", name: "Front door", rang: since, until: new Date(Date.now() + 900_000).toISOString(),
    page: `${accounts.url}/#camera=front&call=${id}`, link: null,
  });
  press(button);
  const first = (await alice.talk.message("server", "call")).call;
  await developed(alice);
  await worker.push(pushOf(first));
  const [shown] = await worker.shown(([one]) => one?.image);
  assert.deepEqual([shown.tag, shown.requireInteraction, shown.actions, shown.image], [first.id, true, ["answer", "decline"], "data:image/jpeg;base64,/9j/4AA".slice(0, 30)]);
  await worker.touch("answer");
  await says(alice, "You are connected.");
  await button.word("call", ["talking", "alice"]);
  await worker.shown(({ length }) => length === 0);
  let from = button.now;
  await alice.getByTestId("call-hang-up").tap();
  await button.word("call", ["ended", "hung-up"], from);

  // No page that rings is open, and the call is declined all the same.
  await alice.goto(`${accounts.url}/calls`);
  from = button.now;
  const ringing = await accounts.ask("POST", "cameras/front/ring");
  await worker.push(pushOf({ id: ringing.id, since: new Date().toISOString() }));
  await worker.shown(([one]) => one?.tag === ringing.id);
  await worker.touch("decline");
  await button.word("call", ["ended", "declined"], from);
  // What comes of it, junk and what is late are told, and ring nobody.
  await worker.push({ v: 1, kind: "ended", call: ringing.id, reason: "declined" });
  await worker.shown((all) => all.length === 1 && all[0].silent && /Nobody will come/.test(all[0].body));
  await worker.push("junk");
  await worker.shown((all) => all.some(({ tag, requireInteraction }) => tag === "porthole" && !requireInteraction));

  await alice.goto(accounts.url);
  await online(alice);
  await ring.filter({ hasText: "Notifications on" }).tap();
  await ring.filter({ hasText: /Ring this (phone|computer)/ }).waitFor();
  assert.deepEqual((await alice.evaluate(() => window.pushes)).at(-1), ["DELETE", { endpoint }]);

  // Without the server there is a sentence, and its picture of yesterday is not.
  await accounts.program.stop("SIGKILL");
  await alice.goto(accounts.url, { waitUntil: "domcontentloaded" });
  assert.match(await alice.locator("body").textContent(), /The server cannot be reached from here/);
  await accounts.serve();
  // It goes on by itself.
  await online(alice);
  assert.deepEqual(alice.problems, []);
}));

test("why a telephone cannot be rung is said in words, and nobody is asked without a touch", () => scene(async (keep) => {
  const { accounts, alice } = await house(keep, chromium, { people: ["alice"], options: PHONE });
  await accounts.ask("POST", "cameras/front/ring");
  await alice.getByTestId("call-nobody").tap();
  const words = alice.getByTestId("ring-words");
  await alice.addInitScript(() => {
    window.requested = 0;
    const native = Notification.requestPermission.bind(Notification);
    Notification.requestPermission = () => { window.requested += 1; return native(); };
  });
  await alice.addInitScript(pushable, { key: point(), endpoint: "https://push.example/alice" });
  const again = async (change) => {
    await alice.addInitScript(change);
    await alice.reload();
    await online(alice);
    await alice.getByTestId("doorbell").waitFor();
  };
  // A browser of this kind refuses by itself when nobody has said otherwise.
  await again(() => { Object.defineProperty(Notification, "permission", { get: () => "denied", configurable: true }); });
  await words.filter({ hasText: "blocked" }).waitFor();
  assert.equal(await alice.getByTestId("ring-here").isHidden(), true);
  await again(() => { Object.defineProperty(navigator, "standalone", { value: false }); });
  await words.filter({ hasText: "Add to Home Screen" }).waitFor();
  await again(() => { Object.defineProperty(window, "isSecureContext", { value: false }); });
  await words.filter({ hasText: "HTTPS" }).waitFor();
  assert.equal(await alice.evaluate(() => window.requested), 0);
  assert.deepEqual(alice.problems, []);
}));
