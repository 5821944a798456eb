// SPDX-License-Identifier: MPL-2.0
import test from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { loudness, talkInWords, wheelInWords } from "./gateway-words.js";
import { useLanguage } from "../words/words.js";

const ANN = { id: 7, user: "ann" };
const ME = { id: 9, user: "bob" };
const plain = (words) => words.replace(/[\u2068\u2069]/g, "");
const wheel = (more) => ({ you: "watching", driver: null, waiting: [], reason: "", ...more });
const talk = (more) => ({ you: "silent", speaker: null, level: null, waiting: [], on: false, ...more });

test("who drives and who waits is said in words", () => {
  const words = (...all) => plain(wheelInWords(...all));
  const driving = { state: "driving", reason: "" }, waiting = { state: "waiting", reason: "" };
  assert.equal(words(null, 9, null), "Nobody drives.");
  assert.equal(words(wheel({ driver: ANN }), 9, null), "ann drives.");
  assert.equal(words(wheel({ you: "driving", driver: ME }), 9, driving), "You drive.");
  assert.equal(words(wheel({ you: "driving", driver: ME, waiting: [ANN] }), 9, driving), "You drive. One more waits for the wheel.");
  assert.equal(words(wheel({ you: "driving", driver: ME, waiting: [ANN, ANN] }), 9, driving), "You drive. 2 wait for the wheel.");
  assert.equal(words(wheel({ you: "waiting", driver: ANN, waiting: [ME] }), 9, waiting), "ann drives, you are next.");
  assert.equal(words(wheel({ you: "waiting", driver: ANN, waiting: [{ id: 1, user: "eve" }, ME] }), 9, waiting), "ann drives, you are number 2 in line.");
  assert.equal(words(null, undefined, waiting), "Asking for the wheel…");
  assert.equal(words(wheel({ you: "not-permitted", driver: ANN }), 9, null), "ann drives.");
  assert.equal(words(wheel({ driver: { id: 3, user: "" } }), 9, null), "Someone drives.");
});

test("that somebody is a guest is always said", () => {
  const named = (user) => plain(wheelInWords(wheel({ driver: { id: 3, user } }), 9, null));
  assert.equal(named("share:018f2b7e"), "A guest drives.");
  assert.equal(named("guest"), "A guest drives.");
  assert.equal(named("share:018f2b7e/Anna"), "Anna (guest) drives.");
  assert.equal(named("guest/alice"), "alice (guest) drives.");
  assert.equal(named("share:1/a/b"), "a/b (guest) drives.");
  assert.equal(named("guestbook"), "guestbook drives.");
  const stopped = plain(wheelInWords(wheel(), 9, null, { reason: "stopped", by: "share:1/Anna", detail: "" }));
  assert.match(stopped, /Anna \(guest\)/);
});

test("who stopped the robot is said to all in words, until somebody drives again", () => {
  const words = (...all) => plain(wheelInWords(...all));
  const stopped = { reason: "stopped", by: "ann", detail: "" }, program = { reason: "program", by: "arm", detail: "bumper" };
  const ended = (reason) => ({ state: "ended", reason });
  assert.equal(words(wheel(), 9, null, stopped), "Stopped by ann. Nobody drives.");
  assert.equal(words(wheel(), 9, ended("stopped"), stopped), "Stopped by ann. Nobody drives.");
  assert.equal(words(wheel(), 9, ended("given-up"), stopped), "Stopped by ann. Nobody drives.", "what was before is over");
  assert.equal(words(wheel(), 9, null, { ...stopped, by: "" }), "Stopped by someone. Nobody drives.");
  assert.equal(words(wheel(), 9, null, program), "The robot stopped: bumper (arm). Nobody drives.");
  assert.equal(words(wheel(), 9, null, { ...program, detail: "" }), "The robot stopped (arm). Nobody drives.");
  assert.equal(words(wheel(), 9, null, { ...program, by: "" }), "The robot stopped: bumper. Nobody drives.");
  assert.equal(words(wheel({ you: "not-permitted" }), 9, null, stopped), "Stopped by ann.");
  assert.equal(words(wheel(), 9, { state: "waiting", reason: "" }, stopped), "Stopped by ann. Asking for the wheel…");
  for (const reason of ["stopped", "program"]) assert.equal(words(wheel({ driver: ANN }), 9, ended(reason), null), "ann drives.");
});

test("what a program says of a stop turns no words but its own", () => {
  const words = wheelInWords(null, 9, null, { reason: "program", by: "arm", detail: "a\u2069\u202egpj" });
  assert.equal(words, "The robot stopped: \u2068agpj\u2069 (\u2068arm\u2069). Nobody drives.");
});

test("every reason of the documentation for the end of a drive is said in words, and one of the future as it is", () => {
  const docs = readFileSync(new URL("../../../docs/gateway.md", import.meta.url), "utf8");
  const section = docs.slice(docs.indexOf("Reasons of `released`"));
  const reasons = [...section.slice(0, section.indexOf("\n\n")).matchAll(/`([a-z]+(?:-[a-z]+)*)`/g)].map(([, reason]) => reason);
  const ends = reasons.filter((reason) => !["released", "control-timeout", "free"].includes(reason));
  assert.ok(ends.length >= 6, ends.join());
  for (const reason of ends) assert.doesNotMatch(wheelInWords(null, 9, { state: "ended", reason }), /The wheel is gone/, reason);
  assert.match(plain(wheelInWords(null, 9, { state: "ended", reason: "of-the-future" })), /^The wheel is gone: of-the-future\. Nobody drives\.$/);
  assert.match(wheelInWords(null, 9, { state: "ended", reason: "constructor" }), /gone/);
});

test("who speaks, who waits and whether one is heard is said in words", () => {
  const words = (...all) => plain(talkInWords(...all));
  assert.match(words(null, 9), /no loudspeaker/);
  assert.match(words(talk({ you: "not-permitted" }), 9), /may not talk/);
  assert.match(words(talk(), 9), /^Hold the button/);
  assert.equal(words(talk({ on: true }), 9), "Your microphone is on…");
  assert.equal(words(talk({ you: "speaking", speaker: ME, level: -20, on: true }), 9), "The robot hears you.");
  for (const level of [null, -80]) assert.match(words(talk({ you: "speaking", speaker: ME, level, on: true }), 9), /hears no sound/);
  assert.equal(words(talk({ speaker: ANN, level: -20 }), 9), "ann is speaking.");
  assert.equal(words(talk({ you: "waiting", speaker: ANN, waiting: [ME], on: true }), 9), "ann is speaking, you are next.");
  assert.equal(words(talk({ you: "waiting", speaker: ANN, waiting: [ME], on: true, over: true }), 9), "Your turn is over. ann is speaking, you are next.");
  assert.equal(words(talk({ you: "speaking", speaker: ME, level: -20, waiting: [ANN], on: true }), 9), "The robot hears you. Others wait.");
});

test("in another language the same is said in it", async (context) => {
  context.after(() => useLanguage("en"));
  await useLanguage("de");
  assert.equal(plain(wheelInWords(wheel({ you: "waiting", driver: ANN, waiting: [ME] }), 9, { state: "waiting", reason: "" })), "ann fährt, Sie sind als Nächstes dran.");
  assert.equal(plain(wheelInWords(wheel(), 9, null, { reason: "program", by: "arm", detail: "bumper" })), "Der Roboter hat angehalten: bumper (arm). Niemand fährt.");
  assert.equal(plain(talkInWords(talk({ speaker: ANN }), 9)), "ann spricht.");
});

test("a level is a part of its scale", () => {
  assert.deepEqual([null, -60, -90, 0, 12, -30].map(loudness), [0, 0, 0, 1, 1, 0.5]);
});
