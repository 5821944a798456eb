// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The list of keys, and the switch for them. */
import { $, made } from "../parts/dom.js";
import { t } from "../words/words.js";
import { KEYS, OTHER_KEYS, areOn, switchKeys } from "./keys.js";

/** Shows what each key does here: of buttons that no picture has for this viewer there is nothing to say. @param {() => Storage} storage */
export function showKeys(storage) {
  const dialog = $("#keys-dialog");
  if (dialog.open) return;
  const there = (/** @type {string} */ action) => [...document.querySelectorAll(`.picture .${action}`)]
    .some((element) => !(/** @type {any} */ (element).hidden) && !(/** @type {any} */ (element.closest(".drive, .talk"))?.hidden));
  const hasButton = (/** @type {string} */ action) => document.querySelector(`.picture .${action}`) !== null;
  const rows = [
    ...KEYS.filter(({ action }) => ["in", "out", "whole", "keys"].includes(action) || there(action)).map(({ key, words }) => [key.toUpperCase(), words]),
    ...OTHER_KEYS.filter(({ action }) => !hasButton(action) || there(action) || action === "pad").map(({ key, words }) => [key, words]),
  ];
  $("dl", dialog).replaceChildren(...rows.map(([key, words]) => {
    const row = made("div");
    row.append(made("dt"), made("dd", t(words)));
    row.firstChild.append(made("kbd", key));
    return row;
  }));
  const box = $("input", dialog);
  box.checked = areOn(storage);
  box.onchange = () => switchKeys(storage, box.checked);
  dialog.showModal();
}
