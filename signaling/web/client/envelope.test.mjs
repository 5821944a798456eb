// SPDX-License-Identifier: MPL-2.0
import test from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Joiner, KIND, MAX_ENVELOPE, MAX_PART, MAX_PAYLOAD, decode, encode, parts, readJson, readText, unbundle } from "./envelope.js";

test("a message is four bytes and its payload, numbers with the big end first", () => {
  assert.deepEqual([...encode(KIND.text, { service: 3, number: 0x1234, payload: "hé" })], [1, 3, 0x12, 0x34, 0x68, 0xc3, 0xa9]);
  assert.deepEqual([...encode(KIND.alive)], [19, 0, 0, 0]);
  assert.deepEqual([...encode(KIND.binary, { service: 255, number: 65_535, payload: new Uint8Array([0, 255]) })], [2, 255, 255, 255, 0, 255]);
});

test("what is written is read back", () => {
  for (const [service, number, size] of [[0, 0, 0], [1, 1, 1], [255, 65_535, 70], [7, 256, MAX_PAYLOAD]]) {
    const payload = Uint8Array.from({ length: size }, (_, i) => (i * 7) & 0xff);
    const read = decode(encode(KIND.binary, { service, number, payload }).buffer);
    assert.deepEqual(read, { kind: 2, service, number, payload });
  }
});

test("what is no message is none: too short, too long, or no bytes at all", () => {
  for (const bad of [new ArrayBuffer(0), new ArrayBuffer(3), new ArrayBuffer(MAX_ENVELOPE + 1), "text", null, undefined, 7, {}, new Uint8Array(9)]) {
    assert.equal(decode(bad), null);
  }
  assert.equal(decode(new ArrayBuffer(4)).payload.length, 0);
  assert.notEqual(decode(new ArrayBuffer(MAX_ENVELOPE)), null);
});

test("what is longer than a channel takes goes in parts, and comes together again", () => {
  for (const size of [0, MAX_PART - 4, MAX_PART - 3, MAX_PAYLOAD, 3 * (MAX_PART - 4), 1_000_000]) {
    const payload = Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
    const sent = parts(encode(KIND.binary, { service: 7, number: 258, payload }));
    assert.equal(sent.length, Math.max(1, Math.ceil(size / (MAX_PART - 4))));
    const joiner = new Joiner();
    const came = sent.map((part, i) => {
      assert.ok(part.length <= MAX_PART);
      assert.deepEqual([...part.subarray(0, 4)], [i + 1 < sent.length ? 130 : 2, 7, 1, 2]);
      return joiner.take(part.slice().buffer);
    });
    assert.deepEqual(came.slice(0, -1), Array(sent.length - 1).fill(null));
    assert.deepEqual(decode(came.at(-1)), { kind: 2, service: 7, number: 258, payload });
  }
});

test("parts without an end fill nothing, and what follows them is read", () => {
  const joiner = new Joiner();
  const part = encode(KIND.binary | 128, { payload: new Uint8Array(MAX_PART - 4) });
  for (let i = 0; i < 100; i += 1) assert.equal(joiner.take(part.slice().buffer), null);
  assert.equal(joiner.take(encode(KIND.binary, { payload: "end" }).buffer), null, "it was too long");
  assert.equal(readText(decode(joiner.take(encode(KIND.text, { payload: "next" }).buffer)).payload), "next");
  for (let i = 0; i < 100; i += 1) assert.equal(joiner.take(encode(KIND.binary | 128).buffer), null);
  assert.equal(joiner.take(encode(KIND.binary).buffer), null, "too many parts of nothing");
  assert.notEqual(joiner.take(encode(KIND.alive).buffer), null);
  for (const bad of [new ArrayBuffer(3), "text", null]) assert.equal(joiner.take(bad), null);
});

test("text is UTF-8 to the letter, and JSON is JSON or nothing", () => {
  const bytes = (...list) => new Uint8Array(list);
  assert.equal(readText(bytes(0xef, 0xbb, 0xbf, 0x61)), "\ufeffa", "nothing is taken away");
  for (const bad of [bytes(0xff), bytes(0xc3), bytes(0xed, 0xa0, 0x80)]) {
    assert.equal(readText(bad), null);
    assert.equal(readJson(bad), undefined);
  }
  assert.equal(readJson(new TextEncoder().encode("{")), undefined);
  assert.equal(readJson(bytes()), undefined);
  assert.equal(readJson(new TextEncoder().encode("null")), null);
});

test("a bundle is its messages, and what in it is none is left out", () => {
  const one = (bytes) => [bytes.length >> 8, bytes.length & 0xff, ...bytes];
  const text = [...encode(KIND.text, { service: 3, payload: "7" })];
  const bundle = new Uint8Array([...one(text), ...one([...encode(KIND.hello)]), ...one([]), ...one([1]), ...one(text)]);
  const told = unbundle(bundle).map(({ kind, service, payload }) => [kind, service, readText(payload)]);
  assert.deepEqual(told, [[1, 3, "7"], [1, 3, "7"]]);
  for (let length = 0; length < bundle.length; length += 1) assert.ok(unbundle(bundle.slice(0, length)).length < 2);
  assert.deepEqual(unbundle(new Uint8Array([255, 255, 1])), []);
  // A bundle in a bundle is none.
  assert.deepEqual(unbundle(new Uint8Array(one([...encode(KIND.bundle, { payload: new Uint8Array(one(text)) })]))), []);
});

test("the kinds are those of the documentation", () => {
  const docs = readFileSync(new URL("../../../docs/gateway.md", import.meta.url), "utf8");
  const rows = [...docs.matchAll(/^\| (\d+) \| (?:both|camera|viewer) \| `([a-z-]+)` \|/gm)];
  const camel = (name) => name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
  assert.deepEqual(Object.fromEntries(rows.map(([, kind, name]) => [camel(name), Number(kind)])), { ...KIND });
});
