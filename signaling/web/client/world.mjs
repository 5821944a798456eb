// SPDX-License-Identifier: MPL-2.0
// The fakes around a client: time, network and media. Nothing here waits.
import assert from "node:assert/strict";
import { Joiner, KIND, MAX_PART, decode, encode, parts, readJson, readText } from "./envelope.js";
import { PortholeClient } from "./porthole-client.js";

/** Lets promises run; there is no clock in it. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Small, seeded, and good enough (mulberry32). @param {number} seed */
export const dice = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
};

/** An offer of a robot with a loudspeaker. */
export const TALK_OFFER = "v=0\r\nm=video 9 RTP\r\na=mid:video0\r\na=sendonly\r\nm=audio 9 RTP\r\na=mid:audio1\r\na=recvonly\r\n";

/** A data channel that the camera has opened; `camera` says something on it, and `heard` is what it hears. */
class FakeChannel {
  readyState = "open";
  bufferedAmount = 0;
  heard = [];
  #joiner = new Joiner();
  constructor(label) { this.label = label; }
  send(bytes) {
    if (this.readyState !== "open") throw new DOMException("closed", "InvalidStateError");
    if (bytes.length > MAX_PART) throw new TypeError("larger than max-message-size");
    if (this.full) throw new DOMException("full", "OperationError");
    const whole = this.#joiner.take(bytes.slice().buffer);
    if (!whole) return;
    const { kind, service, number, payload } = decode(whole);
    const name = Object.keys(KIND).find((each) => KIND[each] === kind);
    this.heard.push({ kind: name, service, number, payload, text: readText(payload) });
  }
  close() { this.readyState = "closed"; }
  /** Closed by the other side. */
  end() { this.readyState = "closed"; this.onclose?.(); }
  camera(kind, payload = "", service = 0, number = 0) {
    const told = typeof payload === "string" || payload instanceof Uint8Array ? payload : JSON.stringify(payload);
    for (const part of parts(encode(KIND[kind], { service, number, payload: told }))) this.onmessage?.({ data: part.buffer });
  }
  of(kind) { return this.heard.filter((each) => each.kind === kind); }
  json(kind) { return this.of(kind).map(({ payload }) => readJson(payload)); }
}

/** What sends sound to the camera, or nothing. */
class FakeSender {
  track = null;
  history = [];
  async replaceTrack(track) { this.track = track; this.history.push(track); }
}

export class World {
  now = 0;
  /** By how much the clock on the wall was set. */
  set = 0;
  /** The answer to whoever signs out. */
  out = { status: 204 };
  timers = [];
  sockets = [];
  peers = [];
  requests = [];
  /** What was sent with them, of all so far. */
  credentials = new Set();
  bodies = [];
  config = { openAccess: true, authenticated: false, websocket: "/ws", iceServers: [] };
  login = { status: 200, headers: {}, body: {} };

  constructor({ base = "http://host:8080", ...options } = {}) {
    const world = this;
    class FakeSocket {
      readyState = 1;
      sent = [];
      constructor(url, protocols = []) { this.url = url; this.protocols = [...protocols]; world.sockets.push(this); }
      send(data) { this.sent.push(JSON.parse(data)); }
      close() { this.readyState = 3; }
    }
    class FakeStream {
      #tracks = [];
      addTrack(track) { this.#tracks.push(track); }
      removeTrack(track) { this.#tracks = this.#tracks.filter((t) => t !== track); }
      getTracks() { return this.#tracks; }
    }
    class FakePeer {
      connectionState = "new";
      candidates = [];
      frames = 0;
      packets = 0;
      closed = false;
      transport = new EventTarget();
      constructor(config) {
        if (!Array.isArray(config.iceServers)) throw new TypeError("iceServers");
        this.config = config;
        world.peers.push(this);
      }
      getConfiguration() { return this.config; }
      setConfiguration(config) {
        if (!Array.isArray(config.iceServers) || !config.iceServers.every(({ urls }) => urls)) throw new TypeError("iceServers");
        this.config = config;
      }
      async setRemoteDescription(description) {
        if (description.sdp.includes("a=nonsense")) throw new DOMException("Failed to set remote video description", "OperationError");
        this.remote = description;
        const mids = [...description.sdp.matchAll(/^a=mid:(\S+)/gm)].map(([, mid]) => mid);
        this.lines = mids.map((mid) => ({ mid, direction: "recvonly", sender: new FakeSender() }));
      }
      lines = [];
      getTransceivers() { return this.lines; }
      async createAnswer() { return { type: "answer", sdp: "answer" }; }
      async createOffer() { return { type: "offer", sdp: "offer" }; }
      asked = [];
      addTransceiver(kind, { direction }) { this.asked.push(`${kind} ${direction}`); }
      async setLocalDescription(description) { this.localDescription = description; }
      /** The way to this end that was found, or null after the last. */
      find(candidate) {
        if (candidate) this.localDescription.sdp += ` ${candidate}`;
        this.onicecandidate?.({ candidate: candidate && { candidate, sdpMLineIndex: 0 } });
      }
      async addIceCandidate(candidate) { assert.ok(this.remote, "a candidate before the offer"); this.candidates.push(candidate); }
      getReceivers() { return [{ transport: this.transport }]; }
      async getStats() { return new Map([["v", { type: "inbound-rtp", kind: "video", framesDecoded: this.frames, packetsReceived: this.packets }]]); }
      close() { this.closed = true; }
      become(state) { this.connectionState = state; this.onconnectionstatechange?.(); }
    }
    this.client = new PortholeClient(base, {
      WebSocket: FakeSocket, RTCPeerConnection: FakePeer, MediaStream: FakeStream, random: () => 0.5, now: () => this.now + this.set, elapsed: () => this.now,
      setTimeout: (call, ms) => { const timer = { at: this.now + ms, call }; this.timers.push(timer); return timer; },
      clearTimeout: (timer) => { this.timers = this.timers.filter((t) => t !== timer); },
      fetch: async (url, { method, headers, body, credentials, mode }) => {
        const { pathname } = new URL(url);
        this.credentials.add(credentials);
        this.requests.push(`${method} ${pathname}${headers.Authorization ? ` ${headers.Authorization}` : ""}`);
        if (body) this.bodies.push(body);
        if (this.down || (this.unnamed && mode !== "no-cors")) throw new TypeError("no route");
        if (pathname.endsWith("/api/config")) return { ok: true, status: 200, json: async () => this.config };
        if (method === "DELETE") return { ok: true, status: this.out.status, json: async () => this.out.body };
        if (method === "POST" && this.login.status === 200) this.config = { ...this.config, authenticated: true };
        return { ok: this.login.status < 300, status: this.login.status, headers: new Headers(this.login.headers), json: async () => this.login.body };
      },
      ...options,
    });
  }

  get socket() { return this.sockets.at(-1); }
  get peer() { return this.peers.at(-1); }
  sent(type) { return this.socket.sent.filter((message) => message.type === type); }

  async advance(ms) {
    const end = this.now + ms;
    await settle();
    for (;;) {
      const next = this.timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.now = next.at;
      this.timers = this.timers.filter((t) => t !== next);
      next.call();
      await settle();
    }
    this.now = end;
  }

  async say(...messages) {
    for (const message of messages) this.socket.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) });
    await settle();
  }

  /** A connected client that sees the cameras `ids`. */
  async online(...ids) {
    this.client.connect();
    await settle();
    await this.welcome(...ids);
    return this.client;
  }

  async welcome(...ids) {
    await this.say({ type: "welcome", peerId: "me" }, { type: "list", producers: ids.map((id) => ({ id, meta: this.meta ?? null })) });
  }

  async offer(sessionId = "s1", peerId = "front", extra = {}, sdp = "offer") {
    await this.say({ type: "sessionStarted", peerId, sessionId, ...extra }, { type: "peer", sessionId, sdp: { type: "offer", sdp } });
  }

  /** A session that shows a picture, as a server of ours starts it. */
  async live(terms = { lease: 600, perms: ["view"] }, sdp = "offer") {
    const client = await this.online("front");
    const session = client.watch("front");
    await this.offer("s1", "front", { secret: "x1", terms }, sdp);
    this.flow();
    await this.advance(250);
    assert.equal(session.state, "live");
    return session;
  }

  /** A session with a robot: its channels are open, and it has said what it is. */
  async robot(hello = {}) {
    const session = await this.live(undefined, TALK_OFFER);
    this.channels(hello);
    return session;
  }

  /** The camera opens its channels. */
  channels(hello = {}) {
    [this.reliable, this.fast] = ["porthole", "porthole-now"].map((label) => this.channel(label));
    this.reliable.camera("hello", { version: 1, id: 9, user: "bob", controlTimeout: 500, gateway: true, talk: "one", ...hello });
  }

  channel(label, readyState = "open") {
    const channel = Object.assign(new FakeChannel(label), { readyState });
    this.peer.ondatachannel?.({ channel });
    return channel;
  }

  get talkLine() { return this.peer.lines.find(({ direction }) => direction === "sendonly"); }

  flow() { this.peer.frames += 1; this.peer.packets += 1; }
  drop(frame) { this.socket?.onclose?.(frame); }
  /** Media goes on for so long. */
  async play(ms) {
    for (const end = this.now + ms; this.now < end;) {
      this.flow();
      await this.advance(Math.min(1_000, end - this.now));
    }
  }
}
