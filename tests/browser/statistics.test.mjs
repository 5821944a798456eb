// SPDX-License-Identifier: MPL-2.0
// The statistics of a picture, with a real camera: what the page shows of them, what the camera hears, and what a viewer
// gets that sends junk.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CONFIG, person, said, say, served } from "./fake.mjs";
import { PATIENCE_MS, browser, camera, scene, state, visitor, watch } from "./lib.mjs";

/** Small: it is not the encoder that is tested. */
const SOURCE = "portholesrc camera=test idle-timeout=0 ! videoscale ! video/x-raw,width=320,height=180 ! portholesink listen=127.0.0.1:0 camera-name=front";
const HEARD = { GST_DEBUG: "portholesink:5", GST_DEBUG_NO_COLOR: "1" };
/** What a page sends that means well. */
const GOOD = { type: "viewerStats", frames: 1, freezes: 0, freezeSeconds: 0 };

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

const figure = (page, key) => page.locator(`[data-testid="statistics-front"] [data-figure="${key}"]`);
/** Waits until a figure is there; gives its words. */
async function shown(page, key) {
  await figure(page, key).waitFor();
  return figure(page, key).textContent();
}
/** Someone who watches. */
async function spectator(link, options) {
  const page = await visitor(chromium, link, options);
  await watch(page, "front");
  return page;
}

test("the panel shows what one may expect of a picture, and the camera hears of its frames", () => scene(async (keep) => {
  const front = await keep(camera(SOURCE, HEARD));
  const page = await keep(spectator(front.link));
  const { sessionId } = await page.talk.message("server", "sessionStarted");
  assert.equal(await page.getByTestId("statistics-front").isVisible(), false);
  await page.getByTestId("figures-front").click();
  assert.equal(await shown(page, "size"), "320 × 180");
  assert.equal(await shown(page, "codec"), "H264");
  const [received, unit] = (await shown(page, "received")).split(" ");
  assert.ok(Number(received) > 0, `${received} ${unit}`);
  assert.match(unit, /^[kM]bit\/s$/);
  const fps = Number(await shown(page, "fps"));
  assert.ok(fps > 10 && fps < 61, `${fps} frames a second`);
  assert.ok(Number(await shown(page, "decoded")) > 0);
  for (const key of ["rtt", "jitter"]) assert.match(await shown(page, key), /^\d+ ms$/);
  assert.match(await shown(page, "freezes"), /^\d/);
  assert.match(await shown(page, "loss"), /^\d+\.\d %$/);
  assert.match(await shown(page, "sent"), /bit\/s$/);
  assert.match(await shown(page, "rung"), /^high, 320/);
  assert.match(await shown(page, "estimate"), /bit\/s$/);

  const line = page.locator('[data-testid="statistics-front"] polyline');
  await page.waitForFunction((element) => element.getAttribute("points").split(" ").length > 2, await line.elementHandle());
  const [, frames] = await front.line(new RegExp(`${sessionId}: seen ([1-9]\\d*) frames, \\d+ freezes`));
  assert.ok(Number(frames) > 0);
  const words = await page.talk.message("server", "sessionStats");
  assert.equal(words.sessionId, sessionId);
  assert.deepEqual(page.problems, []);
}));

test("the panel stays as it was left, and fits a phone", () => scene(async (keep) => {
  const front = await keep(camera(SOURCE));
  const page = await keep(spectator(front.link, { viewport: { width: 390, height: 844 } }));
  const button = page.getByTestId("figures-front");
  assert.equal(await button.getAttribute("aria-expanded"), "false");
  await button.click();
  assert.equal(await button.getAttribute("aria-expanded"), "true");
  await shown(page, "decoded");
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${wide} px too wide`);
  await page.reload();
  await watch(page, "front");
  await shown(page, "decoded");
  await page.getByTestId("figures-front").click();
  await page.getByTestId("statistics-front").waitFor({ state: "hidden" });
  assert.deepEqual(page.problems, []);
}));

test("who sends junk is told so, and nothing else happens", () => scene(async (keep) => {
  const front = await keep(camera(SOURCE, HEARD));
  const page = await keep(spectator(front.link));
  const stranger = await keep(spectator(front.link));
  const [own, other] = await Promise.all([stranger, page].map(async (each) => (await each.talk.message("server", "sessionStarted")).sessionId));
  await page.talk.message("server", "sessionStats");
  /** The codes with which each message is answered, on a connection beside the page's own; "" is none within the time of a list. */
  const codes = await stranger.evaluate(async (messages) => {
    const socket = new WebSocket(new URL("ws", location.href.replace(/^http/, "ws")));
    const codes = [];
    let got;
    const answer = () => new Promise((done) => { got = done; });
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "error") codes.push(message.code);
      if (message.type === "welcome" || message.type === "listConsumers") got?.();
    };
    await answer();
    socket.send(JSON.stringify({ type: "setPeerStatus", roles: ["listener"], meta: null, porthole: { version: 1 } }));
    const all = [];
    for (const message of messages) {
      codes.length = 0;
      socket.send(message);
      // Answered after whatever the message is answered with.
      socket.send(JSON.stringify({ type: "listConsumers" }));
      await answer();
      all.push(codes.join());
    }
    socket.close();
    return all;
  }, [
    { ...GOOD, sessionId: other }, { ...GOOD, sessionId: own }, { ...GOOD, sessionId: "none" },
    { ...GOOD, sessionId: other, freezeSeconds: 1e300 }, { ...GOOD, sessionId: other, frames: "<b>many</b>" },
    { ...GOOD, sessionId: other, frames: -1 }, { ...GOOD, sessionId: [other] }, { type: "viewerStats" },
    { type: "sessionStats", sessionId: other, rung: 0, rungs: 0, width: 1, height: 1, estimate: 1, sent: 1, loss: 0 },
  ].map((message) => JSON.stringify(message)).concat('{"type":"viewerStats","sessionId":"none","frames":1,"freezes":0,"freezeSeconds":NaN}'));
  assert.deepEqual(codes, ["no-such-session", "no-such-session", "no-such-session", "bad-message", "bad-message", "bad-message", "bad-message",
    "bad-message", "no-such-session", "bad-message"]);

  // In a session of its own it may speak: as much as it likes, of which the camera hears next to nothing.
  const from = front.lines.length;
  await stranger.evaluate(async (stats) => {
    const { PortholeClient } = await import("./porthole-client.js");
    let own;
    class Tapped extends WebSocket { constructor(url) { super(url); own = this; } }
    const client = new PortholeClient(undefined, { WebSocket: Tapped });
    client.connect();
    const session = client.watch("front");
    await new Promise((done) => { session.addEventListener("state", () => session.state === "live" && done()); });
    window.flood = { sent: 0, session };
    setInterval(() => {
      for (let n = 0; n < 20; n += 1) own.send(JSON.stringify({ ...stats, frames: 9_000_000 + window.flood.sent++, sessionId: session.sessionId }));
    }, 100);
  }, GOOD);
  const heard = () => front.lines.slice(from).filter((line) => /seen 9\d{6} frames/.test(line)).length;
  for (let next = from; heard() < 3; next = front.lines.length) await front.line(/seen 9\d{6} frames/, { from: next });
  const { sent, state: flooding } = await stranger.evaluate(() => ({ sent: window.flood.sent, state: window.flood.session.state }));
  assert.equal(flooding, "live");
  assert.ok(sent > 30 * heard(), `the camera heard ${heard()} of ${sent}`);
  assert.ok(!front.lines.some((line) => /viewer-left/.test(line)));
  for (const each of [page, stranger]) await state(each, "front", "live");
  assert.deepEqual(page.problems, []);
}));

test("a page before a server that says odd things shows none of them", () => scene(async (keep) => {
  const server = await served();
  await keep({ stop: () => server.close() });
  const page = await keep(person(chromium, server.link, { api: { "GET api/config": CONFIG } }));
  await page.getByTestId("camera-front").click();
  await state(page, "front", "live");
  await page.getByTestId("figures-front").click();
  await shown(page, "decoded");
  await page.waitForFunction(() => window.server.sent.some(({ type }) => type === "viewerStats"), null, { timeout: PATIENCE_MS });
  const told = { type: "sessionStats", sessionId: "s1", rung: 1, rungs: 3, width: 640, height: 360, estimate: 1_200_000, sent: 800_000, loss: 0.01, rtt: 0.02 };
  await say(page, told);
  assert.equal(await shown(page, "rung"), "medium, 640 × 360");
  assert.equal(await shown(page, "estimate"), "1.20 Mbit/s");
  for (const odd of [{ rung: "<img src=x>" }, { rungs: 1e300 }, { loss: "1" }, { sessionId: "s2", rung: 2 }]) await say(page, { ...told, ...odd });
  await say(page, { ...told, width: "<img src=x>", estimate: -1 });
  await figure(page, "rung").filter({ hasText: /^medium$/ }).waitFor();
  assert.equal(await figure(page, "estimate").count(), 0);
  assert.equal(await page.locator("main img:not(#sign-in .qr)").count(), 0);
  assert.equal((await said(page, "viewerStats")).at(-1).sessionId, "s1");
  assert.deepEqual(page.problems, []);
}));
