// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { WAY_MS, testConnection } from "./connection-test.js";

const SERVERS = [{ urls: "stun:stun.example.org" }, { urls: "turn:turn.example.org", username: "u", credential: "c" }];

/** A browser in which each kind of way works or does not; timers run out at once where nothing else happens. */
function world({ host = true, srflx = true, relay = true, broken = false } = {}) {
  const it = { open: 0, made: 0, configs: [], time: 0 };
  class Peer {
    constructor(config) {
      if (broken) throw new TypeError("bad servers");
      it.open += 1;
      it.made += 1;
      it.configs.push(config);
      this.works = config.iceTransportPolicy === "relay" ? relay : host;
    }
    createDataChannel() { return (this.channel = {}); }
    async createOffer() { return { type: "offer" }; }
    async createAnswer() { return { type: "answer" }; }
    async setLocalDescription(description) {
      this.localDescription = description;
      if (srflx) this.onicecandidate?.({ candidate: { type: "srflx", candidate: "a typ srflx b" } });
      this.onicecandidate?.({ candidate: null });
    }
    async setRemoteDescription({ type }) {
      it.time += 20;
      if (type === "answer" && this.works) queueMicrotask(() => this.channel.onopen());
    }
    async addIceCandidate() {}
    close() { it.open -= 1; }
  }
  const timers = new Set();
  it.env = {
    RTCPeerConnection: Peer, now: () => it.time,
    setTimeout: (call, ms) => {
      const timer = setImmediate(() => setImmediate(() => setImmediate(() => setImmediate(() => { if (timers.delete(timer)) { it.time += ms; call(); } }))));
      timers.add(timer);
      return timer;
    },
    clearTimeout: (timer) => { timers.delete(timer); },
  };
  return it;
}
const server = { http: async () => {}, websocket: async () => 15 };

test("each way that works is told with its time, one after the other, and nothing stays open", async () => {
  const it = world();
  const told = [];
  const result = await testConnection(it.env, server, SERVERS, (sofar) => told.push(Object.keys(sofar).at(-1)));
  assert.deepEqual(told, ["http", "websocket", "host", "srflx", "relay"]);
  assert.deepEqual([result.http, result.websocket], [0, 15]);
  assert.deepEqual([result.host.ok, result.srflx.ok, result.relay.ok], [true, true, true]);
  assert.ok(result.relay.ms > 0);
  assert.equal(it.open, 0);
  assert.deepEqual(it.configs.at(-1), { iceServers: SERVERS, iceTransportPolicy: "relay" });
  assert.deepEqual(it.configs[0], { iceServers: [] }, "no server helps where none must");
});

test("a way that does not work is given up after a time, and the others are tried all the same", async () => {
  const it = world({ srflx: false, relay: false });
  const { host, srflx, relay } = await testConnection(it.env, server, SERVERS, () => {});
  assert.deepEqual([host.ok, srflx.ok, relay.ok], [true, false, false]);
  assert.ok(it.time >= 2 * WAY_MS);
  assert.equal(it.open, 0);
});

test("what is not configured is not tried, and said to be so", async () => {
  const it = world();
  const { srflx, relay } = await testConnection(it.env, server, [], () => {});
  assert.deepEqual([srflx.asked, relay.asked, it.made], [false, false, 2]);
});

test("a server that does not answer, and a browser that cannot, are results and no errors", async () => {
  const none = { http: async () => { throw new Error(); }, websocket: async () => { throw new Error(); } };
  const result = await testConnection(world({ broken: true }).env, none, SERVERS, () => {});
  assert.deepEqual([result.http, result.websocket, result.host.ok, result.srflx.ok, result.relay.ok], [null, null, false, false, false]);
});
