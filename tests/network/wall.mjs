// SPDX-License-Identifier: MPL-2.0
// Nine cameras on one wall, over one link. Skipped where there can be no network namespaces.
// Not one of the suite's: nine encoders and nine decoders are a machine's work, and what starves is to starve on the link.
// `scripts/soak wall` on a machine that does nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PATIENCE_MS, Server, browser, launch, scene, visitor } from "../browser/lib.mjs";
import { Network, refusal } from "./links.mjs";

const skip = refusal() ?? false;
const TILES = 9, FPS = 15;
const LINK = "3mbit", LINK_BPS = 3_000_000;
/** 640x360 at 600 kbit/s, and 320x180 at 180: what `renditions=auto` makes of the picture below. */
const SMALL_BPS = 180_000;
const PICTURE = `videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=360,framerate=${FPS}/1 ! tee name=pictures`;
/** Nine estimates that share one link find their places in that time. */
const SETTLE_MS = 25_000;
const WINDOW_MS = 15_000;
/** A picture with fewer frames is no picture. Of five a second it goes on, of none it starves. */
const LEAST_FPS = 5;
/** Sound, reports and headers come on top of what the encoders make. */
const OVERHEAD = 1.35;

/** A server and nine cameras in the network's own namespace, and a person behind the link with the wall open. */
async function wall(keep, viewport) {
  const network = await keep(new Network());
  const link = network.link("wall");
  link.narrow(LINK);
  const server = await keep(Server.start({ within: network.camera.within, host: "0.0.0.0" }));
  const keys = [server.key];
  for (let n = 1; n < TILES; n += 1) keys.push(await server.run("camera", "add", `Camera ${n}`, "--url", server.url));
  await server.reload();
  const sinks = keys.map((key, n) => `pictures. ! queue leaky=downstream max-size-buffers=2 ! portholesink name=sink${n} camera-key=${key}`);
  const cameras = await keep(launch(`${PICTURE} ${sinks.join(" ")}`, {}, network.camera.within));
  for (let n = 0; n < TILES; n += 1) await cameras.line(new RegExp(`"?sink${n}"?.*porthole/server, state=\\(string\\)online`));
  const chromium = await keep(browser({}, link.chromium));
  const address = server.link.replace("127.0.0.1", link.camera);
  const page = await visitor(chromium, `${address}&wall`, { viewport });
  await page.getByTestId("layout-9").click();
  await page.waitForFunction((count) => document.querySelectorAll('.tile[data-state="live"]').length === count, TILES, { timeout: 2 * PATIENCE_MS });
  return { page, link };
}

/** What each peer connection has received so far. */
const counted = (page) => page.evaluate(async () => {
  const open = window.peers.filter(({ connectionState }) => connectionState === "connected");
  const each = await Promise.all(open.map(async (peer) => [...(await peer.getStats()).values()].find(({ type, kind }) => type === "inbound-rtp" && kind === "video")));
  return { at: Date.now(), pictures: each.filter(Boolean).map(({ framesDecoded, bytesReceived, frameWidth }) => ({ frames: framesDecoded, bytes: bytesReceived, width: frameWidth })) };
});

const passes = (page, ms) => page.evaluate((ms) => new Promise((done) => { setTimeout(done, ms); }), ms);

/** Frames and bits a second of each picture, and the bits of all on the link, in the time from now on. */
async function measured(page, link, ms) {
  const [before, bytes] = [await counted(page), link.received];
  await passes(page, ms);
  const [after, all] = [await counted(page), link.received];
  const seconds = (after.at - before.at) / 1_000;
  const pictures = after.pictures.map(({ frames, bytes, width }, n) => ({
    fps: (frames - before.pictures[n].frames) / seconds, bps: (8 * (bytes - before.pictures[n].bytes)) / seconds, width,
  }));
  return { pictures, all: (8 * (all - bytes)) / seconds };
}

const started = (page) => page.talk.count("page", "startSession");

test("nine small tiles over 3 Mbit/s are each on the small rung and cost what small pictures cost, and one is made large without another connection", { skip }, () => scene(async (keep) => {
  const { page, link } = await wall(keep, { width: 960, height: 640 });
  await passes(page, SETTLE_MS);
  const { pictures, all } = await measured(page, link, WINDOW_MS);
  const told = JSON.stringify({ pictures, all });
  assert.equal(pictures.length, TILES, told);
  for (const { fps, bps, width } of pictures) {
    assert.equal(width, 320, told);
    assert.ok(fps > 0.8 * FPS, `starves: ${told}`);
    assert.ok(bps < SMALL_BPS * OVERHEAD, `costs more than a small picture: ${told}`);
  }
  assert.ok(all < TILES * SMALL_BPS * OVERHEAD, told);

  const before = started(page);
  const tile = page.locator(".tile").first();
  await tile.locator(".cover").click();
  await page.waitForFunction(() => document.querySelector(".tile[data-large] video").videoWidth === 640, null, { timeout: PATIENCE_MS });
  await passes(page, WINDOW_MS);
  const large = await measured(page, link, WINDOW_MS);
  const words = JSON.stringify(large);
  assert.equal(started(page), before, "no other connection");
  assert.equal(large.pictures.length, 1, `the others have stopped: ${words}`);
  assert.ok(large.pictures[0].fps > 0.8 * FPS, words);
  assert.ok(large.pictures[0].bps > 1.5 * Math.max(...pictures.map(({ bps }) => bps)), `beside a small one: ${words} ${told}`);
}, 240_000));

test("nine tiles that would have use for more than 3 Mbit/s share them, and none starves", { skip }, () => scene(async (keep) => {
  const { page, link } = await wall(keep, { width: 1600, height: 1000 });
  await passes(page, SETTLE_MS);
  const { pictures, all } = await measured(page, link, WINDOW_MS);
  const told = JSON.stringify({ pictures, all });
  assert.equal(pictures.length, TILES, told);
  assert.ok(all <= LINK_BPS * 1.02, told);
  for (const { fps } of pictures) assert.ok(fps > LEAST_FPS, `starves: ${told}`);
}, 240_000));
