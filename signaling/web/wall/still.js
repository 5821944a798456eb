// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * The last picture of a camera, kept in this page alone, for as long as whoever sees it may still watch: in no storage, and not on the
 * server.
 *
 * @typedef {{until: number, saving?: boolean}|null} Terms of the session that it came in
 */

/** As wide as it is kept, in pixels: a hundred of them are some twenty megabytes. */
const WIDTH = 320;

/** Whether a picture may be kept in these terms, and until when. @param {Terms} terms @returns {number|null} */
export const keptUntil = (terms) => (terms && terms.saving !== false && Number.isFinite(terms.until) ? terms.until : null);

export class Still {
  /** When it was taken, in ms; null while there is none. @type {number|null} */
  at = null;
  #until = 0;

  /** @param {any} [canvas] another one is for tests */
  constructor(canvas = document.createElement("canvas")) {
    this.canvas = canvas;
    canvas.hidden = true;
  }

  /** Takes what an element shows. @param {any} video @param {Terms} terms @param {number} now in ms */
  take(video, terms, now) {
    const until = keptUntil(terms);
    if (until === null || until <= now) return this.forget();
    // It shows nothing just now: what was taken before stays.
    if (!(video.videoWidth > 0 && video.videoHeight > 0) || video.readyState < 2) return;
    const width = Math.min(WIDTH, video.videoWidth);
    Object.assign(this.canvas, { width, height: Math.max(1, Math.round((width * video.videoHeight) / video.videoWidth)) });
    this.canvas.getContext("2d").drawImage(video, 0, 0, this.canvas.width, this.canvas.height);
    this.at = now;
    this.#until = until;
  }

  /** Other terms: a right that ends sooner takes it sooner. @param {Terms} terms @param {number} now */
  hold(terms, now) {
    this.#until = keptUntil(terms) ?? 0;
    this.check(now);
  }

  /** @param {number} now */
  check(now) { if (this.at !== null && now >= this.#until) this.forget(); }

  /** Nothing of it is left. */
  forget() {
    this.at = null;
    this.canvas.hidden = true;
    Object.assign(this.canvas, { width: 1, height: 1 });
  }
}
