// SPDX-License-Identifier: MPL-2.0
import test from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { isFor, keepRung, readAsked, readPushKey, ringingInWords, whoIsRung, whyNotRung } from "./push.js";

const CALL = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e01";
const point = (begins = 4, bytes = 65) => Buffer.from([begins, ...Array(bytes - 1).fill(0xfb)]).toString("base64url");
const device = (more = {}) => ({ secure: true, worker: true, push: true, permission: "default", isTab: false, ...more });

test("a key is a point that is not compressed, in base64url", () => {
  const key = readPushKey({ publicKey: point() });
  assert.deepEqual([key.length, key[0], key[64]], [65, 4, 0xfb]);
  for (const publicKey of [undefined, null, 7, "", point(2), point(4, 64), point(4, 66), Buffer.from(point(), "base64url").toString("base64"), `${point()}\n`, "ä", "A"]) {
    assert.equal(readPushKey({ publicKey }), null, String(publicKey));
  }
  assert.equal(readPushKey(null), null);
});

test("a subscription for another key is none", () => {
  const key = readPushKey({ publicKey: point() });
  const made = (bytes) => ({ options: { applicationServerKey: bytes?.buffer ?? null } });
  assert.equal(isFor(made(Uint8Array.from(key)), key), true);
  for (const other of [undefined, Uint8Array.of(4), Uint8Array.from(key).fill(1, 64)]) assert.equal(isFor(made(other), key), false);
  assert.equal(isFor(null, key), false);
});

test("why this device cannot be rung is said, and what to do", () => {
  assert.equal(whyNotRung(device(), true), "");
  const cases = [
    [device(), false, /operator/], [device({ secure: false, worker: false }), true, /HTTPS/], [device({ isTab: true, push: false }), true, /Add to Home Screen/],
    [device({ push: false }), true, /another browser/], [device({ worker: false }), true, /another browser/], [device({ permission: "denied" }), true, /Allow them/],
  ];
  for (const [what, server, words] of cases) assert.match(whyNotRung(what, server), words);
});

test("the button says what it does, and what is", () => {
  assert.deepEqual(ringingInWords("on", "", true).button, "Notifications on");
  assert.equal(ringingInWords("off", "", true).button, "Ring this phone");
  assert.equal(ringingInWords("off", "", false).button, "Ring this computer");
  assert.equal(ringingInWords("unable", "So it is.", true).words, "So it is.");
});

test("who is rung here is known again, by browsers that keep things", () => {
  const items = new Map();
  const storage = () => ({ getItem: (key) => items.get(key) ?? null, setItem: (key, value) => items.set(key, value), removeItem: (key) => items.delete(key) });
  keepRung(storage, "alice");
  assert.equal(whoIsRung(storage), "alice");
  keepRung(storage, "");
  assert.equal(whoIsRung(storage), "");
  const none = () => { throw new Error("off"); };
  keepRung(none, "alice");
  assert.equal(whoIsRung(none), "");
});

test("what is passed on from a notification is read, and nothing else", () => {
  assert.deepEqual(readAsked({ porthole: "call", call: CALL, camera: "front", answers: true }), { call: CALL, camera: "front", answers: true });
  assert.equal(readAsked({ porthole: "call", call: CALL, answers: "yes" }).answers, false);
  for (const odd of [null, 7, {}, { porthole: "call" }, { porthole: "call", call: "1" }, { porthole: "other", call: CALL }, { porthole: "call", call: [CALL] }]) assert.equal(readAsked(odd), null);
});

test("the page can be kept as an app: its pictures are as large as it says, and stand where it says", () => {
  const folder = new URL("..", import.meta.url);
  const { icons, start_url, scope, shortcuts } = JSON.parse(readFileSync(new URL("manifest.webmanifest", folder), "utf8"));
  // A proxy may put all of it into a folder.
  assert.deepEqual([start_url, scope, ...shortcuts.map(({ url }) => url)], [".", ".", "calls"]);
  for (const { src, sizes, type } of icons) {
    const file = readFileSync(new URL(src, folder));
    assert.ok(file.length < 20_000, `${src} has ${file.length} bytes`);
    if (type === "image/png") assert.equal(`${file.readUInt32BE(16)}x${file.readUInt32BE(20)}`, sizes);
  }
  for (const purpose of ["any", "maskable"]) assert.deepEqual(icons.filter((icon) => icon.purpose === purpose && icon.type === "image/png").map(({ sizes }) => sizes), ["192x192", "512x512"]);
});
