// SPDX-License-Identifier: MPL-2.0
import test from "node:test";
import assert from "node:assert/strict";
import { auditInWords, detailsInWords, launchLines, permsInWords, problemInWords, seenInWords, sessionInWords } from "./words.js";
import { readRule, toRule } from "./recurrence.js";

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

test("details are told one by one, and bounded", () => {
  assert.equal(detailsInWords({ reason: "lease-ended", perms: ["view", "listen"], none: null, empty: "" }), "reason: lease-ended · perms: view, listen");
  assert.equal(detailsInWords({ a: { b: 1 } }), 'a: {"b":1}');
  assert.equal(detailsInWords(null), "");
  assert.ok(detailsInWords({ a: "x".repeat(9_999) }).length < 400);
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
