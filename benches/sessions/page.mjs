// SPDX-License-Identifier: MPL-2.0
// A viewer's page that notes what a person would see, and one that does not let go of its picture by itself.

import { visitor, watch } from "../../tests/browser/lib.mjs";

/** Id of the camera that `Server.start` enrols. */
export const CAMERA = "front";
/** How often the received packets are looked at. */
const LOOK_MS = 10;
/** Uses nothing outside its arguments: its text is sent into the page, before the page's own scripts. */
function notes({ camera, holdOn }) {
  const bench = (window.bench = { resumed: [], states: [], frames: [] });
  const Native = WebSocket;
  window.WebSocket = class extends Native {
    constructor(...args) {
      super(...args);
      this.addEventListener("message", ({ data }) => {
        if (JSON.parse(data).type === "sessionResumed") bench.resumed.push(Date.now());
      });
    }
  };
  if (holdOn) RTCPeerConnection.prototype.close = () => {};

  bench.watchFrames = () => {
    const video = document.querySelector(`[data-testid="video-${camera}"]`);
    const line = document.querySelector(`[data-testid="state-${camera}"]`);
    const note = () => bench.states.push({ at: Date.now(), live: line.dataset.state === "live" });
    new MutationObserver(note).observe(line, { attributes: true, attributeFilter: ["data-state"] });
    note();
    const look = (_, { presentationTime, presentedFrames, rtpTimestamp }) => {
      bench.frames.push({ at: presentationTime, presented: presentedFrames, rtp: rtpTimestamp });
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  };

  /** What was noted since the last call, and whose time it is. */
  bench.take = () => {
    const taken = { now: Date.now(), frames: bench.frames, states: bench.states, resumed: bench.resumed };
    // Frames and states go on from the last ones.
    [bench.frames, bench.states, bench.resumed] = [bench.frames.slice(-1), bench.states.slice(-1), []];
    return taken;
  };

  /** The time of day of the last video packet, once none has come for `quiet` ms. */
  bench.lastPacket = (look, quiet, patience) => new Promise((done, fail) => {
    const [peer, start] = [window.peers.at(-1), Date.now()];
    let [packets, last] = [-1, start];
    const timer = setInterval(async () => {
      const now = Date.now();
      const video = [...(await peer.getStats()).values()].find(({ type, kind }) => type === "inbound-rtp" && kind === "video");
      if (video && video.packetsReceived !== packets) [packets, last] = [video.packetsReceived, now];
      if (now - last < quiet && now - start < patience) return;
      clearInterval(timer);
      if (now - last < quiet) fail(new Error("packets go on"));
      else done({ last, precise: video.lastPacketReceivedTimestamp, packets });
    }, look);
  });
}

/** A person at the page of `link`, watching. One that holds on never closes its peer connection by itself. */
export async function viewer(chromium, link, { holdOn = false } = {}) {
  const page = await visitor(chromium, "about:blank");
  await page.addInitScript(notes, { camera: CAMERA, holdOn });
  await page.goto(link);
  await watch(page, CAMERA);
  return page;
}

/** The time of day of the last packet, when none has come for `quiet` ms. */
export function lastPacket(page, { quiet, patience }) {
  return page.evaluate(([look, quiet, patience]) => bench.lastPacket(look, quiet, patience), [LOOK_MS, quiet, patience]);
}
