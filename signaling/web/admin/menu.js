// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** Buttons that are seldom wanted, behind one. */
import { $, cloned, made } from "../parts/dom.js";

/**
 * @param {{words: string, danger?: boolean, className: string, act: () => void}[]} choices
 * @returns {any} an element for a row of buttons
 */
export function menu(choices) {
  const details = cloned("#menu");
  $(".choices", details).append(...choices.map(({ words, danger, className, act }) => {
    const button = made("button", words, { type: "button", className: danger ? `${className} danger` : className });
    button.addEventListener("click", () => {
      details.open = false;
      $("summary", details).focus();
      act();
    });
    return button;
  }));
  details.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape" || !details.open) return;
    details.open = false;
    $("summary", details).focus();
  });
  // Who goes elsewhere has no use for it.
  details.addEventListener("focusout", (/** @type {FocusEvent} */ { relatedTarget }) => { if (relatedTarget && !details.contains(relatedTarget)) details.open = false; });
  document.addEventListener("pointerdown", ({ target }) => { if (details.open && !details.contains(target)) details.open = false; });
  return details;
}
