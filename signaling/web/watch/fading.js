// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** When what lies over a picture is shown, and when it goes away. Pure: timers are an argument. */

/** After the last sign of a person: read twice what is there, and found a button. */
export const FADE_MS = 4_000;

export class Fading {
  isShown = true;
  #env; #changed;
  /** @type {unknown} */ #timer;
  /** Why it stays. @type {Set<string>} */ #holds = new Set();

  /** @param {{setTimeout: (call: () => void, ms: number) => any, clearTimeout: (timer: any) => void}} env @param {(isShown: boolean) => void} changed */
  constructor(env, changed) {
    this.#env = env;
    this.#changed = changed;
  }

  /** Somebody is there. */
  stir() {
    this.#set(true);
    this.#env.clearTimeout(this.#timer);
    if (this.#holds.size === 0) this.#timer = this.#env.setTimeout(() => this.#set(false), FADE_MS);
  }

  /** It stays as long as there is a reason, such as a focus in it. @param {string} why @param {boolean} on */
  hold(why, on) {
    if (on === this.#holds.has(why)) return;
    if (on) this.#holds.add(why);
    else this.#holds.delete(why);
    this.stir();
  }

  /** A tap on the picture. */
  toggle() {
    if (!this.isShown || this.#holds.size > 0) return this.stir();
    this.#env.clearTimeout(this.#timer);
    this.#set(false);
  }

  end() { this.#env.clearTimeout(this.#timer); }

  /** @param {boolean} isShown */
  #set(isShown) {
    if (isShown === this.isShown) return;
    this.isShown = isShown;
    this.#changed(isShown);
  }
}
