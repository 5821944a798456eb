// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * Watches the cameras of a Porthole server from a page of the same origin.
 *
 * ```js
 * const client = new PortholeClient();
 * client.connect();
 * const session = client.watch("front");
 * session.attach(document.querySelector("video"));
 * session.addEventListener("state", () => show(session.state, session.message));
 * ```
 *
 * The server decides who may watch and the camera enforces it: nothing here is a security boundary.
 * Left out: talking back, the data channel, other origins.
 *
 * @typedef {{id: string, name: string, meta: any}} Camera
 * @typedef {"connecting"|"online"|"reconnecting"|"refused"} ClientState
 * @typedef {"connecting"|"live"|"reconnecting"|"refused"|"ended"} SessionState
 * @typedef {{action: "retry"|"wait"|"stop", state: SessionState, code: string}} Step
 * @typedef {{token?: string, WebSocket?: any, RTCPeerConnection?: any, MediaStream?: any, fetch?: any,
 *   setTimeout?: any, clearTimeout?: any, random?: () => number}} Options
 */

/** First wait before a retry: short, so that a restarted server is hardly noticed. */
const BACKOFF_FIRST_MS = 500;
/** Longest wait before a retry: a person still waits in front of the page. */
const BACKOFF_CAP_MS = 5_000;
/** A connection or picture that held this long starts again with the first wait. */
const STABLE_MS = 10_000;
/** From opening the WebSocket to the list of cameras; also for each HTTP request. */
const CONNECT_TIMEOUT_MS = 10_000;
/** A quiet connection is asked for the list this often: pages cannot send WebSocket pings. */
const KEEPALIVE_MS = 20_000;
/** From `startSession` to its answer. The server answers from memory. */
const ANSWER_TIMEOUT_MS = 10_000;
/** From the answer to the first picture: opening a camera plus ICE over a relay. */
const FIRST_FRAME_TIMEOUT_MS = 20_000;
/** ICE often recovers by itself from a change of network; after this it is quicker to start anew. */
const DISCONNECTED_MS = 5_000;
/** When the camera ends the media, its reason comes by way of the server, a little later. */
const REASON_MS = 500;
/** How often the counters are read until the first picture, and after it. */
const POLL_FIRST_MS = 250;
const POLL_LIVE_MS = 2_000;
/** So many reads without one new packet (10 s) and a picture counts as frozen. */
const STALL_POLLS = 5;
/** A server may ask for patience with `Retry-After`; no page waits longer than this. */
const RETRY_AFTER_CAP_S = 120;
/** Candidates kept until the offer is applied; a camera has a few dozen. */
const MAX_CANDIDATES = 256;
/** The largest message read, in characters: a list of a thousand cameras fits. */
const MAX_MESSAGE = 1 << 20;
/** Cameras kept from one list. */
const MAX_CAMERAS = 1_000;
/** Pictures at once; browsers decode about this many. */
const MAX_SESSIONS = 16;
/** Text from the network that is shown to people, in characters. */
const MAX_TEXT = 300;

/** What each stable code means and what to do about it, in words for people. */
export const REASONS = Object.freeze({
  "unauthorized": "You are not signed in, or your token is not known. Ask for a new link.",
  "not-permitted": "You may not watch this camera now. Ask its owner for a booking.",
  "no-such-camera": "There is no such camera, or it is not yours to see. Check the link you were given.",
  "camera-offline": "The camera is not connected. The picture comes when it is back.",
  "camera-full": "The camera is full (its max-viewers is reached). Try again later.",
  "grant-refused": "The camera turned the permission down. Try again; if it stays, its camera key may be out of date.",
  "lease-ended": "Your time with this camera is over. Book it again to go on watching.",
  "revoked": "Your permission was withdrawn. Ask the camera's owner.",
  "viewer-left": "You closed the picture.",
  "camera-gone": "The camera went away. The picture comes back when it does.",
  "server-unreachable": "The connection to the server was lost. It is tried again by itself.",
  "media-failed": "The picture could not get through. It is tried again by itself.",
  "replaced": "The camera was connected a second time. The picture comes from the new connection.",
  "too-many": "There are too many connections or pictures. Close some, or try again later.",
  "no-such-session": "The server no longer knows this picture. It is asked for again.",
  "bad-message": "The server could not read this page's message. Reload the page.",
  "other": "Something went wrong that this page does not know. Reload the page.",
});

/**
 * The sentence for a code. What the server adds is shown where it tells more than the code does,
 * such as the time of the next booking.
 * @param {string} code @param {string} [details]
 */
export function describe(code, details = "") {
  const known = Object.hasOwn(REASONS, code) ? code : "other";
  const more = ["not-permitted", "lease-ended", "bad-message", "other"].includes(known) ? text(details) : "";
  return more ? `${REASONS[known]} (${more})` : REASONS[known];
}

/**
 * The wait before retry number `attempt` (from 0), in ms: doubling, capped, and jittered so that many
 * pages do not come back at the same moment.
 * @param {number} attempt @param {number} random in [0, 1)
 */
export function backoff(attempt, random) {
  const ceiling = Math.min(BACKOFF_CAP_MS, BACKOFF_FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.round(ceiling / 2 + (random * ceiling) / 2);
}

/**
 * What a session does when it was refused or ended. `wait` is a retry once the camera is there.
 * @param {string} code
 * @param {boolean} afterLease whether this answers the one retry after a lease ended
 * @returns {Step}
 */
export function decide(code, afterLease) {
  switch (code) {
    case "media-failed": case "server-unreachable": case "replaced": case "no-such-session":
      return { action: "retry", state: "reconnecting", code };
    case "camera-gone": case "camera-offline":
      return { action: "wait", state: "reconnecting", code };
    case "lease-ended":
      // The booking may have been extended; the server knows.
      return afterLease ? { action: "stop", state: "ended", code } : { action: "retry", state: "reconnecting", code };
    case "not-permitted": case "no-such-camera":
      if (afterLease) return { action: "stop", state: "ended", code: "lease-ended" };
      return { action: "stop", state: "refused", code };
    case "viewer-left":
      return { action: "stop", state: "ended", code };
    default:
      return { action: "stop", state: "refused", code: Object.hasOwn(REASONS, code) ? code : "other" };
  }
}

/** @param {unknown} value */
const text = (value) => (typeof value === "string" ? value.slice(0, MAX_TEXT) : "");
/** @param {unknown} value */
const list = (value) => (Array.isArray(value) ? value : []);

class Refusal extends Error {
  /** @param {string} code @param {string} message @param {number} [retryAfter] in seconds */
  constructor(code, message, retryAfter = 0) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

class Stateful extends EventTarget {
  state = "connecting";
  code = "";
  message = "";
  /** @param {string} state @param {string} [code] @param {string} [message] */
  _set(state, code = "", message = "") {
    if (state === this.state && code === this.code && message === this.message) return;
    Object.assign(this, { state, code, message });
    this.dispatchEvent(new CustomEvent("state", { detail: { state, code, message } }));
  }
}

/**
 * One connection to a server. It reconnects by itself until `close()` or a refusal.
 *
 * Events: `state` (also in `state`, `code`, `message`; see {@link ClientState}) and `cameras`.
 */
export class PortholeClient extends Stateful {
  /** The cameras that are connected and may be seen, by id. @type {Map<string, Camera>} */
  cameras = new Map();
  /** Who is signed in; empty with open access. */
  user = "";
  /** Whether the server asks for no credential. */
  openAccess = false;
  #env; #base; #token; #presented = false; #running = false; #turn = 0; #attempt = 0; #config = /** @type {any} */ ({});
  #socket = /** @type {any} */ (null); #heard = true; #timer; #stable;
  /** @type {Set<Session>} */ #sessions = new Set();
  // An `error` names no session, so that only one `startSession` is under way at a time.
  /** @type {Session[]} */ #queue = [];
  /** @type {Session|null} */ #asking = null;
  #answerTimer;

  /** @param {string} [baseUrl] @param {Options} [options] the rest of the options is for tests */
  constructor(baseUrl = globalThis.location?.origin, { token, ...env } = {}) {
    super();
    this.#base = baseUrl;
    this.#token = token;
    const g = /** @type {any} */ (globalThis);
    this.#env = {
      WebSocket: g.WebSocket, RTCPeerConnection: g.RTCPeerConnection, MediaStream: g.MediaStream,
      fetch: (...a) => g.fetch(...a), setTimeout: (...a) => g.setTimeout(...a),
      clearTimeout: (id) => g.clearTimeout(id), random: Math.random, ...env,
    };
  }

  /** Connects, and stays connected. Harmless when it already is. */
  connect() {
    if (!this.#running) this.#open();
  }

  /** Presents a token and connects anew with it. @param {string} token */
  login(token) {
    this.#token = token;
    this.#presented = false;
    this.#set("connecting");
    this.#open();
  }

  /** Forgets the token and the cookie, and closes everything. */
  async logout() {
    this.close();
    this.#token = undefined;
    await this.#request("DELETE", "/api/session").catch(() => {});
    this.#refuse("unauthorized", "You are signed out.");
  }

  /** Ends every session and the connection. */
  close() {
    for (const session of [...this.#sessions]) session.close();
    this.#drop();
    this.#running = false;
    this.#turn += 1; // Voids an answer that is still on its way.
  }

  /**
   * Asks for a camera's picture. May be called before the connection is up.
   * @param {string} cameraId @returns {Session}
   */
  watch(cameraId) {
    const session = new Session(cameraId, this.#env, {
      online: () => this.state === "online",
      refusal: () => (this.state === "refused" ? this : null),
      has: () => this.cameras.has(cameraId),
      iceServers: () => list(this.#config.iceServers),
      send: (message) => this.#send(message),
      ask: () => { if (this.#asking !== session) this.#queue.push(session); this.#next(); },
      enter: () => this.#sessions.size < MAX_SESSIONS && !!this.#sessions.add(session),
      leave: () => { this.#sessions.delete(session); this.#queue = this.#queue.filter((s) => s !== session); },
    });
    session.retry();
    return session;
  }

  // -- connecting ---------------------------------------------------------------------------------

  async #open() {
    this.#drop();
    this.#running = true;
    const turn = ++this.#turn;
    try {
      const config = await this.#authenticate();
      if (turn !== this.#turn) return;
      this.#config = config;
      this.user = text(config.user?.name ?? config.user);
      this.openAccess = config.openAccess === true;
      const url = new URL(text(config.websocket) || "/ws", this.#base);
      url.protocol = url.protocol.replace("http", "ws");
      const socket = (this.#socket = new this.#env.WebSocket(url.href));
      socket.onmessage = ({ data }) => this.#receive(data);
      socket.onclose = () => this.#lost();
      this.#timer = this.#env.setTimeout(() => this.#lost(), CONNECT_TIMEOUT_MS);
    } catch (error) {
      if (turn !== this.#turn) return;
      if (!(error instanceof Refusal)) return this.#lost();
      this.#refuse(error.code, error.message);
      if (error.retryAfter) this.#timer = this.#env.setTimeout(() => this.#open(), error.retryAfter * 1_000);
    }
  }

  /** Resolves to the server's configuration once there is leave to connect. */
  async #authenticate() {
    const config = async () => {
      const response = await this.#request("GET", "/api/config");
      if (!response.ok) throw new Error(`/api/config: ${response.status}`);
      return response.json();
    };
    let known = await config();
    // A token of the link comes before an older cookie, and makes a new one when that is forgotten.
    if (this.#token && !known.openAccess && !(this.#presented && known.authenticated)) {
      await this.#present();
      known = await config();
      if (!known.authenticated) throw new Refusal("unauthorized", "The browser did not keep the session cookie. Allow cookies for this site.");
    }
    if (!known.authenticated && !known.openAccess) throw new Refusal("unauthorized", "This server asks for an access token.");
    return known;
  }

  async #present() {
    const response = await this.#request("POST", "/api/session", { Authorization: `Bearer ${this.#token}` });
    if (response.status === 429) {
      const seconds = Math.min(RETRY_AFTER_CAP_S, Math.max(1, Number(response.headers.get("Retry-After")) || 1));
      throw new Refusal("too-many", `Too many tries. This page tries again in ${seconds} s.`, seconds);
    }
    if (response.status >= 500) throw new Error(`/api/session: ${response.status}`);
    if (!response.ok) {
      this.#token = undefined;
      const { code, message } = await response.json().catch(() => ({}));
      if (response.status !== 401) throw new Refusal(text(code) || "other", text(message) || describe("other"));
      throw new Refusal("unauthorized", "The server does not know this token. Check it, or ask for a new link.");
    }
    this.#presented = true;
  }

  /** @param {string} method @param {string} path @param {object} [headers] */
  #request(method, path, headers = {}) {
    return this.#env.fetch(new URL(path, this.#base).href, {
      method, headers, cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS),
    });
  }

  /** Leaves the socket and all that hangs on it, without waiting for a closing handshake. */
  #drop() {
    for (const timer of [this.#timer, this.#stable, this.#answerTimer]) this.#env.clearTimeout(timer);
    const socket = this.#socket;
    this.#socket = null;
    this.#asking = null;
    this.#queue = [];
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
    for (const session of this.#sessions) session._offline();
  }

  #lost() {
    this.#drop();
    this.#set("reconnecting", "server-unreachable");
    this.#timer = this.#env.setTimeout(() => this.#open(), backoff(this.#attempt++, this.#env.random()));
  }

  /** @param {string} code @param {string} message */
  #refuse(code, message) {
    this.cameras.clear();
    this.dispatchEvent(new Event("cameras"));
    this._set("refused", code, message);
    for (const session of [...this.#sessions]) session._refuse(code, message);
  }

  /** @param {ClientState} state @param {string} [code] */
  #set(state, code = "") {
    this._set(state, code, code && describe(code));
  }

  #keepAlive() {
    this.#timer = this.#env.setTimeout(() => {
      if (!this.#heard) return this.#lost();
      this.#heard = false;
      this.#send({ type: "list" });
      this.#keepAlive();
    }, KEEPALIVE_MS);
  }

  // -- messages -----------------------------------------------------------------------------------

  /** @param {object} message */
  #send(message) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  /** @param {unknown} data */
  #receive(data) {
    this.#heard = true;
    if (typeof data !== "string" || data.length > MAX_MESSAGE) return;
    let message;
    try { message = JSON.parse(data); } catch { return; }
    const session = message?.sessionId && [...this.#sessions].find((s) => s.sessionId === message.sessionId);
    switch (message?.type) {
      case "welcome":
        this.#send({ type: "setPeerStatus", roles: ["listener"], meta: null, porthole: { version: 1 } });
        return this.#send({ type: "list" });
      case "list": return this.#listed(message);
      case "peerStatusChanged":
        if (list(message.roles).includes("producer")) this.#add(message.peerId, message.meta);
        else this.cameras.delete(message.peerId);
        return this.#camerasChanged();
      case "sessionStarted": return this.#started(message);
      case "peer": return session?._peer(message);
      case "endSession": return session?._fail(text(message.reason) || "camera-gone");
      case "error":
        // This one answers a word about a session that is already over, never a `startSession`.
        if (message.code !== "no-such-session") this.#answered()?._fail(text(message.code) || "other", message.details);
    }
  }

  #listed(message) {
    this.cameras.clear();
    for (const { id, meta } of list(message.producers).slice(0, MAX_CAMERAS)) this.#add(id, meta);
    if (this.state !== "online") {
      this.#env.clearTimeout(this.#timer);
      this.#keepAlive();
      this.#stable = this.#env.setTimeout(() => { this.#attempt = 0; }, STABLE_MS);
      this.#set("online");
    }
    this.#camerasChanged();
  }

  #add(id, meta) {
    if (typeof id !== "string" || !id || (this.cameras.size >= MAX_CAMERAS && !this.cameras.has(id))) return;
    this.cameras.set(id, { id, name: text(meta?.name) || id.slice(0, MAX_TEXT), meta });
  }

  #camerasChanged() {
    this.dispatchEvent(new Event("cameras"));
    for (const session of [...this.#sessions]) session._ready();
  }

  #next() {
    if (this.#asking || !(this.#asking = this.#queue.shift() ?? null)) return;
    this.#send({ type: "startSession", peerId: this.#asking.cameraId });
    this.#answerTimer = this.#env.setTimeout(() => this.#answered()?._fail("media-failed"), ANSWER_TIMEOUT_MS);
  }

  /** The session that the server has just answered, if any. */
  #answered() {
    const session = this.#asking;
    this.#env.clearTimeout(this.#answerTimer);
    this.#asking = null;
    this.#next();
    return session && this.#sessions.has(session) ? session : null;
  }

  #started({ sessionId, peerId, iceServers }) {
    const session = this.#asking?.cameraId === peerId ? this.#answered() : null;
    if (session) session._started(text(sessionId), iceServers);
    else this.#send({ type: "endSession", sessionId, reason: "viewer-left" });
  }
}

/**
 * One picture, kept going as long as that makes sense. Made by {@link PortholeClient.watch}.
 *
 * Events: `state` (also in `state`, `code`, `message`; see {@link SessionState}) and `tracks`, when
 * audio or video was added to or removed from `stream`. `live` means that a picture was decoded.
 */
export class Session extends Stateful {
  /** The id on the wire; empty while there is none. */
  sessionId = "";
  /** The same stream for the whole life of the session. @type {MediaStream} */
  stream;
  #env; #link; #pc = /** @type {any} */ (null); #phase = /** @type {"idle"|"asked"|"open"|"over"} */ ("over");
  #candidates = /** @type {any[]|null} */ ([]); #work = Promise.resolve(); #attempt = 0; #afterLease = false;
  #waiting = false; #seen = false; #packets = 0; #still = 0; #video = /** @type {any} */ (null);
  #retryTimer; #deadline; #pollTimer; #stable;

  /** @param {string} cameraId @param {any} env @param {any} link what it may ask of its client */
  constructor(cameraId, env, link) {
    super();
    this.cameraId = cameraId;
    this.#env = env;
    this.#link = link;
    this.stream = new env.MediaStream();
  }

  /** Shows the picture in an element. @param {HTMLVideoElement} video */
  attach(video) {
    this.#video = video;
    if (this.#phase !== "over") video.srcObject = this.stream;
    this.#watchFrames();
  }

  /** Ends the session for good, unless `retry()` is called. */
  close() {
    if (this.#phase !== "over") this.#over("ended", "viewer-left", describe("viewer-left"), true);
  }

  /** Asks again after `refused` or `ended`. */
  retry() {
    if (this.#phase !== "over") return;
    if (!this.#link.enter()) return this._set("refused", "too-many", describe("too-many"));
    this.#phase = "idle";
    this.#attempt = 0;
    this.#afterLease = this.#waiting = false;
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
    this.sessionId = "";
    if (this.#phase === "over" || (this.#phase === "open" && this.#seen)) return;
    this.#dropMedia();
    if (!this.#waiting) this._set(this.state, "server-unreachable", describe("server-unreachable"));
  }

  /** @internal The server does not let this page in. A picture that flows is the camera's to end. */
  _refuse(code, message) {
    if (!this.#seen && this.#phase !== "over") this.#over("refused", code, message);
  }

  /** @internal Refused or ended, by the server, the camera or the network. */
  _fail(code, details = "") {
    if (this.#phase === "over") return;
    const step = decide(code, this.#afterLease);
    if (step.action === "stop") return this.#over(step.state, step.code, describe(step.code, details));
    this.#dropMedia();
    if (code === "lease-ended") {
      this.#afterLease = true;
      this.#blank();
    }
    this.#waiting = step.action === "wait";
    this._set(step.state, step.code, describe(step.code, details));
    if (!this.#waiting || this.#link.has()) this.#later();
  }

  /** @internal */
  _started(sessionId, iceServers) {
    this.sessionId = sessionId;
    this.#phase = "open";
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
    this.#afterLease = false;
    this.#env.clearTimeout(this.#deadline);
    this.#stable = this.#env.setTimeout(() => { this.#attempt = 0; }, STABLE_MS);
    this._set("live");
  }

  #mediaFailed() {
    this.#tell({ type: "endSession", reason: "media-failed" });
    this._fail("media-failed");
  }

  #ask() {
    this.#phase = "asked";
    this.#waiting = false;
    if (this.code === "server-unreachable") this._set(this.state);
    this.#link.ask();
  }

  #later() {
    this.#retryTimer ??= this.#env.setTimeout(() => {
      this.#retryTimer = undefined;
      if (this.#link.online() && !(this.#waiting && !this.#link.has())) this.#ask();
    }, backoff(this.#attempt++, this.#env.random()));
  }

  #tell(message) {
    if (this.sessionId) this.#link.send({ ...message, sessionId: this.sessionId });
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
    this.#candidates = [];
    this.#work = Promise.resolve(); // Work on a closed connection may never end.
    this.#seen = false;
    this.#packets = this.#still = 0;
    this.#phase = "idle";
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
