// SPDX-License-Identifier: MPL-2.0
// A zone in which clocks change.
process.env.TZ = "Europe/Berlin";
import assert from "node:assert/strict";
import test from "node:test";
import { LENGTHS_MS, STEP_MS, leftOf, lengthsOf, offers, readBusy, readOffer, slotsOf } from "./slots.js";
import { LEAD_MS, due, keyOf, remember, waitFor } from "./reminders.js";

const HOUR = 3_600_000;
const at = (text) => new Date(text).getTime();
const dayOf = (text) => {
  const start = at(`${text}T00:00`);
  const next = new Date(start);
  return { start, end: next.setDate(next.getDate() + 1) };
};
const NOW = at("2026-11-30T12:10");
const WEEK = { start: at("2026-11-30T00:00"), end: at("2026-12-07T00:00"), left: 3 * HOUR };
const rule = (more = {}) => ({ perms: ["view", "listen"], longest: 2 * HOUR, latest: NOW + 7 * 24 * HOUR, weeks: [WEEK], ...more });
const camera = (...rules) => ({ id: "front", name: "Front", rules: rules.length ? rules : [rule()] });
const ask = (busy = [], more = {}, of = camera()) => slotsOf(of, busy, { day: dayOf("2026-12-01"), length: HOUR, perms: ["view"], now: NOW, ...more });
const busy = (start, end, more = {}) => ({ start: at(`2026-12-01T${start}`), end: at(`2026-12-01T${end}`), own: false, control: false, ...more });
const clock = ({ start }) => new Date(start).toTimeString().slice(0, 5);

test("what the server offers is read, and what it cannot have meant is left out", () => {
  const told = { perms: ["view"], longest: 7_200, latest: "2026-12-07T11:00:00Z", weeks: [{ start: "2026-11-29T23:00:00Z", end: "2026-12-06T23:00:00Z", left: 3_600 }, { start: "x" }] };
  const [front, ...others] = readOffer({ cameras: [{ id: "front", rules: [told, { ...told, longest: "long" }, null] }, { id: "none", rules: [] }, { rules: [told] }, null] });
  assert.deepEqual([front.name, front.rules.length, front.rules[0].longest, front.rules[0].weeks.length, others.length], ["front", 1, 7_200_000, 1, 0]);
  assert.equal(leftOf(front, NOW), HOUR);
  assert.equal(leftOf(front, at("2027-01-01T00:00")), 0);
  for (const nothing of [null, {}, { cameras: "x" }]) assert.deepEqual(readOffer(nothing), []);
  assert.deepEqual(readBusy({ items: [{ start: "2026-12-01T10:00:00Z", end: "2026-12-01T09:00:00Z" }, {}, null] }), []);
});

test("a day that is free has a time each half hour, of today those that are to come", () => {
  const { slots, why } = ask();
  assert.deepEqual([slots.length, clock(slots[0]), clock(slots.at(-1)), why], [48, "00:00", "23:30", null]);
  const today = ask([], { day: dayOf("2026-11-30") }).slots;
  assert.equal(clock(today[0]), "12:30");
  assert.deepEqual(ask([], { day: dayOf("2026-11-29") }), { slots: [], why: "past" });
});

test("what one has booked oneself is not offered again, and others are in nobody's way unless both control", () => {
  const others = [busy("10:00", "11:00", { control: true }), busy("14:00", "15:00", { own: true })];
  const { slots } = ask(others);
  const of = (time) => slots.find((slot) => clock(slot) === time)?.state;
  assert.deepEqual(["09:00", "09:30", "10:30", "11:00", "13:30", "15:00"].map(of), ["free", "shared", "shared", "free", undefined, "free"]);
  const controlled = camera(rule({ perms: ["view", "control"] }));
  const wheel = ask(others, { perms: ["view", "control"] }, controlled).slots.map(clock);
  assert.ok(wheel.includes("09:00") && wheel.includes("11:00") && !wheel.includes("10:00"));
  assert.deepEqual(ask([busy("00:00", "23:59", { control: true })], { perms: ["view", "control"], length: 12 * HOUR }, camera(rule({ perms: ["view", "control"], longest: 12 * HOUR, weeks: [] }))).why, "taken");
});

test("no more is offered than the week leaves, exactly to its bound", () => {
  const left = (hours) => camera(rule({ weeks: [{ ...WEEK, left: hours * HOUR }] }));
  assert.equal(ask([], {}, left(1)).slots.length, 48);
  assert.deepEqual(ask([], {}, left(0.99)), { slots: [], why: "week" });
  // Of one over midnight to Monday, each week has its own part.
  const sunday = ask([], { day: dayOf("2026-12-06"), length: HOUR }, left(0.5)).slots;
  assert.deepEqual(sunday.map(clock), ["23:30"]);
});

test("no more is offered than may be booked ahead, exactly to its bound", () => {
  const { slots } = ask([], { day: dayOf("2026-12-01") }, camera(rule({ latest: at("2026-12-01T02:00") })));
  assert.deepEqual(slots.map(clock), ["00:00", "00:30", "01:00"]);
  assert.equal(ask([], { day: dayOf("2026-12-02") }, camera(rule({ latest: at("2026-12-01T02:00") }))).why, "late");
});

test("one rule that allows it is enough, and no two are added up", () => {
  const two = camera(rule({ longest: HOUR }), rule({ perms: ["view", "control"], longest: HOUR / 2 }));
  assert.equal(ask([], { perms: ["view", "listen"] }, two).slots.length, 48);
  assert.equal(ask([], { perms: ["view", "control"] }, two).slots.length, 0);
  assert.equal(ask([], { perms: ["view", "control"], length: HOUR / 2 }, two).slots.length, 48);
  assert.deepEqual(lengthsOf(two), LENGTHS_MS.slice(0, 3));
  assert.deepEqual(lengthsOf(camera(rule({ longest: 600_000 }))), [600_000]);
  assert.deepEqual([offers(two, "control"), offers(two, "talk")], [true, false]);
});

test("days on which clocks change have the times that they have", () => {
  const of = (day) => ask([], { day: dayOf(day), now: at("2026-01-01T00:00"), length: STEP_MS }, camera(rule({ latest: at("2027-01-01T00:00"), weeks: [] }))).slots;
  assert.equal(of("2026-03-29").length, 46);
  assert.ok(!of("2026-03-29").map(clock).includes("02:30"));
  assert.equal(of("2026-10-25").length, 50);
  assert.equal(of("2026-10-25").map(clock).filter((time) => time === "02:30").length, 2);
});

test("one is reminded once of what begins soon, and again if it was moved", () => {
  const coming = { id: "b", camera: "front", cameraName: "Front", start: NOW + LEAD_MS, end: NOW + LEAD_MS + HOUR };
  assert.deepEqual(due([coming], [], NOW - 1), []);
  assert.deepEqual(due([coming], [], NOW), [coming]);
  assert.deepEqual(due([coming], [], coming.end), []);
  const told = remember([], [coming]);
  assert.deepEqual(due([coming], told, NOW), []);
  assert.deepEqual(due([{ ...coming, start: NOW + 1 }], told, NOW).map(keyOf), [`b ${NOW + 1}`]);
  assert.equal(waitFor([coming], [], NOW - 1_000), 1_000);
  assert.equal(waitFor([coming], told, NOW), 3_600_000);
  assert.equal(waitFor([{ ...coming, start: NOW + 1e12, end: NOW + 2e12 }], [], NOW), 3_600_000);
  assert.ok(remember(Array(300).fill("x"), [coming]).length <= 200);
});
