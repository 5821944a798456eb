// SPDX-License-Identifier: MPL-2.0
// What a camera says may be anything: each reader gives something bounded of the right shape, or null.
import test from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import {
  MAX_SERVICES, MAX_WAITING, REFUSALS, Refused, readDescription, readHello, readRefusal, readServices, readTalk, readWheel, talkLine,
} from "./gateway-rules.js";

const NOTHING = { title: "", kind: "", unit: "", range: null, latest: false, now: false, drive: false };
const JUNK = [undefined, null, 7, "text", true, [], {}, [null], [[]], { you: 7 }, { version: 2 }, { you: null, waiting: "x" }];

test("a greeting is read, and its control timeout is one that a page can keep", () => {
  const told = { version: 1, id: 9, user: "bob", controlTimeout: 500, gateway: true, talk: "one", steer: true, bundles: true, door: true };
  const { version: _, ...hello } = told;
  assert.deepEqual(readHello(told), hello);
  for (const [timeout, used] of [[1, 100], [1e9, 60_000], ["500", 500], [null, 500], [-1, 100]]) {
    assert.equal(readHello({ ...told, controlTimeout: timeout }).controlTimeout, used);
  }
  assert.equal(readHello({ ...told, talk: "shout" }).talk, null);
  assert.equal(readHello({ ...told, version: 2 }), null);
});

test("services are read each number and name once, and no more than there can be", () => {
  assert.deepEqual(readServices([{ service: 1, name: "battery", here: true, describe: { title: "Battery", unit: "%" } }]),
    [{ service: 1, name: "battery", here: true, description: { ...NOTHING, title: "Battery", unit: "%" } }]);
  const twice = [{ service: 1, name: "a" }, { service: 1, name: "b" }, { service: 2, name: "a" }, { service: 2, name: "c" }];
  assert.deepEqual(readServices(twice).map(({ service, name }) => [service, name]), [[1, "a"], [2, "c"]]);
  for (const [service, name] of [[0, "a"], [256, "a"], [1.5, "a"], ["1", "a"], [1, ""], [1, "x".repeat(33)], [1, "../a"], [1, "a b"], [1, null], [1, ["a"]]]) {
    assert.deepEqual(readServices([{ service, name }]), []);
  }
  assert.ok(readServices(Array.from({ length: 9_999 }, (_, i) => ({ service: i + 1, name: `s${i}` }))).length <= MAX_SERVICES);
});

test("a description has bounds, and a range that is none is left out", () => {
  const all = { title: "T".repeat(999), kind: "number", unit: "u".repeat(999), range: [0, 100], latest: true, now: true, drive: true };
  const read = readDescription(all);
  assert.equal(read.title.length, 64);
  assert.ok(read.unit.length <= 16);
  assert.deepEqual([read.kind, read.range, read.latest, read.now, read.drive], ["number", [0, 100], true, true, true]);
  for (const range of [[1, 1], [2, 1], ["0", "1"], [0], 7, null, [0, Infinity], [NaN, 1]]) assert.equal(readDescription({ range }).range, null);
  assert.deepEqual(readDescription({ kind: "markup", latest: 1, now: "yes", drive: {} }), NOTHING);
});

test("the wheel is read, with each who waits once", () => {
  assert.deepEqual(readWheel({ you: "waiting", driver: { id: 7, user: "ann", more: 1 }, waiting: [{ id: 9, user: "bob" }, { id: 9, user: "bob" }, null] }),
    { you: "waiting", driver: { id: 7, user: "ann" }, waiting: [{ id: 9, user: "bob" }], reason: "", by: "", detail: "" });
  assert.equal(readWheel({ you: "of-the-future" }).you, "watching");
  assert.equal(readWheel({ you: "watching", waiting: Array.from({ length: 9_999 }, (_, id) => ({ id: id + 1 })) }).waiting.length, MAX_WAITING);
  assert.ok(readWheel({ you: "watching", reason: "x".repeat(9_999) }).reason.length < 999);
});

test("who stopped the robot and why is read as text, and no more of it than there can be", () => {
  const told = { you: "watching", driver: null, waiting: [], reason: "program", by: "arm", detail: "bumper" };
  assert.deepEqual(readWheel(told), told);
  assert.equal(readWheel({ ...told, detail: "x".repeat(10_240) }).detail.length, 200);
  assert.equal(readWheel({ ...told, by: "x".repeat(10_240) }).by.length, 300);
  for (const junk of [7, null, undefined, true, [], ["ann"], {}, { user: "ann" }]) {
    const { by, detail } = readWheel({ ...told, by: junk, detail: junk });
    assert.deepEqual([by, detail], ["", ""]);
  }
});

test("who speaks is read, and a level that is no number is silence", () => {
  assert.deepEqual(readTalk({ you: "speaking", speaker: { id: 9, user: "bob" }, level: -23.5, waiting: [] }),
    { you: "speaking", speaker: { id: 9, user: "bob" }, level: -23.5, waiting: [], over: false });
  assert.equal(readTalk({ you: "silent", level: "loud" }).level, null);
});

test("junk is null or bounded, and never an error", () => {
  for (const junk of JUNK) {
    assert.equal(readHello(junk), null);
    if (!Array.isArray(junk)) assert.equal(readServices(junk), null);
    else assert.deepEqual(readServices(junk), []);
    assert.deepEqual(readDescription(junk), NOTHING);
    assert.equal(readWheel(junk), null);
    assert.equal(readTalk(junk), null);
    assert.ok(readRefusal(junk) instanceof Refused);
    assert.equal(readRefusal(junk).code, "other");
  }
});

test("every code of the documentation has a sentence, and one of the future too", () => {
  const docs = readFileSync(new URL("../../../docs/gateway.md", import.meta.url), "utf8");
  const section = docs.slice(docs.indexOf("Codes of `refused`"));
  const codes = [...section.slice(0, section.indexOf("\n\n")).matchAll(/`([a-z]+(?:-[a-z]+)*)`/g)].map(([, code]) => code).filter((code) => code !== "refused");
  assert.ok(codes.length >= 10);
  for (const code of codes) assert.ok(Object.hasOwn(REFUSALS, code), code);
  assert.equal(new Refused("constructor").message, REFUSALS.other);
  assert.equal(readRefusal({ code: "busy", message: "x".repeat(9_999) }).message.length, 300);
});

test("the line for the microphone is the one for sound on which the camera only listens", () => {
  const line = (kind, mid, direction) => `m=${kind} 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:${mid}\r\na=${direction}\r\n`;
  const sdp = (...lines) => `v=0\r\ns=-\r\n${lines.join("")}`;
  assert.equal(talkLine(sdp(line("video", "v", "sendonly"), line("audio", "a", "sendonly"), line("audio", "t", "recvonly"), line("application", "d", "sendrecv"))), "t");
  assert.equal(talkLine(sdp(line("video", "v", "recvonly"), line("audio", "a", "sendonly"))), null);
  assert.equal(talkLine(sdp(line("audio", "a", "recvonly-not"))), null);
  for (const none of ["", "offer", "m=audio", "a=recvonly"]) assert.equal(talkLine(none), null);
});
