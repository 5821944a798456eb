// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What is done with several of a list at once: a box at each, and a bar above them. */
import { $, cloned, made, say } from "../parts/dom.js";
import { isolated } from "../client/rules.js";
import { t } from "../words/words.js";
import { Selection } from "./selection.js";

/**
 * @template T
 */
export class Bulk {
  #place; #bar; #chosen = new Selection(); #items = /** @type {T[]} */ ([]); #keyOf;
  #boxes = /** @type {Map<string, HTMLInputElement>} */ (new Map());

  /**
   * @param {any} place of the bar @param {(item: T) => string} keyOf
   * @param {{words: string, danger?: boolean, testid: string, act: (chosen: T[]) => void}[]} actions
   */
  constructor(place, keyOf, actions) {
    this.#place = place;
    this.#keyOf = keyOf;
    this.#bar = cloned("#bulk-bar");
    place.append(this.#bar);
    $(".buttons", this.#bar).append(...actions.map(({ words, danger, testid, act }) => {
      const button = made("button", words, { type: "button", className: danger ? "danger" : "" });
      button.dataset.testid = testid;
      button.addEventListener("click", () => act(this.#items.filter((item) => this.#chosen.has(keyOf(item)))));
      return button;
    }));
    $(".all", this.#bar).addEventListener("change", (/** @type {any} */ { target }) => {
      for (const item of this.#items) this.#chosen.set(keyOf(item), target.checked);
      this.#show();
    });
    this.#show();
  }

  /** The box of an item, in a template's `.pick`. @param {any} element @param {string} key @param {string} name */
  box(element, key, name) {
    const box = $(".pick input", element);
    box.setAttribute("aria-label", t("admin.select", { name: isolated(name) }));
    if (this.#boxes.get(key) === box) return;
    this.#boxes.set(key, box);
    box.checked = this.#chosen.has(key);
    box.addEventListener("change", () => {
      this.#chosen.set(key, box.checked);
      this.#show();
    });
  }

  /** What there is now, in its order. @param {T[]} items */
  update(items) {
    this.#items = items;
    const keys = items.map(this.#keyOf);
    const there = new Set(keys);
    this.#chosen.keep(keys);
    for (const key of this.#boxes.keys()) if (!there.has(key)) this.#boxes.delete(key);
    this.#show();
  }

  clear() {
    this.#chosen.clear();
    this.#show();
  }

  #show() {
    const { size } = this.#chosen;
    // One alone has a button of its own.
    this.#place.hidden = this.#items.length < 2;
    say($(".count", this.#bar), size ? t("admin.selected", { count: size }) : "");
    for (const button of this.#bar.querySelectorAll("button")) button.disabled = size === 0;
    Object.assign($(".all", this.#bar), { checked: size > 0 && size === this.#items.length, indeterminate: size > 0 && size < this.#items.length });
    for (const [key, box] of this.#boxes) box.checked = this.#chosen.has(key);
  }
}
