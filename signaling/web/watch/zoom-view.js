// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** Fingers, wheel and keys that look into a picture. */
import { isMeant } from "../drive/controls.js";
import { $ } from "../parts/dom.js";
import { t } from "../words/words.js";
import { PAN_STEP, STEP, WHOLE, bounded, fit, isWhole, keep, panned, placed, recall, tapped, zoomed } from "./zoom.js";

/** Two taps within so long, and so near each other, are a double one. */
const DOUBLE_MS = 300;
const NEAR_PX = 40;
/** A finger that moves less has not moved. */
const STILL_PX = 8;
/** A notch of a wheel is some 100 px; a touchpad tells its pinch as many small ones. */
const WHEEL_PX = 240;
/** It is kept when the fingers rest. */
const KEEP_MS = 500;
/** @type {Readonly<Record<string, number[]>>} */
const ARROWS = Object.freeze({ ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] });
const storage = () => localStorage;

export class ZoomView {
  #picture; #screen; #tap; #view; #gone = new AbortController(); #resized; #timer = /** @type {any} */ (undefined);
  /** Fingers on the picture. @type {Map<number, {x: number, y: number}>} */ #fingers = new Map();
  #moved = false; #last = { at: -Infinity, x: 0, y: 0 };

  /** @param {import("./picture.js").Picture} picture @param {() => void} tap a finger has touched the picture, once */
  constructor(picture, tap) {
    this.#picture = picture;
    this.#tap = tap;
    this.#view = recall(storage, picture.session.cameraId);
    const screen = (this.#screen = $(".screen", picture.element));
    const { signal } = this.#gone;
    screen.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => this.#down(event), { signal });
    screen.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => this.#move(event), { signal });
    for (const end of ["pointerup", "pointercancel"]) screen.addEventListener(end, (/** @type {PointerEvent} */ event) => this.#up(event, end === "pointerup"), { signal });
    screen.addEventListener("dblclick", (/** @type {MouseEvent} */ event) => this.#double(event), { signal });
    screen.addEventListener("wheel", (/** @type {WheelEvent} */ event) => this.#wheel(event), { signal, passive: false });
    document.addEventListener("keydown", (event) => this.#arrow(event), { signal });
    $(".whole", picture.element).addEventListener("click", () => this.#set({ ...WHOLE }));
    picture.video.addEventListener("resize", () => this.#show(), { signal });
    this.#resized = new ResizeObserver(() => this.#show());
    this.#resized.observe(screen);
    this.#show();
  }

  end() {
    this.#gone.abort();
    this.#resized.disconnect();
    clearTimeout(this.#timer);
    keep(storage, this.#picture.session.cameraId, this.#view);
  }

  /** @param {"in"|"out"|"whole"} action */
  key(action) {
    if (action === "whole") return this.#set({ ...WHOLE });
    return this.#set(zoomed(this.#view, action === "in" ? STEP : 1 / STEP, 0, 0, this.#box));
  }

  get #box() {
    const { video } = this.#picture;
    return fit(video.videoWidth, video.videoHeight, this.#screen.clientWidth || 1, this.#screen.clientHeight || 1);
  }

  /** From the middle of the stage. @param {{clientX: number, clientY: number}} event */
  #place({ clientX, clientY }) {
    const { left, top, width, height } = this.#screen.getBoundingClientRect();
    return { x: clientX - left - width / 2, y: clientY - top - height / 2 };
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (event.button !== 0) return;
    if (this.#fingers.size === 0) this.#moved = false;
    this.#fingers.set(event.pointerId, this.#place(event));
    if (this.#fingers.size > 1) this.#moved = true;
    if (!isWhole(this.#view) || this.#fingers.size > 1) {
      try { this.#screen.setPointerCapture(event.pointerId); } catch { /* It is gone already, and its end comes. */ }
    }
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const before = this.#fingers.get(event.pointerId);
    if (!before) return;
    const now = this.#place(event);
    if (!this.#moved && Math.hypot(now.x - before.x, now.y - before.y) < STILL_PX) return;
    this.#moved = true;
    const other = [...this.#fingers].find(([id]) => id !== event.pointerId)?.[1];
    this.#fingers.set(event.pointerId, now);
    if (!other) return this.#set(panned(this.#view, now.x - before.x, now.y - before.y, this.#box));
    const apart = (/** @type {{x: number, y: number}} */ finger) => Math.max(1, Math.hypot(finger.x - other.x, finger.y - other.y));
    const [x, y] = [(now.x + other.x) / 2, (now.y + other.y) / 2];
    const moved = panned(this.#view, (now.x - before.x) / 2, (now.y - before.y) / 2, this.#box);
    return this.#set(zoomed(moved, apart(now) / apart(before), x, y, this.#box));
  }

  /** @param {PointerEvent} event @param {boolean} isTap */
  #up(event, isTap) {
    if (!this.#fingers.delete(event.pointerId) || !isTap || this.#moved || event.pointerType !== "touch") return;
    const { x, y } = this.#place(event);
    const last = this.#last;
    this.#last = { at: event.timeStamp, x, y };
    this.#tap();
    if (event.timeStamp - last.at > DOUBLE_MS || Math.hypot(x - last.x, y - last.y) > NEAR_PX) return;
    this.#last.at = -Infinity;
    this.#set(tapped(this.#view, x, y, this.#box));
  }

  /** With a mouse; a finger's is told by its taps. @param {any} event */
  #double(event) {
    if (event.pointerType === "touch" || event.sourceCapabilities?.firesTouchEvents) return;
    const { x, y } = this.#place(event);
    this.#set(tapped(this.#view, x, y, this.#box));
  }

  /** Without Ctrl it scrolls the page, which goes on below. @param {WheelEvent} event */
  #wheel(event) {
    if (!event.ctrlKey) return;
    event.preventDefault(); // The browser would enlarge the page.
    const { x, y } = this.#place(event);
    this.#set(zoomed(this.#view, 2 ** (-event.deltaY / WHEEL_PX), x, y, this.#box));
  }

  /** The arrows move the view while it is zoomed, unless they drive. @param {KeyboardEvent} event */
  #arrow(event) {
    const { element } = this.#picture;
    if (!Object.hasOwn(ARROWS, event.key) || isWhole(this.#view) || event.defaultPrevented || !isMeant(event, element)) return;
    if ($(".drive", element).dataset.state === "driving") return;
    event.preventDefault();
    const [x, y] = ARROWS[event.key];
    const box = this.#box;
    this.#set(panned(this.#view, x * PAN_STEP * box.stageWidth, y * PAN_STEP * box.stageHeight, box));
  }

  /** @param {import("./zoom.js").View} view */
  #set(view) {
    this.#view = view;
    this.#show();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => keep(storage, this.#picture.session.cameraId, view), KEEP_MS);
  }

  #show() {
    const { video, element } = this.#picture;
    const box = this.#box;
    // Before its first frame nobody knows how far in it may be.
    const view = video.videoWidth ? (this.#view = bounded(this.#view, box)) : this.#view;
    const { scale, right, down } = placed(view, box);
    video.style.setProperty("--scale", scale.toFixed(4));
    video.style.setProperty("--right", `${right.toFixed(1)}px`);
    video.style.setProperty("--down", `${down.toFixed(1)}px`);
    const whole = isWhole(view);
    element.dataset.zoomed = String(!whole);
    this.#picture.wantWhole("zoom", !whole);
    const button = $(".whole", element);
    if (whole && button === document.activeElement) element.focus({ preventScroll: true });
    button.hidden = whole;
    const words = t("watch.zoomed", { count: Math.round(scale * 10) / 10 });
    if (button.getAttribute("aria-label") === words) return;
    button.setAttribute("aria-label", words);
    button.setAttribute("aria-keyshortcuts", "0");
    button.title = `${words} (0)`;
  }
}
