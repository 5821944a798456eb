// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * Watches the cameras of a Porthole server, from a page of its own or of another origin that its configuration names.
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
 * A session has terms, which may change: how long one may watch, and what one may do besides.
 *
 * ```js
 * session.addEventListener("terms", () => show(session.terms?.until, session.terms?.perms));
 * ```
 *
 * How well the picture arrives is counted every two seconds:
 *
 * ```js
 * session.addEventListener("statistics", () => console.log(session.statistics()));
 * ```
 *
 * Programs on the robot (docs/gateway.md) are its services. Whoever watches hears them:
 *
 * ```js
 * session.service("battery").addEventListener("message", ({ detail }) => console.log(`${detail} %`));
 * session.addEventListener("services", () => console.log(session.services.map(({ name }) => name)));
 * ```
 *
 * One at a time drives, who may `control`. A command is done when the program has it, or fails and says why:
 *
 * ```js
 * const drive = session.drive();
 * drive.addEventListener("state", async () => {
 *   if (drive.state === "waiting") console.log("after", drive.driver?.user);
 *   if (drive.state === "ended") console.log("because", drive.reason);
 *   if (drive.state === "driving") await drive.send("arm", "up").catch(({ code, message }) => console.log(code, message));
 * });
 * ```
 *
 * Whoever may `control` stops the robot, also one that somebody else drives:
 *
 * ```js
 * session.stop().catch(({ code, message }) => console.log(code, message));
 * session.addEventListener("wheel", () => console.log(session.stopped?.by, session.stopped?.detail));
 * ```
 *
 * Who may `talk` is heard at the robot, where it has a loudspeaker. The browser asks for the microphone the first time:
 *
 * ```js
 * button.onpointerdown = () => session.talk(true).catch(({ message }) => console.log(message));
 * button.onpointerup = () => session.talk(false);
 * session.addEventListener("talk", () => console.log(session.talkState?.you, session.talkState?.level));
 * ```
 *
 * A page of another origin has no cookie of the server's, and gives a token:
 *
 * ```js
 * const client = new PortholeClient("https://look.example.org/", { token });
 * ```
 *
 * The server decides who may watch and the camera enforces it: nothing here is a security boundary.
 *
 * @typedef {import("./types.js").Credential} Credential
 * @typedef {import("./types.js").Camera} Camera
 * @typedef {import("./types.js").Proof} Proof
 * @typedef {import("./types.js").Started} Started
 * @typedef {import("./types.js").ClientState} ClientState
 * @typedef {import("./types.js").Options} Options
 */

import { Access } from "./access.js";
import {
  ANSWER_TIMEOUT_MS, CONNECT_TIMEOUT_MS, FULL_CAP_MS, KEEPALIVE_MS, MAX_CALLED, MAX_CAMERAS, MAX_MESSAGE, MAX_SESSIONS,
  MAX_TEXT, Refusal, STABLE_MS, Stateful, backoff, describe, list, readOpenid, readProof, text,
  turnedAway,
} from "./rules.js";
import { Session } from "./session.js";
import { watchSize } from "./shown.js";
import { VERSION } from "./version.js";
import { readTime } from "./when.js";

export { VERSION };
export { REASONS, backoff, decide, describe } from "./rules.js";
export { Refused } from "./gateway-rules.js";
export { Session };

/** Codes of an `error` that answers a word to a call. */
const OF_CALLS = ["no-such-call", "call-taken"];
/** Codes of an `error` that concerns the connection, or another message than a `startSession`. */
const NEVER_OF_A_START = ["unauthorized", "revoked", "replaced", "bad-message", "bad-description", "too-large"];

/**
 * One connection to a server. It reconnects by itself until `close()` or a refusal.
 *
 * Events: `state` (also in `state`, `code`, `message`; see {@link ClientState}), `cameras`, and `access` when what this user
 * may do has changed, or may have; and `call` when a doorbell rings this user, and at each change of that.
 */
export class PortholeClient extends Stateful {
  /** As `VERSION`. */
  static version = VERSION;
  /** The cameras that are connected and may be seen, by id. @type {Map<string, Camera>} */
  cameras = new Map();
  /** Who is signed in; empty with open access. */
  user = "";
  /** Whether the server asks for no credential. */
  openAccess = false;
  /** Whether someone is signed in. */
  authenticated = false;
  /** Whether the server has accounts with passwords. */
  passwords = false;
  /** The server's identity provider. @type {import("./rules.js").Openid|null} */
  openid = null;
  /** What the server asks for besides the password. @type {import("./second-factor.js").Second|null} */
  second = null;
  /** When the link opens, in ms, where the refusal is that it has not yet. @type {number|null} */
  opens = null;
  #env; #access; #running = false; #turn = 0; #attempt = 0; #config = /** @type {any} */ ({});
  #socket = /** @type {WebSocket|null} */ (null); #heard = 0; #word = /** @type {any} */ (null); #welcome = false;
  /** @type {unknown} */ #timer;
  /** @type {unknown} */ #stable;
  /** @type {Set<Session>} */ #sessions = new Set();
  /** What a guest wants to be called, as long as nothing was said since. @type {string|null} */ #called = null;
  // An `error` names no session, so that only one `startSession` is under way at a time.
  /** @type {Session[]} */ #queue = [];
  /** @type {Session|null} */ #asking = null;
  /** @type {unknown} */ #answerTimer;

  /**
   * @param {string|URL} [baseUrl] the folder of the server's page, which is that of this module if not given
   * @param {Options} [options] `cookies`: whether what is given is traded for a cookie, as it is on a page of the server's own; all but
   *   this, `token` and `share` are for tests
   */
  constructor(baseUrl = new URL("..", import.meta.url), { token, share, cookies, ...env } = {}) {
    super();
    const g = /** @type {any} */ (globalThis);
    this.#env = {
      WebSocket: g.WebSocket, RTCPeerConnection: g.RTCPeerConnection, MediaStream: g.MediaStream,
      fetch: (/** @type {Parameters<typeof fetch>} */ ...a) => g.fetch(...a),
      setTimeout: (/** @type {Parameters<typeof setTimeout>} */ ...a) => g.setTimeout(...a),
      clearTimeout: (/** @type {number|undefined} */ id) => g.clearTimeout(id), now: Date.now, elapsed: () => g.performance.now(), random: Math.random,
      hidden: () => g.document?.hidden === true, watchSize,
      // Not there in a page from plain http.
      getUserMedia: g.navigator?.mediaDevices && ((/** @type {MediaStreamConstraints} */ wanted) => g.navigator.mediaDevices.getUserMedia(wanted)), ...env,
    };
    this.#access = new Access(this.#env.fetch, baseUrl, share ? { share } : token ? { token } : undefined, this.#env.now, cookies);
  }

  /** Connects, and stays connected. Harmless when it already is. */
  connect() {
    if (!this.#running) this.#open();
  }

  /** Presents a token, or another credential, and connects anew with it. @param {string|Credential} credential */
  login(credential) {
    this.#access.use(typeof credential === "string" ? { token: credential } : credential);
    this.#set("connecting");
    this.#open();
  }

  /**
   * Forgets the token and the cookie, and closes everything. Resolves to the address at which one signs out of the identity
   * provider as well, or to an empty text.
   */
  async logout() {
    this.close();
    const elsewhere = await this.#access.forget();
    this.#refuse("unauthorized", "You are signed out.");
    return elsewhere;
  }

  /** The recovery codes of a second factor that was made when one signed in. They are given once. @returns {string[]} */
  takeRecoveryCodes() {
    return this.#access.recoveryCodes.splice(0);
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
   * @param {string} cameraId
   * @param {{replaces?: Proof|null}} [options] `replaces`: the proof of an own session at this camera that nobody watches
   *   any more, such as that of the page before it was loaded again. The server ends it first.
   * @returns {Session}
   */
  watch(cameraId, { replaces = null } = {}) {
    /** @type {Session} */
    const session = new Session(cameraId, this.#env, {
      online: () => this.state === "online",
      refusal: () => (this.state === "refused" ? this : null),
      reconnect: () => this.#open(),
      has: () => this.cameras.has(cameraId),
      offers: () => this.cameras.get(cameraId)?.meta?.offers === "viewer",
      iceServers: () => list(this.#config.iceServers),
      send: (message) => this.#send(message),
      ask: () => { if (this.#asking !== session) this.#queue.push(session); this.#next(); },
      enter: () => this.#sessions.size < MAX_SESSIONS && !!this.#sessions.add(session),
      leave: () => { this.#sessions.delete(session); this.#queue = this.#queue.filter((s) => s !== session); },
    }, readProof(replaces));
    session.retry();
    return session;
  }

  /**
   * Says something to a call of a doorbell, of which the event `call` tells (`detail` is what the server said): `answerCall`,
   * `declineCall`, `nobodyHome` or `hangUp`. What comes of it is told in the same way.
   * @param {import("./calls.js").CallWord} word @param {string} callId
   */
  sayToCall(word, callId) { this.#send({ type: word, callId }); }

  /**
   * What others are to see of a guest in the place of "a guest": it stands beside what it is, which anybody can see, and proves nothing.
   * Who has an account has a name, and this changes nothing. @param {string} name at most {@link MAX_CALLED} characters; empty for nothing any more
   */
  callMe(name) {
    this.#called = [...name.replace(/\p{Cc}/gu, " ").trim()].slice(0, MAX_CALLED).join("");
    if (this.#welcome) this.#sayCalled();
  }

  #sayCalled() {
    if (this.#called !== null) this.#send({ type: "callMe", name: this.#called });
  }

  /** The servers for ICE that the server names to whoever connects; a session may have others. They hold passwords. @returns {any[]} */
  get iceServers() { return list(this.#config.iceServers); }

  /** From here to the server and back, over the connection that stands, in ms; null where there is none, or no answer. @returns {Promise<number|null>} */
  roundTrip() {
    if (this.state !== "online") return Promise.resolve(null);
    const start = this.#env.elapsed();
    return new Promise((resolve) => {
      const timer = this.#env.setTimeout(() => resolve(null), ANSWER_TIMEOUT_MS);
      this.addEventListener("echo", () => {
        this.#env.clearTimeout(timer);
        resolve(Math.round(this.#env.elapsed() - start));
      }, { once: true });
      this.#send({ type: "listConsumers" });
    });
  }

  // -- connecting ---------------------------------------------------------------------------------

  async #open() {
    this.#drop();
    this.#running = true;
    const turn = ++this.#turn;
    try {
      const config = await this.#access.enter();
      if (turn !== this.#turn) return;
      this.#config = config;
      this.user = text(config.user?.name ?? config.user);
      this.openAccess = config.openAccess === true;
      this.authenticated = config.authenticated === true;
      this.passwords = config.passwords === true;
      this.openid = readOpenid(config.openid);
      this.second = null;
      const url = this.#access.at(text(config.websocket) || "ws");
      url.protocol = url.protocol.replace("http", "ws");
      const socket = (this.#socket = /** @type {WebSocket} */ (new this.#env.WebSocket(url.href, ...this.#access.protocols)));
      socket.onmessage = ({ data }) => this.#receive(data);
      socket.onclose = (event) => this.#closed(event);
      this.#timer = this.#env.setTimeout(() => this.#closed(), CONNECT_TIMEOUT_MS);
    } catch (error) {
      if (turn !== this.#turn) return;
      if (!(error instanceof Refusal)) return this.#lost();
      this.passwords = error.passwords ?? this.passwords;
      if (error.openid !== undefined) this.openid = error.openid;
      this.second = error.second;
      this.#refuse(error.code, error.message, error.opens);
      if (error.retryAfter) this.#timer = this.#env.setTimeout(() => this.#open(), error.retryAfter * 1_000);
    }
  }

  /** Leaves the socket and all that hangs on it, without waiting for a closing handshake. */
  #drop() {
    for (const timer of [this.#timer, this.#stable, this.#answerTimer]) this.#env.clearTimeout(timer);
    const socket = this.#socket;
    this.#socket = null;
    this.#asking = this.#word = null;
    this.#welcome = false;
    this.#queue = [];
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
    for (const session of this.#sessions) session._offline();
  }

  /** @param {{code: string, message: string}} [why] if the server said it */
  #lost(why = { code: "server-unreachable", message: describe("server-unreachable") }) {
    this.#drop();
    this._set("reconnecting", why.code, why.message);
    this.#timer = this.#env.setTimeout(() => this.#open(), backoff(this.#attempt++, this.#env.random()));
  }

  /** The server closed the connection, and may have said why: in the frame that closes it, or in an `error` before. */
  #closed({ reason = "" } = {}) {
    const word = this.#word;
    const why = turnedAway(reason, word?.code === reason ? word.details : "")
      ?? (word?.ends ? turnedAway(word.code, word.details) : null);
    if (!why) return this.#lost();
    // A cookie has an end; the token it was given for may still be good.
    const renewed = why.code === "unauthorized" && this.#attempt === 0 && this.#access.renew();
    if (renewed || why.action === "retry") this.#lost(why);
    else this.#sentAway(why);
  }

  /** @param {{code: string, message: string, action: "retry"|"wait"|"stop"}} why */
  #sentAway({ code, message, action }) {
    this.#drop();
    this.#refuse(code, action === "wait" ? `${message} It is tried again by itself.` : message);
    if (action === "wait") {
      this.#timer = this.#env.setTimeout(() => this.#open(), backoff(this.#attempt++, this.#env.random(), FULL_CAP_MS));
    }
  }

  /** @param {string} code @param {string} message @param {number|null} [opens] */
  #refuse(code, message, opens = null) {
    this.opens = opens;
    this.authenticated = false;
    this.cameras.clear();
    this.dispatchEvent(new Event("cameras"));
    this._set("refused", code, message);
    for (const session of [...this.#sessions]) session._refuse(code, message);
  }

  /** @param {ClientState} state @param {string} [code] */
  #set(state, code = "") {
    this._set(state, code, code && describe(code));
  }

  /** @param {number} [before] what had been heard when the last word was asked for */
  #keepAlive(before = -1) {
    this.#timer = this.#env.setTimeout(() => {
      if (this.#heard === before) return this.#lost();
      this.#word = null;
      this.#set("online");
      // Every server answers this one, and always with next to nothing.
      this.#send({ type: "listConsumers" });
      this.#keepAlive(this.#heard);
    }, KEEPALIVE_MS);
  }

  // -- messages -----------------------------------------------------------------------------------

  /** @param {object} message */
  #send(message) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  /** @param {unknown} data */
  #receive(data) {
    this.#heard += 1;
    if (typeof data !== "string" || data.length > MAX_MESSAGE) return;
    let message;
    try { message = JSON.parse(data); } catch { return; }
    const session = message?.sessionId ? [...this.#sessions].find((s) => s.sessionId === message.sessionId) : undefined;
    switch (message?.type) {
      case "welcome":
        this.#welcome = true;
        this.#send({ type: "setPeerStatus", roles: ["listener"], meta: null, porthole: { version: 1, offers: true } });
        this.#sayCalled();
        for (const each of this.#sessions) each._resume();
        return this.#send({ type: "list" });
      case "list": return this.#listed(message);
      case "peerStatusChanged":
        // A long list comes as many of these: what is not kept changes nothing.
        if (list(message.roles).includes("producer") ? this.#add(message.peerId, message.meta) : this.cameras.delete(message.peerId)) {
          this.#camerasChanged();
        }
        return undefined;
      case "sessionStarted": return this.#started(message);
      case "peer": return session?._peer(message);
      case "grantUpdate": return session?._updated(message);
      case "sessionStats": return session?._measured(message);
      case "sessionResumed":
        if (session) return session._resumed(message.terms);
        // It was closed, or asked for anew, in the meantime.
        return this.#send({ type: "endSession", sessionId: message.sessionId, reason: "viewer-left" });
      case "endSession": return session?._ended(text(message.reason) || "camera-gone", message.detail, readTime(message.nextBooking));
      case "accessChanged":
        this.dispatchEvent(new Event("access"));
        return this.#send({ type: "list" });
      case "call": return this.dispatchEvent(new CustomEvent("call", { detail: message.call }));
      case "listConsumers": return void this.dispatchEvent(new Event("echo"));
      case "error": return this.#error(text(message.code), message.details, readTime(message.nextBooking));
    }
  }

  /** @param {string} code @param {unknown} details @param {number|null} next when this viewer may watch again */
  #error(code, details, next) {
    // Answers a word about a session that is already over.
    if (code === "no-such-session") return;
    // Of the call itself all hear that it rings: whoever was too late hears who was not.
    if (OF_CALLS.includes(code)) return;
    if (this.#asking && !NEVER_OF_A_START.includes(code)) return this.#answered()?._fail(code || "other", details, next);
    const why = turnedAway(code, details);
    if (!why) return;
    // The others concern a message, and explain an end of the connection only if the end says the same.
    const ends = !this.#welcome || code === "unauthorized" || code === "revoked";
    this.#word = { code, details, ends };
    if (!this.#welcome) this.#closed();
    else if (this.state === "online") this._set("online", code, why.message);
  }

  /** @param {{producers?: unknown}} message */
  #listed(message) {
    this.cameras.clear();
    for (const each of list(message.producers).slice(0, MAX_CAMERAS)) this.#add(each?.id, each?.meta);
    if (this.state !== "online") {
      this.#env.clearTimeout(this.#timer);
      this.#keepAlive();
      this.#stable = this.#env.setTimeout(() => { this.#attempt = 0; }, STABLE_MS);
      this.#set("online");
    }
    this.#camerasChanged();
  }

  /** Whether it could be kept. @param {unknown} id @param {any} meta */
  #add(id, meta) {
    if (typeof id !== "string" || !id || (this.cameras.size >= MAX_CAMERAS && !this.cameras.has(id))) return false;
    this.cameras.set(id, { id, name: text(meta?.name) || id.slice(0, MAX_TEXT), meta });
    return true;
  }

  #camerasChanged() {
    this.dispatchEvent(new Event("cameras"));
    for (const session of [...this.#sessions]) session._ready();
  }

  #next() {
    if (this.#asking || !(this.#asking = this.#queue.shift() ?? null)) return;
    const { cameraId: peerId, proof: replaces } = this.#asking;
    const before = this.#heard;
    this.#send({ type: "startSession", peerId, ...(replaces && { replaces }) });
    this.#answerTimer = this.#env.setTimeout(() => {
      // Not one word in all that time: it is the connection that does not work.
      if (this.#heard === before) this.#lost();
      else this.#answered()?._fail("media-failed");
    }, ANSWER_TIMEOUT_MS);
  }

  /** The session that the server has just answered, if any. */
  #answered() {
    const session = this.#asking;
    this.#env.clearTimeout(this.#answerTimer);
    this.#asking = null;
    this.#next();
    return session && this.#sessions.has(session) ? session : null;
  }

  /** @param {Started} message */
  #started(message) {
    const { sessionId, peerId } = message;
    const session = this.#asking?.cameraId === peerId ? this.#answered() : null;
    if (session) session._started(message);
    else this.#send({ type: "endSession", sessionId, reason: "viewer-left" });
  }
}
