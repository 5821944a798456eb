// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The buttons over a picture, and the keys that press them. */
import { isMeant } from "../drive/controls.js";
import { $ } from "../parts/dom.js";
import { showIcon } from "../parts/icons.js";
import { actionOf, areOn, shortcut } from "./keys.js";
import { showKeys } from "./keys-dialog.js";
import { mayListen } from "./page.js";
import { t } from "../words/words.js";

/** What each button of this name is called. */
const NAMES = Object.freeze({ close: "watch.close", snapshot: "watch.snapshot", figures: "watch.figures", window: "watch.window" });
const storage = () => localStorage;

/** Names a button, also where one points at it, with its key. @param {any} button @param {string} name @param {string} action */
export function label(button, name, action) {
  const key = shortcut(action);
  if (button.getAttribute("aria-label") === name) return;
  button.setAttribute("aria-label", name);
  button.title = key ? `${name} (${key === "Plus" ? "+" : key})` : name;
  if (key) button.setAttribute("aria-keyshortcuts", key);
}

export class Buttons {
  #picture; #gone = new AbortController();

  /** @param {import("./picture.js").Picture} picture */
  constructor(picture) {
    this.#picture = picture;
    const { element, video } = picture;
    const { signal } = this.#gone;
    for (const [action, key] of Object.entries(NAMES)) label($(`.${action}`, element), t(key), action);
    const does = (/** @type {string} */ name, /** @type {() => void} */ act) => $(`.${name}`, element).addEventListener("click", act);
    does("play", () => picture.pause(!picture.isPaused));
    does("sound", () => this.#mute(!video.muted));
    $(".volume", element).addEventListener("input", (/** @type {any} */ { target }) => {
      video.volume = Number(target.value);
      this.#mute(video.volume === 0);
    });
    // A browser may have held it back.
    video.addEventListener("volumechange", () => this.show(), { signal });
    does("full", () => this.#fullScreen());
    does("window", () => this.#window());
    $(".more", element).addEventListener("click", (/** @type {MouseEvent} */ { detail }) => {
      this.#more($(".more-list", element).hidden);
      // Who opens it with the keyboard goes on in it.
      if (detail === 0) $(".more-list button:not([hidden])", element)?.focus();
    });
    does("help-keys", () => { this.#more(false); showKeys(storage); });
    does("help", () => this.#more(false));
    document.addEventListener("pointerdown", ({ target }) => {
      if (target instanceof Element && !target.closest(".more, .more-list")) this.#more(false);
    }, { signal });
    document.addEventListener("keydown", (event) => this.#key(event), { signal });
    document.addEventListener("fullscreenchange", () => this.show(), { signal });
    // A phone sets its own volume.
    video.volume = 0.5;
    $(".volume", element).disabled = video.volume !== 0.5;
    video.volume = 1;
    this.show();
  }

  end() {
    this.#gone.abort();
    if (document.pictureInPictureElement === this.#picture.video) document.exitPictureInPicture().catch(() => {});
  }

  /** What this viewer may do now, of this picture in this browser. */
  show() {
    const { element, video, session, isPaused } = this.#picture;
    const isLive = session.state === "live";
    const set = (/** @type {string} */ name, /** @type {string} */ icon, /** @type {string} */ words) => {
      const button = $(`.${name}`, element);
      showIcon($(".icon", button), icon);
      label(button, words, name);
    };
    $(".play", element).hidden = !isLive;
    set("play", isPaused ? "play" : "pause", t(isPaused ? "watch.play" : "watch.pause"));
    const heard = session.stream.getAudioTracks().length > 0 && mayListen(session.terms);
    $(".sound", element).hidden = !heard;
    set("sound", video.muted ? "sound-off" : "sound", t(video.muted ? "watch.unmute" : "watch.mute"));
    const volume = $(".volume", element);
    volume.hidden = !heard || volume.disabled;
    volume.value = String(video.muted ? 0 : video.volume);
    $(".window", element).hidden = !isLive || !document.pictureInPictureEnabled || !video.requestPictureInPicture;
    const isFull = this.#isFull;
    set("full", isFull ? "fullscreen-exit" : "fullscreen", t(isFull ? "watch.full-leave" : "watch.full"));
    // Behind a full screen there is no page.
    element.dataset.full = String(isFull);
  }

  get #isFull() { return document.fullscreenElement === this.#picture.element || this.#picture.element.classList.contains("filled"); }

  /** @param {boolean} muted */
  #mute(muted) {
    const { camera, video } = this.#picture;
    camera.muted = muted;
    if (!muted && video.volume === 0) video.volume = 1;
    this.show();
    if (!this.#picture.isPaused) video.play().catch(() => {});
  }

  /** All of it, with what lies over the picture. */
  #fullScreen() {
    const { element } = this.#picture;
    if (document.fullscreenElement) return document.exitFullscreen();
    if (element.requestFullscreen) return element.requestFullscreen().catch(() => {});
    // A phone's Safari has no full screen for anything but a bare video: the window is filled then.
    element.classList.toggle("filled");
    return this.show();
  }

  #window() {
    const { video } = this.#picture;
    const done = document.pictureInPictureElement === video ? document.exitPictureInPicture() : video.requestPictureInPicture();
    done.catch(() => {});
  }

  /** @param {boolean} open */
  #more(open) {
    const { element, overlay } = this.#picture;
    const list = $(".more-list", element);
    if (list.hidden === !open) return;
    if (!open && list.contains(document.activeElement)) $(".more", element).focus({ preventScroll: true });
    list.hidden = !open;
    $(".more", element).setAttribute("aria-expanded", String(open));
    overlay.hold("more", open);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { element, zoom, overlay } = this.#picture;
    if (event.key === "Escape") this.#more(false);
    const action = actionOf(event.key);
    if (!action || event.repeat || !areOn(storage) || document.querySelector("dialog[open]") || !isMeant(event, element)) return;
    if (action === "in" || action === "out" || action === "whole") {
      event.preventDefault();
      return zoom.key(action);
    }
    if (action === "keys") return showKeys(storage);
    const button = $(action === "keep" ? (this.#picture.saving.isKeeping ? ".last" : ".keep") : `.${action}`, element);
    // What is not there for this viewer is not there for the key either; the list under “more” is, also while it is shut.
    if (button.disabled || button.closest(".drive, .talk")?.hidden || button.hidden) return;
    event.preventDefault();
    overlay.stir();
    button.click();
  }
}
