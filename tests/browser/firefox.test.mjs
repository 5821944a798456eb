// SPDX-License-Identifier: MPL-2.0
// Debian's Firefox watches as well. It has H.264 for WebRTC only with a plugin that it downloads from elsewhere, or by hardware; a
// profile without either takes VP8. One that is told that there is hardware decodes it by FFmpeg's library.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeRobot } from "./fake-robot.mjs";
import { served } from "./fake.mjs";
import { Firefox } from "./firefox.mjs";
import { camera, PATIENCE_MS, scene } from "./lib.mjs";

const FRAMES = 30;
/** Silence has none; a tick a second of the test camera has about so much in half of a second. */
const SOUND = 0.05;

/** Firefox believes that this machine decodes H.264: `1` is the status of a feature that works. */
const H264 = {
  "media.webrtc.hw.h264.enabled": true, "gfx.blacklist.webrtc.hw.acceleration.h264": 1,
  "gfx.blacklist.webrtc.hw.acceleration.decode": 1, "gfx.blacklist.webrtc.hw.acceleration.encode": 1,
};
/** H.264 of the High profile, which no Firefox lists. */
const HIGH = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=360,framerate=30/1 ! x264enc tune=zerolatency dct8x8=true ! video/x-h264,profile=high ! h264parse ! portholesink listen=127.0.0.1:0 camera-name=front";

/** Has the page, which is there already, keep its peer connections where the tests look for them. */
const keepPeers = (firefox) => firefox.evaluate(() => {
  window.peers = [];
  const connections = window.RTCPeerConnection.prototype;
  const native = connections.setRemoteDescription;
  connections.setRemoteDescription = function (...args) {
    window.peers.push(this);
    return native.apply(this, args);
  };
});

/** The next frames that are presented: how many of them differ, and their size. */
const presented = (firefox, count) => firefox.evaluate((count, patience) => new Promise((done, fail) => {
  const video = document.querySelector('[data-testid="video-front"]');
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 36 });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const pictures = new Set();
  let seen = 0;
  const look = (_, { width, height }) => {
    seen += 1;
    context.drawImage(video, 0, 0, 64, 36);
    pictures.add(context.getImageData(0, 0, 64, 36).data.join());
    if (seen === count) done({ pictures: pictures.size, width, height });
    else video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  setTimeout(() => fail(new Error(`${seen} of ${count} frames came`)), patience - 1_000);
}), count, PATIENCE_MS);

/** What comes in of one kind, by the browser's statistics. */
const inbound = (firefox, kind) => firefox.evaluate(async (kind) => {
  const stats = await window.peers.at(-1).getStats();
  const { framesDecoded, packetsReceived, codecId } = [...stats.values()].find((report) => report.type === "inbound-rtp" && report.kind === kind);
  return { framesDecoded, packetsReceived, codec: stats.get(codecId)?.mimeType };
}, kind);

/**
 * Waits until the sound that was decoded held as much energy (RTCInboundRtpStreamStats' `totalAudioEnergy`). An AudioContext
 * would need a sound card here: without one, Firefox leaves it suspended.
 */
const heard = (firefox, energy) => firefox.evaluate((energy, patience) => new Promise((done, fail) => {
  const until = Date.now() + patience - 1_000;
  const look = async () => {
    const stats = [...(await window.peers.at(-1).getStats()).values()];
    const { totalAudioEnergy } = stats.find(({ type, kind }) => type === "inbound-rtp" && kind === "audio") ?? {};
    if (totalAudioEnergy >= energy) done();
    else if (Date.now() > until) fail(new Error(`it is silent: ${totalAudioEnergy}`));
    else requestAnimationFrame(look);
  };
  look();
}), energy, PATIENCE_MS);

/** Has the camera's picture: to who came by a link to it alone it comes by itself. */
const opened = (firefox) => firefox.evaluate(() => new Promise((done) => {
  const look = () => {
    if (document.querySelector('[data-testid="state-front"]')) return done();
    document.querySelector('[data-testid="camera-front"]')?.click();
    return requestAnimationFrame(look);
  };
  look();
}));

test("Firefox shows a picture that moves, in VP8, and lets one hear the sound", () => scene(async (keep) => {
  const front = await keep(camera("portholesrc name=cam camera=test ! portholesink name=out listen=127.0.0.1:0 camera-name=front cam.audio ! out.audio"));
  const firefox = await keep(Firefox.start());
  await firefox.goto(front.link);
  await keepPeers(firefox);
  await opened(firefox);
  await firefox.find('[data-testid="state-front"][data-state="live"]');
  const seen = await presented(firefox, FRAMES);
  assert.ok(seen.pictures > FRAMES / 2, `the picture stands still: ${JSON.stringify(seen)}`);
  assert.deepEqual([seen.width, seen.height], [1280, 720]);
  const video = await inbound(firefox, "video");
  assert.equal(video.codec, "video/VP8");
  assert.ok(video.framesDecoded >= FRAMES, JSON.stringify(video));
  await heard(firefox, SOUND);
  assert.equal((await inbound(firefox, "audio")).codec, "audio/opus");
}));

test("Firefox shows H.264 of the High profile as it comes in", () => scene(async (keep) => {
  const front = await keep(camera(HIGH));
  const firefox = await keep(Firefox.start(H264));
  await firefox.goto(front.link);
  await keepPeers(firefox);
  await opened(firefox);
  await firefox.find('[data-testid="state-front"][data-state="live"]');
  const seen = await presented(firefox, FRAMES);
  assert.ok(seen.pictures > FRAMES / 2, `the picture stands still: ${JSON.stringify(seen)}`);
  assert.deepEqual([seen.width, seen.height], [640, 360]);
  assert.equal((await inbound(firefox, "video")).codec, "video/H264");
}));

test("a Firefox without H.264 is told that it cannot play what comes in encoded, and the operator that it cannot", () => scene(async (keep) => {
  const front = await keep(camera(HIGH));
  const firefox = await keep(Firefox.start());
  await firefox.goto(front.link);
  await opened(firefox);
  await firefox.find('[data-testid="state-front"][data-state="refused"][data-code="offer-refused"]');
  await front.line(/WARNING.*rejects the picture.*Offered was H264 \(6400..,/);
}));

/** Waits until it is so in the page. */
const until = (firefox, look) => firefox.evaluate(`(patience) => new Promise((done, fail) => {
  const end = Date.now() + patience;
  const again = async () => {
    if (await (${look})()) done(true);
    else if (Date.now() > end) fail(new Error(\`not so: \${document.body.innerText} \${JSON.stringify(window.robot.heard.slice(-3))}\`));
    else requestAnimationFrame(again);
  };
  again();
})`, PATIENCE_MS - 1_000);

test("in Firefox one hears a robot's programs, drives it and talks through it", () => scene(async (keep) => {
  const server = await keep(await served(fakeRobot));
  const firefox = await keep(Firefox.start());
  await firefox.goto(`${server.link}#camera=front`);
  await firefox.find('[data-testid="service-battery"]');
  await firefox.evaluate(() => { window.robot.say("text", "87", 1); window.robot.bytes(60_000, 4); });
  await until(firefox, () => document.querySelector('[data-testid="service-battery"]').innerText.includes("87"));
  await until(firefox, () => document.querySelector('[data-testid="service-map"]').innerText.includes("58.6 KiB"));

  await firefox.click('[data-testid="wheel-front"]');
  await firefox.find('[data-testid="pad-front"]');
  const key = (type) => firefox.evaluate((type) => { document.dispatchEvent(new KeyboardEvent(type, { code: "ArrowUp", bubbles: true, cancelable: true })); }, type);
  await key("keydown");
  await until(firefox, () => window.robot.commands().at(-1)?.y === 1 && window.robot.count("alive") > 2);
  await key("keyup");
  await until(firefox, () => window.robot.commands().at(-1)?.y === 0);

  const hold = (type) => firefox.evaluate((type) => {
    document.querySelector('[data-testid="hold-front"]').dispatchEvent(new PointerEvent(type, { pointerId: 1, button: 0, bubbles: true }));
  }, type);
  await hold("pointerdown");
  await until(firefox, async () => await window.robot.packets() > 50);
  await hold("pointerup");
  await until(firefox, () => document.querySelector('[data-testid="hold-front"]').getAttribute("aria-pressed") === "false");
  // No packet in half a second: a microphone that is on sends fifty a second.
  await until(firefox, async () => {
    const before = await window.robot.packets();
    await new Promise((done) => { setTimeout(done, 500); });
    return await window.robot.packets() === before;
  });
}));
