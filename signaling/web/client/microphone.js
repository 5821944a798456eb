// SPDX-License-Identifier: MPL-2.0
// @ts-check
import { Refused } from "./gateway-rules.js";

/** The microphone is kept so long after the last word: the next one is heard at once, and then its light goes out. */
export const KEPT_MS = 5_000;
/** As for a call: what the robot's loudspeaker says must not come back to it. */
const SOUND = Object.freeze({ echoCancellation: true, noiseSuppression: true, autoGainControl: true });
/** By the `name` of what the browser throws. @type {Readonly<Record<string, string>>} */
const CODES = Object.freeze({ NotAllowedError: "microphone-denied", SecurityError: "microphone-denied", NotFoundError: "no-microphone", NotReadableError: "microphone-busy" });

/** Puts the microphone into a media line that stands already, and takes it out again: nothing is negotiated. */
export class Microphone {
  /** Whether someone wants to be heard. */
  on = false;
  #env; #changed; #sender = /** @type {RTCRtpSender|null} */ (null); #track = /** @type {any} */ (null);
  #asked = /** @type {Promise<any>|null} */ (null);
  /** @type {unknown} */ #timer;

  /** @param {any} env @param {() => void} changed when it went off by itself */
  constructor(env, changed) {
    this.#env = env;
    this.#changed = changed;
  }

  /** The way to the loudspeaker, or null when there is none any more. @param {RTCRtpSender|null} sender */
  use(sender) {
    this.release();
    this.#sender = sender;
  }

  /** Asks for the microphone where it is not there yet, and puts it in. */
  async press() {
    if (!this.#sender) throw new Refused("no-loudspeaker");
    this.on = true;
    this.#env.clearTimeout(this.#timer);
    try {
      if (!this.#track) await this.#get();
      // Meanwhile the button may have been let go, or the session may have ended.
      if (!this.on || !this.#sender) return this.#keep();
      this.#track.enabled = true;
      await this.#sender.replaceTrack(this.#track);
    } catch (error) {
      this.release();
      throw error instanceof Refused ? error : new Refused(CODES[/** @type {any} */ (error)?.name] ?? "microphone-failed");
    }
  }

  /** Nothing is heard from here on. */
  release() {
    if (!this.on) return;
    this.on = false;
    if (this.#track) this.#track.enabled = false;
    // Of a connection that is closed there is nothing to take out.
    this.#sender?.replaceTrack(null).catch(() => {});
    this.#keep();
  }

  /** A second press while the browser still asks the person asks no second time. */
  #get() {
    this.#asked ??= this.#open().finally(() => { this.#asked = null; });
    return this.#asked;
  }

  async #open() {
    if (!this.#env.getUserMedia) throw new Refused("insecure");
    const stream = await this.#env.getUserMedia({ audio: SOUND });
    this.#track = stream.getAudioTracks()[0] ?? null;
    if (!this.#track) throw new Refused("no-microphone");
    this.#track.onended = () => {
      this.#track = null;
      this.release();
      this.#changed();
    };
  }

  #keep() {
    this.#env.clearTimeout(this.#timer);
    if (!this.#track || this.on) return;
    this.#timer = this.#env.setTimeout(() => {
      this.#track?.stop();
      this.#track = null;
    }, KEPT_MS);
  }
}
