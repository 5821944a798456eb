// SPDX-License-Identifier: MPL-2.0
import test from "node:test";
import assert from "node:assert/strict";
import { readTime } from "./when.js";

const at = (text) => Date.parse(text);

test("a time that cannot be read is none", () => {
  assert.equal(readTime("2026-11-20T13:00:00Z"), at("2026-11-20T13:00:00Z"));
  assert.equal(readTime("2026-11-20T14:00:00+01:00"), at("2026-11-20T13:00:00Z"));
  for (const none of [undefined, null, 7, {}, "", "soon", `${"2".repeat(99)}`]) assert.equal(readTime(none), null);
});
