// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import test from "node:test";
import { MAX_OF_A_KIND, addressOf, readAddress, readHits } from "./hits.js";
import { sameName } from "./directory.js";

const PARTS = ["overview", "camera", "search"];

test("an address names a part and what it is about, and any other the first part", () => {
  assert.deepEqual(readAddress("#camera/front", PARTS), { part: "camera", of: "front" });
  assert.deepEqual(readAddress(addressOf(" a/b ü? "), PARTS), { part: "search", of: "a/b ü?" });
  for (const hash of ["", "#", "#moon", "camera", "#camera.x", "#__proto__"]) assert.deepEqual(readAddress(hash, PARTS), { part: "overview", of: "" }, hash);
  assert.deepEqual(readAddress("#camera/%", PARTS), { part: "camera", of: "" });
  assert.equal(readAddress(addressOf("x".repeat(999)), PARTS).of.length, 100);
});

test("what is found is told by its kind, and what is no such thing is left out", () => {
  const { hits, more } = readHits({
    cameras: { items: [{ id: "front", name: "Front door" }, { id: 7 }, null] }, users: { items: [{ name: "alice" }, {}] },
    bookings: { items: [{ id: "b1", user: "bob", camera: "front", start: "2026-11-30T10:00:00Z", end: "x", note: 7 }] }, shares: null,
  });
  assert.deepEqual(hits.map(({ kind, name, camera, start, end }) => [kind, name, camera, start, end]), [
    ["camera", "Front door", "front", null, null], ["user", "alice", "", null, null], ["booking", "bob", "front", Date.UTC(2026, 10, 30, 10), null],
  ]);
  assert.equal(more, false);
});

test("of many some are told, and that there are more", () => {
  const users = { items: Array.from({ length: MAX_OF_A_KIND + 1 }, (_, n) => ({ name: `u${n}` })) };
  const { hits, more } = readHits({ cameras: null, users, bookings: null, shares: null });
  assert.deepEqual([hits.length, more], [MAX_OF_A_KIND, true]);
  assert.equal(new Set(hits.map(({ key }) => key)).size, MAX_OF_A_KIND);
});

test("cameras of one name are found however it is written, without the one that has it", () => {
  const cameras = [["a", "Küche"], ["b", "Ku\u0308che"], ["c", "KÜCHE "], ["d", "Keller"]].map(([id, name]) => ({ id, name, online: false, lastSeen: null, inFile: false }));
  assert.deepEqual(sameName(cameras, "küche", "a"), ["b", "c"]);
  assert.deepEqual(sameName(cameras, "Garten", ""), []);
});
