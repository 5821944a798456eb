// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * In which size a picture is shown: the camera sends no more pixels than that. Pure, but for {@link watchSize}, which reads it
 * from the page.
 *
 * @typedef {{width: number, height: number}} Size of the picture, in pixels of the screen; 0 by 0 where nobody sees it
 * @typedef {{look: () => void, end: () => void}} Watch `look`: now, for what no event tells, such as a zoom
 */

/** Longest side that is told, as in the server's `limits.rs`: more than any camera has. */
const MAX_SIDE = 16_384;
/** A size is told at most this often, which is what the server passes on in the long run. */
export const SAY_MS = 1_000;
/** What nobody looks at is told so often and no more: the server may lose one that comes too soon after another. */
export const HIDDEN_TIMES = 3;
/** Sides that differ by less than this share are the same: a scroll bar, a rounded pixel. */
const SAME = 0.02;
/** Beyond the edge of the screen by this much is still on it: the picture is there when it is scrolled to. */
const NEAR = "10%";
/** Whoever records or saves a picture wants all of it, however it is shown. @type {Size} */
export const WHOLE = Object.freeze({ width: MAX_SIDE, height: MAX_SIDE });
/** @type {Size} */
const UNSEEN = Object.freeze({ width: 0, height: 0 });

/** @param {number} side */
const bounded = (side) => (Number.isFinite(side) ? Math.min(MAX_SIDE, Math.max(0, Math.round(side))) : 0);

/**
 * The size of all of the picture, bars left out and what is cut off put back.
 * @param {Size} box the element, in CSS pixels @param {number} ratio the screen's pixels to each of those
 * @param {Size} natural the picture's own size, 0 where it is not known yet @param {boolean} covers whether it fills the box, and is cut off
 * @returns {Size}
 */
export function pictureSize(box, ratio, natural, covers) {
  const { width, height } = box;
  if (!(width > 0 && height > 0 && ratio > 0)) return UNSEEN;
  const known = natural.width > 0 && natural.height > 0;
  const [across, down] = known ? [width / natural.width, height / natural.height] : [width, height];
  const scale = ratio * (covers ? Math.max(across, down) : Math.min(across, down));
  if (known) return { width: bounded(natural.width * scale), height: bounded(natural.height * scale) };
  return { width: bounded(width * ratio), height: bounded(height * ratio) };
}

/** Whether nobody would tell the one from the other. @param {Size|null} one @param {Size|null} other */
export function isAlike(one, other) {
  if (!one || !other) return one === other;
  const alike = (/** @type {number} */ a, /** @type {number} */ b) => (a === 0) === (b === 0) && Math.abs(a - b) <= SAME * Math.max(a, b);
  return alike(one.width, other.width) && alike(one.height, other.height);
}

/** When a session tells its camera of the size. */
export class Shown {
  /** @type {Size|null} */ #size = null; #told = /** @type {Size|null} */ (null); #times = 0; #next = 0;

  /** The session is another, whose camera knows nothing. */
  forget() {
    this.#told = null;
    this.#times = 0;
  }

  /** @param {Size|null} size null where the page does not know */
  set(size) { this.#size = size; }

  /** What is to be told beside other figures, whether it has been told before or not. */
  get fields() { return this.#size ?? {}; }

  get isUnseen() { return this.#size !== null && !(this.#size.width && this.#size.height); }

  /** Whether it is worth words of its own: null if not, or the wait for them in ms. @param {number} now */
  wait(now) {
    if (this.#size === null || isAlike(this.#size, this.#told)) return null;
    return Math.max(0, this.#next - now);
  }

  /** Whether a page that nobody looks at has to say so once more. */
  get isDue() { return this.isUnseen && !(this.#told && isAlike(this.#size, this.#told) && this.#times >= HIDDEN_TIMES); }

  /** It has been told. @param {number} now */
  told(now) {
    this.#times = isAlike(this.#size, this.#told) ? this.#times + 1 : 1;
    this.#told = this.#size;
    this.#next = now + SAY_MS;
  }
}

/**
 * Tells in which size an element shows its picture, now and at each change that an event tells of.
 * @param {any} video @param {(size: Size|null) => void} say @returns {Watch}
 */
export function watchSize(video, say) {
  const g = /** @type {any} */ (globalThis);
  if (!g.ResizeObserver || !g.IntersectionObserver || !video?.getBoundingClientRect) return { look() {}, end() {} };
  let isNear = true, pip = /** @type {any} */ (null), size = /** @type {Size|null} */ (null);
  const read = () => {
    if (!video.isConnected) return null;
    const natural = { width: video.videoWidth, height: video.videoHeight };
    if (pip) return pictureSize(pip, g.devicePixelRatio, natural, false);
    // A browser that does not tell pages of its pictures in pictures may show one of a page that it calls hidden.
    if (g.document.hidden) return "pictureInPictureEnabled" in g.document ? UNSEEN : size;
    if (!isNear) return UNSEEN;
    return pictureSize(video.getBoundingClientRect(), g.devicePixelRatio, natural, g.getComputedStyle(video).objectFit === "cover");
  };
  const look = () => say((size = read()));
  const resized = new g.ResizeObserver(look);
  resized.observe(video);
  const near = new g.IntersectionObserver((/** @type {any[]} */ seen) => {
    isNear = seen.at(-1).isIntersecting;
    look();
  }, { rootMargin: NEAR });
  near.observe(video);
  const entered = (/** @type {any} */ event) => { pip = event.pictureInPictureWindow ?? null; look(); };
  const left = () => { pip = null; look(); };
  const listeners = /** @type {[any, string, (event: any) => void][]} */ ([[video, "resize", look], [video, "enterpictureinpicture", entered],
    [video, "leavepictureinpicture", left], [g.document, "visibilitychange", look]]);
  for (const [target, type, listener] of listeners) target.addEventListener(type, listener);
  look();
  return {
    look,
    end() {
      resized.disconnect();
      near.disconnect();
      for (const [target, type, listener] of listeners) target.removeEventListener(type, listener);
    },
  };
}
