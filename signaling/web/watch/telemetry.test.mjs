// SPDX-License-Identifier: MPL-2.0
import test from "node:test";
import assert from "node:assert/strict";
import { readDescription } from "../client/gateway-rules.js";
import { MAX_MEMBERS, MAX_POINTS, Reading, graph, numberInWords, readNumber, sizeInWords } from "./telemetry.js";

/** What a tile shows after these messages. */
function shown(description, ...messages) {
  const reading = new Reading();
  for (const message of messages) reading.take(message);
  return reading.show(readDescription(description), 240, 40);
}

test("a number is shown with its unit, and as a graph in its range", () => {
  const { value, unit, graph: drawn } = shown({ kind: "number", unit: "%", range: [0, 100] }, "0", "50", "100", "250");
  assert.deepEqual([value, unit], ["250", "%"]);
  assert.deepEqual(drawn.points.split(" ").map((point) => point.split(",")[1]), ["40.0", "20.0", "0.0", "0.0"]);
  assert.deepEqual([drawn.least, drawn.most], ["0", "100"]);
});

test("one number alone is no graph, and there are never more points than fit", () => {
  assert.equal(shown({}, "7").graph, null);
  const many = shown({}, ...Array.from({ length: 999 }, (_, i) => String(i)));
  const points = many.graph.points.split(" ").map((point) => point.split(",").map(Number));
  assert.equal(points.length, MAX_POINTS);
  assert.deepEqual([points[0][0], points.at(-1)[0]], [0, 240]);
  assert.deepEqual([many.graph.least, many.graph.most], ["879", "998"]);
});

test("whatever the numbers are, a graph has points that can be drawn", () => {
  for (const history of [[5, 5, 5], [-1e308, 1e308], [0, 5e-324], [1e308, 1.1e308], [1e308, 1e308]]) {
    const { points } = graph(history, null, 240, 40);
    for (const point of points.split(" ")) for (const each of point.split(",")) assert.ok(Number.isFinite(Number(each)), `${history}: ${point}`);
  }
  assert.match(graph([5, 5], null, 240, 40).points, /,20\.0 .*,20\.0$/);
});

test("decimal numbers are numbers, and nothing else is", () => {
  for (const [text, number] of [["1", 1], [" -0.5\n", -0.5], [".5", 0.5], ["1e3", 1_000], ["5.", 5]]) assert.equal(readNumber(text), number);
  for (const text of ["", " ", "0x10", "Infinity", "NaN", "1e999", "1,5", "5 V", "1".repeat(65), "--1"]) assert.equal(readNumber(text), null);
  assert.equal(readNumber(new Uint8Array([0x31])), null);
  assert.equal(numberInWords(0.1 + 0.2), "0.3");
  assert.equal(numberInWords(1_234_567.891), "1234570");
});

test("an object is shown member by member, and bounded", () => {
  const { members, more } = shown({ kind: "json" }, JSON.stringify({ x: 1.23456789, name: "arm", on: true, gone: null, nested: { a: [1] } }));
  assert.deepEqual(members.map(({ name, value }) => [name, value]), [["x", "1.23457"], ["name", "arm"], ["on", "true"], ["gone", "null"], ["nested", '{"a":[1]}']]);
  assert.equal(more, 0);
  const huge = shown({}, JSON.stringify(Object.fromEntries(Array.from({ length: 999 }, (_, i) => [`${"n".repeat(200)}${i}`, "v".repeat(9_999)]))));
  assert.deepEqual([huge.members.length, huge.more], [MAX_MEMBERS, 999 - MAX_MEMBERS]);
  assert.equal(new Set(huge.members.map(({ key }) => key)).size, MAX_MEMBERS, "members of one name are still two");
  assert.ok(JSON.stringify(huge.members).length < 9_999);
});

test("what does not fit its description is shown as the text it is", () => {
  assert.equal(shown({ kind: "number" }, "n/a").value, "n/a");
  assert.equal(shown({ kind: "json" }, "{broken").value, "{broken");
  assert.equal(shown({ kind: "json" }, "[1,2]").value, "[1,2]");
  assert.equal(shown({ kind: "text" }, "12").graph, null);
  assert.ok(shown({ kind: "text" }, "x".repeat(65_536)).value.length <= 301);
  assert.equal(shown({}, "null").value, "null");
});

test("bytes are shown as their size, and before the first message nothing is known", () => {
  assert.equal(shown({ kind: "number" }, new Uint8Array(1)).value, "1 byte");
  assert.equal(sizeInWords(65_536), "64.0 KiB");
  assert.equal(shown({}).value, "–");
});
