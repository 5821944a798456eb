// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** Keyboard, gamepad and the stick on the screen, while one drives. */
import { SEND_MS, Steering, isSteering, readGamepad, readStick } from "./steering.js";

/**
 * Whether a key is meant for this picture: the focus is in it, or nowhere and there is no other picture.
 * @param {KeyboardEvent} event @param {any} element
 */
export function isMeant(event, element) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return false;
  const focus = document.activeElement;
  if (focus && element.contains(focus)) return !focus.matches("input, select, textarea");
  const nowhere = !focus || focus === document.body || focus.contains(element);
  return nowhere && document.querySelectorAll(".picture").length === 1;
}

/**
 * Whether a key is a stop of this picture's robot: Escape, unless it closes a dialog or ends what is typed. Where the focus is at
 * no robot it is for all of them: one that is stopped in vain does no harm.
 * @param {KeyboardEvent} event @param {any} element
 */
export function isStopKey(event, element) {
  if (event.key !== "Escape" || event.repeat || event.isComposing || document.querySelector("dialog[open]")) return false;
  const focus = /** @type {any} */ (document.activeElement);
  if (focus?.matches("input, select, textarea") || focus?.isContentEditable) return false;
  const picture = focus?.closest(".picture");
  return picture === element || !picture?.querySelector(".stop:not([hidden])");
}

/** Calls when whoever held something can no longer be seen to hold it. @param {() => void} call @param {AbortSignal} signal */
export function whenLeft(call, signal) {
  addEventListener("blur", call, { signal });
  addEventListener("pagehide", call, { signal });
  document.addEventListener("visibilitychange", () => { if (document.hidden) call(); }, { signal });
}

/** Held across, a telephone has a thumb at each end: one drives, the other turns. */
const BOTH_THUMBS = "(orientation: landscape) and (pointer: coarse)";

/** One stick on the screen. `mask` is what of it counts. */
class Stick {
  #pad; #steer; #mask; #pointer = /** @type {number|null} */ (null);

  /** @param {any} pad its field @param {(place: {x: number, y: number}|null) => void} steer @param {() => {x: number, y: number}} mask 0 for what does not count @param {AbortSignal} signal */
  constructor(pad, steer, mask, signal) {
    this.#pad = pad;
    this.#steer = steer;
    this.#mask = mask;
    pad.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => this.#grab(event), { signal });
    pad.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => this.#drag(event), { signal });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      pad.addEventListener(end, (/** @type {PointerEvent} */ event) => { if (event.pointerId === this.#pointer) this.#drop(); }, { signal });
    }
  }

  letGo() { this.#pointer = null; }

  /** @param {{x: number, y: number}} place */
  show({ x, y }) {
    const mask = this.#mask();
    this.#pad.style.setProperty("--x", String(x * mask.x));
    this.#pad.style.setProperty("--y", String(-y * mask.y));
  }

  /** @param {PointerEvent} event */
  #grab(event) {
    if (this.#pointer !== null || event.button !== 0) return;
    this.#pointer = event.pointerId;
    // Not of a pointer that is gone already.
    try { this.#pad.setPointerCapture(event.pointerId); } catch { return this.#drop(); }
    this.#drag(event);
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    if (event.pointerId !== this.#pointer) return;
    const { left, top, width, height } = this.#pad.getBoundingClientRect();
    const { x, y } = readStick(event.clientX - left - width / 2, event.clientY - top - height / 2, width / 2);
    const mask = this.#mask();
    this.#steer({ x: x * mask.x, y: y * mask.y });
  }

  #drop() {
    this.#pointer = null;
    this.#steer(null);
  }
}

export class Controls {
  #steering = new Steering(); #element; #pads; #send; #showGamepad; #unanswered = 0; #sticks = /** @type {Stick[]} */ ([]); #thumbs = matchMedia(BOTH_THUMBS);
  #running = /** @type {AbortController|null} */ (null); #timer = /** @type {any} */ (undefined);

  /**
   * @param {any} element the picture @param {any[]} pads the stick's field, and that of the second thumb @param {(text: string) => Promise<unknown>} send
   * @param {(pad: Gamepad|null) => void} showGamepad
   */
  constructor(element, pads, send, showGamepad) {
    this.#element = element;
    this.#pads = pads;
    this.#send = send;
    this.#showGamepad = showGamepad;
  }

  begin() {
    if (this.#running) return;
    this.#running = new AbortController();
    const { signal } = this.#running;
    document.addEventListener("keydown", (event) => this.#key(event), { signal });
    document.addEventListener("keyup", (event) => this.#steer(() => this.#steering.key(event.code, false)), { signal });
    whenLeft(() => this.#letGo(), signal);
    // A menu that is open hears the keys, and this page does not.
    document.addEventListener("contextmenu", () => this.#letGo(), { signal });
    // A telephone that is turned has its sticks elsewhere.
    this.#thumbs.addEventListener("change", () => this.#letGo(), { signal });
    const masks = [() => ({ x: this.#thumbs.matches ? 0 : 1, y: 1 }), () => ({ x: 1, y: 0 })];
    this.#sticks = this.#pads.map((pad, i) => new Stick(pad, (place) => this.#steer(() => this.#steering.stick(place, String(i))), masks[i], signal));
    // Gamepads say nothing by themselves.
    this.#timer = setInterval(() => this.#steer(() => this.#steering.gamepad(this.#gamepad())), SEND_MS);
  }

  /** Lets everything go, and hears nothing more. */
  end() {
    if (!this.#running) return;
    this.#running.abort();
    this.#running = null;
    clearInterval(this.#timer);
    this.#letGo();
    this.#showGamepad(null);
  }

  #letGo() {
    for (const stick of this.#sticks) stick.letGo();
    this.#steer(() => this.#steering.letGo());
  }

  /** @param {() => void} change */
  #steer(change) {
    change();
    for (const stick of this.#sticks) stick.show(this.#steering.place);
    const text = this.#steering.next(performance.now(), this.#unanswered);
    if (text === null) return;
    this.#unanswered += 1;
    this.#send(text).finally(() => { this.#unanswered -= 1; });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    // While this one is held, a Mac does not say that others are let go.
    if (event.metaKey) return this.#letGo();
    if (!isSteering(event.code) || !isMeant(event, this.#element)) return undefined;
    event.preventDefault(); // The page would scroll.
    if (event.repeat) return undefined;
    return this.#steer(() => this.#steering.key(event.code, true));
  }

  #gamepad() {
    const pads = [...(navigator.getGamepads?.() ?? [])];
    this.#showGamepad(pads.find((pad) => pad !== null) ?? null);
    if (document.hidden || !document.hasFocus()) return undefined;
    // Of two robots it drives the one that has the focus.
    const driven = document.querySelectorAll('.drive[data-state="driving"]');
    if (driven.length > 1 && !this.#element.contains(document.activeElement)) return undefined;
    return pads.map((pad) => readGamepad(pad)).find((held) => held !== null) ?? null;
  }
}
