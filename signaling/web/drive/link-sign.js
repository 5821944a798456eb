// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The sign over the picture that says how good the way to the robot is, while one drives. */
import { $, say } from "../parts/dom.js";
import { LinkQuality } from "./link-quality.js";
import { t } from "../words/words.js";

/** The age of a frame changes this fast; the figures of the connection come every two seconds. */
const LOOK_MS = 250;

export class LinkSign {
  #session; #sign; #video; #quality = new LinkQuality(); #timer = /** @type {any} */ (undefined); #shown = /** @type {number|null} */ (null); #asked = 0;

  /** @param {import("../client/session.js").Session} session @param {any} element the picture */
  constructor(session, element) {
    this.#session = session;
    this.#sign = $(".sign", element);
    this.#video = $("video", element);
  }

  /** @param {boolean} on whether one drives */
  show(on) {
    if (on === (this.#timer !== undefined)) return;
    this.#sign.hidden = !on;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#video.cancelVideoFrameCallback?.(this.#asked);
    if (!on) return;
    this.#quality = new LinkQuality();
    this.#shown = null;
    this.#frames();
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#look();
  }

  #frames() {
    this.#asked = this.#video.requestVideoFrameCallback?.((/** @type {number} */ now) => {
      this.#shown = now;
      if (this.#timer !== undefined) this.#frames();
    }) ?? 0;
  }

  #look() {
    const { hello } = this.#session;
    const figures = this.#session.statistics();
    const now = performance.now();
    // A picture that the viewer holds still, or that nobody looks at, is not late.
    const age = this.#shown === null || this.#video.paused || document.hidden ? null : now - this.#shown;
    const level = this.#quality.take({
      rtt: figures?.rtt ?? figures?.camera?.rtt ?? null, loss: figures?.loss ?? figures?.camera?.loss ?? null, freezes: figures?.freezes ?? null,
      age, timeout: hello?.controlTimeout ?? Infinity,
    }, now);
    this.#sign.dataset.level = level;
    say($(".sign-words", this.#sign), t(`drive.link.${level}`));
  }
}
