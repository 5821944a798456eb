// SPDX-License-Identifier: MPL-2.0
// The driver's numbered state, under a clock of its own, before a network that loses, delays and reorders.
import test from "node:test";
import assert from "node:assert/strict";
import { Refused } from "./gateway-rules.js";
import { SEND_MS, Steering } from "../drive/steering.js";
import { REPEAT_MS, SteeringState } from "./steering-state.js";
import { World, dice } from "./world.mjs";

const AHEAD = '{"x":0,"y":1,"buttons":[]}';
const ZEROS = '{"x":0,"y":0,"buttons":[]}';

/** A clock that stands until it is moved, and what was sent. */
class Bench {
  now = 0;
  timers = [];
  sent = [];
  hidden = false;
  constructor(send = (message) => this.sent.push(message)) {
    this.state = new SteeringState({
      elapsed: () => this.now,
      hidden: () => this.hidden,
      setTimeout: (call, ms) => { const timer = { at: this.now + ms, call }; this.timers.push(timer); return timer; },
      clearTimeout: (timer) => { this.timers = this.timers.filter((each) => each !== timer); },
    }, { send: (service, number, text) => send({ service, number, text }), timeout: () => 500 });
  }

  later(ms, call) { this.timers.push({ at: this.now + ms, call }); }

  advance(ms) {
    const end = this.now + ms;
    for (;;) {
      const next = this.timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.now = next.at;
      this.timers = this.timers.filter((each) => each !== next);
      next.call();
    }
    this.now = end;
  }
}

test("a state is repeated until it is confirmed, and then only as a sign of life", () => {
  const bench = new Bench();
  bench.state.set([3], ZEROS);
  bench.advance(3 * REPEAT_MS);
  assert.deepEqual(bench.sent, Array(4).fill({ service: 3, number: 1, text: ZEROS }));
  bench.state.answered(3, 1, null);
  bench.advance(10_000);
  assert.equal(bench.sent.length, 4);
  assert.equal(bench.state.repeat(), true);
  assert.equal(bench.sent.length, 5);
  assert.equal(bench.timers.length, 0);
  bench.state.end();
  assert.equal(bench.state.repeat(), false);
});

test("an answer to an older state ends no repeating, and a refusal neither", async () => {
  const bench = new Bench();
  const [held] = bench.state.set([1], AHEAD);
  const [zeros] = bench.state.set([1], ZEROS);
  await held;
  bench.state.answered(1, 1, null);
  bench.state.answered(1, 2, new Refused("stale"));
  await assert.rejects(zeros, { code: "stale" });
  bench.advance(REPEAT_MS);
  assert.deepEqual(bench.sent.map(({ number }) => number), [1, 2, 2]);
});

test("however many services are steered, no more messages are repeated, and numbers go around without 0", () => {
  const bench = new Bench();
  bench.state.set([1, 2, 3, 4], ZEROS);
  bench.advance(1_000);
  assert.ok(bench.sent.length <= 4 + 1_000 / REPEAT_MS, String(bench.sent.length));
  bench.state.number = 65_535;
  bench.state.set([1], ZEROS);
  assert.equal(bench.state.number, 1);
});

test("a page that nobody looks at does not keep the wheel by repeating", () => {
  const bench = new Bench();
  bench.hidden = true;
  bench.state.set([1], ZEROS);
  bench.advance(10_000);
  const last = bench.sent.length;
  assert.ok(last >= 500 / REPEAT_MS && last <= 500 / REPEAT_MS + 2, String(last));
  assert.equal(bench.timers.length, 0);
});

/** Less than half way around. */
const isNewer = (number, than) => { const ahead = (number - than + 65_535) % 65_535; return ahead > 0 && ahead < 32_768; };

/** The camera as docs/gateway.md has it: the newest number counts, and each that counts is confirmed. */
test("with one packet of five lost, zeros are at the program within 150 ms in 99 of 100 cases", () => {
  const PRESSES = 20_000;
  const random = dice(17);
  const delay = () => 5 + 35 * random();
  const steering = new Steering();
  let newest = 0, moves = false, letGo = 0;
  const late = [];
  const bench = new Bench((message) => {
    if (random() < 0.2) return;
    bench.later(delay(), () => {
      if (newest === 0 || isNewer(message.number, newest)) {
        newest = message.number;
        if (message.text === ZEROS && moves) late.push(bench.now - letGo);
        moves = message.text !== ZEROS;
      }
      if (random() >= 0.2) bench.later(delay(), () => bench.state.answered(message.service, message.number, null));
    });
  });
  const send = () => {
    const text = steering.next(bench.now, 0);
    if (text === null) return;
    bench.state.set([1], text);
  };
  for (let press = 0; press < PRESSES; press += 1) {
    steering.key("ArrowUp", true);
    for (let held = 0; held < 4; held += 1) { send(); bench.advance(SEND_MS); }
    steering.key("ArrowUp", false);
    letGo = bench.now;
    send();
    bench.advance(1_500);
    assert.ok(!moves, "it drives on");
  }
  late.sort((a, b) => a - b);
  const p99 = late[Math.floor(late.length * 0.99)];
  assert.ok(late.length > PRESSES * 0.99, `${late.length} of ${PRESSES} moved at all`);
  assert.ok(p99 <= 150, `p99 ${p99} ms, the last ${late.at(-1)} ms`);
});

// -- a drive --------------------------------------------------------------------------------------

const ME = { id: 9, user: "bob" };
const DRIVEN = ["arm", "leg"].map((name, i) => ({ service: i + 1, name, here: true, describe: { drive: true } }));
const outcome = (promise) => promise.then(() => "", ({ code }) => code);

async function driver(hello = { steer: true }, more = {}) {
  const options = typeof more === "function" ? more(() => world) : more;
  const world = new World({ hidden: () => false, ...options });
  const session = await world.robot(hello);
  const camera = world.reliable;
  camera.camera("services", DRIVEN);
  const begin = () => {
    const drive = session.drive();
    camera.camera("wheel", { you: "driving", driver: ME, waiting: [] });
    return drive;
  };
  return { world, session, camera, begin, drive: begin() };
}

test("a drive's state goes to each service on the channel that repeats nothing, and is its heartbeat", async () => {
  const { world, session, drive } = await driver();
  assert.equal(world.fast.of("alive").length, 1);
  const kept = drive.steer(session.services, { x: 0, y: 0 });
  assert.deepEqual(world.fast.of("steer").map(({ service, number, text }) => [service, number, text]), [[1, 1, '{"x":0,"y":0}'], [2, 1, '{"x":0,"y":0}']]);
  world.fast.camera("steered", "", 1, 1);
  world.fast.camera("steered", { code: "stale" }, 2, 1);
  assert.deepEqual(await Promise.all(kept.map(outcome)), ["", "stale"]);
  world.fast.camera("steered", "", 2, 1);
  const before = world.fast.of("steer").length;
  await world.advance(500);
  assert.equal(world.fast.of("steer").length, before + 20, "ten in each control timeout, to both");
  assert.equal(world.fast.of("alive").length, 1);
});

test("a new drive goes on counting, and says from where, so that what is still under way counts no more", async () => {
  const { world, session, camera, drive, begin } = await driver();
  drive.steer(session.services, AHEAD);
  const [zeros] = drive.steer(session.services, ZEROS);
  drive.release();
  assert.equal(await outcome(zeros), "");
  const sent = world.fast.of("steer").length;
  await world.advance(1_000);
  assert.equal(world.fast.of("steer").length, sent);
  assert.deepEqual(await Promise.all(drive.steer(session.services, ZEROS).map(outcome)), ["not-driving", "not-driving"]);
  begin().steer(session.services, ZEROS);
  assert.deepEqual(camera.of("ask").map(({ number }) => number), [0, 2]);
  assert.equal(world.fast.of("steer").at(-1).number, 3);
});

test("a camera that knows no states is sent commands, in order", async () => {
  const { world, session, camera, drive } = await driver({});
  const [kept] = drive.steer(session.services, ZEROS);
  const [command] = camera.of("text");
  assert.deepEqual([command.service, command.text], [1, ZEROS]);
  camera.camera("accepted", "", 1, command.number);
  assert.equal(await outcome(kept), "");
  assert.equal(world.fast.of("steer").length, 0);
});

test("a clock that is set back does not let a page that nobody looks at hold the wheel by repeating", async () => {
  let hidden = false;
  const { world, session, drive } = await driver({ steer: true }, { hidden: () => hidden });
  drive.steer(session.services, ZEROS);
  hidden = true;
  world.set = -3_600_000;
  await world.advance(1_000);
  const sent = world.fast.of("steer").length;
  await world.advance(10_000);
  assert.equal(world.fast.of("steer").length, sent);
});

test("where the channel that repeats nothing closes, the drive goes on by the other one", async () => {
  const { world, session, camera, drive } = await driver();
  world.fast.end();
  const before = camera.of("alive").length;
  await world.advance(500);
  assert.equal(camera.of("alive").length, before + 10, "ten in each control timeout");
  const [kept] = drive.steer(session.services, AHEAD);
  camera.camera("steered", "", 1, 1);
  camera.camera("steered", "", 2, 1);
  assert.equal(await outcome(kept), "");
  await world.advance(500);
  assert.equal(camera.of("steer").length, 2 + 20, "and so does its heartbeat");
});

test("a page whose timers run once a second loses the wheel, and says nothing more of what it held", async () => {
  let period = 1;
  const late = (world) => ({
    setTimeout: (call, ms) => {
      const timer = { at: Math.ceil((world().now + ms) / period) * period, call };
      world().timers.push(timer);
      return timer;
    },
  });
  const { world, session, camera, drive } = await driver({ steer: true }, late);
  period = 1_000;
  drive.steer(session.services, AHEAD);
  const said = () => world.fast.heard.length + camera.heard.length;
  // By then the camera has heard nothing for its timeout.
  await world.advance(600);
  const before = said();
  camera.camera("wheel", { you: "watching", driver: null, waiting: [], reason: "stalled" });
  assert.deepEqual([drive.state, drive.reason], ["ended", "stalled"]);
  await world.advance(5_000);
  assert.equal(said(), before);
});
