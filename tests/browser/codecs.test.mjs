// SPDX-License-Identifier: MPL-2.0
// Each codec of the ladder in a real browser, on whatever GStreamer there is: webrtcbin 1.22 and 1.26 write other offers.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser, camera, frames, loudness, scene, state, visitor, watch, opened } from "./lib.mjs";

/** audiotestsrc makes 0.8. */
const LOUD = 0.3;
const NAMED = "portholesink listen=127.0.0.1:0 camera-name=front";

let chromium;
before(async () => {
  chromium = await browser();
});
after(() => chromium.close());

/** The codecs of the offer's picture as {payload, name}, and how many retransmissions each payload type has. */
async function offered(page) {
  const sdp = await page.evaluate(() => window.peers.at(-1).remoteDescription.sdp);
  const video = sdp.split(/^m=/m).find((media) => media.startsWith("video"));
  const codecs = [...video.matchAll(/^a=rtpmap:(\d+) ([^/]+)\//gm)].map(([, payload, name]) => ({ payload, name: name.toLowerCase() }));
  const repairs = [...video.matchAll(/^a=fmtp:\d+ (?:.*;)?apt=(\d+)/gm)].map(([, of]) => of);
  return { codecs, repairs };
}

const REPAIRS = ["rtx", "red", "ulpfec"];

/** The codec that the browser decodes. */
function decoded(page) {
  return page.evaluate(async () => {
    const stats = await window.peers.at(-1).getStats();
    const inbound = [...stats.values()].find(({ type, kind }) => type === "inbound-rtp" && kind === "video");
    return stats.get(inbound.codecId).mimeType.toLowerCase();
  });
}

for (const codec of ["h264", "vp8"]) {
  test(`the picture moves in ${codec}, for two viewers`, () => scene(async (keep) => {
    const front = await keep(camera(`portholesrc camera=test ! ${NAMED} codec=${codec}`));
    for (const page of [await keep(visitor(chromium, front.link)), await keep(visitor(chromium, front.link))]) {
      await watch(page, "front");
      const seen = await frames(page, "front", 1_000);
      assert.ok(seen.count > 5 && seen.changed > 0, JSON.stringify(seen));
      assert.equal(await decoded(page), `video/${codec}`);
    }
  }));
}

test("an offer of several codecs has retransmissions of each, once, and of nothing else", () => scene(async (keep) => {
  const front = await keep(camera(`portholesrc camera=test ! ${NAMED} codec=h264,vp8`));
  const page = await keep(visitor(chromium, front.link));
  await watch(page, "front");
  const { codecs, repairs } = await offered(page);
  const pictures = codecs.filter(({ name }) => !REPAIRS.includes(name));
  assert.deepEqual(pictures.map(({ name }) => name), ["h264", "vp8"]);
  for (const { payload, name } of pictures) {
    assert.equal(repairs.filter((of) => of === payload).length, 1, `${name} in ${JSON.stringify({ codecs, repairs })}`);
  }
  const rtx = codecs.filter(({ name }) => name === "rtx").map(({ payload }) => payload);
  assert.ok(repairs.every((of) => !rtx.includes(of)), JSON.stringify({ codecs, repairs }));
  assert.equal(new Set(repairs).size, repairs.length, "nothing is repaired twice");
}));

test("a browser without H.264 gets VP8 of the same camera", () => scene(async (keep) => {
  const front = await keep(camera(`portholesrc camera=test ! ${NAMED}`));
  const page = await keep(visitor(chromium, "about:blank"));
  await page.addInitScript(() => {
    // What a browser without the codec does: it leaves it out of its answer.
    const answer = RTCPeerConnection.prototype.createAnswer;
    RTCPeerConnection.prototype.createAnswer = async function (...args) {
      const capabilities = RTCRtpReceiver.getCapabilities("video").codecs.filter(({ mimeType }) => mimeType !== "video/H264");
      for (const line of this.getTransceivers()) {
        if (line.receiver.track.kind === "video") line.setCodecPreferences(capabilities);
      }
      return answer.apply(this, args);
    };
  });
  await page.goto(front.link);
  await watch(page, "front");
  const seen = await frames(page, "front", 1_000);
  assert.ok(seen.count > 5 && seen.changed > 0, JSON.stringify(seen));
  assert.equal(await decoded(page), "video/vp8");
}));

test("H.264 of the High profile, which this Chromium does not list, is shown as it comes in", () => scene(async (keep) => {
  const front = await keep(camera(`videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=360,framerate=30/1 ! x264enc tune=zerolatency dct8x8=true ! video/x-h264,profile=high ! h264parse ! ${NAMED}`));
  const page = await keep(visitor(chromium, front.link));
  await watch(page, "front");
  const seen = await frames(page, "front", 1_000);
  assert.ok(seen.count > 5 && seen.changed > 0, JSON.stringify(seen));
  const { offer, answer } = await page.evaluate(() => {
    const { localDescription, remoteDescription } = window.peers.at(-1);
    const profiles = ({ sdp }) => [...sdp.matchAll(/profile-level-id=([0-9a-f]{4})/g)].map(([, profile]) => profile);
    return { offer: profiles(remoteDescription), answer: profiles(localDescription) };
  });
  assert.deepEqual(offer, ["6400", "640c", "42e0"], "the stream is High, and is offered so first");
  assert.deepEqual(answer, ["42e0"]);
  assert.equal(await decoded(page), "video/h264");
}));

test("what a browser does not take that comes in encoded is told to its viewer and to the camera's operator", () => scene(async (keep) => {
  const front = await keep(camera(`videotestsrc is-live=true ! video/x-raw,format=Y42B,width=320,height=180,framerate=10/1 ! x264enc tune=zerolatency ! video/x-h264,profile=high-4:2:2 ! h264parse ! ${NAMED}`));
  const page = await keep(visitor(chromium, front.link));
  await opened(page, "front");
  const { text, code } = await state(page, "front", "refused");
  assert.equal(code, "offer-refused");
  assert.match(text, /cannot play what the camera offers/);
  await front.line(/WARNING.*rejects the picture.*Offered was H264 \(7a00..\).*decodebin/);
}));

test("six microphones without places are heard, and the picture moves", () => scene(async (keep) => {
  const front = await keep(camera(`portholesrc camera=test ! portholesink name=out listen=127.0.0.1:0 camera-name=front audiotestsrc is-live=true ! audio/x-raw,channels=6,channel-mask=(bitmask)0 ! out.audio`));
  const page = await keep(visitor(chromium, front.link));
  await watch(page, "front");
  assert.ok(await loudness(page, "front", LOUD) > LOUD, "it is silent");
  const seen = await frames(page, "front", 1_000);
  assert.ok(seen.count > 5 && seen.changed > 0, JSON.stringify(seen));
}));
