// SPDX-License-Identifier: MPL-2.0
import test from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Joiner, KIND, MAX_ENVELOPE, MAX_PAYLOAD, decode, encode, parts, readJson, readText } from "./envelope.js";

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

test("what is too long for a channel goes in parts, and is put together again", () => {
  for (const size of [0, 65_532, 65_533, MAX_PAYLOAD, 3 * MAX_PAYLOAD]) {
    const message = encode(KIND.binary, { service: 1, number: 2, payload: Uint8Array.from({ length: size }, (_, i) => i & 0xff) });
    const all = parts(message);
    assert.equal(all.length, Math.max(1, Math.ceil(size / 65_532)));
    assert.ok(all.every((part) => part.length <= 65_536));
    const joiner = new Joiner();
    const whole = all.map((part) => joiner.take(part.slice().buffer)).filter((joined) => joined !== null);
    assert.deepEqual(whole.map((joined) => new Uint8Array(joined)), [message]);
  }
  const endless = new Joiner();
  const part = () => new Uint8Array(65_536).fill(130).buffer;
  for (let i = 0; i < 50; i += 1) assert.equal(endless.take(part()), null);
  assert.equal(endless.take(encode(KIND.text).buffer), null, "longer than any message");
  assert.equal(endless.take(encode(KIND.text).buffer).byteLength, 4, "and the next is read as if nothing had been");
});

test("what is no message is none: too short, too long, or no bytes at all", () => {
  for (const bad of [new ArrayBuffer(0), new ArrayBuffer(3), new ArrayBuffer(MAX_ENVELOPE + 1), "text", null, undefined, 7, {}, new Uint8Array(9)]) {
    assert.equal(decode(bad), null);
  }
  assert.equal(decode(new ArrayBuffer(4)).payload.length, 0);
  assert.notEqual(decode(new ArrayBuffer(MAX_ENVELOPE)), null);
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

test("the kinds are those of the documentation", () => {
  const docs = readFileSync(new URL("../../docs/gateway.md", import.meta.url), "utf8");
  const rows = [...docs.matchAll(/^\| (\d+) \| (?:both|camera|viewer) \| `([a-z-]+)` \|/gm)];
  const camel = (name) => name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
  assert.deepEqual(Object.fromEntries(rows.map(([, kind, name]) => [camel(name), Number(kind)])), { ...KIND });
});
