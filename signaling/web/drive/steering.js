// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** From keys, a stick on the screen and a gamepad to what a robot is sent. Pure. */

/** At most 20 messages a second: more than a hand can tell apart. */
export const SEND_MS = 50;
/** A gamepad's stick never rests exactly in the middle. */
const DEAD_ZONE = 0.15;
/** Gamepads have 17 buttons or a few more. */
export const MAX_BUTTONS = 32;
/** So many messages without an answer, and the network or the program does not keep up: the next one says all that counts. */
const MAX_UNANSWERED = 4;

/** By `KeyboardEvent.code`, which is the place on the keyboard, whatever letter is printed there. @type {Readonly<Record<string, number[]>>} */
const KEYS = Object.freeze({
  ArrowUp: [0, 1], KeyW: [0, 1], ArrowDown: [0, -1], KeyS: [0, -1],
  ArrowLeft: [-1, 0], KeyA: [-1, 0], ArrowRight: [1, 0], KeyD: [1, 0],
});

/** @param {number} value */
const bounded = (value) => Math.round(Math.min(1, Math.max(-1, value)) * 100) / 100 || 0;
/** @param {unknown} value */
const axis = (value) => {
  const place = Number.isFinite(value) ? /** @type {number} */ (value) : 0;
  const beyond = Math.abs(place) - DEAD_ZONE;
  return beyond > 0 ? (Math.sign(place) * beyond) / (1 - DEAD_ZONE) : 0;
};

/** @param {string} code */
export const isSteering = (code) => Object.hasOwn(KEYS, code);

/**
 * What is held of a gamepad, or null.
 * @param {{axes: readonly number[], buttons: readonly {pressed: boolean}[]}|null|undefined} pad
 */
export function readGamepad(pad) {
  if (!pad) return null;
  const [x, y] = [axis(pad.axes[0]), 0 - axis(pad.axes[1])];
  const buttons = pad.buttons.slice(0, MAX_BUTTONS).flatMap(({ pressed }, index) => (pressed ? [index] : []));
  return x || y || buttons.length ? { x, y, buttons } : null;
}

/**
 * Where a finger holds the stick, in a round field: no farther than its edge.
 * @param {number} right of the middle @param {number} below it @param {number} radius
 */
export function readStick(right, below, radius) {
  const far = Math.max(1, Math.hypot(right, below) / radius);
  return { x: bounded(right / radius / far), y: bounded(-below / radius / far) };
}

export class Steering {
  /** @type {Set<string>} */ #keys = new Set();
  /** By its name: there may be one for each thumb. @type {Map<string, {x: number, y: number}>} */ #sticks = new Map();
  /** @type {{x: number, y: number, buttons: number[]}|null} */ #gamepad = null;
  /** Whether it was seen at rest since all was let go: one that is held already when the drive begins must not move the robot. */
  #rested = false;
  /** Whether the robot was last sent anything but the end. */
  #moves = false;
  #sent = -Infinity;

  /** @param {string} code @param {boolean} down */
  key(code, down) {
    if (down && isSteering(code)) this.#keys.add(code);
    else this.#keys.delete(code);
  }

  /** @param {{x: number, y: number}|null} place @param {string} [name] */
  stick(place, name = "") {
    if (place) this.#sticks.set(name, place);
    else this.#sticks.delete(name);
  }

  /** @param {{x: number, y: number, buttons: number[]}|null|undefined} held null at rest, undefined where it is not looked at */
  gamepad(held) {
    if (held === null) this.#rested = true;
    this.#gamepad = (this.#rested && held) || null;
  }

  letGo() {
    this.#keys.clear();
    this.#sticks.clear();
    this.#gamepad = null;
    this.#rested = false;
  }

  /** What is held now. */
  get place() {
    const keys = [...this.#keys].map((code) => ({ x: KEYS[code][0], y: KEYS[code][1] }));
    const held = [...keys, ...this.#sticks.values(), this.#gamepad].filter((each) => each !== null);
    return {
      x: bounded(held.reduce((sum, { x }) => sum + x, 0)),
      y: bounded(held.reduce((sum, { y }) => sum + y, 0)),
      buttons: this.#gamepad?.buttons ?? [],
    };
  }

  /**
   * What is to be sent now, or null: while something is held at most each 50 ms, and zeros once when it is let go.
   * @param {number} now in ms @param {number} unanswered messages so far
   */
  next(now, unanswered) {
    const held = this.#keys.size > 0 || this.#sticks.size > 0 || this.#gamepad !== null;
    // The end is never left out and never late.
    const due = held ? now - this.#sent >= SEND_MS && unanswered < MAX_UNANSWERED : this.#moves;
    if (!due) return null;
    this.#moves = held;
    if (held) this.#sent = now;
    return JSON.stringify(this.place);
  }
}
