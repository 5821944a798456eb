// SPDX-License-Identifier: MPL-2.0
import test from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import vm from "node:vm";
import { THEME_KEY, chooseTheme, chosenTheme } from "./preferences.js";

function device() {
  const items = new Map();
  return { items, storage: () => ({ getItem: (key) => items.get(key) ?? null, setItem: (key, value) => items.set(key, value), removeItem: (key) => items.delete(key) }) };
}
const none = () => { throw new Error("off"); };

/** What the page has from `theme.js` before anything is drawn. */
function drawn(storage) {
  const root = { dataset: {} };
  const localStorage = { getItem: (key) => storage().getItem(key) };
  vm.runInNewContext(readFileSync(new URL("theme.js", import.meta.url), "utf8"), { localStorage, document: { documentElement: root } });
  return root.dataset.theme;
}

test("what was chosen is there at once, and before the next page is drawn", () => {
  const { storage } = device();
  const root = { dataset: {} };
  for (const [theme, has] of [["dark", "dark"], ["light", "light"], ["", undefined], ["dark", "dark"], ["pink", undefined]]) {
    chooseTheme(theme, storage, root);
    assert.equal(root.dataset.theme, has);
    assert.equal(chosenTheme(storage), has ?? "");
    assert.equal(drawn(storage), has);
  }
});

test("without storage it is chosen for this page, and what is junk is nothing", () => {
  const root = { dataset: {} };
  chooseTheme("dark", none, root);
  assert.deepEqual([root.dataset.theme, chosenTheme(none), drawn(none)], ["dark", "", undefined]);
  const { items, storage } = device();
  items.set(THEME_KEY, "url(x)");
  assert.deepEqual([chosenTheme(storage), drawn(storage)], ["", undefined]);
});
