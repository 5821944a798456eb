// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * @typedef {import("./porthole-client.js").SessionState} SessionState
 * @typedef {import("./porthole-client.js").Terms} Terms
 * @typedef {import("./porthole-client.js").Proof} Proof
 */

import { LatencyMeter } from "./latency-clock.js";
import {
  BACKOFF_CAP_MS, DISCONNECTED_MS, FIRST_FRAME_TIMEOUT_MS, FULL_CAP_MS, LEASE_SLACK_MS, MAX_CANDIDATES, MAX_UNSENT,
  POLL_FIRST_MS, POLL_LIVE_MS, REASON_MS, STABLE_MS, STALL_POLLS, Stateful, backoff, changes, decide, describe, readProof,
  readTerms, text,
} from "./rules.js";

/**
 * One picture, kept going as long as that makes sense. Made by {@link PortholeClient.watch}.
 *
 * Events: `state` (also in `state`, `code`, `message`; see {@link SessionState}), `tracks`, when
 * audio or video was added to or removed from `stream`, `latency`, at each reading of the clock and
 * each change of the reason why there is none, and `terms`, when `terms` has changed, with the permissions that
 * were `given` and `taken` while it ran. `live` means that a picture was decoded.
 *
 * A picture that flows needs no server: when the connection to it breaks the picture goes on, and when it is back the
 * session is taken up where it was.
 */
export class Session extends Stateful {
  /** The id on the wire; empty while there is none. */
  sessionId = "";
  /** What is permitted and until when, as the server last told it; null as long as it has told nothing. @type {Terms|null} */
  terms = null;
  /** The same stream for the whole life of the session. @type {MediaStream} */
  stream;
  #env; #link; #pc = /** @type {any} */ (null); #phase = /** @type {"idle"|"asked"|"open"|"over"} */ ("over");
  #candidates = /** @type {any[]|null} */ ([]); #work = Promise.resolve(); #attempt = 0;
  /** Of the session, or else of the last one of which it is not sure that the server has ended it. @type {Proof|null} */
  #proof;
  /** Words to the camera while the session waits to be resumed; null while the server takes them. @type {object[]|null} */
  #unsent = null;
  #waiting = false; #seen = false; #packets = 0; #still = 0; #video = /** @type {any} */ (null);
  #meter; #measures = false; #retryTimer; #deadline; #pollTimer; #stable;

  /**
   * @param {string} cameraId @param {any} env @param {any} link what it may ask of its client
   * @param {Proof|null} replaces the session that the first one takes the place of
   */
  constructor(cameraId, env, link, replaces) {
    super();
    this.#proof = replaces;
    this.cameraId = cameraId;
    this.#env = env;
    this.#link = link;
    this.stream = new env.MediaStream();
    this.#meter = new LatencyMeter(env, () => {
      const { latency, latencyReason: reason } = this;
      this.dispatchEvent(new CustomEvent("latency", { detail: { latency, reason } }));
    });
  }

  /**
   * From glass to glass in ms: the median of the last readings of the clock that `portholeoverlay
   * latency-clock=true` paints into the picture, or null. It is this device's time of day minus the
   * camera's: set both by NTP.
   */
  get latency() { return this.#meter.latency; }

  /**
   * Why there is no latency: `off`, `no-clock` (none is seen, or none yet), or `clocks-differ` (by what no
   * picture's age can be: less than nothing or more than a minute). Empty when there is one.
   */
  get latencyReason() { return this.#meter.reason; }

  /**
   * Starts or ends the reading of the latency from the attached element. It takes a row of pixels twice a
   * second, and less often as long as there is no clock.
   */
  measureLatency(on = true) {
    if (on === this.#measures) return;
    this.#measures = on;
    this.#measure();
  }

  /**
   * What proves to the server that the session is one's own: for `replaces`, after this page is gone. Null if there is
   * nothing left to prove. It is a secret.
   */
  get proof() { return this.#proof; }

  /** Shows the picture in an element. @param {HTMLVideoElement} video */
  attach(video) {
    this.#video = video;
    if (this.#phase !== "over") video.srcObject = this.stream;
    this.#watchFrames();
    this.#measure();
  }

  /** Ends the session for good, unless `retry()` is called. */
  close() {
    if (this.#phase !== "over") this.#over("ended", "viewer-left", describe("viewer-left"), true);
  }

  /** Asks again after `refused` or `ended`; at once where it would be asked again anyway. */
  retry() {
    if (this.#retryTimer && this.#link.online()) {
      this.#env.clearTimeout(this.#retryTimer);
      this.#retryTimer = undefined;
      this.#waiting = false;
      return this._ready();
    }
    if (this.#phase === "idle" && this.#link.refusal()) return this.#link.reconnect();
    if (this.#phase !== "over") return;
    if (!this.#link.enter()) return this._set("refused", "too-many", describe("too-many"));
    this.#phase = "idle";
    this.#attempt = 0;
    this.#waiting = false;
    this._set("connecting");
    const refusal = this.#link.refusal();
    if (refusal) this._refuse(refusal.code, refusal.message);
    else this._ready();
  }

  /** @internal The connection or the list of cameras is there: ask, if that is what is missing. */
  _ready() {
    if (this.#phase !== "idle" || this.#retryTimer || !this.#link.online()) return;
    if (!this.#waiting) return this.#ask();
    if (this.#link.has()) this.#later();
  }

  /** @internal The connection was lost. A picture that flows goes on without it. */
  _offline() {
    if (this.#phase === "over") return;
    if (this.#phase === "open" && this.#seen) {
      if (!this.#proof) this.sessionId = ""; // The server has no way to resume it.
      else this.#unsent ??= [];
      return;
    }
    this.#dropMedia();
    if (this.#waiting) return;
    const state = this.state === "refused" ? "reconnecting" : this.state;
    this._set(state, "server-unreachable", describe("server-unreachable"));
  }

  /** @internal The server is back: it is told that the session still runs. */
  _resume() {
    if (this.#unsent) this.#link.send({ type: "resumeSession", peerId: this.cameraId, ...this.#proof });
  }

  /** @internal The session is this connection's again. */
  _resumed(terms) {
    const unsent = this.#unsent ?? [];
    this.#unsent = null;
    for (const message of unsent) this.#tell(message);
    this._terms(terms);
  }

  /** @internal The server does not let this page in. A picture that flows is the camera's to end. */
  _refuse(code, message) {
    if (this.#seen || this.#phase === "over") return;
    this.#dropMedia();
    this.#blank();
    this.#waiting = false;
    this._set("refused", code, message);
  }

  /** @internal The server says that the session is over. @param {string} code @param {unknown} details */
  _ended(code, details) {
    this.#proof = null;
    this._fail(code, details);
  }

  /** @internal Refused or ended, by the server, the camera or the network. @param {string} code @param {unknown} [details] */
  _fail(code, details = "") {
    if (this.#phase === "over") return;
    const step = decide(code);
    if (step.action === "stop") return this.#over(step.state, step.code, describe(step.code, details));
    this.#dropMedia();
    const refusal = this.#link.refusal();
    if (refusal) return this._refuse(refusal.code, refusal.message);
    if (step.state === "refused") this.#blank();
    this.#waiting = step.action === "wait";
    this._set(step.state, step.code, describe(step.code, details));
    if (!this.#waiting || this.#link.has()) this.#later(code === "camera-full" ? FULL_CAP_MS : BACKOFF_CAP_MS);
  }

  /** @internal Terms that cannot be read change nothing. */
  _terms(told) {
    const terms = readTerms(told, this.#env.now());
    if (terms) this.#setTerms(terms);
  }

  /** @param {Terms|null} terms */
  #setTerms(terms) {
    if (terms === this.terms) return;
    const detail = { terms, ...changes(this.terms, terms) };
    this.terms = terms;
    this.dispatchEvent(new CustomEvent("terms", { detail }));
  }

  /** @internal */
  _started({ sessionId, secret, iceServers, terms }) {
    this.sessionId = text(sessionId);
    this.#proof = readProof({ sessionId, secret });
    this.#phase = "open";
    this._terms(terms);
    if (this.#video && this.#video.srcObject !== this.stream) this.#video.srcObject = this.stream;
    const pc = new this.#env.RTCPeerConnection({ iceServers: iceServers ?? this.#link.iceServers() });
    this.#pc = pc;
    pc.ontrack = ({ track, receiver }) => this.#addTrack(track, receiver);
    pc.onicecandidate = ({ candidate }) => {
      if (!candidate?.candidate) return;
      this.#tell({ type: "peer", ice: { candidate: candidate.candidate, sdpMLineIndex: candidate.sdpMLineIndex ?? 0 } });
    };
    pc.onconnectionstatechange = () => this.#connectionChanged(pc);
    this.#deadline = this.#env.setTimeout(() => this.#mediaFailed(), FIRST_FRAME_TIMEOUT_MS);
    this.#poll(pc);
  }

  /** @internal A word from the camera. Offers are taken one after the other. */
  _peer({ sdp, ice }) {
    const pc = this.#pc;
    if (sdp?.type === "offer") {
      // Not earlier: a camera that is full says so only now.
      if (this.state === "refused") this._set("connecting");
      this.#work = this.#work.then(() => this.#answer(pc, sdp)).catch(() => { if (pc === this.#pc) this.#mediaFailed(); });
    } else if (ice && this.#candidates) {
      if (this.#candidates.length < MAX_CANDIDATES) this.#candidates.push(ice);
    } else if (ice) this.#addCandidate(pc, ice);
  }

  async #answer(pc, { sdp }) {
    if (pc !== this.#pc) return;
    await pc.setRemoteDescription({ type: "offer", sdp });
    if (pc !== this.#pc) return;
    for (const ice of this.#candidates ?? []) this.#addCandidate(pc, ice);
    this.#candidates = null;
    const answer = await pc.createAnswer();
    await pc.setLocalDescription(answer);
    if (pc !== this.#pc) return;
    this.#tell({ type: "peer", sdp: { type: "answer", sdp: answer.sdp } });
    for (const { transport } of pc.getReceivers()) {
      // A camera that ends media says so here; the connection's own state would take half a minute.
      transport?.addEventListener("statechange", () => {
        if (transport.state !== "closed" || pc !== this.#pc) return;
        this.#env.clearTimeout(this.#deadline);
        this.#deadline = this.#env.setTimeout(() => this.#mediaFailed(), REASON_MS);
      });
    }
  }

  #addCandidate(pc, { candidate, sdpMLineIndex }) {
    // One bad candidate, such as a name that does not resolve, must not end the others.
    pc.addIceCandidate({ candidate, sdpMLineIndex }).catch(() => {});
  }

  #addTrack(track, receiver) {
    // Frames are shown when they arrive; smoothing would cost up to a few hundred milliseconds.
    if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
    else if ("playoutDelayHint" in receiver) receiver.playoutDelayHint = 0;
    this.stream.addTrack(track);
    this.dispatchEvent(new Event("tracks"));
    this.#watchFrames();
  }

  #watchFrames() {
    const pc = this.#pc;
    if (pc && !this.#seen) this.#video?.requestVideoFrameCallback?.(() => { if (pc === this.#pc) this.#live(); });
  }

  #connectionChanged(pc) {
    if (pc !== this.#pc) return;
    if (["failed", "closed"].includes(pc.connectionState)) return this.#mediaFailed();
    if (!this.#seen || pc.connectionState === "connecting") return;
    this.#env.clearTimeout(this.#deadline);
    if (pc.connectionState === "connected") return this._set("live");
    this._set("reconnecting", "media-failed", describe("media-failed"));
    this.#deadline = this.#env.setTimeout(() => this.#mediaFailed(), DISCONNECTED_MS);
  }

  #poll(pc) {
    this.#pollTimer = this.#env.setTimeout(async () => {
      let frames = 0, packets = 0;
      const stats = await pc.getStats().catch(() => new Map());
      if (pc !== this.#pc) return;
      stats.forEach((entry) => {
        if (entry.type !== "inbound-rtp") return;
        packets += entry.packetsReceived ?? 0;
        frames += entry.framesDecoded ?? 0;
      });
      const kinds = this.stream.getTracks().map((track) => track.kind);
      if (frames || (packets && !kinds.includes("video"))) this.#live();
      this.#still = packets === this.#packets ? this.#still + 1 : 0;
      this.#packets = packets;
      if (this.#seen && this.#still >= STALL_POLLS) this.#mediaFailed();
      else this.#poll(pc);
    }, this.#seen ? POLL_LIVE_MS : POLL_FIRST_MS);
  }

  #live() {
    if (this.#seen) return;
    this.#seen = true;
    this.#still = 0;
    this.#env.clearTimeout(this.#deadline);
    this.#stable = this.#env.setTimeout(() => { this.#attempt = 0; }, STABLE_MS);
    this.#measure();
    this._set("live");
  }

  #measure() {
    if (this.#measures && this.#seen && this.#video) this.#meter.start(this.#video);
    else this.#meter.stop();
  }

  #mediaFailed() {
    // The camera ends media at the end of the lease, also when no server can say why.
    const isOver = this.terms && this.#env.now() > this.terms.until - LEASE_SLACK_MS;
    if (!this.#unsent) this.#tell({ type: "endSession", reason: "media-failed" });
    this._fail(isOver ? "lease-ended" : "media-failed");
  }

  #ask() {
    this.#phase = "asked";
    this.#waiting = false;
    if (this.state === "refused" && this.code !== "camera-full") this._set("connecting");
    else if (this.code === "server-unreachable") this._set(this.state);
    this.#link.ask();
  }

  /** @param {number} [cap] in ms */
  #later(cap) {
    this.#retryTimer ??= this.#env.setTimeout(() => {
      this.#retryTimer = undefined;
      if (this.#link.online() && !(this.#waiting && !this.#link.has())) this.#ask();
    }, backoff(this.#attempt++, this.#env.random(), cap));
  }

  #tell(message) {
    if (!this.sessionId) return;
    if (!this.#unsent) this.#link.send({ ...message, sessionId: this.sessionId });
    else if (this.#unsent.length < MAX_UNSENT) this.#unsent.push(message);
  }

  /** Back to `idle`, with nothing left of the last try. */
  #dropMedia() {
    for (const timer of [this.#retryTimer, this.#deadline, this.#pollTimer, this.#stable]) this.#env.clearTimeout(timer);
    this.#retryTimer = undefined;
    const pc = this.#pc;
    this.#pc = null;
    if (pc) {
      pc.ontrack = pc.onicecandidate = pc.onconnectionstatechange = null;
      pc.close();
    }
    for (const track of this.stream.getTracks()) this.stream.removeTrack(track);
    this.dispatchEvent(new Event("tracks"));
    this.sessionId = "";
    this.#unsent = null;
    this.#candidates = [];
    this.#work = Promise.resolve(); // Work on a closed connection may never end.
    this.#seen = false;
    this.#packets = this.#still = 0;
    this.#phase = "idle";
    this.#setTerms(null);
    this.#measure();
  }

  /** An element keeps its last frame on the screen; who may no longer watch must not see that one either. */
  #blank() {
    if (this.#video) this.#video.srcObject = null;
  }

  #over(state, code, message, tell = false) {
    if (tell) this.#tell({ type: "endSession", reason: "viewer-left" });
    this.#dropMedia();
    this.#blank();
    this.#phase = "over";
    this.#link.leave();
    this._set(state, code, message);
  }
}
