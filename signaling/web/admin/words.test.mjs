// SPDX-License-Identifier: MPL-2.0
import test from "node:test";
import assert from "node:assert/strict";
import {
  auditInWords, detailsInWords, launchLines, numbersInWords, permsInWords, problemInWords, rateInWords, seenInWords, sessionInWords, subjectInWords,
} from "./words.js";
import { readRule, recurrenceInWords, toRule } from "./recurrence.js";
import { ADMIN } from "../words/admin/languages.js";
import { useLanguage } from "../words/words.js";

await useLanguage("en", ADMIN);

const HOW = { locale: "en-GB", timeZone: "UTC" };
const NOW = Date.UTC(2026, 10, 20, 12);

test("a control that is taken says by when, at the field of the time", () => {
  const body = { start: "2026-11-20T13:00:00Z", end: "2026-11-20T14:00:00Z" };
  const { field, words } = problemInWords({ code: "control-taken", message: "taken", body }, NOW, HOW);
  assert.equal(field, "start");
  assert.match(words, /today, 13:00–14:00.*another time/);
  assert.match(problemInWords({ code: "control-taken", message: "it is taken", body: {} }, NOW, HOW).words, /^It is taken\.$/);
});

test("a problem is told in the server's words, at the field it is about if there is one", () => {
  const of = (code, message) => problemInWords({ code, message, body: {} }, NOW, HOW);
  assert.deepEqual(of("weak-password", "the password is too short"), { field: "password", words: "The password is too short." });
  assert.deepEqual(of("of-the-future", "No."), { field: "", words: "No." });
  assert.equal(of("constructor", "x").field, "");
});

test("a camera says when it was seen last, a session since when and until when it runs", () => {
  assert.equal(seenInWords({ online: true, lastSeen: null }, NOW), "Online");
  assert.equal(seenInWords({ online: false, lastSeen: null }, NOW), "Never connected");
  assert.equal(seenInWords({ online: false, lastSeen: NOW - 300_000 }, NOW), "Last seen 5 min ago");
  assert.equal(sessionInWords({ started: NOW, until: NOW + 3_600_000, connected: true }, NOW, HOW), "since 12:00, until today, 13:00");
  assert.equal(sessionInWords({ started: NOW, until: null, connected: false }, NOW, HOW), "since 12:00, connection lost");
  assert.equal(permsInWords(["view"]), "may view");
  assert.equal(permsInWords(["view", "listen", "control"]), "may listen, control");
});

test("a camera's lines keep the key out of the list of processes, and no name breaks out of them", () => {
  const lines = launchLines("front", "phk1abc");
  assert.match(lines, /^\(umask 077; echo 'phk1abc' > front\.key\)\n.* camera-key-file=front\.key$/);
  assert.ok(!launchLines("$(reboot)", "phk1'; reboot; '").includes("reboot)"));
  assert.equal(launchLines("x y", "k'k").split("'").length, 3);
});

test("every action is a sentence in which the names are apart", () => {
  assert.deepEqual(auditInWords({ action: "session.started", actor: "alice", user: "alice", camera: "front" }),
    [{ name: "alice" }, " began to watch ", { name: "front" }]);
  assert.deepEqual(auditInWords({ action: "session.started", actor: "server", user: "share:01a1ff91-9d9b", camera: "front" })[0], { name: "share link …9d9b" });
  assert.deepEqual(auditInWords({ action: "drive.ended", actor: "alice", user: "alice", camera: "front" }),
    [{ name: "alice" }, " no longer drives the robot at ", { name: "front" }]);
  assert.deepEqual(auditInWords({ action: "login.made", actor: "alice" }), [{ name: "alice" }, " signed in"]);
  assert.deepEqual(auditInWords({ action: "of.future", actor: "cli" }), [{ name: "cli" }, ": of.future"]);
  assert.deepEqual(auditInWords({ action: "camera.removed", actor: "cli" }).at(-1), { name: "someone" });
  assert.ok(auditInWords({ action: "user.added", actor: "x".repeat(9_999) })[0].name.length < 400);
});

test("details are told in words, after the sentence that they belong to", () => {
  const said = (details, at = "2026-11-20T12:00:00Z") => detailsInWords({ at, details }, NOW, HOW);
  assert.equal(said({ started: "2026-11-20T11:55:00Z", reason: "lease-ended" }), "after 5 min · the time was over");
  assert.equal(said({ perms: ["view", "listen"], none: null, empty: "" }), "may listen");
  const window = { start: "2026-11-20T13:00:00Z", end: "2026-11-20T14:00:00Z" };
  assert.equal(said({ ...window, perms: ["view"], rule: "FREQ=DAILY;COUNT=3", saving: false }), "today, 13:00–14:00 · every day, 3 times · may view · without saving pictures and clips");
  assert.equal(said({ ...window, uses: 2, rule: null, saving: null }), "today, 13:00–14:00 · for 2 browsers");
  assert.equal(said({ from: "2026-11-20T11:00:00Z", to: "2026-11-20T11:02:00Z", reason: "of-the-future" }), "after 2 min · of the future");
  assert.equal(said({ bookings: 2, links: 0, name: "Front" }), "with 2 bookings · \u2068Front\u2069");
  assert.equal(said({ count: 9, reasons: { "no-booking": 8, "camera-full": 1 }, cameras: { front: 9 } }),
    "9 times · nothing was booked then (8), the camera had as many viewers as it takes · \u2068front\u2069 (9)");
  assert.equal(said({ role: "viewer", password: true, count: 1 }), "watches what is booked · the password is another · 1 time");
});

test("what is known of no detail is told as it is, and bounded", () => {
  const said = (details) => detailsInWords({ details }, NOW, HOW);
  assert.equal(said({ a: { b: 1 }, c: ["x", "y"] }), 'a: {"b":1} · c: x, y');
  for (const nothing of [null, undefined, "x", 7]) assert.equal(said(nothing), "");
  assert.equal(detailsInWords(null, NOW), "");
  assert.ok(said({ a: "x".repeat(9_999) }).length < 400);
  assert.ok(said({ detail: "\u202Ex".repeat(999), reason: { of: 1 } }).length < 400);
});

test("which of many it was is told by the end of its id", () => {
  assert.equal(subjectInWords({ subject: "01a1ff91-9d9b-7c3d" }), "…7c3d");
  assert.equal(subjectInWords({}), "");
});

test("a session's numbers are those that are known, and nothing that nobody said", () => {
  const sent = { rung: 0, rungs: 3, width: 640, height: 360, estimate: 1_200_000, rate: 800_000, loss: 0.25, rtt: 0.031 };
  assert.equal(numbersInWords({ sent, shown: { frames: 9, freezes: 2, freezeSeconds: 1 } }),
    "640×360 · quality 1 of 3 · 800 kbit/s · network allows 1.2 Mbit/s · 25% lost · 31 ms · stood still 2 times");
  assert.equal(numbersInWords({}), "");
  assert.equal(numbersInWords({ sent: { width: "x", rate: NaN, loss: null }, shown: { freezes: "many" } }), "0% lost");
  assert.deepEqual([rateInWords(0), rateInWords(999_999), rateInWords(2.5e9)], ["0 kbit/s", "1,000 kbit/s", "2.5 Gbit/s"]);
});

test("how a booking recurs is told where there is no form", () => {
  assert.equal(recurrenceInWords("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;COUNT=5"), "Monday to Friday, 5 times");
  assert.equal(recurrenceInWords("FREQ=MONTHLY;COUNT=3"), "recurs by the rule \u2068FREQ=MONTHLY;COUNT=3\u2069");
  assert.equal(recurrenceInWords(""), "");
});

test("a rule goes from the form and back, and one that the form does not know stays as it is", () => {
  for (const repeat of ["daily", "weekdays", "weekly"]) {
    assert.deepEqual(readRule(toRule(repeat, 10, "")), { repeat, times: 10, other: "" });
  }
  assert.equal(toRule("none", 10, "x"), "");
  assert.equal(toRule("other", 10, " RRULE:FREQ=MONTHLY;COUNT=3 "), "FREQ=MONTHLY;COUNT=3");
  assert.deepEqual(readRule("FREQ=WEEKLY;UNTIL=20270101T000000Z"), { repeat: "other", times: null, other: "FREQ=WEEKLY;UNTIL=20270101T000000Z" });
  assert.deepEqual(readRule(undefined).repeat, "none");
});
