// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The way to the wall and back: its button, its address (`#wall`), and its parts, which are fetched when somebody goes there. */
import { later, styleSheet } from "../parts/later.js";

/** @typedef {import("./tile.js").Camera} Camera */

const ADDRESS = "#wall";
const fetchSheet = styleSheet(new URL("style.css", import.meta.url).href);
const fetchWall = later(async () => {
  const [{ Wall }] = await Promise.all([import("./wall.js"), fetchSheet()]);
  return Wall;
});

/** Whether a link leads to the wall. @param {string} fragment */
export const leadsToWall = (fragment) => new URLSearchParams(fragment.replace(/^#/, "")).has("wall");

export class WallDoor {
  #root; #button; #on; #wall = /** @type {import("./wall.js").Wall|null} */ (null); #wanted = false;
  /** @type {Camera[]} */ #cameras = []; #isWhole = true;

  /**
   * @param {any} root an empty element @param {any} button
   * @param {{watch: (id: string) => any, open: (id: string, session: any) => void, entered: () => void}} on `entered`: nobody sees the rest of
   *   the page any more
   */
  constructor(root, button, on) {
    this.#root = root;
    this.#button = button;
    this.#on = on;
    button.addEventListener("click", () => { location.hash = ADDRESS; });
  }

  get isOpen() { return this.#wanted; }

  /** @param {Camera[]} cameras that may be watched now @param {boolean} isWhole whether those are among them that are not connected */
  show(cameras, isWhole) {
    this.#cameras = cameras;
    this.#isWhole = isWhole;
    this.#button.hidden = cameras.length < 2;
    this.#wall?.show(cameras, isWhole);
  }

  /** The address says so. @param {boolean} open */
  async go(open) {
    if (open === this.#wanted) return;
    this.#wanted = open;
    if (open && location.hash !== ADDRESS) history.replaceState(null, "", ADDRESS);
    this.#root.hidden = !open;
    document.documentElement.dataset.wall = String(open);
    if (!open) {
      this.#wall?.end();
      this.#wall = null;
      if (leadsToWall(location.hash)) history.replaceState(null, "", location.pathname + location.search);
      this.#button.focus();
      return;
    }
    this.#on.entered();
    const Wall = await fetchWall();
    // Somebody has turned back meanwhile.
    if (!this.#wanted || this.#wall) return;
    this.#wall = new Wall(this.#root, {
      watch: this.#on.watch,
      open: (id, session) => { this.go(false); this.#on.open(id, session); },
      close: () => this.go(false),
    });
    this.#wall.show(this.#cameras, this.#isWhole);
    this.#wall.focus();
  }

  /** @returns {Map<string, any>} */
  proofs() { return this.#wall?.proofs() ?? new Map(); }
}

