// SPDX-License-Identifier: MPL-2.0
// A zone in which clocks change: days of 23 and 25 hours are tested on whatever machine.
process.env.TZ = "Europe/Berlin";
import test from "node:test";
import assert from "node:assert/strict";
import { addDays, clicked, columnsOf, dayOf, dragged, fromField, minuteOf, momentOf, piecesOf, readCalendar, toField, weekOf } from "./calendar.js";

const HOUR = 3_600_000;
const at = (text) => new Date(text).getTime();
const entry = (start, end, more = {}) => ({
  booking: "b", camera: "front", user: "alice", start: at(start), end: at(end), perms: ["view"], recurring: false, note: "", ...more,
});
const clock = ({ start, end }) => [toField(start), toField(end)];
/** Friday, and a week of which Friday is the fifth column. */
const FRIDAY = at("2026-11-20T00:00");
const WEEK = columnsOf("week", FRIDAY, [], null).columns;
const DAY = columnsOf("day", FRIDAY, ["front", "yard"], null).columns;

test("a week begins on Monday, or on the day that people begin it with", () => {
  assert.equal(toField(weekOf(at("2026-11-20T13:00"))), "2026-11-16T00:00");
  assert.equal(toField(weekOf(at("2026-11-16T00:00"))), "2026-11-16T00:00");
  assert.equal(toField(weekOf(at("2026-11-22T23:59"))), "2026-11-16T00:00");
  assert.equal(toField(weekOf(at("2026-11-20T13:00"), 7)), "2026-11-15T00:00");
});

test("a day has a column for each camera, a week one for each day", () => {
  assert.deepEqual(DAY.map(({ camera }) => camera), ["front", "yard"]);
  assert.deepEqual(columnsOf("day", FRIDAY, ["front", "yard"], "yard").columns.length, 1);
  assert.equal(columnsOf("day", FRIDAY, Array(999).fill("x"), null).columns.length, 32);
  assert.deepEqual(WEEK.map(({ day }) => toField(day).slice(8, 10)), ["16", "17", "18", "19", "20", "21", "22"]);
  const { from, to } = columnsOf("week", at("2026-10-20T12:00"), [], null);
  assert.equal(to - from, (7 * 24 + 1) * HOUR, "a week with the day on which clocks go back");
});

test("a window lies where the clock says, on the column of its day and camera", () => {
  const entries = [entry("2026-11-20T14:00", "2026-11-20T15:30")];
  assert.deepEqual(piecesOf(entries, DAY[0]).map(({ top, bottom, first, last }) => [top, bottom, first, last]), [[840, 930, true, true]]);
  assert.equal(piecesOf(entries, DAY[1]).length, 0, "another camera's");
  assert.equal(piecesOf(entries, WEEK[4]).length, 1);
  assert.equal(piecesOf(entries, WEEK[3]).length, 0);
});

test("a window over midnight has a piece on both days, and one that ends at midnight none on the next", () => {
  const over = [entry("2026-11-20T23:00", "2026-11-21T01:00")];
  assert.deepEqual(piecesOf(over, WEEK[4]).map(({ top, bottom, first, last }) => [top, bottom, first, last]), [[1_380, 1_440, true, false]]);
  assert.deepEqual(piecesOf(over, WEEK[5]).map(({ top, bottom, first, last }) => [top, bottom, first, last]), [[0, 60, false, true]]);
  const until = [entry("2026-11-20T23:00", "2026-11-21T00:00")];
  assert.deepEqual(piecesOf(until, WEEK[4]).map(({ bottom, last }) => [bottom, last]), [[1_440, true]]);
  assert.equal(piecesOf(until, WEEK[5]).length, 0);
});

test("windows that overlap lie side by side, and those that follow each other below each other", () => {
  const lanes = (...entries) => piecesOf(entries, WEEK[4]).map(({ lane, lanes: of }) => `${lane}/${of}`);
  const of = (from, to) => entry(`2026-11-20T${from}`, `2026-11-20T${to}`);
  assert.deepEqual(lanes(of("10:00", "11:00"), of("11:00", "12:00")), ["0/1", "0/1"]);
  assert.deepEqual(lanes(of("10:00", "12:00"), of("11:00", "13:00"), of("12:00", "14:00")), ["0/2", "1/2", "0/2"]);
  assert.deepEqual(lanes(of("10:00", "12:00"), of("10:00", "12:00"), of("10:00", "12:00"), of("13:00", "14:00")), ["0/3", "1/3", "2/3", "0/1"]);
});

test("a window too short to be read is drawn higher, also at the end of the day", () => {
  const [piece] = piecesOf([entry("2026-11-20T14:00:00", "2026-11-20T14:00:05")], WEEK[4]);
  assert.ok(piece.bottom - piece.top >= 15);
  const [late] = piecesOf([entry("2026-11-20T23:59", "2026-11-21T00:00")], WEEK[4]);
  assert.ok(late.bottom <= 1_440 && late.top < 1_430);
});

test("a drag over empty space makes a window of the quarters it touched, in either direction", () => {
  const draw = (from, to) => clock(dragged("new", { column: 4, minute: from }, { column: 4, minute: to }, WEEK));
  assert.deepEqual(draw(607, 668), ["2026-11-20T10:00", "2026-11-20T11:15"]);
  assert.deepEqual(draw(668, 607), ["2026-11-20T10:00", "2026-11-20T11:15"]);
  assert.deepEqual(draw(600, 600), ["2026-11-20T10:00", "2026-11-20T10:15"]);
  assert.deepEqual(draw(1_400, 9_999), ["2026-11-20T23:15", "2026-11-21T00:00"]);
  assert.deepEqual(draw(30, -50), ["2026-11-20T00:00", "2026-11-20T00:30"]);
  assert.deepEqual(clock(dragged("new", { column: 4, minute: 600 }, { column: 6, minute: 660 }, WEEK)), ["2026-11-20T10:00", "2026-11-20T11:00"], "it stays on its day");
});

test("a click makes an hour", () => {
  assert.deepEqual(clock(clicked(WEEK[4], 607)), ["2026-11-20T10:00", "2026-11-20T11:00"]);
  assert.deepEqual(clock(clicked(WEEK[4], 1_440)), ["2026-11-20T23:45", "2026-11-21T00:45"]);
});

test("a window that is moved keeps its length, and may go to another day", () => {
  const it = entry("2026-11-20T14:00", "2026-11-20T15:30");
  const move = (to) => clock(dragged("move", { column: 4, minute: 850 }, to, WEEK, it));
  assert.deepEqual(move({ column: 4, minute: 918 }), ["2026-11-20T15:15", "2026-11-20T16:45"]);
  assert.deepEqual(move({ column: 2, minute: 850 }), ["2026-11-18T14:00", "2026-11-18T15:30"]);
  assert.deepEqual(move({ column: 4, minute: 0 }), ["2026-11-19T23:45", "2026-11-20T01:15"]);
});

test("an edge moves alone, and leaves a quarter of an hour", () => {
  const it = entry("2026-11-20T14:00", "2026-11-20T15:30");
  const edge = (kind, to, column = 4) => clock(dragged(kind, { column: 4, minute: 0 }, { column, minute: to }, WEEK, it));
  assert.deepEqual(edge("start", 800), ["2026-11-20T13:15", "2026-11-20T15:30"]);
  assert.deepEqual(edge("start", 1_200), ["2026-11-20T15:15", "2026-11-20T15:30"]);
  assert.deepEqual(edge("end", 1_000), ["2026-11-20T14:00", "2026-11-20T16:45"]);
  assert.deepEqual(edge("end", 60), ["2026-11-20T14:00", "2026-11-20T14:15"]);
  assert.deepEqual(edge("end", 60, 5), ["2026-11-20T14:00", "2026-11-21T01:00"]);
});

test("on the day without an hour a window begins after the gap, and one that is moved there keeps its length", () => {
  const spring = columnsOf("week", at("2026-03-29T12:00"), [], null).columns; // Sunday, 29 March: 2:00 is 3:00.
  const drawn = dragged("new", { column: 6, minute: 120 }, { column: 6, minute: 180 }, spring);
  assert.deepEqual([toField(drawn.start), drawn.end > drawn.start], ["2026-03-29T03:00", true]);
  const it = entry("2026-03-28T01:00", "2026-03-28T04:00");
  const moved = dragged("move", { column: 5, minute: 60 }, { column: 6, minute: 60 }, spring, it);
  assert.equal(moved.end - moved.start, 3 * HOUR);
  assert.deepEqual(clock(moved), ["2026-03-29T01:00", "2026-03-29T05:00"]);
  assert.equal(addDays(at("2026-03-28T12:00"), 1) - at("2026-03-28T12:00"), 23 * HOUR);
});

test("on the day with an hour twice every window is drawn, and none is upside down", () => {
  const autumn = columnsOf("week", at("2026-10-25T12:00"), [], null).columns; // Sunday, 25 October: 3:00 is 2:00.
  const first = Date.parse("2026-10-25T00:30:00Z"); // 2:30, the first time
  const [piece] = piecesOf([entry(first, first + HOUR)], autumn[6]);
  assert.ok(piece.bottom > piece.top);
  assert.equal(minuteOf(first), minuteOf(first + HOUR));
  assert.equal(momentOf(autumn[6].day, 1_440), addDays(autumn[6].day, 1));
  assert.equal(addDays(dayOf(first), 1) - dayOf(first), 25 * HOUR);
});

test("whatever is booked and dragged, no pieces of a column cover each other, and no window is empty", () => {
  let seed = 1;
  const below = (n) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
  };
  for (let round = 0; round < 300; round += 1) {
    // Around the days on which clocks change, more often than not.
    const day = at(["2026-03-29T00:00", "2026-10-25T00:00", "2026-11-20T00:00"][below(3)]);
    const { columns, from, to } = columnsOf("week", day, [], null);
    const entries = Array.from({ length: below(12) }, () => {
      const start = from + below(to - from);
      return entry(start, start + 1 + below([HOUR, 30 * HOUR][below(2)]));
    });
    for (const column of columns) {
      const pieces = piecesOf(entries, column);
      for (const [i, a] of pieces.entries()) {
        assert.ok(a.top >= 0 && a.bottom > a.top && a.lane < a.lanes);
        for (const b of pieces.slice(i + 1)) {
          assert.ok(a.lane !== b.lane || a.bottom <= b.top || b.bottom <= a.top, "one covers the other");
          if (a.top < b.bottom && b.top < a.bottom) assert.equal(a.lanes, b.lanes, "side by side, of different widths");
        }
      }
    }
    const place = () => ({ column: below(7), minute: below(1_441) });
    for (const kind of ["new", "move", "start", "end"]) {
      const it = entry(from + below(to - from), to + HOUR);
      const { start, end } = dragged(kind, place(), place(), columns, it);
      assert.ok(end - start >= 15 * 60_000, `${kind} of ${clock({ start, end })}`);
    }
  }
});

test("a field holds the clock's time, and says the same moment back", () => {
  assert.equal(fromField(toField(at("2026-07-01T09:05"))), "2026-07-01T07:05:00.000Z");
  assert.equal(fromField(""), "");
});

test("what cannot be read of a calendar is left out", () => {
  const good = { booking: "b", camera: "front", user: "alice", start: "2026-11-20T13:00:00Z", end: "2026-11-20T14:00:00Z", perms: ["view"], recurring: true };
  assert.equal(readCalendar({ items: [good, null, 7, { ...good, end: good.start }, { ...good, start: "soon" }] }).length, 1);
  assert.deepEqual(readCalendar(null), []);
});
