// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * @typedef {import("./types.js").SessionState} SessionState
 * @typedef {import("./types.js").Terms} Terms
 * @typedef {import("./types.js").Proof} Proof
 * @typedef {import("./types.js").Started} Started
 * @typedef {import("./types.js").Peer} Peer
 * @typedef {import("./statistics.js").Statistics} Statistics
 * @typedef {{online: () => boolean, refusal: () => {code: string, message: string}|null, reconnect: () => void, has: () => boolean, offers: () => boolean,
 *   iceServers: () => RTCIceServer[], send: (message: object) => void, ask: () => void, enter: () => boolean, leave: () => void}} Link what a session may ask of
 *   its client
 */

import { LatencyMeter } from "./latency-clock.js";
import { Media } from "./media.js";
import { Figures } from "./statistics.js";
import { Shown, WHOLE } from "./shown.js";
import {
  BACKOFF_CAP_MS, FULL_CAP_MS, LEASE_SLACK_MS, MAX_UNSENT, NO_PICTURE, STABLE_MS, backoff, changes, decide, describe,
  readProof, readTerms, text,
} from "./rules.js";
import { TwoWays } from "./two-ways.js";

/**
 * One picture, kept going as long as that makes sense. Made by {@link PortholeClient.watch}.
 *
 * Events: `state` (also in `state`, `code`, `message`; see {@link SessionState}), `tracks`, when
 * audio or video was added to or removed from `stream`, `latency`, at each reading of the clock and
 * each change of the reason why there is none, and `terms`, when `terms` has changed, with the permissions that
 * were `given` and `taken` while it ran; and `statistics`, when {@link Session.statistics} says something else. `live`
 * means that a picture was decoded.
 *
 * A picture that flows needs no server: when the connection to it breaks the picture goes on, and when it is back the
 * session is taken up where it was.
 *
 * Besides there are `hello`, `services`, `wheel` and `talk`, when what has that name (`talkState` for the last) has changed:
 * see {@link TwoWays}.
 */
export class Session extends TwoWays {
  /** The id on the wire; empty while there is none. */
  sessionId = "";
  /** What is permitted and until when, as the server last told it; null as long as it has told nothing. @type {Terms|null} */
  terms = null;
  /** When one may watch again after a refusal or an end, in ms; null as far as is known. @type {number|null} */
  next = null;
  /** The ways to the camera that were tried last, for a diagnosis; it stays when the connection is gone. @type {import("./routes.js").Routes|null} */
  routes = null;
  /** The servers for ICE of the last connection; those with a password are told with it alone. They are a secret. @type {RTCIceServer[]|null} */
  iceServers = null;
  /** The same stream for the whole life of the session. @type {MediaStream} */
  stream;
  #env; #link; #media = /** @type {Media|null} */ (null); #phase = /** @type {"idle"|"asked"|"open"|"over"} */ ("over");
  /** Of the session, or else of the last one of which it is not sure that the server has ended it. @type {Proof|null} */
  #proof;
  /** Words to the camera while the session waits to be resumed; null while the server takes them. @type {object[]|null} */
  #unsent = null;
  #attempt = 0; #waiting = false; #video = /** @type {any} */ (null);
  #shown = new Shown(); #size = /** @type {import("./shown.js").Watch|null} */ (null);
  /** @type {unknown} */ #sizeTimer;
  #whole = false;
  #figures = new Figures(); #meter; #measures = false;
  /** @type {unknown} */ #retryTimer;
  /** @type {unknown} */ #stable;

  /**
   * @param {string} cameraId @param {any} env @param {Link} link
   * @param {Proof|null} replaces the session that the first one takes the place of
   */
  constructor(cameraId, env, link, replaces) {
    super(env);
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
   * How well the picture arrives, as counted here every two seconds, and what the camera says of that; null as long as
   * nothing was counted. @returns {Statistics|null}
   */
  statistics() { return this.#figures.at(this.#env.now()); }

  /**
   * What proves to the server that the session is one's own: for `replaces`, after this page is gone. Null if there is
   * nothing left to prove. It is a secret.
   */
  get proof() { return this.#proof; }

  /** Shows the picture in an element. @param {HTMLVideoElement} video */
  attach(video) {
    this.#video = video;
    if (this.#phase !== "over") video.srcObject = this.stream;
    this.#media?.show(video);
    this.#measure();
    this.#watchSize(null);
    this.#watchSize(video);
  }

  /**
   * Asks for the whole picture, in whichever size it is shown and even where nobody sees it: for who saves or records it. Otherwise the
   * camera sends what the attached element has pixels for, as far as it has several sizes.
   */
  wantWhole(on = true) {
    this.#whole = on;
    this.#size?.look();
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
    this.next = null;
    this.#watchSize(this.#video);
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
    if (this.#media?.seen) {
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

  /** @internal The session is this connection's again. @param {unknown} terms */
  _resumed(terms) {
    const unsent = this.#unsent ?? [];
    this.#unsent = null;
    if (this.#media) this.#media.doomed = false;
    for (const message of unsent) this.#tell(message);
    this._terms(terms);
  }

  /**
   * @internal The server does not let this page in. A picture that flows is the camera's to end, and no server will say so.
   * @param {string} code @param {string} message
   */
  _refuse(code, message) {
    if (this.#phase === "over") return;
    if (this.#media?.seen) {
      this.#media.doomed = code !== "too-many";
      return;
    }
    this.#dropMedia();
    this.#blank();
    this.#waiting = false;
    this._set("refused", code, message);
  }

  /** @internal The server says that the session is over. @param {string} code @param {unknown} details @param {number|null} next */
  _ended(code, details, next) {
    this.#proof = null;
    this._fail(code, details, next);
  }

  /** @internal Refused or ended, by the server, the camera or the network. @param {string} code @param {unknown} [details] @param {number|null} [next] */
  _fail(code, details = "", next = null) {
    if (this.#phase === "over") return;
    this.next = next;
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

  /** @internal What is left out stays as it was. @param {{terms?: unknown, iceServers?: unknown}} told */
  _updated({ terms, iceServers }) {
    this._terms(terms);
    if (!Array.isArray(iceServers)) return;
    this.iceServers = iceServers;
    this.#media?.useServers(iceServers);
  }

  /** @internal Terms that cannot be read change nothing. @param {unknown} told */
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

  /** @internal @param {Started} told */
  _started({ sessionId, secret, iceServers, terms, offers }) {
    this.sessionId = text(sessionId);
    this.#proof = readProof({ sessionId, secret });
    this.#phase = "open";
    this._terms(terms);
    // Before the camera makes its offer, so that the first picture is not larger than it is shown.
    this.#shown.forget();
    this.#tellSize();
    if (this.#video && this.#video.srcObject !== this.stream) this.#video.srcObject = this.stream;
    try {
      this.iceServers = iceServers ?? this.#link.iceServers();
      this.#media = this.#newMedia(this.iceServers);
      this.#media.show(this.#video);
      if (offers === "viewer" || this.#link.offers()) this.#media.offer();
    } catch { // Servers for ICE that this browser cannot read.
      this.#mediaFailed();
    }
  }

  /** @param {RTCIceServer[]} iceServers */
  #newMedia(iceServers) {
    return new Media(this.#env, iceServers, this.stream, {
      say: (message) => this.#tell(message),
      tracks: () => this.dispatchEvent(new Event("tracks")),
      way: (way) => this._way(way),
      live: () => this.#live(),
      picture: (comes) => this.#comes(comes),
      counted: (report) => this.#counted(report),
      routes: (routes) => { this.routes = routes; },
      flows: (well) => (well ? this._set("live") : this._set("reconnecting", "media-failed", describe("media-failed"))),
      failed: (refusal) => (refusal ? this.#offerRefused(refusal) : this.#mediaFailed()),
    });
  }

  /** @internal A word from the camera. @param {Peer} message */
  _peer(message) {
    // Not earlier: a camera that is full says so only now.
    if (message.sdp?.type === "offer" && this.state === "refused") this._set("connecting");
    this.#media?.peer(message);
  }

  /** @internal The camera's own figures. @param {unknown} message */
  _measured(message) {
    this.#figures.hear(message, this.#env.now());
    this.dispatchEvent(new Event("statistics"));
  }

  /** The camera, which answers with its own, is told what nobody else can know. What cannot be said now is not worth keeping. @param {RTCStatsReport} report */
  #counted(report) {
    this.#figures.read(report, this.#env.now());
    this.#size?.look();
    // Who looks elsewhere needs no answer.
    if (!this.#env.hidden() || this.#shown.isDue) this.#tellFigures();
    this.dispatchEvent(new Event("statistics"));
  }

  #tellFigures() {
    const { sessionId } = this;
    if (!sessionId || this.#unsent) return;
    this.#link.send({ type: "viewerStats", sessionId, ...this.#figures.forCamera, ...this.#shown.fields });
    this.#shown.told(this.#env.now());
  }

  /** At once where it has changed, but never more often than the server passes on. */
  #tellSize() {
    if (this.#sizeTimer || !this.sessionId || this.#unsent) return;
    const wait = this.#shown.wait(this.#env.now());
    if (wait === 0) this.#tellFigures();
    else if (wait !== null) {
      this.#sizeTimer = this.#env.setTimeout(() => {
        this.#sizeTimer = undefined;
        this.#tellSize();
      }, wait);
    }
  }

  /** @param {any} video null ends it */
  #watchSize(video) {
    if (!video) {
      this.#size?.end();
      this.#size = null;
    } else if (!this.#size && this.#phase !== "over") {
      this.#size = this.#env.watchSize(video, (/** @type {import("./shown.js").Size|null} */ size) => {
        this.#shown.set(this.#whole ? WHOLE : size);
        this.#tellSize();
      });
    }
  }

  /** Says so where no picture comes although all is connected. @param {boolean} comes */
  #comes(comes) {
    if (this.state === "live") this._set("live", comes ? "" : "no-picture", comes ? "" : NO_PICTURE);
  }

  #live() {
    this.#stable = this.#env.setTimeout(() => { this.#attempt = 0; }, STABLE_MS);
    this.#measure();
    this._set("live");
  }

  #measure() {
    if (this.#measures && this.#media?.seen && this.#video) this.#meter.start(this.#video);
    else this.#meter.stop();
  }

  #mediaFailed() {
    // The camera ends media at the end of the lease, also when no server can say why.
    const isOver = this.terms && this.#env.now() > this.terms.until - LEASE_SLACK_MS;
    if (!this.#unsent) this.#tell({ type: "endSession", reason: "media-failed" });
    this._fail(isOver ? "lease-ended" : "media-failed");
  }

  /** What was offered would be offered again. @param {string} words the browser's */
  #offerRefused(words) {
    const detail = text(words);
    if (!this.#unsent) this.#tell({ type: "endSession", reason: "offer-refused", detail });
    this._fail("offer-refused", detail);
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

  /** @param {object} message */
  #tell(message) {
    if (!this.sessionId) return;
    if (!this.#unsent) this.#link.send({ ...message, sessionId: this.sessionId });
    else if (this.#unsent.length < MAX_UNSENT) this.#unsent.push(message);
  }

  /** Back to `idle`, with nothing left of the last try. */
  #dropMedia() {
    for (const timer of [this.#retryTimer, this.#stable, this.#sizeTimer]) this.#env.clearTimeout(timer);
    this.#retryTimer = this.#sizeTimer = undefined;
    const media = this.#media;
    this.#media = null;
    this._noWay();
    media?.close();
    this.#figures = new Figures();
    if (media) this.dispatchEvent(new Event("statistics"));
    this.sessionId = "";
    this.#unsent = null;
    this.#phase = "idle";
    this.#setTerms(null);
    this.#measure();
  }

  /** An element keeps its last frame on the screen; who may no longer watch must not see that one either. */
  #blank() {
    if (this.#video) this.#video.srcObject = null;
  }

  /** @param {SessionState} state @param {string} code @param {string} message */
  #over(state, code, message, tell = false) {
    if (tell) this.#tell({ type: "endSession", reason: "viewer-left" });
    this.#dropMedia();
    this.#blank();
    this.#phase = "over";
    this.#watchSize(null);
    this.#link.leave();
    this._set(state, code, message);
  }
}
