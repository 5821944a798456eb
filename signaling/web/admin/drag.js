// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * Dragging in the calendar, with a mouse, a pen or a finger. A finger that moves at once scrolls; one that holds drags.
 *
 * @typedef {import("./calendar.js").Place} Place
 * @typedef {import("./calendar.js").Kind} Kind
 * @typedef {{kind: Kind, key: string}} Grip what is taken hold of: `key` says which window, for all but `new`
 * @typedef {{
 *   grip: (target: Element) => Grip|null,
 *   place: (x: number, y: number) => Place|null,
 *   show: (grip: Grip, from: Place, to: Place) => void,
 *   drop: (grip: Grip, from: Place, to: Place) => void,
 *   click: (place: Place) => void,
 *   leave: () => void,
 * }} Calls
 */

/** A mouse that moves less only clicks. */
const SLACK_PX = 5;
/** A finger trembles more. */
const FINGER_SLACK_PX = 10;
/** How long a finger holds before it drags, as phones do it elsewhere. */
const HOLD_MS = 400;

/** @param {HTMLElement} surface @param {Calls} calls */
export function draggable(surface, calls) {
  /** @type {{grip: Grip, from: Place, x: number, y: number, id: number, finger: boolean, active: boolean, timer: any}|null} */
  let drag = null;

  const end = () => {
    if (!drag) return;
    clearTimeout(drag.timer);
    drag = null;
    surface.classList.remove("dragging");
    calls.leave();
  };
  const begin = () => {
    if (!drag) return;
    drag.active = true;
    surface.classList.add("dragging");
    surface.setPointerCapture(drag.id);
    calls.show(drag.grip, drag.from, drag.from);
  };

  surface.addEventListener("pointerdown", (event) => {
    if (drag || event.button !== 0 || !event.isPrimary || !(event.target instanceof Element)) return;
    const [grip, from] = [calls.grip(event.target), calls.place(event.clientX, event.clientY)];
    if (!grip || !from) return;
    const finger = event.pointerType === "touch";
    drag = { grip, from, x: event.clientX, y: event.clientY, id: event.pointerId, finger, active: false, timer: undefined };
    if (finger) drag.timer = setTimeout(begin, HOLD_MS);
  });
  surface.addEventListener("pointermove", (event) => {
    if (event.pointerId !== drag?.id) return;
    const far = Math.hypot(event.clientX - drag.x, event.clientY - drag.y);
    if (!drag.active) {
      if (drag.finger && far > FINGER_SLACK_PX) return end();
      if (drag.finger || far <= SLACK_PX) return;
      begin();
    }
    const to = calls.place(event.clientX, event.clientY);
    if (to) calls.show(drag.grip, drag.from, to);
  });
  surface.addEventListener("pointerup", (event) => {
    if (event.pointerId !== drag?.id) return;
    const { grip, from, active, finger } = drag;
    const to = calls.place(event.clientX, event.clientY) ?? from;
    end();
    if (active) calls.drop(grip, from, to);
    else if (grip.kind === "new" && !finger) calls.click(from);
  });
  surface.addEventListener("pointercancel", (event) => { if (event.pointerId === drag?.id) end(); });
  addEventListener("keydown", (event) => { if (event.key === "Escape") end(); });
  // A finger that drags does not scroll, nor open a menu.
  surface.addEventListener("touchmove", (event) => { if (drag?.active) event.preventDefault(); }, { passive: false });
  surface.addEventListener("contextmenu", (event) => { if (drag) event.preventDefault(); });
}
