// SPDX-License-Identifier: MPL-2.0
// Random schedules of what a server, a camera, a network and a person may do, and what must hold all the time.
// A seed that fails is printed; `SEED=n node --test signaling/web/simulation.test.mjs` runs it alone.
import test from "node:test";
import assert from "node:assert/strict";
import { World, dice } from "./world.mjs";

const SEEDS = 100;
const STEPS = 60;
const REASONS = ["lease-ended", "revoked", "camera-gone", "camera-full", "media-failed", "no-such-session", "unconfirmed", "viewer-left", "of-the-future"];

/** A server that answers what the page sent since the last look; it may forget all sessions, as one that restarts. */
class Server {
  known = new Map();
  answered = new Map();
  #ids = 0;

  constructor(world, random) { Object.assign(this, { world, random }); }

  async answer() {
    const { socket } = this.world;
    if (!socket?.onmessage) return;
    for (let i = this.answered.get(socket) ?? 0; i < socket.sent.length; i += 1) {
      this.answered.set(socket, i + 1);
      await this.#take(socket.sent[i]);
      if (!socket.onmessage) return;
    }
  }

  async #take(message) {
    const { world, known } = this;
    const terms = { lease: 600, perms: ["view"] };
    switch (message.type) {
      case "startSession": {
        if (this.random() < 0.2) return world.say({ type: "error", code: this.random() < 0.5 ? "camera-full" : "camera-offline", details: "" });
        if (message.replaces) known.delete(message.replaces.sessionId);
        const sessionId = `s${this.#ids += 1}`;
        known.set(sessionId, `x-${sessionId}`);
        return world.offer(sessionId, message.peerId, { secret: `x-${sessionId}`, terms });
      }
      case "resumeSession":
        if (known.get(message.sessionId) === message.secret) return world.say({ type: "sessionResumed", sessionId: message.sessionId, peerId: message.peerId, terms });
        return world.say({ type: "endSession", sessionId: message.sessionId, reason: "no-such-session" });
      case "listConsumers": return world.say({ type: "listConsumers", consumers: [] });
      case "endSession": return known.delete(message.sessionId);
    }
  }
}

const open = (world) => world.peers.filter((peer) => !peer.closed);

function check(world, sessions) {
  const ids = new Set();
  for (const session of sessions) {
    assert.ok(["connecting", "live", "reconnecting", "refused", "ended"].includes(session.state), session.state);
    assert.ok(session.state !== "ended" || session.sessionId === "", "an ended session is still known");
    assert.ok(session.message || !["refused", "ended"].includes(session.state), "refused without a word");
    if (session.sessionId) assert.ok(!ids.has(session.sessionId) && ids.add(session.sessionId), "an id twice");
  }
  const live = sessions.filter(({ state }) => state === "live").length;
  assert.ok(open(world).length >= live && open(world).length <= sessions.length, `${open(world).length} connections, ${live} live`);
  const starts = world.socket?.sent.filter(({ type }) => type === "startSession").length ?? 0;
  assert.ok(starts <= 200, "the page floods the server");
}

async function run(seed) {
  const random = dice(seed);
  const world = new World({ random });
  const server = new Server(world, random);
  const pick = (items) => items[Math.floor(random() * items.length)];
  const client = await world.online("front", "yard");
  const sessions = ["front", "front", "yard"].map((camera) => client.watch(camera));
  const steps = {
    answer: () => server.answer(),
    flow: () => open(world).forEach((peer) => { peer.frames += 1; peer.packets += 1; }),
    drop: () => {
      const flowing = sessions.filter(({ state }) => state === "live");
      world.drop(random() < 0.1 ? { code: 1013, reason: "too-slow" } : undefined);
      for (const session of flowing) assert.equal(session.state, "live", "the server's going touched a picture");
    },
    down: () => { world.down = random() < 0.3; },
    forget: () => server.known.clear(),
    welcome: () => world.welcome(...["front", "yard"].filter(() => random() < 0.9)),
    camera: () => world.say({ type: "peerStatusChanged", peerId: pick(["front", "yard"]), roles: random() < 0.7 ? ["producer"] : [] }),
    end: () => world.say({ type: "endSession", sessionId: pick(sessions).sessionId, reason: pick(REASONS) }),
    error: () => world.say({ type: "error", code: pick(REASONS), details: "" }),
    terms: () => world.say({ type: "grantUpdate", sessionId: pick(sessions).sessionId, terms: { lease: Math.floor(random() * 60), perms: ["view"] } }),
    media: () => pick(open(world))?.become(pick(["failed", "disconnected", "connected"])),
    retry: () => pick(sessions).retry(),
    close: () => pick(sessions).close(),
  };
  for (let step = 0; step < STEPS; step += 1) {
    const name = pick([...Object.keys(steps), "answer", "answer", "flow", "flow", "welcome"]);
    await steps[name]();
    await world.advance(Math.floor(random() * (random() < 0.2 ? 12_000 : 600)));
    check(world, sessions);
  }
  // Whatever has happened, a server that is back and a camera that plays end in a picture for who wants one.
  world.down = false;
  for (const session of sessions) session.retry();
  for (let i = 0; i < 200; i += 1) {
    if (client.state !== "online") await world.welcome("front", "yard");
    else if (client.cameras.size < 2) await world.say({ type: "list", producers: [{ id: "front" }, { id: "yard" }] });
    await server.answer();
    steps.flow();
    await world.advance(500);
    for (const session of sessions) if (["refused", "ended"].includes(session.state)) session.retry();
  }
  assert.deepEqual(sessions.map(({ state }) => state), ["live", "live", "live"]);
  client.close();
  assert.equal(open(world).length, 0, "a connection is left");
  assert.equal(world.timers.length, 0, "a timer is left");
}

const seeds = process.env.SEED ? [Number(process.env.SEED)] : Array.from({ length: SEEDS }, (_, seed) => seed);
test("whatever happens, a picture that flows is not touched by the server's going, and the page finds its way back", async () => {
  for (const seed of seeds) {
    await run(seed).catch((error) => { throw new Error(`SEED=${seed}: ${error.message}`, { cause: error }); });
  }
});
