// SPDX-License-Identifier: MPL-2.0
// Sessions in a real browser: what a restarted server, a changed configuration and a hostile viewer do to a picture.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { audioPackets, browser, END_MS, enrolled, frames, GAP_MS, loudness, scene, Server, state, Stock, visitor, watch, opened } from "./lib.mjs";
import { lastPacket, longestGap, longestOutOfLive, presented, record, recorded } from "./record.mjs";

/** Small: many run here at once, and it is not the encoder that is tested. */
const SOURCE = "portholesrc name=cam camera=test idle-timeout=0 ! videoscale ! video/x-raw,width=320,height=180";
const CAMERA = `${SOURCE} ! portholesink`;
const WITH_SOUND = `${SOURCE} ! portholesink name=out cam.audio ! out.audio`;

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

/** Someone who watches, with a record of it; `session` is the session's id. */
async function spectator(link, options) {
  const page = await visitor(chromium, link, options);
  await watch(page, "front");
  await record(page, "front");
  await presented(page, 10);
  page.session = (await page.talk.message("server", "sessionStarted")).sessionId;
  return page;
}

/** Whole numbers below `n`, the same ones again for the same seed. */
function numbers(seed) {
  let x = seed >>> 0 || 1;
  return (n) => {
    x ^= x << 13; x >>>= 0; x ^= x >>> 17; x ^= x << 5; x >>>= 0;
    return x % n;
  };
}

const left = (camera, who) => camera.line(new RegExp(`porthole/viewer-left.*${who}.*reason=\\(string\\)([\\w-]+)`));

/** The picture of `page` has gone on without a break, in the one session it began with. */
async function wentOn(page) {
  await presented(page, 5);
  const gap = await longestGap(page);
  assert.ok(gap < GAP_MS, `${gap} ms without a new frame`);
  assert.equal(page.talk.count("page", "startSession"), 1);
  await state(page, "front", "live");
}

test("a server killed again and again leaves no gap in the picture, and is its master after", (t) => scene(async (keep) => {
  const seed = Number(process.env.PORTHOLE_SEED ?? Date.now() % 1_000_000);
  t.diagnostic(`PORTHOLE_SEED=${seed}`);
  const below = numbers(seed);
  const server = await keep(Server.start());
  const front = await keep(enrolled(server, CAMERA));
  const page = await spectator(server.link);
  for (let round = 0; round < 4; round++) {
    await presented(page, below(40));
    await server.kill();
    await presented(page, below(80));
    if (round % 2) {
      // It dies once more, before all or any are back.
      await server.serve();
      await presented(page, below(30));
      await server.kill();
    }
    const from = page.talk.messages.length;
    await server.serve();
    const back = performance.now();
    await server.program.line(/connected .*camera="?front/);
    const camera = performance.now() - back;
    assert.ok(camera < 10_000, `the camera was back after ${camera} ms`);
    assert.equal((await page.talk.message("server", "sessionResumed", from)).sessionId, page.session);
  }
  await wentOn(page);
  const away = await longestOutOfLive(page);
  assert.ok(away < 15_000, `the page did not say live for ${away} ms`);
  assert.ok(!front.lines.some((line) => /porthole\/viewer-left/.test(line)));

  await server.run("viewer", "remove", "alice");
  await server.reload();
  assert.equal((await state(page, "front", "refused")).code, "revoked");
  assert.equal((await left(front, page.session))[1], "revoked");
}));

test("who is removed while the server is down is out when it is back, and nobody else", () => scene(async (keep) => {
  const server = await keep(Server.start({ bob: [] }));
  const front = await keep(enrolled(server, CAMERA));
  const [alice, bob] = [await spectator(server.link), await spectator(server.bob)];
  await server.kill();
  await server.run("viewer", "remove", "alice");
  await presented(alice, 25);
  assert.equal((await recorded(alice)).states.at(-1).state, "live", "as long as the server is away the picture goes on");
  const from = bob.talk.messages.length;
  await server.serve();
  const back = performance.now();
  assert.equal((await left(front, alice.session))[1], "revoked");
  assert.equal((await state(alice, "front", "refused")).code, "revoked");
  const seconds = (performance.now() - back) / 1000;
  assert.ok(seconds < 20, `out after ${seconds} s`);
  assert.equal((await bob.talk.message("server", "sessionResumed", from)).sessionId, bob.session);
  await wentOn(bob);
}));

test("viewer remove and SIGHUP stop the media within a second, also for a page that clings to it", () => scene(async (keep) => {
  const server = await keep(Server.start({ bob: [] }));
  const front = await keep(enrolled(server, WITH_SOUND));
  const [alice, bob] = [await spectator(server.link, { clings: true }), await spectator(server.bob)];
  await server.run("viewer", "remove", "alice");
  const at = await server.reload();
  assert.equal((await state(alice, "front", "refused")).code, "revoked");
  assert.equal((await left(front, alice.session))[1], "revoked");
  for (const kind of ["video", "audio"]) {
    const ms = (await lastPacket(alice, kind)) - at;
    assert.ok(ms < END_MS, `${kind} came ${ms} ms after the signal`);
  }
  const last = (await recorded(alice)).frames.at(-1) - at;
  assert.ok(last < END_MS, `a frame was shown ${last} ms after the signal`);
  assert.equal(alice.talk.count("page", "startSession"), 1);
  await wentOn(bob);
}));

test("listen is given and taken by SIGHUP, and the picture goes on", () => scene(async (keep) => {
  const server = await keep(Server.start({ viewer: ["--perms", "view"] }));
  await keep(enrolled(server, WITH_SOUND));
  const page = await spectator(server.link);
  const sound = page.getByTestId("sound-front");
  await presented(page, 40);
  assert.equal(await audioPackets(page), 0);
  assert.equal(await sound.isVisible(), false);

  server.edit("alice", "perms", ["view", "listen"]);
  await server.reload();
  await sound.waitFor();
  assert.ok((await loudness(page, "front", 0.05)) > 0.05);

  server.edit("alice", "perms", ["view"]);
  const at = await server.reload();
  await sound.waitFor({ state: "hidden" });
  const ms = (await lastPacket(page, "audio")) - at;
  assert.ok(ms < END_MS, `sound came ${ms} ms after the signal`);
  assert.deepEqual((await recorded(page)).notices, ["You may listen now.", "You may no longer listen."]);
  await wentOn(page);
}));

test("a lease shortened by SIGHUP is announced, ends on time, and is not asked for again", () => scene(async (keep) => {
  const LEASE_S = 5;
  const server = await keep(Server.start());
  const front = await keep(enrolled(server, CAMERA));
  const page = await spectator(server.link, { clings: true });
  assert.equal(await page.getByTestId("left-front").isVisible(), false);
  server.edit("alice", "lease", LEASE_S);
  const at = await server.reload();
  await page.getByTestId("warning-front").filter({ hasText: /two minutes/ }).waitFor();
  assert.match(await page.getByTestId("left-front").textContent(), /^0:0[3-5] left$/);
  assert.equal((await left(front, page.session))[1], "lease-ended");
  assert.equal((await state(page, "front", "ended")).code, "lease-ended");
  const seconds = ((await lastPacket(page, "video")) - at) / 1000;
  assert.ok(Math.abs(seconds - LEASE_S) < 1, `ended after ${seconds} s of ${LEASE_S}`);
  // The page had time to ask again: `lastPacket` waits for longer than a page does before it tries once more.
  await front.line(/porthole\/camera, state=\(string\)closed/);
  assert.equal(page.talk.count("page", "startSession"), 1);
  await state(page, "front", "ended");
}));

test("a page loaded again while the server is down is not kept out by its own ghost", () => scene(async (keep) => {
  const server = await keep(Server.start({ bob: [] }));
  const front = await keep(enrolled(server, `${CAMERA} max-viewers=1`));
  const page = await spectator(server.link);
  const bob = await visitor(chromium, server.bob);
  await opened(bob, "front");
  assert.equal((await state(bob, "front", "refused")).code, "camera-full", "there is one place");
  await bob.context().close();
  await server.kill();
  await page.reload();
  await page.locator("main").filter({ hasText: "The server cannot be reached from here" }).waitFor();
  await server.serve();
  await server.program.line(/connected .*camera="?front/);
  const back = performance.now();
  await page.reload();
  // The cookie was the old server's: the page asks for the token again.
  await page.getByTestId("token-input").fill(server.token);
  await page.getByTestId("token-input").press("Enter");
  await watch(page, "front");
  const seconds = (performance.now() - back) / 1000;
  assert.ok(seconds < 20, `a picture after ${seconds} s`);
  assert.ok((await frames(page, "front", 1_000)).count > 5);
  assert.match((await left(front, page.session))[1], /^(viewer-left|media-failed)$/);
}));

/**
 * A client of its own inside the page, with the page's cookie. It answers the camera's offer with what `spoil` makes
 * of its answer; gives how the camera took that: the state of its connection, or the reason of the end.
 */
const intrude = (page, spoil) => page.evaluate(async (spoil) => {
  const socket = (window.intruder = new WebSocket(`ws://${location.host}/ws`));
  const say = (message) => socket.send(JSON.stringify(message));
  const peer = new RTCPeerConnection();
  return new Promise((done) => {
    let sessionId;
    peer.onconnectionstatechange = () => { if (peer.connectionState === "connected") done("connected"); };
    peer.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate) say({ type: "peer", sessionId, ice: { candidate: candidate.candidate, sdpMLineIndex: candidate.sdpMLineIndex } });
    };
    socket.onclose = () => done("closed");
    socket.onmessage = async ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "welcome") {
        say({ type: "setPeerStatus", roles: ["listener"], meta: null, porthole: { version: 1 } });
        say({ type: "startSession", peerId: "front" });
      } else if (message.type === "sessionStarted") {
        ({ sessionId } = message);
      } else if (message.type === "endSession") {
        done(message.reason);
      } else if (message.sdp) {
        await peer.setRemoteDescription(message.sdp);
        await peer.setLocalDescription(await peer.createAnswer());
        const { sdp } = peer.localDescription;
        say({ type: "peer", sessionId, sdp: { type: "answer", sdp: spoil ? sdp.replace(new RegExp(spoil, "gm"), "") : sdp } });
      } else if (message.ice) {
        peer.addIceCandidate(message.ice).catch(() => {});
      }
    };
  }).finally(() => { if (spoil) peer.close(); });
}, spoil);

/** Says something on a new connection with the page's cookie; gives the answer, as its type and code or reason. */
const utter = (page, message) => page.evaluate((message) => new Promise((done) => {
  const socket = new WebSocket(`ws://${location.host}/ws`);
  socket.onclose = ({ code, reason }) => done(`closed ${code} ${reason}`.trim());
  socket.onmessage = ({ data }) => {
    const { type, code, reason } = JSON.parse(data);
    if (type === "welcome") {
      socket.send(JSON.stringify({ type: "setPeerStatus", roles: ["listener"], meta: null, porthole: { version: 1 } }));
      socket.send(JSON.stringify(message));
    } else if (["error", "endSession", "sessionResumed"].includes(type)) {
      done(`${type} ${code ?? reason ?? ""}`.trim());
      socket.close();
    }
  };
}), message);

test("a viewer who says hostile things does not disturb another one's picture", () => scene(async (keep) => {
  const server = await keep(Server.start({ bob: [] }));
  const front = await keep(enrolled(server, CAMERA));
  const bob = await spectator(server.bob);
  const mallory = await visitor(chromium, server.link);
  await mallory.getByTestId("camera-front").waitFor({ state: "attached" });

  assert.equal(await intrude(mallory, null), "connected", "the intruder speaks the protocol");
  assert.equal(await intrude(mallory, "^a=rtpmap:.*\\r\\n"), "bad-description");
  assert.equal(await intrude(mallory, "^a=ice-ufrag:.*\\r\\n"), "bad-description");
  assert.equal(await intrude(mallory, "^m=video [^]*"), "bad-description");

  const bare = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n";
  assert.equal(await utter(mallory, { type: "startSession", peerId: "front", offer: bare }), "endSession bad-description");

  // Another one's session: with a proof of one's own, and with the right one under the wrong name.
  const { secret } = await mallory.talk.message("server", "sessionStarted");
  assert.equal(await utter(mallory, { type: "endSession", sessionId: bob.session }), "error no-such-session");
  assert.equal(await utter(mallory, { type: "peer", sessionId: bob.session, ice: { candidate: "", sdpMLineIndex: 0 } }), "error no-such-session");
  assert.equal(await utter(mallory, { type: "resumeSession", peerId: "front", sessionId: bob.session, secret }), "endSession no-such-session");
  const stolen = await bob.talk.message("server", "sessionStarted");
  assert.equal(await utter(mallory, { type: "resumeSession", peerId: "front", sessionId: bob.session, secret: stolen.secret }), "endSession no-such-session");

  const offer = (size) => ({ type: "startSession", peerId: "front", offer: "v=0\r\n".padEnd(size, "a") });
  assert.equal(await utter(mallory, offer(65_300)), "error too-large");
  assert.match(await utter(mallory, offer(65_600)), /^closed/, "no message is larger than 64 KiB");
  const flooded = await mallory.evaluate(() => {
    const text = JSON.stringify({ type: "peer", sessionId: "x", sdp: { type: "answer", sdp: "a".repeat(60 * 1024) } });
    for (let i = 0; i < 200; i++) window.intruder.send(text);
    return window.intruder.bufferedAmount;
  });
  assert.ok(flooded > 10_000_000, `${flooded} bytes were to be sent`);
  await presented(bob, 75);
  await wentOn(bob);
  assert.ok(!front.lines.some((line) => new RegExp(`viewer-left.*${bob.session}`).test(line)));
  assert.equal(front.process.exitCode, null);
}));

test("a stock webrtcsink's session ends at the end of the lease", () => scene(async (keep) => {
  const LEASE_S = 8;
  const server = await keep(Server.start({ viewer: ["--lease", String(LEASE_S)] }));
  const stock = await keep(new Stock());
  const { secret } = JSON.parse(Buffer.from(server.key.slice("phk1.".length), "base64url").toString());
  await keep(stock.launch([
    "videotestsrc", "is-live=true", "!", "video/x-raw,width=320,height=180,framerate=30/1", "!", "webrtcsink",
    "stun-server=stun://127.0.0.1:9", "video-caps=video/x-vp8", `signaller::uri=${server.url.replace("http", "ws")}/ws`,
    `signaller::headers=headers,authorization=(string)"Bearer\\ ${secret}"`,
  ]));
  const page = await visitor(chromium, server.link, { clings: true });
  await opened(page, "front");
  await record(page, "front");
  await page.talk.message("server", "sessionStarted");
  const started = Date.now();
  await presented(page, 20);
  assert.equal((await state(page, "front", "ended")).code, "lease-ended");
  const seconds = ((await lastPacket(page, "video")) - started) / 1000;
  assert.ok(Math.abs(seconds - LEASE_S) < 1, `the last packet came after ${seconds} s of ${LEASE_S}`);
  assert.equal(page.talk.count("server", "sessionStarted"), 1);
}));
