// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * Pictures and clips that a viewer keeps: their names, their format, and what is recorded. Pure: time, timers and the browser's recorder
 * are arguments.
 *
 * @typedef {{stop: () => void, start: (ms: number) => void, ondataavailable: any, onstop: any, onerror: any, state: string, mimeType: string}} Recorder
 *   a `MediaRecorder`
 * @typedef {{record: () => Recorder, now: () => number, setTimeout: (call: () => void, ms: number) => any, clearTimeout: (timer: any) => void}} Env
 * @typedef {{parts: Blob[], type: string}} Clip
 */

/** What “the last seconds” are at least, and at most twice as much: a recording cannot be cut at its beginning. */
export const LAST_MS = 30_000;
/** The longest clip: after this it is saved by itself, so that nobody fills a phone by forgetting it. */
export const MAX_CLIP_MS = 600_000;
/** The largest one, in bytes. It is kept in memory until it is saved: 256 MiB is what a phone's browser survives. */
export const MAX_CLIP_BYTES = 1 << 28;
/** The last seconds are 60 s at most: some 8 Mbit/s of it. */
export const MAX_LAST_BYTES = 1 << 26;
/** A recorder hands over what it has this often: so much more than the bound is there at most. */
const PART_MS = 1_000;
/** Characters of a camera's name in a file's name: file systems take 255 bytes. */
const MAX_NAME = 60;

/** WebM first, which is what most browsers write; MP4 where it is what Safari writes. */
const TYPES = ["video/webm;codecs=vp9,opus", "video/webm;codecs=vp8,opus", "video/webm", "video/mp4;codecs=avc1.42E01E,mp4a.40.2", "video/mp4"];

/** What this browser writes, or "" if nothing. @param {((type: string) => boolean)|undefined} supports */
export const clipType = (supports) => (supports ? TYPES.find((type) => supports(type)) ?? "" : "");

/** The end of a file's name. @param {string} type */
export const extension = (type) => (type.startsWith("video/mp4") ? "mp4" : type.startsWith("video/webm") ? "webm" : type === "image/jpeg" ? "jpg" : "bin");

/**
 * A name that any file system takes, as `Front door 2026-12-01 14.03.22.jpg`, by the time of this device.
 * @param {string} camera its name, which somebody else wrote @param {Date} time @param {string} type
 */
export function fileName(camera, time, type) {
  const plain = camera.normalize("NFC").replace(/[^\p{L}\p{N} ._-]+/gu, " ").replace(/\s+/g, " ").replace(/^[ .-]+|[ .-]+$/g, "").slice(0, MAX_NAME).trim();
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${plain || "camera"} ${day} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(".")}.${extension(type)}`;
}

/** One recording, from its beginning to its end. */
class Take {
  /** @type {Blob[]} */ parts = [];
  bytes = 0;
  began; #recorder; #over;

  /** @param {Env} env @param {number} most in bytes @param {(take: Take) => void} full @param {(take: Take) => void} over */
  constructor(env, most, full, over) {
    this.began = env.now();
    this.#over = over;
    const recorder = (this.#recorder = env.record());
    recorder.ondataavailable = (/** @type {{data: Blob}} */ { data }) => {
      if (!data?.size) return;
      this.parts.push(data);
      this.bytes += data.size;
      if (this.bytes >= most) full(this);
    };
    // The browser stops it by itself when the picture ends.
    recorder.onstop = () => this.#end();
    recorder.onerror = () => this.stop();
    recorder.start(PART_MS);
  }

  get type() { return this.#recorder.mimeType; }

  /** Its last part comes, and then its end. */
  stop() {
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
  }

  /** Nothing of it is wanted. */
  drop() {
    this.#over = () => {};
    this.parts = [];
    this.stop();
  }

  #end() {
    const over = this.#over;
    this.#over = () => {};
    over(this);
  }
}

/** The clip that is recorded from now on, until it is stopped, too long or too large. */
export class Recording {
  #env; #saved; #changed; #take = /** @type {Take|null} */ (null);
  /** @type {unknown} */ #timer;

  /** @param {Env} env @param {(clip: Clip) => void} saved @param {() => void} changed */
  constructor(env, saved, changed) {
    this.#env = env;
    this.#saved = saved;
    this.#changed = changed;
  }

  get isOn() { return this.#take !== null; }
  /** For how long, in ms. */
  get length() { return this.#take ? this.#env.now() - this.#take.began : 0; }

  start() {
    if (this.#take) return;
    this.#take = new Take(this.#env, MAX_CLIP_BYTES, (take) => take.stop(), (take) => {
      this.#env.clearTimeout(this.#timer);
      this.#take = null;
      if (take.parts.length) this.#saved({ parts: take.parts, type: take.type });
      this.#changed();
    });
    this.#timer = this.#env.setTimeout(() => this.stop(), MAX_CLIP_MS);
    this.#changed();
  }

  /** It is saved when its last part has come. */
  stop() { this.#take?.stop(); }

  /** Nothing of it is kept: saving is forbidden now. */
  drop() {
    this.#env.clearTimeout(this.#timer);
    this.#take?.drop();
    this.#take = null;
    this.#changed();
  }
}

/**
 * The last seconds, kept while the viewer wants it so. A recording is readable from its beginning alone; so there are two, of which each
 * begins anew when the other is {@link LAST_MS} old.
 */
export class LastSeconds {
  #env; #saved; #changed;
  /** @type {unknown} */ #timer;
  #takes = /** @type {Take[]} */ ([]); #on = false;
  /** The one that is saved when its last part has come. */ #wanted = /** @type {Take|null} */ (null);

  /** @param {Env} env @param {(clip: Clip) => void} saved @param {() => void} changed */
  constructor(env, saved, changed) {
    this.#env = env;
    this.#saved = saved;
    this.#changed = changed;
  }

  get isOn() { return this.#on; }

  start() {
    if (this.#on) return;
    this.#on = true;
    this.#next();
    this.#changed();
  }

  /** Nothing is kept any more. */
  stop() {
    if (!this.#on) return;
    this.#on = false;
    this.#env.clearTimeout(this.#timer);
    for (const take of this.#takes.splice(0)) take.drop();
    this.#changed();
  }

  /** Saves them, and goes on. */
  save() {
    if (this.#wanted || this.#takes.length === 0) return;
    this.#wanted = this.#takes[0];
    this.#wanted.stop();
  }

  #next() {
    this.#env.clearTimeout(this.#timer);
    // The older one has come to its end: nobody wanted it.
    if (this.#takes.length > 1) this.#takes.shift()?.drop();
    this.#takes.push(new Take(this.#env, MAX_LAST_BYTES, (take) => this.#full(take), (take) => this.#over(take)));
    this.#timer = this.#env.setTimeout(() => this.#next(), LAST_MS);
  }

  /** So fast a picture that it does not fit: the older part of it is given up. @param {Take} take */
  #full(take) {
    this.#takes = this.#takes.filter((each) => each !== take);
    take.drop();
    this.#next();
  }

  /** It is saved now; or the picture has ended, and with it all that was kept: nobody has asked for that. @param {Take} take */
  #over(take) {
    this.#takes = this.#takes.filter((each) => each !== take);
    if (take !== this.#wanted) return this.stop();
    this.#wanted = null;
    if (take.parts.length) this.#saved({ parts: take.parts, type: take.type });
    if (this.#on) this.#next();
  }
}
