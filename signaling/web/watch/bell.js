// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The sound of a doorbell, made by the browser: two tones, again and again while it rings. */

/** The tones in Hz: a major third down, as doorbells have it. */
const TONES = [659.26, 523.25];
/** From one tone to the next, and for how long each is heard, in seconds. */
const STEP_S = 0.5;
const FADE_S = 1.4;
/** From one ring to the next. */
const EVERY_MS = 3_000;
const LOUDNESS = 0.3;

export class Bell {
  #env; #context = /** @type {any} */ (null); #timer = /** @type {any} */ (undefined);

  /** @param {{AudioContext?: any, setInterval?: any, clearInterval?: any}} [env] for tests */
  constructor(env = /** @type {any} */ (globalThis)) {
    this.#env = env;
  }

  /** Rings, or is silent. @param {boolean} on */
  ring(on) {
    if (on === (this.#timer !== undefined)) return;
    if (!on) {
      this.#env.clearInterval(this.#timer);
      this.#timer = undefined;
      return this.#context?.suspend?.();
    }
    this.#timer = this.#env.setInterval(() => this.#sound(), EVERY_MS);
    this.#sound();
  }

  /** Somebody has touched the page: from then on browsers let it be heard. */
  allow() {
    if (this.#timer !== undefined) this.#context?.resume?.().catch(() => {});
  }

  #sound() {
    if (!this.#env.AudioContext) return;
    const context = (this.#context ??= new this.#env.AudioContext());
    // Held back until somebody touches the page: the title and the panel say it as well.
    Promise.resolve(context.resume?.()).catch(() => {});
    TONES.forEach((tone, n) => {
      const [oscillator, gain] = [context.createOscillator(), context.createGain()];
      const at = context.currentTime + n * STEP_S;
      oscillator.frequency.value = tone;
      gain.gain.setValueAtTime(LOUDNESS, at);
      gain.gain.exponentialRampToValueAtTime(0.001, at + FADE_S);
      oscillator.connect(gain).connect(context.destination);
      oscillator.start(at);
      oscillator.stop(at + FADE_S);
    });
  }
}
