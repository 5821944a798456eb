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
 * A camera with `portholeoverlay latency-clock=true` tells how old its picture is:
 *
 * ```js
 * session.addEventListener("latency", () => console.log(session.latency, session.latencyReason));
 * session.measureLatency();
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
 *   setTimeout?: any, clearTimeout?: any, now?: () => number, random?: () => number, OffscreenCanvas?: any}} Options
 */

import {
  ANSWER_TIMEOUT_MS, CONNECT_TIMEOUT_MS, KEEPALIVE_MS, MAX_CAMERAS, MAX_MESSAGE, MAX_SESSIONS,
  MAX_TEXT, RETRY_AFTER_CAP_S, Refusal, STABLE_MS, Stateful, backoff, describe, list, text,
} from "./rules.js";
import { Session } from "./session.js";

export { REASONS, backoff, decide, describe } from "./rules.js";
export { Session };

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
      clearTimeout: (id) => g.clearTimeout(id), now: Date.now, random: Math.random, ...env,
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
