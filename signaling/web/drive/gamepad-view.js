// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** Which axes and buttons of a gamepad do what, and which of them are held. */
import { $, fill, say } from "../parts/dom.js";
import { MAX_BUTTONS } from "./steering.js";
import { t } from "../words/words.js";

export class GamepadView {
  #element; #shown = "";

  /** @param {any} element */
  constructor(element) { this.#element = element; }

  /** @param {{axes: readonly number[], buttons: readonly {pressed: boolean}[]}|null} pad as the browser has it */
  show(pad) {
    const buttons = pad?.buttons.slice(0, MAX_BUTTONS).map(({ pressed }) => pressed) ?? [];
    const state = pad ? buttons.map(Number).join("") : "none";
    // It is looked at twenty times a second.
    if (state === this.#shown) return;
    this.#shown = state;
    this.#element.hidden = !pad;
    if (!pad) return;
    say($(".gamepad-words", this.#element), t("drive.gamepad"));
    fill($(".gamepad-buttons", this.#element), buttons.map((pressed, number) => ({ pressed, number })), ({ number }) => String(number),
      () => document.createElement("li"), (item, { pressed, number }) => {
        say(item, String(number));
        item.dataset.pressed = String(pressed);
      });
  }
}
