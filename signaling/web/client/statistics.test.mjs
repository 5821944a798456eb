// SPDX-License-Identifier: MPL-2.0
// Counters become figures, words and a line; the client tells the camera and hears it. Time, network and media are fakes.
import test from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { CAMERA_STALE_MS, Figures, HISTORY_MS, readCamera } from "./statistics.js";
import { World } from "./world.mjs";

/** A report of `getStats`, as Chromium makes it, but for what `change` says. */
const report = (change = {}, more = []) => new Map([
  ["V", { id: "V", type: "inbound-rtp", kind: "video", codecId: "C", bytesReceived: 0, packetsReceived: 0, packetsLost: 0, framesDecoded: 0,
    framesDropped: 0, freezeCount: 0, totalFreezesDuration: 0, frameWidth: 1280, frameHeight: 720, jitter: 0.004, ...change }],
  ["C", { id: "C", type: "codec", mimeType: "video/VP8" }],
  ...more.map((entry) => [entry.id, entry]),
]);
const TOLD = { rung: 1, rungs: 3, width: 640, height: 360, estimate: 1_200_000, sent: 800_000, loss: 0.01, rtt: 0.02 };

// -- figures ------------------------------------------------------------------------------------

test("what happened between two reports is told by the second", () => {
  const figures = new Figures();
  assert.equal(figures.at(0), null);
  figures.read(report(), 0);
  const first = figures.at(0);
  assert.deepEqual([first.fps, first.received, first.loss, first.history], [null, null, null, []]);
  figures.read(report({ bytesReceived: 500_000, packetsReceived: 450, packetsLost: 50, framesDecoded: 60, freezeCount: 2, totalFreezesDuration: 1.25 }), 2_000);
  const stats = figures.at(2_000);
  assert.deepEqual([stats.fps, stats.received, stats.loss], [30, 2_000_000, 0.1]);
  assert.deepEqual([stats.width, stats.height, stats.codec, stats.jitter, stats.decoded], [1280, 720, "VP8", 0.004, 60]);
  assert.deepEqual(stats.history, [{ at: 2_000, received: 2_000_000 }]);
  assert.deepEqual(figures.forCamera, { frames: 60, freezes: 2, freezeSeconds: 1.25 });
});

test("sound counts in the bitrate, and the browser's own time in the rates", () => {
  const sound = (bytesReceived) => [{ id: "A", type: "inbound-rtp", kind: "audio", bytesReceived }];
  const figures = new Figures();
  figures.read(report({ timestamp: 1_000 }, sound(0)), 0);
  figures.read(report({ timestamp: 2_000, bytesReceived: 1_000, framesDecoded: 20 }, sound(250)), 5_000);
  assert.deepEqual([figures.at(5_000).received, figures.at(5_000).fps], [10_000, 20]);
});

test("the round trip is that of the pair of candidates in use", () => {
  const pairs = [
    { id: "P1", type: "candidate-pair", state: "succeeded", nominated: true, currentRoundTripTime: 0.9 },
    { id: "P2", type: "candidate-pair", state: "succeeded", nominated: true, currentRoundTripTime: 0.03 },
  ];
  const figures = new Figures();
  figures.read(report({}, pairs), 0);
  assert.equal(figures.at(0).rtt, 0.9);
  figures.read(report({}, [...pairs, { id: "T", type: "transport", selectedCandidatePairId: "P2" }]), 0);
  assert.equal(figures.at(0).rtt, 0.03);
});

test("counters that stand still, go back or are not there make no odd figures", () => {
  const figures = new Figures();
  figures.read(report({ bytesReceived: 100, packetsLost: 9, framesDecoded: 9 }), 0);
  figures.read(report({ bytesReceived: 50, packetsLost: 3, framesDecoded: 3 }), 1_000);
  assert.deepEqual([figures.at(1_000).fps, figures.at(1_000).received, figures.at(1_000).loss], [0, 0, null]);
  figures.read(report({ bytesReceived: 50, framesDecoded: 3 }), 1_000);
  assert.equal(figures.at(1_000).received, null, "two at the same moment");
  figures.read(new Map(), 2_000);
  assert.deepEqual(figures.forCamera, { frames: 0, freezes: 0, freezeSeconds: 0 });
  const { fps, received, decoded, loss, rtt, dropped, freezes } = figures.at(2_000);
  assert.deepEqual([fps, received, decoded, loss, rtt, dropped, freezes].map((each) => each === null), [false, false, false, true, true, true, true]);
});

test("what the camera is told fits, whatever the browser counts", () => {
  const figures = new Figures();
  figures.read(report({ framesDecoded: 1e15, freezeCount: 1.5, totalFreezesDuration: 1e300 }), 0);
  assert.deepEqual(figures.forCamera, { frames: 2 ** 32 - 1, freezes: 1, freezeSeconds: 366 * 86_400 });
  figures.read(report({ framesDecoded: -1, freezeCount: Infinity, totalFreezesDuration: NaN }), 0);
  assert.deepEqual(figures.forCamera, { frames: 0, freezes: 0, freezeSeconds: 0 });
});

test("the history is of the last minute, and bounded", () => {
  const figures = new Figures();
  for (let n = 0; n <= 60; n += 1) figures.read(report({ bytesReceived: n * 1_000 }), n * 2_000);
  const { history } = figures.at(120_000);
  assert.equal(history.length, HISTORY_MS / 2_000);
  assert.equal(history.at(-1).at, 120_000);
  for (let n = 1; n <= 1_000; n += 1) figures.read(report({ bytesReceived: n * 1e6 }), 120_000 + n);
  assert.ok(figures.at(121_000).history.length <= 64);
});

// -- the camera's word ----------------------------------------------------------------------------

test("the camera's word is read, and what it does not know is not known", () => {
  assert.deepEqual(readCamera(TOLD), TOLD);
  const none = { rung: 0, rungs: 0, width: 0, height: 0, estimate: 0, sent: 0, loss: 0 };
  assert.deepEqual(readCamera(none), { rung: null, rungs: null, width: null, height: null, estimate: null, sent: null, loss: 0, rtt: null });
});

test("a word that makes no sense changes nothing", () => {
  const figures = new Figures();
  figures.read(report(), 0);
  figures.hear(TOLD, 0);
  for (const bad of [undefined, null, 7, "x", {}, { ...TOLD, rung: 3 }, { ...TOLD, rungs: "3" }, { ...TOLD, rung: -1 }, { ...TOLD, rungs: 1e9, rung: 1e8 },
    { ...TOLD, loss: 1.5 }, { ...TOLD, loss: NaN }]) figures.hear(bad, 0);
  assert.deepEqual(figures.at(0).camera, TOLD);
  figures.hear({ ...TOLD, width: "<b>", estimate: 1e300, rtt: -1 }, 0);
  const { width, estimate, rtt } = figures.at(0).camera;
  assert.deepEqual([width, estimate, rtt], [null, null, null]);
});

test("what the camera said long ago is not shown any more", () => {
  const figures = new Figures();
  figures.read(report(), 0);
  figures.hear(TOLD, 0);
  assert.equal(figures.at(CAMERA_STALE_MS).camera.rung, 1);
  assert.equal(figures.at(CAMERA_STALE_MS + 1).camera, null);
});

test("the server's bounds are the page's", () => {
  const limits = readFileSync(new URL("../../protocol/src/limits.rs", import.meta.url), "utf8");
  const source = readFileSync(new URL("./statistics.js", import.meta.url), "utf8");
  const [, rungs] = limits.match(/MAX_RUNGS: u32 = (\d+);/);
  const [, side] = limits.match(/MAX_PICTURE_SIDE: u32 = ([\d_]+);/);
  assert.match(source, new RegExp(`MAX_RUNGS = ${rungs}, MAX_SIDE = ${side}, MAX_SECONDS = 366 \\* 86_400`));
  assert.match(limits, /MAX_STATS_SECONDS: f64 = 366\.0 \* 86_400\.0;/);
});

// -- the client ---------------------------------------------------------------------------------

test("a page that shows a picture tells the camera every two seconds, and hears it", async () => {
  const world = new World();
  const session = await world.live();
  assert.equal(session.statistics()?.camera ?? null, null);
  let events = 0;
  session.addEventListener("statistics", () => { events += 1; });
  await world.play(20_000);
  const sent = world.sent("viewerStats");
  assert.ok(sent.length >= 9 && sent.length <= 11, `${sent.length}`);
  assert.equal(sent.at(-1).sessionId, "s1");
  assert.ok(sent.at(-1).frames > sent.at(-2).frames);
  assert.ok(events >= sent.length - 1, "the first was told before anyone could listen");
  await world.say({ type: "sessionStats", sessionId: "s1", ...TOLD });
  assert.deepEqual(session.statistics().camera, TOLD);
  await world.say({ type: "sessionStats", sessionId: "another", ...TOLD, sent: 1 });
  assert.equal(session.statistics().camera.sent, TOLD.sent);
});

test("a hidden page, and one without its server, tell nothing, neither now nor later", async () => {
  let hidden = true;
  const world = new World({ hidden: () => hidden });
  const session = await world.live();
  await world.play(10_000);
  assert.equal(world.sent("viewerStats").length, 0);
  assert.ok(session.statistics().decoded > 0, "they are counted all the same");
  hidden = false;
  await world.play(4_000);
  assert.ok(world.sent("viewerStats").length > 0);
  world.drop();
  world.down = true;
  await world.play(10_000);
  world.down = false;
  await world.play(2_000);
  await world.say({ type: "welcome", peerId: "me" });
  await world.say({ type: "sessionResumed", sessionId: "s1", peerId: "front", terms: { lease: 600, perms: ["view"] } });
  assert.equal(world.sent("viewerStats").length, 0, "what was counted meanwhile is not made up for");
  await world.play(2_000);
  assert.equal(world.sent("viewerStats").length, 1);
});

test("with the picture its statistics end, and the next one begins with none", async () => {
  const world = new World();
  const session = await world.live();
  await world.play(10_000);
  await world.say({ type: "sessionStats", sessionId: "s1", ...TOLD });
  session.close();
  assert.equal(session.statistics(), null);
  const { length } = world.sent("viewerStats");
  await world.play(10_000);
  assert.equal(world.sent("viewerStats").length, length);
});
