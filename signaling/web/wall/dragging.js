// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** A tile follows the mouse or the finger, and hangs where it is let go. */

/** A press that moves less than this, in CSS pixels, is a press. */
const BEGINS = 8;

export class Dragging {
  #grid; #may; #place; #ending = new AbortController();
  /** @type {{id: string, element: any, pointer: number, x: number, y: number, moves: boolean}|null} */ #now = null;

  /** @param {any} grid @param {() => boolean} may @param {(id: string, onto: string) => void} place on which other tile it was let go */
  constructor(grid, may, place) {
    this.#grid = grid;
    this.#may = may;
    this.#place = place;
    const { signal } = this.#ending;
    grid.addEventListener("pointerdown", (/** @type {any} */ event) => this.#down(event), { signal });
    grid.addEventListener("pointermove", (/** @type {any} */ event) => this.#moved(event), { signal });
    grid.addEventListener("pointerup", (/** @type {any} */ event) => this.#up(event), { signal });
    grid.addEventListener("pointercancel", () => this.#drop(), { signal });
    // Whoever has dragged has not pressed.
    grid.addEventListener("click", (/** @type {any} */ event) => {
      if (!this.#may() || !event.target.closest(".cover")) return;
      event.preventDefault();
      event.stopPropagation();
    }, { signal, capture: true });
  }

  end() {
    this.#drop();
    this.#ending.abort();
  }

  /** @param {PointerEvent & {target: any}} event */
  #down(event) {
    const element = event.target.closest(".tile");
    if (!element || !this.#may() || !event.isPrimary || event.button !== 0 || event.target.closest(".places")) return;
    this.#now = { id: element.dataset.id, element, pointer: event.pointerId, x: event.clientX, y: event.clientY, moves: false };
  }

  /** @param {PointerEvent} event */
  #moved(event) {
    const now = this.#now;
    if (!now || now.pointer !== event.pointerId) return;
    const [x, y] = [event.clientX - now.x, event.clientY - now.y];
    if (!now.moves && Math.hypot(x, y) < BEGINS) return;
    if (!now.moves) {
      now.moves = true;
      now.element.dataset.dragged = "true";
      this.#grid.setPointerCapture(event.pointerId);
    }
    now.element.style.setProperty("--x", `${x}px`);
    now.element.style.setProperty("--y", `${y}px`);
    const onto = this.#under(event);
    for (const tile of this.#grid.children) tile.dataset.onto = String(tile === onto);
  }

  /** @param {PointerEvent} event */
  #up(event) {
    const now = this.#now;
    if (!now || now.pointer !== event.pointerId) return;
    const onto = now.moves ? this.#under(event) : null;
    this.#drop();
    if (onto) this.#place(now.id, onto.dataset.id);
  }

  /** The other tile there. @param {PointerEvent} event */
  #under({ clientX, clientY }) {
    return [...this.#grid.children].find((tile) => {
      const { left, right, top, bottom } = tile.getBoundingClientRect();
      return tile !== this.#now?.element && clientX >= left && clientX < right && clientY >= top && clientY < bottom;
    });
  }

  #drop() {
    const now = this.#now;
    this.#now = null;
    if (!now) return;
    delete now.element.dataset.dragged;
    now.element.style.removeProperty("--x");
    now.element.style.removeProperty("--y");
    for (const tile of this.#grid.children) delete tile.dataset.onto;
  }
}
