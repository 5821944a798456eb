// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** One picture: a session in a `<porthole-camera>`, and all that lies over it and beside it. */
import "../embed/porthole-camera.js";
import { SETTLED_MS, againInWords } from "./bookings.js";
import { Buttons } from "./buttons.js";
import { $, cloned, quote, say } from "../parts/dom.js";
import { DrivePanel } from "../drive/drive-panel.js";
import { Overlay } from "./overlay.js";
import { NOTICE_MS, changesInWords, stateInWords, timeLeft } from "./page.js";
import { SaveButtons } from "./save-buttons.js";
import { StatisticsPanel } from "./statistics-panel.js";
import { TalkPanel } from "./talk-panel.js";
import { TelemetryPanel } from "./telemetry-panel.js";
import { t } from "../words/words.js";
import { ZoomView } from "./zoom-view.js";

/** @typedef {import("../client/session.js").Session} Session */

/** Parts of a picture that tests look for by `data-testid`. */
const HOOKS = ["state", "latency", "left", "warning", "notice", "again", "sound", "volume", "close", "retry", "why", "full", "figures", "statistics", "play",
  "paused", "snapshot", "record", "keep", "last", "window", "whole", "more", "menu", "help", "talk", "hold", "talk-words", "drive", "wheel", "stop", "drive-words", "waiting",
  "pad", "turn", "sign", "gamepad", "telemetry", "stage", "bar"];

export class Picture {
  /** What it shows is not what the camera sees now, because the viewer wants it so. */
  isPaused = false;
  #notices = /** @type {any} */ (undefined); #name = "";
  /** Why the whole picture is wanted, in all its pixels. @type {Set<string>} */ #whole = new Set();
  /** The time for which the session was asked for again. @type {number|null} */
  #asked = null;
  /** @type {{end: () => void}[]} */ #panels;

  /**
   * @param {Session} session @param {string} name @param {() => void} close
   * @param {{menu?: (button: any) => void, help?: (picture: Picture) => void}} [page] what the page does besides: its menu, and its diagnosis
   */
  constructor(session, name, close, page = {}) {
    this.session = session;
    const element = (this.element = cloned("#picture"));
    this.camera = /** @type {import("../embed/porthole-camera.js").PortholeCamera} */ ($("porthole-camera", element));
    const video = (this.video = this.camera.video);
    video.muted = true; // A clone does not take over the attribute, and unmuted video may not autoplay.
    video.dataset.testid = `video-${session.cameraId}`;
    for (const hook of HOOKS) $(`.${hook}`, element).dataset.testid = `${hook}-${session.cameraId}`;
    this.name(name);

    // Whoever clicks a button has not gone to it with the keyboard: the space bar and the arrows stay the picture's.
    element.tabIndex = -1;
    element.addEventListener("click", (/** @type {MouseEvent & {target: Element}} */ event) => {
      if (event.detail > 0 && event.target.closest("button")) element.focus({ preventScroll: true });
    });
    $(".close", element).addEventListener("click", close);
    $(".retry", element).addEventListener("click", () => session.retry());
    for (const ask of [$(".why", element), $(".help", element)]) ask.addEventListener("click", () => page.help?.(this));
    $(".menu", element).hidden = !page.menu;
    $(".menu", element).addEventListener("click", () => page.menu?.($(".menu", element)));
    this.overlay = new Overlay(element);
    this.zoom = new ZoomView(this, () => this.overlay.toggle());
    this.saving = new SaveButtons(this);
    this.buttons = new Buttons(this);
    new StatisticsPanel(session, $(".statistics", element), $(".figures", element));
    this.#panels = [
      new TalkPanel(session, element), new DrivePanel(session, element), new TelemetryPanel(session, $(".telemetry", element)),
      this.overlay, this.zoom, this.saving, this.buttons,
    ];
    session.addEventListener("state", () => this.#showState());
    session.addEventListener("tracks", () => this.buttons.show());
    session.addEventListener("latency", () => this.#showLatency());
    session.addEventListener("terms", (/** @type {any} */ { detail }) => this.#showTerms(detail));
  }

  /** To be called when the element is in the page. */
  begin() {
    this.camera.session = this.session;
    this.session.measureLatency();
    this.#showState();
    this.buttons.show();
    this.tick();
  }

  /** Lets its sound be heard: somebody has clicked something. */
  hear() {
    this.pause(false);
    this.camera.muted = false;
    this.video.play().catch(() => {});
  }

  end() {
    for (const panel of this.#panels) panel.end();
    this.session.close();
    this.camera.session = null;
    clearTimeout(this.#notices);
    this.element.remove();
  }

  /** Asks again, once, when it is said to be one's turn. @param {number} now of the server's clock */
  takeTurn(now) {
    const { next } = this.session;
    if (!this.isOver || next === null || next + SETTLED_MS > now || next === this.#asked) return;
    this.#asked = next;
    this.session.retry();
  }

  get isOver() { return ["refused", "ended"].includes(this.session.state); }
  get title() { return this.#name; }

  /** @param {string} name */
  name(name) {
    this.#name = name;
    quote($("h3", this.element), name);
    this.video.setAttribute("aria-label", t("watch.picture-of", { camera: name }));
  }

  /** Holds the picture still, or goes on with what the camera sees now. @param {boolean} on */
  pause(on) {
    if (on === this.isPaused) return;
    this.isPaused = on;
    if (on) this.video.pause();
    else this.video.play().catch(() => {});
    this.#showPaused();
  }

  #showPaused() {
    $(".paused", this.element).hidden = !this.isPaused;
    this.element.dataset.paused = String(this.isPaused);
    this.overlay.hold("paused", this.isPaused);
    this.buttons.show();
    this.#showLatency();
  }

  /** A camera that sends what the screen has room for is asked for more, as long as there is a reason. @param {string} why @param {boolean} on */
  wantWhole(why, on) {
    if (on === this.#whole.has(why)) return;
    if (on) this.#whole.add(why);
    else this.#whole.delete(why);
    /** @type {any} */ (this.session).wantWhole?.(this.#whole.size > 0);
  }

  /** What changes with time alone. */
  tick() {
    const { session, element } = this;
    const { countdown, warning } = timeLeft(session.terms, Date.now());
    const left = $(".left", element);
    left.hidden = !countdown;
    left.textContent = countdown;
    left.dataset.warning = String(warning !== "");
    // Only when it changes: a screen reader would read it again each second.
    say($(".warning", element), warning);
    say($(".again", element), this.isOver ? againInWords(session.next, Date.now()) : "");
    this.saving.tick();
    this.#ghost();
  }

  /** Of the last frame there stays what nobody is recognised in: who may no longer watch must not go on looking at it. */
  #ghost() {
    const { session: { state }, video } = this;
    const canvas = $(".ghost", this.element);
    if (state === "live" && video.videoWidth > 0) canvas.getContext("2d")?.drawImage(video, 0, 0, canvas.width, canvas.height);
  }

  #showState() {
    const { session: { state, code, message }, element } = this;
    const line = $(".state", element);
    const { title, words } = stateInWords(state, message, code);
    line.dataset.state = state;
    line.dataset.code = code;
    say($(".state-title", line), title);
    say($(".state-words", line), words);
    $(".retry", element).hidden = !this.isOver;
    $(".why", element).hidden = state === "live" ? code === "" : code === "" || code === "viewer-left";
    element.dataset.state = state;
    element.dataset.code = code;
    this.overlay.hold("state", state !== "live" || code !== "");
    if (state !== "live" && this.isPaused) {
      this.isPaused = false;
      this.#showPaused();
    }
    this.#showLatency();
    this.buttons.show();
    this.saving.show();
    if (state === "live") this.saving.live();
    this.tick();
  }

  /** @param {{given: string[], taken: string[]}} changes */
  #showTerms(changes) {
    const words = changesInWords(changes);
    if (words) this.notice(words);
    this.buttons.show();
    this.saving.show();
    this.tick();
  }

  /** For a short while. @param {string} words */
  notice(words) {
    const line = $(".notice", this.element);
    line.textContent = words;
    clearTimeout(this.#notices);
    this.#notices = setTimeout(() => { line.textContent = ""; }, NOTICE_MS);
  }

  /** Nothing where the camera paints no clock. */
  #showLatency() {
    const { state, latency, latencyReason: reason } = this.session;
    const line = $(".latency", this.element);
    line.hidden = state !== "live" || this.isPaused || (latency === null && reason !== "clocks-differ");
    line.textContent = latency === null ? t("watch.latency-unknown") : t("watch.latency", { count: latency });
    line.title = t(latency === null ? "watch.latency-unknown-title" : "watch.latency-title");
  }
}
