// SPDX-License-Identifier: MPL-2.0
import test from "node:test";
import assert from "node:assert/strict";
import { againInWords, bookingInWords, cards, nextBooking, nextInWords, nextLook, readMe, toOpen } from "./bookings.js";

const NOW = Date.UTC(2026, 10, 20, 12);
const [MINUTE, HOUR] = [60_000, 3_600_000];
const time = (ms) => new Date(ms).toISOString();
const HOW = { locale: "en-GB", timeZone: "UTC" };

/** As the server tells it. */
const told = (more = {}) => ({
  user: "alice", role: "viewer", shared: false, now: time(NOW),
  cameras: [{ id: "front", name: "Front door", online: true, perms: ["view"], until: time(NOW + HOUR) }],
  bookings: [
    { id: "b2", camera: "yard", cameraName: "Yard", start: time(NOW + 2 * HOUR), end: time(NOW + 3 * HOUR), perms: ["view"] },
    { id: "b1", camera: "front", cameraName: "Front door", start: time(NOW - HOUR), end: time(NOW + HOUR), perms: ["view"] },
  ],
  ...more,
});
const me = (more, now = NOW) => readMe(told(more), now);
const open = (...ids) => ({ cameras: ids.map((id) => ({ id, name: id, online: true, perms: ["view"] })) });

test("what the server says is read onto this device's clock, in the order of time", () => {
  const slow = me({}, NOW - 5 * MINUTE); // This device is five minutes behind.
  assert.equal(slow.ahead, 5 * MINUTE);
  assert.deepEqual(slow.bookings.map(({ id, start }) => [id, start]), [["b1", NOW - HOUR - 5 * MINUTE], ["b2", NOW + 2 * HOUR - 5 * MINUTE]]);
  assert.equal(slow.cameras[0].until, NOW + HOUR - 5 * MINUTE);
  assert.equal(me(open("front")).cameras[0].until, null);
});

test("an answer that makes no sense is none, and its parts that make none are left out", () => {
  for (const none of [null, 7, {}, { user: 7 }]) assert.equal(readMe(none, NOW), null);
  const odd = me({ now: "soon", cameras: [null, 7, { id: 7 }, { id: "front" }], bookings: [null, { camera: "front" }, { camera: "front", start: "x", end: "y" }] });
  assert.deepEqual(odd.cameras, [{ id: "front", name: "front", online: false, until: null }]);
  assert.deepEqual([odd.bookings, odd.ahead], [[], 0]);
});

test("the only camera opens by itself, and of several a person chooses", () => {
  assert.deepEqual(toOpen(null, me(open("front"))), ["front"]);
  assert.deepEqual(toOpen(null, me(open("front", "yard"))), []);
  assert.deepEqual(toOpen(null, me(open())), []);
  assert.deepEqual(toOpen(me(open()), null), []);
});

test("a camera opens when its booking begins, and not again when it was closed meanwhile", () => {
  assert.deepEqual(toOpen(me(open()), me(open("front", "yard"))), ["front", "yard"]);
  assert.deepEqual(toOpen(me(open("front")), me(open("front", "yard"))), ["yard"]);
  assert.deepEqual(toOpen(me(open("front")), me(open("front"))), [], "back-to-back, or closed by hand");
  assert.deepEqual(toOpen(me(open("front")), me(open())), []);
});

test("who signs in as someone else begins anew, and an administrator chooses", () => {
  assert.deepEqual(toOpen(me(open("front")), me({ ...open("front"), user: "bob" })), ["front"]);
  assert.deepEqual(toOpen(null, me({ ...open("front"), role: "administrator" })), []);
});

test("the next booking is one that has not begun, and is counted down to", () => {
  assert.equal(nextBooking(me(), NOW).id, "b2");
  assert.equal(nextBooking(me(), NOW, "front"), null);
  assert.equal(nextBooking(me(), NOW + 2 * HOUR), null, "it begins now");
  assert.equal(nextBooking(null, NOW), null);
  assert.equal(nextInWords(nextBooking(me(), NOW), NOW + HOUR + 59 * MINUTE), "\u2068Yard\u2069 opens in 1:00");
  assert.equal(nextInWords(null, NOW), "");
});

test("the server is asked again just after the next edge of a booking, and at the latest in ten minutes", () => {
  const edges = (...starts) => me({ bookings: starts.map((start) => ({ camera: "c", start: time(start), end: time(start + HOUR) })) });
  assert.equal(nextLook(edges(NOW + MINUTE), NOW), MINUTE + 1_000);
  assert.equal(nextLook(edges(NOW + MINUTE, NOW - HOUR + 5_000), NOW), 6_000, "an end comes before a start");
  assert.equal(nextLook(edges(NOW + HOUR), NOW), 10 * MINUTE);
  assert.equal(nextLook(edges(NOW - 9 * HOUR), NOW), 10 * MINUTE, "what is over is no reason");
  assert.equal(nextLook(null, NOW), 10 * MINUTE);
  assert.equal(nextLook(edges(NOW + HOUR), NOW, false), 5_000, "it did not answer");
});

test("the list has the cameras that are connected, and those that are open but are not", () => {
  const connected = [{ id: "yard", name: "Yard" }, { id: "front", name: "At the door" }];
  assert.deepEqual(cards(connected, me()).map(({ name, online, until }) => [name, online, until]),
    [["At the door", true, NOW + HOUR], ["Yard", true, null]]);
  assert.deepEqual(cards([], me()).map(({ name, online }) => [name, online]), [["Front door", false]]);
  assert.deepEqual(cards(connected, null).length, 2);
});

test("a booking says its time and whether it is open", () => {
  const [front, yard] = me().bookings;
  assert.deepEqual(bookingInWords(yard, NOW, HOW), { camera: "Yard", when: "today, 14:00–15:00", state: "to come" });
  assert.equal(bookingInWords(front, NOW, HOW).state, "open");
  assert.equal(bookingInWords(front, NOW + HOUR, HOW).state, "over", "the end is exclusive");
});

test("a refusal tells when one may watch again, as long as that is to come", () => {
  assert.equal(againInWords(NOW + HOUR, NOW, HOW), "Your next booking: today, 13:00. The picture comes by itself.");
  assert.equal(againInWords(NOW, NOW, HOW), "");
  assert.equal(againInWords(null, NOW, HOW), "");
});
