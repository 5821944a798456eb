// SPDX-License-Identifier: MPL-2.0
// @ts-check
import { talkLine } from "./gateway-rules.js";
import { readRoutes } from "./routes.js";
import {
  DISCONNECTED_MS, FIRST_FRAME_TIMEOUT_MS, GATHER_MS, MAX_CANDIDATES, POLL_FIRST_MS, POLL_LIVE_MS, REASON_MS, STALL_POLLS,
} from "./rules.js";

/** @typedef {import("./types.js").Peer} Peer */

/**
 * What a {@link Media} says. After `failed` nothing more is to be expected of it.
 *
 * @typedef {{say: (message: object) => void, tracks: () => void, live: () => void, flows: (well: boolean) => void,
 *   picture: (comes: boolean) => void, counted: (report: RTCStatsReport) => void, routes: (routes: import("./routes.js").Routes) => void,
 *   way: (way: {channel?: RTCDataChannel, sender?: RTCRtpSender}) => void, failed: (refusal?: string) => void}} Listener
 *   `say`: something for the camera. `live`: the first picture was decoded. `picture`: whether any has come in the last seconds, while there is one. `flows`: the network lost the camera, or
 *   found it again. `failed`: for good; with the browser's words if it did not take the camera's offer. `counted`: what `getStats` says, every two seconds while there is a picture. `routes`: the ways that
 *   were tried so far. `way`: a data channel, or what sends sound to the camera.
 */

/** One peer connection to a camera, from its offer to its end; it knows no server. */
export class Media {
  /** Whether a picture was decoded. */
  seen = false;
  /** Whether the camera is about to end it, so that the first silence is the end. */
  doomed = false;
  #env; #pc; #stream; #on; #video = /** @type {HTMLVideoElement|null} */ (null); #closed = false;
  #candidates = /** @type {RTCIceCandidateInit[]|null} */ ([]); #work = Promise.resolve(); #packets = 0; #pictures = 0; #still = 0;
  /** @type {unknown} */ #deadline;
  /** @type {unknown} */ #pollTimer;
  #gathers = false; #gathered = () => {};
  /** @type {unknown} */ #gatherTimer;
  #relayError = false;

  /** @param {any} env @param {RTCIceServer[]} iceServers @param {MediaStream} stream which gets the tracks @param {Listener} on */
  constructor(env, iceServers, stream, on) {
    this.#env = env;
    this.#stream = stream;
    this.#on = on;
    const pc = (this.#pc = /** @type {RTCPeerConnection} */ (new env.RTCPeerConnection({ iceServers })));
    pc.ontrack = ({ track, receiver }) => this.#addTrack(track, receiver);
    pc.ondatachannel = ({ channel }) => on.way({ channel });
    pc.onicecandidate = ({ candidate }) => {
      if (!candidate) this.#gathered();
      if (!candidate?.candidate || this.#gathers) return;
      on.say({ type: "peer", ice: { candidate: candidate.candidate, sdpMLineIndex: candidate.sdpMLineIndex ?? 0 } });
    };
    pc.onicecandidateerror = ({ url }) => { if (/^turns?:/i.test(String(url))) this.#relayError = true; };
    pc.onconnectionstatechange = () => this.#connectionChanged();
    this.#failIn(FIRST_FRAME_TIMEOUT_MS);
    this.#poll();
  }

  /** Makes the offer, to a camera that waits for one. All ways to this device are in it, since such a camera may not hear of others. */
  offer() {
    this.#work = this.#work.then(() => this.#offer()).catch(() => { if (!this.#closed) this.#on.failed(); });
  }

  /** A word from the camera. Offers are taken one after the other. @param {Peer} word */
  peer({ sdp, ice }) {
    if (sdp?.type === "offer") {
      this.#work = this.#work.then(() => this.#answer(sdp)).catch((error) => {
        if (!this.#closed) this.#on.failed(String(error?.message || error));
      });
    } else if (sdp?.type === "answer") {
      this.#work = this.#work.then(() => this.#take(sdp)).catch((error) => {
        if (!this.#closed) this.#on.failed(String(error?.message || error));
      });
    } else if (ice && this.#candidates) {
      if (this.#candidates.length < MAX_CANDIDATES) this.#candidates.push(ice);
    } else if (ice) this.#addCandidate(ice);
  }

  /** Relays with credentials that last longer, for when ICE has to start again; what flows is not touched. @param {RTCIceServer[]} iceServers */
  useServers(iceServers) {
    try { this.#pc.setConfiguration({ ...this.#pc.getConfiguration(), iceServers }); } catch { /* This browser cannot read them. */ }
  }

  /** The element that shows the picture, if there is one. @param {HTMLVideoElement|null} video */
  show(video) {
    this.#video = video;
    this.#watchFrames();
  }

  close() {
    this.#closed = true;
    for (const timer of [this.#deadline, this.#pollTimer, this.#gatherTimer]) this.#env.clearTimeout(timer);
    this.#gathered();
    const pc = this.#pc;
    pc.ontrack = pc.ondatachannel = pc.onicecandidate = pc.onicecandidateerror = pc.onconnectionstatechange = null;
    pc.close();
    for (const track of this.#stream.getTracks()) this.#stream.removeTrack(track);
    this.#on.tracks();
  }

  async #offer() {
    const pc = this.#pc;
    for (const kind of ["video", "audio"]) pc.addTransceiver(kind, { direction: "recvonly" });
    this.#gathers = true;
    const gathered = new Promise((done) => { this.#gathered = () => done(undefined); });
    await pc.setLocalDescription(await pc.createOffer());
    this.#gatherTimer = this.#env.setTimeout(this.#gathered, GATHER_MS);
    await gathered;
    this.#gathers = false;
    if (!this.#closed) this.#on.say({ type: "peer", sdp: { type: "offer", sdp: /** @type {RTCSessionDescription} */ (pc.localDescription).sdp } });
  }

  /** @param {{sdp: string}} description */
  async #take({ sdp }) {
    if (this.#closed) return;
    await this.#pc.setRemoteDescription({ type: "answer", sdp });
    if (!this.#closed) this.#described();
  }

  /** @param {{sdp: string}} description */
  async #answer({ sdp }) {
    const pc = this.#pc;
    if (this.#closed) return;
    await pc.setRemoteDescription({ type: "offer", sdp });
    if (this.#closed) return;
    for (const ice of this.#candidates ?? []) this.#addCandidate(ice);
    this.#candidates = null;
    this.#readyToTalk(sdp);
    const answer = await pc.createAnswer();
    await pc.setLocalDescription(answer);
    if (this.#closed) return;
    this.#on.say({ type: "peer", sdp: { type: "answer", sdp: answer.sdp } });
    this.#described();
  }

  /** Both ends have said what they have. */
  #described() {
    for (const ice of this.#candidates ?? []) this.#addCandidate(ice);
    this.#candidates = null;
    for (const { transport } of this.#pc.getReceivers()) {
      // A camera that ends media says so here; the connection's own state would take half a minute.
      transport?.addEventListener("statechange", () => {
        if (transport.state === "closed" && !this.#closed) this.#failIn(REASON_MS);
      });
    }
  }

  /** The line for the microphone stands from the first answer on, and is empty until someone speaks. @param {string} sdp */
  #readyToTalk(sdp) {
    const mid = talkLine(sdp);
    const line = mid !== null && this.#pc.getTransceivers().find((each) => each.mid === mid);
    if (!line || line.direction === "sendonly") return;
    line.direction = "sendonly";
    this.#on.way({ sender: line.sender });
  }

  /** @param {RTCIceCandidateInit} ice */
  #addCandidate({ candidate, sdpMLineIndex }) {
    // One bad candidate, such as a name that does not resolve, must not end the others.
    this.#pc.addIceCandidate({ candidate, sdpMLineIndex }).catch(() => {});
  }

  /** @param {MediaStreamTrack} track @param {RTCRtpReceiver|{playoutDelayHint: number}} receiver as it is, or as it was in older browsers */
  #addTrack(track, receiver) {
    // Frames are shown when they arrive; smoothing would cost up to a few hundred milliseconds.
    if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
    else if ("playoutDelayHint" in receiver) receiver.playoutDelayHint = 0;
    this.#stream.addTrack(track);
    this.#on.tracks();
    this.#watchFrames();
  }

  #watchFrames() {
    if (!this.seen) this.#video?.requestVideoFrameCallback?.(() => { if (!this.#closed) this.#live(); });
  }

  #connectionChanged() {
    const state = this.#pc.connectionState;
    if (["failed", "closed"].includes(state)) return this.#on.failed();
    if (!this.seen || state === "connecting") return;
    this.#env.clearTimeout(this.#deadline);
    if (state !== "connected") this.#failIn(DISCONNECTED_MS);
    this.#on.flows(state === "connected");
  }

  #poll() {
    const wait = this.seen && !this.doomed ? POLL_LIVE_MS : POLL_FIRST_MS;
    this.#pollTimer = this.#env.setTimeout(async () => {
      let frames = 0, packets = 0, pictures = 0, isPicture = false;
      /** @type {RTCStatsReport} */
      const stats = await this.#pc.getStats().catch(() => new Map());
      if (this.#closed) return;
      this.#on.routes(readRoutes(stats, this.#pc.connectionState, this.#relayError));
      stats.forEach((entry) => {
        if (entry.type !== "inbound-rtp") return;
        packets += entry.packetsReceived ?? 0;
        frames += entry.framesDecoded ?? 0;
        // Sound may go on where the picture stands still.
        if (entry.kind === "audio") return;
        isPicture = true;
        pictures += entry.packetsReceived ?? 0;
      });
      const kinds = this.#stream.getTracks().map((track) => track.kind);
      if (frames || (packets && !kinds.includes("video"))) this.#live();
      if (this.seen && !this.doomed) this.#on.counted(stats);
      this.#still = packets === this.#packets ? this.#still + 1 : 0;
      this.#packets = packets;
      if (wait === POLL_LIVE_MS && isPicture) this.#on.picture(pictures !== this.#pictures);
      this.#pictures = pictures;
      if (this.seen && this.#still >= STALL_POLLS) this.#on.failed();
      else if (!this.#closed) this.#poll();
    }, wait);
  }

  #live() {
    if (this.seen) return;
    this.seen = true;
    this.#still = 0;
    this.#env.clearTimeout(this.#deadline);
    this.#on.live();
  }

  /** @param {number} ms */
  #failIn(ms) {
    this.#env.clearTimeout(this.#deadline);
    this.#deadline = this.#env.setTimeout(() => this.#on.failed(), ms);
  }
}
