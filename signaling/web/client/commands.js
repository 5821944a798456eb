// SPDX-License-Identifier: MPL-2.0
// @ts-check
import { MAX_IN_FLIGHT, NOW_ANSWER_MS, Refused, STOP_ANSWER_MS } from "./gateway-rules.js";

/** Numbers are two bytes, and 0 is none. */
const NUMBERS = 65_535;

/** The commands of one connection that wait for their answer: each gets exactly one. */
export class Commands {
  #env; #last = 0;
  /** The number of the stop that waits for its answer; 0 is none. */
  #stop = 0;
  /** @type {Map<number, {accept: (value?: any) => void, refuse: (why: Refused) => void, timer: any}>} */
  #waiting = new Map();

  /** @param {any} env */
  constructor(env) { this.#env = env; }

  get count() { return this.#waiting.size; }

  /**
   * @param {(number: number) => void} send which may throw @param {boolean} mayGetLost whether nobody repeats it on the way
   * @returns {Promise<void>}
   */
  add(send, mayGetLost) {
    if (this.#waiting.size >= MAX_IN_FLIGHT) return Promise.reject(new Refused("too-many"));
    return this.#add(this.#next(), send, mayGetLost ? NOW_ANSWER_MS : 0, new Refused("unanswered"));
  }

  /** What is answered with something, within so long. @param {(number: number) => void} send which may throw @param {number} ms @param {Refused} lost @returns {Promise<any>} */
  ask(send, ms, lost) {
    if (this.#waiting.size >= MAX_IN_FLIGHT) return Promise.reject(new Refused("too-many"));
    return this.#add(this.#next(), send, ms, lost);
  }

  get isStopping() { return this.#stop !== 0; }

  /** A stop, one at a time: it waits for no place among the commands. @param {(number: number) => void} send which may throw */
  stop(send) {
    this.#stop = this.#next();
    const lost = new Refused("unanswered", "The camera did not confirm the stop. The robot may still move: press Stop again.");
    return this.#add(this.#stop, send, STOP_ANSWER_MS, lost);
  }

  /** The camera says that somebody stopped the robot. */
  stopped() { this.accepted(this.#stop); }

  /** @param {Refused} why */
  stopRefused(why) { this.refused(this.#stop, why); }

  #next() {
    do this.#last = (this.#last % NUMBERS) + 1; while (this.#waiting.has(this.#last));
    return this.#last;
  }

  /** @param {number} number @param {(number: number) => void} send @param {number} ms for the answer, or 0 @param {Refused} lost @returns {Promise<void>} */
  #add(number, send, ms, lost) {
    return new Promise((accept, refuse) => {
      const timer = ms > 0 && this.#env.setTimeout(() => this.refused(number, lost), ms);
      this.#waiting.set(number, { accept, refuse, timer });
      // A camera may take less at once than the gateway does; what else a channel throws is that it is full.
      try { send(number); } catch (error) { this.refused(number, new Refused(error instanceof TypeError ? "too-large" : "too-many")); }
    });
  }

  /** @param {number} number @param {any} [value] that was asked for */
  accepted(number, value) { this.#take(number)?.accept(value); }

  /** Whether a command had that number. @param {number} number @param {Refused} why */
  refused(number, why) {
    const command = this.#take(number);
    command?.refuse(why);
    return command !== undefined;
  }

  /** Refuses what is left. @param {string} code */
  end(code) {
    for (const number of [...this.#waiting.keys()]) this.refused(number, new Refused(code));
  }

  /** @param {number} number */
  #take(number) {
    const command = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (number === this.#stop) this.#stop = 0;
    if (command?.timer) this.#env.clearTimeout(command.timer);
    return command;
  }
}
