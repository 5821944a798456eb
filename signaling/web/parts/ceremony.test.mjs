// SPDX-License-Identifier: MPL-2.0
import test from "node:test";
import assert from "node:assert/strict";
import { bytes, create, get, spelt, whyNot } from "./ceremony.js";

test("bytes are spelt as WebAuthn spells them, and read back", () => {
  for (const length of [0, 1, 2, 3, 32, 255]) {
    const some = Uint8Array.from({ length }, (_, place) => (place * 89 + 250) % 256);
    const text = Buffer.from(some).toString("base64url");
    assert.equal(spelt(some.buffer), text);
    assert.deepEqual(bytes(text), some);
  }
});

/** What a browser has of credentials, for once. @param {any} credentials */
function withCredentials(credentials, act) {
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { credentials } });
  return act().finally(() => (before ? Object.defineProperty(globalThis, "navigator", before) : Reflect.deleteProperty(globalThis, "navigator")));
}

const buffer = (/** @type {string} */ text) => new TextEncoder().encode(text).buffer;

test("what the server asks for reaches the browser as bytes, and its answer goes back as text", async () => {
  let asked;
  const response = { attestationObject: buffer("object"), clientDataJSON: buffer("{}"), authenticatorData: buffer("data"), signature: buffer("sign"), userHandle: null };
  const answer = (options) => { asked = options.publicKey; return { id: "aWQ", rawId: buffer("id"), type: "public-key", response }; };
  await withCredentials({ create: async (o) => answer(o), get: async (o) => answer(o) }, async () => {
    const options = { publicKey: { challenge: "Yw", user: { id: "dQ", name: "anna" }, excludeCredentials: [{ id: "eA", type: "public-key" }], timeout: 1 } };
    const made = await create({ options, challenge: "sealed" });
    assert.deepEqual([asked.challenge, asked.user.id, asked.excludeCredentials[0].id].map((one) => new TextDecoder().decode(one)), ["c", "u", "x"]);
    assert.equal(asked.timeout, 1);
    assert.deepEqual(made, {
      challenge: "sealed",
      answer: { id: "aWQ", rawId: "aWQ", type: "public-key", response: { attestationObject: "b2JqZWN0", clientDataJSON: "e30" }, extensions: {} },
    });
    const shown = await get({ options: { publicKey: { challenge: "Yw", allowCredentials: [{ id: "eA", type: "public-key" }] } }, challenge: "other" });
    assert.equal(new TextDecoder().decode(asked.allowCredentials[0].id), "x");
    assert.deepEqual(shown.answer.response, { authenticatorData: "ZGF0YQ", clientDataJSON: "e30", signature: "c2lnbg", userHandle: null });
  });
});

test("why a device did not answer is said, and what else is wrong is left to others", () => {
  for (const name of ["InvalidStateError", "NotAllowedError", "NotSupportedError", "SecurityError"]) assert.ok(whyNot({ name }));
  for (const other of [new Error("x"), null, undefined, { name: "TypeError" }]) assert.equal(whyNot(other), "");
});
