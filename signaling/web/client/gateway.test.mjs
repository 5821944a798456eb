// SPDX-License-Identifier: MPL-2.0
// Services, commands and the wheel, as a session shows them, before a fake camera on fake channels (world.mjs).
import test from "node:test";
import assert from "node:assert/strict";
import { encode } from "./envelope.js";
import { World, settle } from "./world.mjs";

const BATTERY = { service: 1, name: "battery", here: true, describe: { title: "Battery", kind: "number", unit: "%" } };
const ARM = { service: 2, name: "arm", here: true, describe: {} };
const ME = { id: 9, user: "bob" };
const ANN = { id: 7, user: "ann" };

/** What a promise became: "" when it was kept, else its code. */
const outcome = (promise) => promise.then(() => "", ({ code }) => code);

async function robot(hello) {
  const world = new World({ hidden: () => world.looksAway === true });
  const session = await world.robot(hello);
  world.reliable.camera("services", [BATTERY, ARM]);
  return { world, session, camera: world.reliable };
}

async function driver(hello) {
  const all = await robot(hello);
  const drive = all.session.drive();
  all.camera.camera("wheel", { you: "driving", driver: ME, waiting: [] });
  return { ...all, drive };
}

// -- hearing --------------------------------------------------------------------------------------

test("what a service sends comes as text or bytes, whichever channel it takes", async () => {
  const { world, session, camera } = await robot();
  const heard = [];
  session.service("battery").addEventListener("message", ({ detail }) => heard.push(detail));
  camera.camera("text", "87", 1);
  world.fast.camera("binary", new Uint8Array([1, 2]), 1);
  camera.camera("text", "for another", 2);
  assert.deepEqual(heard, ["87", new Uint8Array([1, 2])]);
  assert.deepEqual(session.service("battery").last, new Uint8Array([1, 2]));
  assert.equal(session.hello.user, "bob");
});

test("a camera that has bundles is asked for them once, and they come as what is in them", async () => {
  const { world, session, camera } = await robot({ bundles: true });
  camera.camera("hello", { ...HELLO, bundles: true, controlTimeout: 200 });
  assert.equal(camera.of("bundles").length, 1);
  const heard = [];
  for (const name of ["battery", "arm"]) session.service(name).addEventListener("message", ({ detail }) => heard.push([name, detail]));
  const one = (kind, service, payload) => { const bytes = encode(kind, { service, payload }); return [0, bytes.length, ...bytes]; };
  const bundle = new Uint8Array([...one(1, 1, "87"), ...one(2, 2, new Uint8Array([5])), ...one(1, 1, "86"), ...one(4, 0, "{}")]);
  camera.camera("bundle", bundle);
  world.fast.camera("bundle", new Uint8Array(one(1, 1, "85")));
  assert.deepEqual(heard, [["battery", "87"], ["arm", new Uint8Array([5])], ["battery", "86"], ["battery", "85"]]);
  const older = await robot();
  assert.equal(older.camera.of("bundles").length, 0);
});

test("services come and go by name, and are the same objects", async () => {
  const { session, camera } = await robot();
  const [battery, lamp] = [session.service("battery"), session.service("lamp")];
  const told = [];
  battery.addEventListener("state", () => told.push(battery.here));
  assert.deepEqual(session.services.map(({ name }) => name), ["battery", "arm"]);
  assert.deepEqual([battery.here, battery.description.unit, lamp.here], [true, "%", false]);
  camera.camera("services", [{ ...BATTERY, here: false }, ARM, { service: 3, name: "lamp", here: true }]);
  camera.camera("services", [{ ...BATTERY, here: false }, ARM, { service: 3, name: "lamp", here: true }]);
  assert.deepEqual(told, [false], "the same again is no news");
  assert.equal(lamp.here, true);
  assert.equal(session.services[0], battery);
});

test("what was lost is counted", async () => {
  const { session, camera } = await robot();
  const counts = [];
  session.service("battery").addEventListener("lost", ({ detail }) => counts.push(detail));
  camera.camera("lost", new Uint8Array([0, 0, 1, 2]), 1);
  camera.camera("lost", new Uint8Array([0, 0, 0, 1]), 1);
  for (const bad of [new Uint8Array(3), new Uint8Array(5), new Uint8Array(0)]) camera.camera("lost", bad, 1);
  assert.deepEqual(counts, [258, 1]);
  assert.equal(session.service("battery").lost, 259);
});

// -- commands -------------------------------------------------------------------------------------

test("a command is done when it was accepted, and refused with the camera's words", async () => {
  const { session, camera } = await driver();
  const [first, second] = [session.service("arm").send("up"), session.service("battery").send(new Uint8Array([7]))];
  assert.deepEqual(camera.of("text").map(({ service, number, text }) => [service, number, text]), [[2, 1, "up"]]);
  assert.deepEqual(camera.of("binary").map(({ service, number, payload }) => [service, number, [...payload]]), [[1, 2, [7]]]);
  camera.camera("refused", { code: "busy", message: "full" }, 1, 2);
  camera.camera("accepted", "", 2, 1);
  await first;
  await assert.rejects(second, { name: "Refused", code: "busy", message: "full" });
});

test("an answer to nothing, or a second one, changes nothing", async () => {
  const { session, camera } = await driver();
  const command = session.service("arm").send("up");
  camera.camera("accepted", "", 2, 4_711);
  camera.camera("refused", { code: "busy" }, 2, 4_712);
  camera.camera("accepted", "", 2, 1);
  camera.camera("refused", { code: "busy" }, 2, 1);
  assert.equal(await outcome(command), "");
});

test("numbers go around, and past those that still wait", async () => {
  const { session, camera } = await driver();
  const stays = session.service("arm").send("slow");
  for (let i = 0; i < 65_535; i += 1) {
    const command = session.service("arm").send("x");
    camera.camera("accepted", "", 2, camera.heard.at(-1).number);
    if (i % 8_192 === 0) await command;
  }
  const numbers = camera.of("text").map(({ number }) => number);
  assert.deepEqual(numbers.slice(-3), [65_534, 65_535, 2]);
  camera.camera("accepted", "", 2, 1);
  assert.equal(await outcome(stays), "");
});

test("commands without an answer are bounded, and each is refused when the session ends", async () => {
  const { world, session, drive } = await driver();
  const commands = Array.from({ length: 300 }, () => outcome(session.service("arm").send("up")));
  world.peer.become("failed");
  const codes = await Promise.all(commands);
  assert.deepEqual([codes.slice(0, 256), codes.slice(256)], [Array(256).fill("session-ended"), Array(44).fill("too-many")]);
  assert.deepEqual([drive.state, drive.reason], ["ended", "session-ended"]);
});

test("what cannot be sent is refused at once, with its reason", async () => {
  const { session, camera } = await driver();
  assert.equal(await outcome(session.service("lamp").send("on")), "no-such-service");
  assert.equal(await outcome(session.service("arm").send("ä".repeat(32_769))), "too-large");
  assert.equal(await outcome(session.service("arm").send(/** @type {any} */ ({}))), "bad-message");
  camera.bufferedAmount = 1 << 20;
  assert.equal(await outcome(session.service("arm").send("up")), "too-many");
  camera.bufferedAmount = 0;
  camera.full = true;
  assert.equal(await outcome(session.service("arm").send("up")), "too-many");
  camera.full = false;
  assert.equal(camera.of("text").length, 0);
  const largest = session.service("arm").send(new ArrayBuffer(65_536));
  camera.camera("accepted", "", 2, camera.heard.at(-1).number);
  assert.equal(await outcome(largest), "");
  assert.equal(camera.heard.at(-1).payload.length, 65_536, "in two parts");
  session.close();
  assert.equal(await outcome(session.service("arm").send("up")), "not-connected");
});

test("what may be lost goes on the other channel, and is refused when nothing is heard of it", async () => {
  const { world, session, camera } = await driver();
  const [kept, lost] = [session.service("arm").send("1", { now: true }), session.service("arm").send("2", { now: true })];
  assert.deepEqual(world.fast.of("text").map(({ text }) => text), ["1", "2"]);
  assert.equal(camera.of("text").length, 0);
  camera.camera("accepted", "", 2, 1);
  const [first, second] = [outcome(kept), outcome(lost)];
  await world.advance(2_000);
  assert.deepEqual([await first, await second], ["", "unanswered"]);
});

test("what is too long for one message takes the channel that keeps its order", async () => {
  const { world, session, camera } = await driver();
  for (const length of [65_532, 65_533]) session.service("arm").send(new Uint8Array(length), { now: true }).catch(() => {});
  assert.deepEqual([world.fast, camera].map((channel) => channel.of("binary").map(({ payload }) => payload.length)), [[65_532], [65_533]]);
});

test("a long list of services comes in parts", async () => {
  const { session, camera } = await robot();
  const many = Array.from({ length: 255 }, (_, i) => ({ service: i + 1, name: `s${i}`, here: true, describe: { title: `T${i}`, note: "x".repeat(4_000) } }));
  camera.camera("services", many);
  assert.deepEqual(session.services.map(({ description }) => description.title), many.map(({ describe }) => describe.title));
});

test("without the second channel everything takes the first", async () => {
  const { world, session, camera } = await driver();
  world.fast.end();
  session.service("arm").send("1", { now: true }).catch(() => {});
  const before = camera.of("alive").length;
  await world.advance(200);
  assert.equal(camera.of("text").length, 1);
  assert.ok(camera.of("alive").length > before);
});

// -- the wheel ------------------------------------------------------------------------------------

test("the wheel is asked for, waited for, had, handed over and lost", async () => {
  const { session, camera } = await robot();
  const states = [];
  const drive = session.drive();
  drive.addEventListener("state", () => states.push(drive.state));
  assert.equal(session.drive(), drive, "one at a time");
  assert.equal(camera.of("ask").length, 1);
  camera.camera("wheel", { you: "waiting", driver: ANN, waiting: [ME] });
  assert.deepEqual([drive.driver, drive.waiting], [ANN, [ME]]);
  assert.equal(await outcome(drive.send("arm", "up")), "not-driving");
  camera.camera("wheel", { you: "driving", driver: ME, waiting: [ANN] });
  const sent = drive.send("arm", "up");
  camera.camera("accepted", "", 2, 1);
  await sent;
  drive.handOver(ANN.id);
  assert.deepEqual(camera.json("handOver"), [{ to: 7 }]);
  camera.camera("wheel", { you: "watching", driver: ANN, waiting: [], reason: "handed-over" });
  assert.deepEqual(states, ["waiting", "driving", "ended"]);
  assert.equal(drive.reason, "handed-over");
  assert.equal(session.wheel.driver.user, "ann");
  assert.notEqual(session.drive(), drive);
  assert.equal(camera.of("ask").length, 2);
});

test("a word about the wheel from before the question does not end the wait", async () => {
  const { session, camera } = await robot();
  const drive = session.drive();
  camera.camera("wheel", { you: "watching", driver: ANN, waiting: [], reason: "stalled" });
  assert.equal(drive.state, "waiting");
  camera.camera("wheel", { you: "waiting", driver: ANN, waiting: [ME] });
  camera.camera("wheel", { you: "driving", driver: ME, waiting: [] });
  assert.equal(drive.state, "driving");
});

test("a wheel that came and went before it was told is asked for anew by a person, and not waited for", async () => {
  const { world, session, camera } = await robot();
  const drive = session.drive();
  camera.camera("wheel", { you: "watching", driver: null, waiting: [], reason: "stalled" });
  await world.play(5_000);
  assert.deepEqual([drive.state, drive.reason], ["ended", "unanswered"]);
  assert.deepEqual(camera.heard.map(({ kind }) => kind), ["ask", "release"]);
  const next = session.drive();
  camera.camera("wheel", { you: "waiting", driver: ANN, waiting: [ME] });
  await world.play(60_000);
  assert.equal(next.state, "waiting", "who was answered waits as long as it takes");
});

test("who may not control is told so", async () => {
  const { session, camera, drive } = await driver();
  camera.camera("wheel", { you: "not-permitted", driver: null, waiting: [] });
  assert.deepEqual([drive.state, drive.reason], ["ended", "not-permitted"]);
  const again = session.drive();
  camera.camera("refused", { code: "not-permitted", message: "no" });
  assert.deepEqual([again.state, again.reason], ["ended", "not-permitted"]);
});

test("a hand-over that is refused is told, and the wheel stays", async () => {
  const { camera, drive } = await driver();
  const refused = [];
  drive.addEventListener("refused", ({ detail }) => refused.push(detail.code));
  drive.handOver(4_711);
  camera.camera("refused", { code: "bad-message", message: "nobody" });
  assert.deepEqual(refused, ["bad-message"]);
  assert.equal(drive.state, "driving");
});

test("letting go is said to the camera, once, and what it says late gives nothing back", async () => {
  const { session, camera, drive, world } = await driver();
  drive.release();
  drive.release();
  assert.equal(camera.of("release").length, 1);
  assert.deepEqual([drive.state, drive.reason], ["ended", "given-up"]);
  const beats = world.fast.of("alive").length;
  camera.camera("wheel", { you: "driving", driver: ME, waiting: [] });
  await world.advance(5_000);
  assert.equal(world.fast.of("alive").length, beats);
  assert.equal(await outcome(drive.send("arm", "up")), "not-driving");
  assert.notEqual(session.drive(), drive);
});

test("a driver sends ten heartbeats in each control timeout, and none while nobody looks or after the end", async () => {
  const { world, drive, camera } = await driver({ controlTimeout: 1_000 });
  const beats = () => world.fast.of("alive").length;
  assert.equal(beats(), 1);
  await world.advance(2_000);
  assert.equal(beats(), 21);
  world.looksAway = true;
  await world.advance(1_000);
  assert.equal(beats(), 21);
  world.looksAway = false;
  await world.advance(100);
  assert.equal(beats(), 22);
  camera.camera("wheel", { you: "watching", driver: null, waiting: [], reason: "stalled" });
  await world.advance(1_000);
  assert.equal(beats(), 22);
  assert.equal(drive.reason, "stalled");
});

test("nobody waits with heartbeats", async () => {
  const { world, session, camera } = await robot();
  session.drive();
  camera.camera("wheel", { you: "waiting", driver: ANN, waiting: [ME] });
  await world.advance(3_000);
  assert.equal(world.fast.heard.length, 0);
});

test("the wheel can be asked for before there is a way to", async () => {
  const world = new World();
  const session = await world.live();
  const drive = session.drive();
  const channel = world.channel("porthole", "connecting");
  assert.equal(channel.of("ask").length, 0);
  channel.readyState = "open";
  channel.onopen();
  channel.onopen();
  assert.equal(channel.of("ask").length, 1);
  channel.camera("wheel", { you: "driving", driver: ME, waiting: [] });
  assert.equal(drive.state, "driving");
});

// -- stopping -------------------------------------------------------------------------------------

const STOPPED = { you: "watching", driver: null, waiting: [], reason: "stopped", by: "ann" };

test("whoever may control stops the robot without the wheel, and it is done when the camera says so", async () => {
  const { session, camera } = await robot();
  camera.camera("wheel", { you: "watching", driver: ANN, waiting: [] });
  const stop = outcome(session.stop());
  assert.deepEqual(camera.heard.map(({ kind, service, text }) => [kind, service, text]), [["stop", 0, ""]]);
  camera.camera("wheel", { ...STOPPED, by: "bob" });
  assert.equal(await stop, "");
  assert.deepEqual(session.stopped, { reason: "stopped", by: "bob", detail: "" });
});

test("a stop that cannot be sent, is refused or gets no answer says so, in at most two seconds", async () => {
  const { world, session, camera } = await robot();
  const refused = session.stop();
  camera.camera("refused", { code: "not-permitted", message: "no" }, 0, camera.heard.at(-1).number);
  await assert.rejects(refused, { name: "Refused", code: "not-permitted", message: "no" });
  const unnumbered = session.stop();
  camera.camera("refused", { code: "not-permitted" });
  assert.equal(await outcome(unnumbered), "not-permitted");
  const lost = session.stop().catch((error) => error);
  await world.advance(1_999);
  camera.camera("wheel", { you: "watching", driver: ANN, waiting: [], reason: "program", by: "arm" });
  await world.advance(1);
  const { code, message } = await lost;
  assert.equal(code, "unanswered");
  assert.match(message, /may still move/);
  camera.full = true;
  assert.equal(await outcome(session.stop()), "too-many");
  camera.full = false;
  const ends = outcome(session.stop());
  camera.end();
  assert.equal(await ends, "session-ended");
  assert.equal(await outcome(session.stop()), "not-connected");
});

test("a stop waits behind no command that has no answer yet, and one at a time is sent", async () => {
  const { session, camera } = await driver();
  for (let i = 0; i < 256; i += 1) session.service("arm").send("up").catch(() => {});
  assert.equal(await outcome(session.service("arm").send("up")), "too-many");
  camera.bufferedAmount = 1 << 20;
  const stops = [session.stop(), session.stop()].map(outcome);
  assert.equal(camera.of("stop").length, 1);
  camera.camera("wheel", STOPPED);
  assert.deepEqual(await Promise.all(stops), ["", ""]);
  const next = outcome(session.stop());
  assert.equal(camera.of("stop").length, 2);
  camera.camera("wheel", STOPPED);
  assert.equal(await next, "");
});

test("one's own stop ends one's own drive at once, without another heartbeat, whether the camera hears of it or not", async () => {
  const { world, session, camera, drive } = await driver();
  const beats = world.fast.of("alive").length;
  const stop = outcome(session.stop());
  assert.deepEqual([drive.state, drive.reason, drive.by], ["ended", "stopped", "bob"]);
  assert.equal(await outcome(drive.send("arm", "up")), "not-driving");
  await world.advance(2_000);
  assert.equal(await stop, "unanswered");
  assert.equal(world.fast.of("alive").length, beats);
  assert.equal(session.stopped, null, "nobody has said that it stopped");
  assert.equal(camera.heard.at(-1).kind, "release", "which a camera of before the stop knows");
});

test("who asks for the wheel right after a stop asks once that is done, and words from before give nothing", async () => {
  const { session, camera } = await driver();
  session.stop();
  const drive = session.drive();
  assert.equal(camera.of("ask").length, 1);
  camera.camera("wheel", { you: "driving", driver: ME, waiting: [ANN] });
  camera.camera("refused", { code: "not-driving" });
  assert.equal(drive.state, "waiting");
  camera.camera("wheel", { ...STOPPED, by: "bob" });
  await settle();
  assert.equal(camera.of("ask").length, 2);
  camera.camera("wheel", { you: "driving", driver: ME, waiting: [] });
  assert.equal(drive.state, "driving");
});

test("a second stop ends the wait for the wheel that was asked for meanwhile", async () => {
  const { session, camera } = await robot();
  session.stop();
  const drive = session.drive();
  session.stop();
  assert.deepEqual([drive.state, drive.reason], ["ended", "stopped"]);
  camera.camera("wheel", STOPPED);
  await settle();
  assert.equal(camera.of("ask").length, 0);
});

for (const [reason, detail] of [["stopped", ""], ["program", "bumper"]]) {
  test(`who drives and who waits lose the wheel with \`${reason}\`, and hear by whom and why`, async () => {
    for (const you of ["driving", "waiting"]) {
      const { session, camera } = await robot();
      const drive = session.drive();
      camera.camera("wheel", { you, driver: you === "driving" ? ME : ANN, waiting: [] });
      camera.camera("wheel", { ...STOPPED, reason, by: "ann", detail });
      assert.deepEqual([drive.state, drive.reason, drive.by, drive.detail], ["ended", reason, "ann", detail]);
      assert.notEqual(session.drive(), drive);
    }
  });
}

test("who only watches hears who stopped the robot until somebody drives again", async () => {
  const { world, session, camera } = await robot();
  const told = [];
  session.addEventListener("wheel", () => told.push(session.stopped?.detail ?? null));
  camera.camera("wheel", { ...STOPPED, reason: "program", by: "arm", detail: "bumper" });
  camera.camera("wheel", { you: "not-permitted", driver: null, waiting: [] });
  camera.camera("wheel", { you: "watching", driver: ANN, waiting: [] });
  camera.camera("wheel", { you: "watching", driver: null, waiting: [] });
  assert.deepEqual(told, ["bumper", "bumper", null, null]);
  camera.camera("wheel", { ...STOPPED, driver: ANN });
  assert.equal(session.stopped, null, "somebody drives again already");
  camera.camera("wheel", STOPPED);
  world.reliable.end();
  assert.equal(session.stopped, null);
});

test("a camera that says nonsense of a stop is read as far as it makes sense", async () => {
  const { session, camera } = await driver();
  const drive = session.drive();
  camera.camera("wheel", { ...STOPPED, reason: "program", by: { user: "ann" }, detail: "x".repeat(10_240) });
  assert.deepEqual([drive.reason, drive.by, drive.detail.length], ["program", "", 200]);
  assert.deepEqual([session.stopped.by, session.stopped.detail.length], ["", 200]);
  camera.camera("wheel", { ...STOPPED, by: 7, detail: ["x"] });
  assert.deepEqual(session.stopped, { reason: "stopped", by: "", detail: "" });
  camera.camera("wheel", { ...STOPPED, reason: "constructor" });
  assert.equal(session.stopped.reason, "stopped", "no reason to know of");
});

// -- the control timeout --------------------------------------------------------------------------

const HELLO = { version: 1, id: 9, user: "bob", gateway: true, talk: "one" };

test("a shorter control timeout in a later hello is kept from the next heartbeat on, which comes at once", async () => {
  const { world, session, camera } = await driver({ controlTimeout: 60_000 });
  const beats = () => world.fast.of("alive").length;
  await world.advance(5_000);
  assert.equal(beats(), 1);
  camera.camera("hello", { ...HELLO, controlTimeout: 500 });
  assert.equal(beats(), 2);
  assert.equal(session.hello.controlTimeout, 500);
  await world.advance(1_000);
  assert.equal(beats(), 22);
  for (let i = 0; i < 50; i += 1) camera.camera("hello", { ...HELLO, controlTimeout: 500 });
  assert.equal(beats(), 22, "the same again is no news");
  camera.camera("hello", { ...HELLO, controlTimeout: 1_000 });
  await world.advance(1_000);
  assert.equal(beats(), 33);
});

test("a later hello that cannot be read changes nothing, and one while nobody drives or looks sends nothing", async () => {
  const { world, session, camera, drive } = await driver();
  for (const bad of [{ ...HELLO, version: 2, controlTimeout: 100 }, null, [], "x"]) camera.camera("hello", JSON.stringify(bad));
  assert.equal(session.hello.controlTimeout, 500);
  const before = world.fast.of("alive").length;
  world.looksAway = true;
  camera.camera("hello", { ...HELLO, controlTimeout: 200 });
  world.looksAway = false;
  drive.release();
  camera.camera("hello", { ...HELLO, controlTimeout: 300 });
  const next = session.drive();
  camera.camera("hello", { ...HELLO, controlTimeout: 400 });
  await world.advance(4_999);
  assert.equal(next.state, "waiting");
  await world.advance(1);
  assert.equal(next.reason, "unanswered", "the question keeps its own time");
  assert.equal(world.fast.of("alive").length, before);
});

// -- interruptions and other cameras ------------------------------------------------------------------

test("after an interruption services go on as the same objects, with the numbers of now, and the wheel is asked for anew", async () => {
  const { world, session, drive } = await driver();
  const [battery, heard] = [session.service("battery"), []];
  battery.addEventListener("message", ({ detail }) => heard.push(detail));
  const old = world.reliable;
  world.peer.become("failed");
  assert.deepEqual([battery.here, session.services.length, session.hello, session.wheel, session.talkState], [false, 0, null, null, null]);
  assert.equal(drive.state, "ended");
  assert.equal(old.readyState, "closed");
  await world.advance(1_000);
  await world.offer("s2", "front", { secret: "x2" });
  world.channels();
  world.reliable.camera("services", [{ ...BATTERY, service: 5 }]);
  world.reliable.camera("text", "86", 5);
  world.reliable.camera("text", "of nobody", 1);
  old.camera("text", "late", 1);
  assert.deepEqual(heard, ["86"]);
  assert.equal(session.services[0], battery);
  assert.equal(world.reliable.of("ask").length, 0);
});

test("a channel that closes alone ends what hangs on it, and the picture stays", async () => {
  const { session, drive, camera } = await driver();
  const command = outcome(session.service("arm").send("up"));
  camera.end();
  assert.equal(await command, "session-ended");
  assert.deepEqual([drive.state, session.hello, session.state], ["ended", null, "live"]);
});

test("a camera without channels is just a camera", async () => {
  const world = new World();
  const session = await world.live();
  assert.deepEqual([session.hello, session.wheel, session.talkState, session.services], [null, null, null, []]);
  assert.equal(await outcome(session.service("arm").send("up")), "not-connected");
  assert.equal(await outcome(session.talk()), "not-connected");
});

test("other channels, and a second one of a name, are closed", async () => {
  const { world, session } = await robot();
  for (const label of ["porthole", "porthole-now", "other", ""]) assert.equal(world.channel(label).readyState, "closed");
  assert.equal(session.hello.user, "bob");
});

test("a camera that says nonsense breaks nothing", async () => {
  const { session, camera } = await robot();
  const before = session.services;
  for (const data of ["text", null, new ArrayBuffer(2), new ArrayBuffer(3_000_000), new Blob([])]) camera.onmessage({ data });
  for (let kind = 0; kind < 256; kind += 1) {
    for (const payload of ["", "{", "null", "[]", "7", '"x"', "{}", '{"you":{}}', '[{"service":{}}]', new Uint8Array([0xff, 0xfe])]) {
      if ([3, 8].includes(kind) && ["[]", '[{"service":{}}]', "null"].includes(payload)) continue; // These are sense.
      for (const number of [0, 1, 65_535]) camera.onmessage({ data: encode(kind, { service: number & 0xff, number, payload }).buffer });
    }
  }
  await settle();
  assert.deepEqual(session.services, before);
  assert.equal(session.hello.id, 9);
  assert.equal(session.state, "live");
});

test("a camera that makes up services without end fills nothing", async () => {
  const { session, camera } = await robot();
  const battery = session.service("battery");
  const first = Array.from({ length: 255 }, (_, i) => ({ service: i + 1, name: `first${i}`, here: true }));
  camera.camera("services", first);
  const [lost] = session.services;
  for (let round = 0; round < 20; round += 1) {
    camera.camera("services", Array.from({ length: 255 }, (_, i) => ({ service: i + 1, name: `r${round}-${i}`, here: true })));
    assert.equal(session.services.length, 255);
  }
  camera.camera("services", [BATTERY, { service: 2, name: "first0", here: true }]);
  assert.equal(session.services[0], battery, "what was asked for by name stays");
  assert.notEqual(session.services[1], lost, "the others are forgotten after so many");
});

// -- the door -------------------------------------------------------------------------------------

test("the door is asked for in two halves, each answered by its number, and lost words do not wait for ever", async () => {
  const { world, session, camera } = await robot({ door: true });
  const asked = () => camera.of("holdDoor").concat(camera.of("openDoor"));
  const held = session.holdDoor();
  const { number } = camera.of("holdDoor").at(-1);
  assert.ok(number > 0);
  camera.camera("doorNonce", { nonce: 17, for: 3000 }, 0, number);
  assert.equal(await held, 17);
  const opened = session.openDoor(17);
  const open = camera.of("openDoor").at(-1);
  assert.deepEqual(JSON.parse(new TextDecoder().decode(open.payload)), { nonce: 17 });
  camera.camera("accepted", "", 0, open.number);
  await opened;
  for (const word of [{}, { nonce: 0 }, { nonce: "17" }]) {
    const bad = outcome(session.holdDoor());
    camera.camera("doorNonce", word, 0, camera.of("holdDoor").at(-1).number);
    assert.equal(await bad, "other");
  }
  const refused = session.openDoor(18);
  camera.camera("refused", { code: "door-refused", message: "bolted" }, 0, camera.of("openDoor").at(-1).number);
  await assert.rejects(refused, { code: "door-refused", message: "bolted" });
  const lost = outcome(session.openDoor(19));
  await world.advance(5_000);
  assert.equal(await lost, "unanswered");
  assert.equal(asked().length, 7);
  const left = outcome(session.holdDoor());
  camera.end();
  assert.equal(await left, "session-ended");
  assert.equal(await outcome(session.holdDoor()), "not-connected");
});

test("an older camera has no door", async () => {
  const { session, camera } = await robot();
  assert.equal(await outcome(session.holdDoor()), "no-door");
  assert.equal(camera.of("holdDoor").length, 0);
});
