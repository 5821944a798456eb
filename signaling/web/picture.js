// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** One picture on the viewer's page: a session, and all that is shown of it. */
import { SETTLED_MS, againInWords } from "./bookings.js";
import { $, cloned, quote, say } from "./dom.js";
import { DrivePanel } from "./drive-panel.js";
import { NOTICE_MS, changesInWords, mayListen, stateInWords, timeLeft } from "./page.js";
import { StatisticsPanel } from "./statistics-panel.js";
import { TalkPanel } from "./talk-panel.js";
import { TelemetryPanel } from "./telemetry-panel.js";

/** @typedef {import("./porthole-client.js").Session} Session */

/** Parts of a picture that tests look for by `data-testid`. */
const HOOKS = ["state", "latency", "left", "warning", "notice", "again", "sound", "close", "retry", "full", "figures", "statistics",
  "talk", "hold", "talk-words", "drive", "wheel", "stop", "drive-words", "waiting", "pad", "telemetry"];

export class Picture {
  #noticeTimer = /** @type {any} */ (undefined);
  /** The time for which the session was asked for again. @type {number|null} */
  #asked = null;
  /** @type {{end: () => void}[]} */ #panels;

  /** @param {Session} session @param {string} name @param {() => void} close */
  constructor(session, name, close) {
    this.session = session;
    const element = (this.element = cloned("#picture"));
    const video = (this.video = $("video", element));
    video.muted = true; // A clone does not take over the attribute, and unmuted video may not autoplay.
    video.dataset.testid = `video-${session.cameraId}`;
    for (const hook of HOOKS) $(`.${hook}`, element).dataset.testid = `${hook}-${session.cameraId}`;
    this.name(name);

    // Whoever clicks a button has not gone to it with the keyboard: the space bar and the arrows stay the picture's.
    element.tabIndex = -1;
    element.addEventListener("click", (event) => {
      if (event.detail > 0 && event.target.closest("button")) element.focus({ preventScroll: true });
    });
    $(".close", element).addEventListener("click", close);
    $(".retry", element).addEventListener("click", () => session.retry());
    $(".full", element).addEventListener("click", () => this.#fullScreen());
    $(".sound", element).addEventListener("click", () => {
      video.muted = !video.muted;
      this.#showSound();
      video.play().catch(() => {});
    });
    new StatisticsPanel(session, $(".statistics", element), $(".figures", element));
    this.#panels = [new TalkPanel(session, element), new DrivePanel(session, element), new TelemetryPanel(session, $(".telemetry", element))];
    session.addEventListener("state", () => this.#showState());
    session.addEventListener("tracks", () => this.#showSound());
    session.addEventListener("latency", () => this.#showLatency());
    session.addEventListener("terms", (/** @type {any} */ { detail }) => this.#showTerms(detail));
  }

  /** To be called when the element is in the page. */
  begin() {
    this.session.attach(this.video);
    this.session.measureLatency();
    this.#showState();
    this.#showSound();
    this.tick();
  }

  /** Lets its sound be heard: somebody has clicked something. */
  hear() {
    this.video.muted = false;
    this.#showSound();
    this.video.play().catch(() => {});
  }

  end() {
    for (const panel of this.#panels) panel.end();
    this.session.close();
    this.video.srcObject = null;
    clearTimeout(this.#noticeTimer);
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

  /** @param {string} name */
  name(name) {
    quote($("h3", this.element), name);
    this.video.setAttribute("aria-label", `Picture of ${name}`);
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
  }

  #showState() {
    const { session: { state, code, message }, element, video } = this;
    const line = $(".state", element);
    line.dataset.state = state;
    line.dataset.code = code;
    line.textContent = stateInWords(state, message);
    $(".retry", element).hidden = !this.isOver;
    element.dataset.state = state;
    this.#showLatency();
    this.tick();
    if (state === "live" && video.paused) {
      // A browser may hold back a picture with sound that no click has started.
      video.play().catch(() => {
        video.muted = true;
        this.#showSound();
        video.play().catch(() => {});
      });
    }
  }

  /** @param {{given: string[], taken: string[]}} changes */
  #showTerms(changes) {
    const words = changesInWords(changes);
    if (words) this.#showNotice(words);
    this.#showSound();
    this.tick();
  }

  /** For a short while. @param {string} words */
  #showNotice(words) {
    const line = $(".notice", this.element);
    line.textContent = words;
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = setTimeout(() => { line.textContent = ""; }, NOTICE_MS);
  }

  /** Nothing where the camera paints no clock. */
  #showLatency() {
    const { state, latency, latencyReason: reason } = this.session;
    const line = $(".latency", this.element);
    line.hidden = state !== "live" || (latency === null && reason !== "clocks-differ");
    line.textContent = latency === null ? "Latency unknown" : `Latency ${latency} ms`;
    line.title = latency === null
      ? "The camera's clock in the picture and this device's clock do not agree. Set both by NTP."
      : "From the camera to this screen, by the camera's clock in the picture and this device's clock. As exact as the two agree.";
  }

  #showSound() {
    const button = $(".sound", this.element);
    button.hidden = this.session.stream.getAudioTracks().length === 0 || !mayListen(this.session.terms);
    button.textContent = this.video.muted ? "Sound on" : "Sound off";
  }

  #fullScreen() {
    if (document.fullscreenElement) return document.exitFullscreen();
    const stage = $(".stage", this.element);
    // A phone's Safari knows full screen for the video alone.
    if (stage.requestFullscreen) return stage.requestFullscreen().catch(() => {});
    return /** @type {any} */ (this.video).webkitEnterFullscreen?.();
  }
}
