// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The page around the pictures: one of them fills it, and what else there is stands below, or is a menu over it. */
import { $ } from "../parts/dom.js";
import { isolated } from "../client/rules.js";

export class Shell {
  #title = document.title; #button = /** @type {any} */ (null);

  constructor() {
    document.addEventListener("pointerdown", ({ target }) => {
      if (target instanceof Element && !target.closest("header, .menu")) this.menu(null, false);
    });
    document.addEventListener("keydown", ({ key }) => { if (key === "Escape") this.menu(null, false); });
  }

  /** What the page is called, in its tab. @type {string} */
  title = document.title;

  /**
   * @param {Map<string, import("./picture.js").Picture>} pictures @param {boolean} isGuest who came by a link sees what the link shows, and nothing else
   */
  show(pictures, isGuest) {
    const one = pictures.size === 1 ? [...pictures.values()][0] : null;
    document.body.dataset.view = one ? "one" : pictures.size > 0 ? "many" : "none";
    document.body.dataset.guest = String(isGuest);
    for (const picture of pictures.values()) picture.element.classList.toggle("alone", picture === one);
    this.title = one ? `${isolated(one.title)} – ${this.#title}` : this.#title;
    if (!one) this.menu(null, false);
  }

  /** The menu over one picture. @param {any} button that opens it @param {boolean} [open] */
  menu(button, open = document.body.dataset.menu !== "true") {
    if (open === (document.body.dataset.menu === "true")) return;
    document.body.dataset.menu = String(open);
    if (button) this.#button = button;
    this.#button?.setAttribute("aria-expanded", String(open));
    if (!open && $("header").contains(document.activeElement)) this.#button?.focus();
  }
}
