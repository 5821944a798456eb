// SPDX-License-Identifier: MPL-2.0
import test from "node:test";
import assert from "node:assert/strict";
import { readCall } from "../client/calls.js";
import { callInWords, titleFor } from "./call-words.js";

const ID = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e01";
const told = (more = {}) => ({ id: ID, camera: "front", name: "Front door", state: "ringing", since: "2026-12-01T10:00:00Z", you: "rung", ...more });

test("each end is told in words, also one that is not known", () => {
  const words = (reason) => callInWords(readCall(told({ state: "ended", reason })), false);
  assert.equal(words("hung-up-at-door"), "The visitor has hung up.");
  assert.equal(words("toString"), "The call is over.");
});

test("who has answered is named", () => {
  const words = (more) => callInWords(readCall(told(more)), false);
  assert.equal(words({ state: "answered", you: "watching", by: "bob" }), "\u2068bob\u2069 has answered.");
  assert.equal(words({ state: "answered", you: "watching" }), "Somebody else has answered.");
});

test("the title names who rings, and nobody's name turns it around", () => {
  assert.equal(titleFor(null, "Porthole"), "Porthole");
  assert.equal(titleFor(readCall(told({ name: "Door\u202e" })), "Porthole"), "\u2068Door\u2069 rings");
});
