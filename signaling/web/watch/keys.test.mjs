// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { isSteering } from "../drive/steering.js";
import { KEYS, actionOf, areOn, shortcut, switchKeys } from "./keys.js";

test("no key means two things, and none is one that steers, talks or stops", () => {
  const all = KEYS.map(({ key }) => key);
  assert.equal(new Set(all).size, all.length);
  for (const key of all) assert.equal(isSteering(`Key${key.toUpperCase()}`), false, key);
  for (const key of [" ", "Escape", "ArrowUp", "w", "a", "s", "d"]) assert.equal(actionOf(key), "", key);
});

test("a key is known whether or not Shift is held", () => {
  for (const [key, action] of [["k", "play"], ["K", "play"], ["?", "keys"], ["+", "in"], ["=", "in"], ["-", "out"], ["0", "whole"], ["toString", ""]]) {
    assert.equal(actionOf(key), action, key);
  }
});

test("a button names its key as assistive technology reads it", () => {
  assert.deepEqual(["full", "in", "hold"].map(shortcut), ["F", "Plus", ""]);
});

test("single keys can be switched off, and are on where nothing can be kept", () => {
  const items = new Map();
  const storage = () => ({ getItem: (key) => items.get(key) ?? null, setItem: (key, value) => items.set(key, value) });
  const off = () => { throw new Error("off"); };
  assert.equal(areOn(storage), true);
  switchKeys(storage, false);
  assert.equal(areOn(storage), false);
  switchKeys(storage, true);
  assert.equal(areOn(storage), true);
  switchKeys(off, false);
  assert.equal(areOn(off), true);
});
