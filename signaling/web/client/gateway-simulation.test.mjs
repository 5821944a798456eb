// SPDX-License-Identifier: MPL-2.0
// Random schedules of what a robot, its programs, other people, the network and this person may do: no command is ever
// without an answer, no stop is done that the camera does not know of, and nobody drives whom the camera has not let.
// `SEED=n` runs one alone.
import test from "node:test";
import assert from "node:assert/strict";
import { World, dice, settle } from "./world.mjs";

const SEEDS = 200;
const STEPS = 120;
const ME = { id: 9, user: "bob" };
const ANN = { id: 7, user: "ann" };
const SERVICES = ["arm", "battery", "lamp"].map((name, i) => ({ service: i + 1, name, here: true, describe: {} }));

/** The camera's side of the channels: who has the wheel, and what became of each command. */
class Camera {
  /** In order of asking; the first drives. */
  line = [];
  /** By their text. */
  accepted = new Set();
  answered = new Set();
  /** So many stops, of whomever. */
  stops = 0;
  #read = new Map();

  constructor(world, random) { Object.assign(this, { world, random }); }

  open() {
    this.line = this.line.filter((who) => who !== ME);
    this.world.channels();
    this.world.reliable.camera("services", SERVICES);
    this.turn();
  }

  get isOpen() { return this.world.reliable?.readyState === "open"; }

  turn(more) {
    if (!this.isOpen) return;
    const [driver = null, ...waiting] = this.line;
    const you = driver === ME ? "driving" : waiting.includes(ME) ? "waiting" : "watching";
    this.world.reliable.camera("wheel", { you, driver, waiting, ...more });
  }

  remove(who, reason) {
    const drove = this.line[0] === who;
    this.line = this.line.filter((each) => each !== who);
    this.turn(drove && who === ME ? { reason } : {});
  }

  /** All hear of it, whoever drove or waited, or nobody. */
  stop(told) {
    this.stops += 1;
    this.line = [];
    this.turn(told);
  }

  /** Hears what was sent since the last look; on the channel that is never repeated something may get lost. */
  hear() {
    for (const channel of [this.world.reliable, this.world.fast]) {
      const from = this.#read.get(channel) ?? 0;
      this.#read.set(channel, channel.heard.length);
      for (const message of channel.heard.slice(from)) {
        if (!this.isOpen) return;
        if (channel === this.world.reliable || this.random() > 0.3) this.#take(message);
      }
    }
  }

  #take({ kind, service, number, text }) {
    const { reliable } = this.world;
    switch (kind) {
      case "ask":
        if (this.random() < 0.1) return reliable.camera("refused", { code: "not-permitted" });
        if (!this.line.includes(ME)) this.line.push(ME);
        return this.turn();
      case "stop":
        if (this.random() < 0.1) return reliable.camera("refused", { code: "not-permitted" }, service, number);
        if (this.random() < 0.1) return undefined; // It is busy for longer than anybody waits.
        return this.stop({ reason: "stopped", by: ME.user });
      case "release": return this.remove(ME, "given-up");
      case "text": {
        assert.ok(!this.answered.has(text), "a command twice");
        const drives = this.line[0] === ME;
        if (drives && this.random() < 0.1) return undefined; // The program takes its time, and the end comes first.
        this.answered.add(text);
        if (!drives) return reliable.camera("refused", { code: "not-driving" }, service, number);
        if (this.random() < 0.2) return reliable.camera("refused", { code: "busy" }, service, number);
        this.accepted.add(text);
        return reliable.camera("accepted", "", service, number);
      }
      default: return undefined;
    }
  }
}

async function run(seed) {
  const random = dice(seed);
  const world = new World({ random, hidden: () => world.looksAway === true });
  const session = await world.live();
  const camera = new Camera(world, random);
  camera.open();
  const pick = (items) => items[Math.floor(random() * items.length)];
  const commands = [];
  const stops = [];
  const beats = () => world.reliable.of("alive").length + world.fast.of("alive").length;
  let drive = null;
  let ids = 1;
  const steps = {
    hear: () => camera.hear(),
    drive: () => {
      const next = session.drive();
      if (next !== drive) {
        assert.ok(!drive || drive.state === "ended", "two at a time");
        drive = next;
      }
    },
    release: () => drive?.release(),
    send: () => {
      const command = { text: `c${commands.length}`, outcomes: [] };
      commands.push(command);
      const now = random() < 0.5;
      session.service(pick(["arm", "battery", "lamp", "nobody"])).send(command.text, { now })
        .then(() => command.outcomes.push(""), ({ code }) => command.outcomes.push(code));
    },
    stop: () => {
      const stop = { before: camera.stops, at: world.now, outcomes: [] };
      stops.push(stop);
      session.stop().then(() => "", ({ code }) => code).then((code) => stop.outcomes.push({ code, stops: camera.stops, at: world.now }));
      assert.notEqual(drive?.state, camera.isOpen ? "driving" : "", "one drives on who stops the robot");
    },
    annStops: () => camera.stop({ reason: "stopped", by: ANN.user }),
    programStops: () => camera.stop({ reason: "program", by: "arm", detail: "bumper" }),
    hello: () => { if (camera.isOpen) world.reliable.camera("hello", { version: 1, id: 9, user: "bob", gateway: true, talk: "one", controlTimeout: pick([200, 500, 2_000]) }); },
    ann: () => { if (!camera.line.includes(ANN)) camera.line.push(ANN); camera.turn(); },
    annLeaves: () => camera.remove(ANN),
    stalled: () => camera.remove(ME, "stalled"),
    services: () => { if (camera.isOpen) world.reliable.camera("services", SERVICES.map((each) => ({ ...each, here: random() < 0.7 }))); },
    look: () => { world.looksAway = random() < 0.3; },
    close: () => { if (random() < 0.2 && camera.isOpen) world.reliable.end(); },
    fail: async () => {
      if (random() > 0.3) return;
      world.peer.become("failed");
      await world.advance(2_000);
      await world.offer(`s${ids += 1}`, "front", { secret: "x" });
      world.flow();
      await world.advance(250);
      camera.open();
    },
  };
  for (let step = 0; step < STEPS; step += 1) {
    await steps[pick([...Object.keys(steps), "hear", "hear", "send", "send", "drive"])]();
    world.flow();
    const [drives, before] = [drive?.state === "driving", beats()];
    await world.advance(Math.floor(random() * 200));
    assert.ok(drives || beats() === before, "a heartbeat of who does not drive");
    if (drive?.state === "driving") assert.equal(camera.line[0], ME, "who was never let drives");
    if (!camera.isOpen) assert.ok(session.hello === null && drive?.state !== "driving", "driving without a way to the robot");
    assert.ok(!session.stopped || (camera.line.length === 0 && session.wheel.driver === null), "somebody drives a robot that is said to be stopped");
    for (const { outcomes } of commands) assert.ok(outcomes.length <= 1, "answered twice");
  }
  camera.hear();
  world.client.close();
  await settle();
  for (const { text, outcomes } of commands) {
    assert.equal(outcomes.length, 1, `${text} has no answer`);
    if (outcomes[0] === "") assert.ok(camera.accepted.has(text), `${text} was never accepted`);
  }
  for (const { before, at, outcomes: [end, ...more] } of stops) {
    assert.ok(end && more.length === 0, "a stop has one answer");
    assert.ok(end.at - at <= 2_000, `a stop had its answer after ${end.at - at} ms`);
    if (end.code === "") assert.ok(end.stops > before, "a stop is done that never was");
  }
  assert.equal(world.timers.length, 0, "a timer is left");
  return commands.filter(({ outcomes }) => outcomes[0] === "").length;
}

const seeds = process.env.SEED ? [Number(process.env.SEED)] : Array.from({ length: SEEDS }, (_, seed) => seed);
test("whatever happens, each command and each stop gets one answer, and nobody drives whom the camera has not let", async () => {
  let accepted = 0;
  for (const seed of seeds) {
    accepted += await run(seed).catch((error) => { throw new Error(`SEED=${seed}: ${error.message}`, { cause: error }); });
  }
  if (!process.env.SEED) assert.ok(accepted > SEEDS, `${accepted} commands got through: the schedules try nothing`);
});
