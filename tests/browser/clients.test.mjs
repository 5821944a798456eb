// SPDX-License-Identifier: MPL-2.0
// Clients and a camera that were not written here, and the lease that holds without a server.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { audioPackets, browser, camera, enrolled, frames, loudness, PATIENCE_MS, scene, Server, state, Stock, visitor, watch, opened } from "./lib.mjs";

// Stock elements ask a public STUN server unless told another; nobody answers at this one.
const STUN = "stun-server=stun://127.0.0.1:9";

let chromium;
let stock;
before(async () => {
  chromium = await browser();
  stock = new Stock();
});
after(async () => {
  await chromium.close();
  stock.stop();
});

const bearer = (secret) => `signaller::headers=headers,authorization=(string)"Bearer\\ ${secret}"`;

function webrtcsrc(server, ...credential) {
  return stock.launch([
    "webrtcsrc", STUN, "connect-to-first-producer=true",
    `signaller::uri=${server.url.replace("http", "ws")}/ws`, ...credential,
    "!", "videoconvert", "!", "video/x-raw,format=I420", "!", "fakesink", "num-buffers=30",
  ]);
}

test("webrtcsrc receives video with a credential", () => scene(async (keep) => {
  const server = await keep(Server.start());
  const front = await keep(enrolled(server));
  const client = await keep(webrtcsrc(server, bearer(server.token)));
  await front.line(/porthole\/viewer-joined.*user=\(string\)alice/);
  await client.line(/Got EOS from element/);
}));

test("webrtcsrc is refused without one", () => scene(async (keep) => {
  const server = await keep(Server.start());
  const front = await keep(enrolled(server));
  const client = await keep(webrtcsrc(server));
  await client.line(/401/);
  assert.ok(!front.lines.some((line) => /viewer-joined/.test(line)));
}));

test("an offer that the browser does not take is told to its viewer and to the camera's operator, in the browser's words", () => scene(async (keep) => {
  const front = await keep(camera("portholesrc camera=test ! portholesink listen=127.0.0.1:0 camera-name=front"));
  const page = await keep(visitor(chromium, "about:blank"));
  await page.addInitScript(() => {
    // As a webrtcbin wrote it that was given retransmissions which it writes itself: twice the same, and some of their own.
    const take = RTCPeerConnection.prototype.setRemoteDescription;
    RTCPeerConnection.prototype.setRemoteDescription = function (description) {
      const twice = (all, line, payload, of) => `${line}\r\na=rtpmap:${payload} rtx/90000\r\na=fmtp:${payload} apt=${of}`;
      const [, of] = description.sdp.match(/a=fmtp:(\d+) apt=/);
      const sdp = description.sdp
        .replace(/^m=video .*$/m, "$& 120 121")
        .replace(/^(a=fmtp:\d+ apt=.*)$/m, (all, line) => twice(all, twice(all, line, 120, of), 121, 120));
      return take.call(this, { type: description.type, sdp });
    };
  });
  await page.goto(front.link);
  await opened(page, "front");
  const { text, code } = await state(page, "front", "refused");
  assert.equal(code, "offer-refused");
  assert.match(text, /cannot play what the camera offers.*\(Failed to/);
  await front.line(/porthole\/viewer-left.*reason=\(string\)offer-refused, detail=\(string\)"Failed/);
  await front.line(/WARNING.*did not take the offer: Failed to/);
}));

const MODULE = new URL("./node_modules/gstwebrtc-api/dist/gstwebrtc-api-3.0.0.esm.js", import.meta.url);

/** A page that knows nothing of Porthole but the server's address, with gstwebrtc-api in it. */
async function foreignPage(keep) {
  const files = createServer((request, response) => {
    const script = request.url === "/api.js";
    response.setHeader("content-type", script ? "text/javascript" : "text/html");
    response.end(script ? readFileSync(MODULE) : "<!doctype html><video muted autoplay playsinline></video>");
  });
  await new Promise((done) => files.listen(0, "127.0.0.1", done));
  await keep({ stop: () => new Promise((done) => { files.closeAllConnections(); files.close(done); }) });
  return visitor(chromium, `http://127.0.0.1:${files.address().port}/`);
}

/** Consumes the first camera gstwebrtc-api lists; gives the frames shown, or what went wrong. */
function consume(page, url, { offer = false } = {}) {
  return page.evaluate(async ([url, patience, offer]) => {
    const { default: fallback, GstWebRTCAPI = fallback } = await import("/api.js");
    const api = new GstWebRTCAPI({ signalingServerUrl: url, reconnectionTimeout: 0, webrtcConfig: { iceServers: [] } });
    return new Promise((done) => {
      setTimeout(() => done("nothing happened"), patience);
      api.registerConnectionListener({ connected() {}, disconnected: () => done("no connection") });
      api.registerPeerListener({
        producerAdded(producer) {
          const session = offer
            ? api.createConsumerSessionWithOfferOptions(producer.id, { offerToReceiveVideo: true })
            : api.createConsumerSession(producer.id);
          const video = document.querySelector("video");
          session.addEventListener("error", (event) => done(`error: ${event.message}`));
          session.addEventListener("streamsChanged", () => {
            video.srcObject = session.streams[0];
            let count = 0;
            const frame = () => (++count === 30 ? done(count) : video.requestVideoFrameCallback(frame));
            video.requestVideoFrameCallback(frame);
          });
          session.connect();
        },
        producerRemoved() {},
      });
    });
  }, [url, PATIENCE_MS, offer]);
}

test("gstwebrtc-api receives video with a credential", () => scene(async (keep) => {
  const server = await keep(Server.start());
  await keep(enrolled(server));
  const page = await foreignPage(keep);
  assert.equal(await consume(page, `${server.url.replace("http", "ws")}/ws?access_token=${server.token}`), 30);
}));

test("a consumer that sends the offer itself gets an answer, and video", () => scene(async (keep) => {
  const server = await keep(Server.start());
  await keep(enrolled(server));
  const page = await foreignPage(keep);
  const url = `${server.url.replace("http", "ws")}/ws?access_token=${server.token}`;
  assert.equal(await consume(page, url, { offer: true }), 30);
}));

test("a viewer whose grant lacks listen sees and does not hear, while another one hears", () => scene(async (keep) => {
  const server = await keep(Server.start({ viewer: ["--perms", "view"], bob: ["--perms", "view,listen"] }));
  await keep(enrolled(server, "portholesrc name=cam camera=test ! portholesink name=out cam.audio ! out.audio"));
  const [page, other] = [await visitor(chromium, server.link), await visitor(chromium, server.bob)];
  for (const each of [page, other]) await watch(each, "front");
  assert.ok((await loudness(other, "front", 0.05)) > 0.05);
  assert.ok((await frames(page, "front", 2000)).count > 5);
  assert.ok((await audioPackets(other)) > 0);
  assert.equal(await audioPackets(page), 0);
}));

test("gstwebrtc-api is refused without one", () => scene(async (keep) => {
  const server = await keep(Server.start());
  const front = await keep(enrolled(server));
  const page = await foreignPage(keep);
  assert.equal(await consume(page, `${server.url.replace("http", "ws")}/ws`), "no connection");
  assert.ok(!front.lines.some((line) => /viewer-joined/.test(line)));
}));

test("the page shows a camera under the name it was enrolled with", () => scene(async (keep) => {
  const server = await keep(Server.start());
  await keep(enrolled(server));
  const page = await visitor(chromium, server.link);
  assert.match(await page.getByTestId("camera-front").textContent(), /Front/);
}));

test("a stock webrtcsink is a camera, once it presents a camera's secret", () => scene(async (keep) => {
  const server = await keep(Server.start());
  const { secret } = JSON.parse(Buffer.from(server.key.slice("phk1.".length), "base64url").toString());
  await keep(stock.launch([
    "videotestsrc", "is-live=true", "!", "video/x-raw,width=640,height=360,framerate=30/1", "!", "webrtcsink", STUN,
    "video-caps=video/x-vp8", `signaller::uri=${server.url.replace("http", "ws")}/ws`, bearer(secret),
  ]));
  const page = await visitor(chromium, server.link);
  await watch(page, "front");
}));

test("with the server killed in mid-session, the media stops when the lease ends", () => scene(async (keep) => {
  const LEASE_S = 8;
  const server = await keep(Server.start({ viewer: ["--lease", String(LEASE_S)] }));
  const front = await keep(enrolled(server));
  const page = await visitor(chromium, server.link);
  // The lease begins between these two: a busy machine tells late of who has joined.
  const asked = performance.now();
  await opened(page, "front");
  await front.line(/porthole\/viewer-joined/);
  const joined = performance.now();
  await state(page, "front", "live");
  await server.kill();
  const shown = () => page.getByTestId("video-front").evaluate((video) => video.getVideoPlaybackQuality().totalVideoFrames);
  const first = await shown();
  const left = front.line(/porthole\/viewer-left.*reason=\(string\)([\w-]+)/);
  await page.waitForFunction(([selector, first]) =>
    document.querySelector(selector).getVideoPlaybackQuality().totalVideoFrames > first + 10,
  ['[data-testid="video-front"]', first]);
  assert.equal((await left)[1], "lease-ended");
  const [most, least] = [asked, joined].map((from) => (performance.now() - from) / 1000);
  assert.ok(most >= LEASE_S - 1 && least <= LEASE_S + 1, `ended after ${least.toFixed(2)} to ${most.toFixed(2)} s of ${LEASE_S}`);
  await front.line(/porthole\/camera, state=\(string\)closed/);
}));

test("a server that comes back finds its camera registered again", () => scene(async (keep) => {
  const server = await keep(Server.start());
  const front = await keep(enrolled(server));
  await server.kill();
  await front.line(/porthole\/server, state=\(string\)offline/);
  const from = front.lines.length;
  await server.serve();
  await front.line(/porthole\/server, state=\(string\)online/, { from });
  const page = await visitor(chromium, server.link);
  await watch(page, "front");
}));
