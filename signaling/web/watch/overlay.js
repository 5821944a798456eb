// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What lies over a picture comes with a pointer, a finger or the focus, and goes away after a while. */
import { $ } from "../parts/dom.js";
import { Fading } from "./fading.js";

export class Overlay {
  #element; #fading; #gone = new AbortController();
  /** A finger that has only made it appear presses nothing. */ #swallows = false;

  /** @param {any} element the picture */
  constructor(element) {
    this.#element = element;
    const env = { setTimeout: setTimeout.bind(window), clearTimeout: clearTimeout.bind(window) };
    this.#fading = new Fading(env, (isShown) => { element.dataset.faded = String(!isShown); });
    const { signal } = this.#gone;
    const stage = $(".stage", element);
    stage.addEventListener("pointermove", (/** @type {PointerEvent} */ { pointerType }) => { if (pointerType !== "touch") this.stir(); }, { signal });
    stage.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => this.#down(event), { signal, capture: true });
    stage.addEventListener("click", (/** @type {MouseEvent} */ event) => {
      if (!this.#swallows) return;
      this.#swallows = false;
      event.preventDefault();
      event.stopPropagation();
    }, { signal, capture: true });
    stage.addEventListener("focusin", (/** @type {{target: Element}} */ { target }) =>
      this.hold("focus", target.matches(":focus-visible") && target.closest(".fades, .more-list") !== null), { signal });
    stage.addEventListener("focusout", () => this.hold("focus", false), { signal });
    element.addEventListener("keydown", () => this.stir(), { signal });
    this.stir();
  }

  end() {
    this.#gone.abort();
    this.#fading.end();
  }

  stir() { this.#fading.stir(); }
  toggle() { this.#fading.toggle(); }
  /** @param {string} why @param {boolean} on */
  hold(why, on) { this.#fading.hold(why, on); }

  /** @param {PointerEvent} event */
  #down(event) {
    this.#swallows = false;
    if (event.pointerType !== "touch") return this.stir();
    const onControl = event.target instanceof Element && event.target.closest(".fades") !== null;
    if (!onControl) return undefined; // A tap on the picture itself is the zoom's to tell from a double one.
    if (!this.#fading.isShown) {
      event.stopPropagation();
      this.#swallows = true;
    }
    return this.stir();
  }
}
