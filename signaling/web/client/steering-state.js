// SPDX-License-Identifier: MPL-2.0
// @ts-check
import { Refused } from "./gateway-rules.js";

/** Numbers are two bytes, and 0 is none. */
const NUMBERS = 65_535;
/** A state that is not confirmed is sent again so soon: with one packet of five lost, three get through in 99 of 100 cases. */
export const REPEAT_MS = 25;

/**
 * The driver's steering on the channel that may lose and reorder: one numbered state, of which the newest counts. It is
 * repeated until the program has taken it, and afterwards as a sign of life, so that a loss costs one period.
 *
 * @typedef {{service: number, accept: () => void, refuse: (why: Refused) => void, isTaken: boolean}} Receiver
 */
export class SteeringState {
  /** The last number that was used, also of earlier drives. */
  number = 0;
  #env; #way; #text = "";
  /** @type {unknown} */ #timer;
  #since = 0;
  /** Whom it is for. @type {Receiver[]} */
  #receivers = [];

  /**
   * @param {any} env
   * @param {{send: (service: number, number: number, text: string) => void, timeout: () => number}} way to the camera
   */
  constructor(env, way) {
    this.#env = env;
    this.#way = way;
  }

  /**
   * From now on. Kept when the service's program has taken it or a newer one took its place.
   * @param {number[]} services by number @param {string} text @returns {Promise<void>[]} one for each service
   */
  set(services, text) {
    this.end();
    this.number = (this.number % NUMBERS) + 1;
    this.#text = text;
    this.#since = this.#env.elapsed();
    const kept = services.map((service) => /** @type {Promise<void>} */ (new Promise((accept, refuse) => {
      this.#receivers.push({ service, accept, refuse, isTaken: false });
    })));
    this.#send();
    return kept;
  }

  /** As a sign of life. Whether there was a state to send. */
  repeat() {
    for (const { service } of this.#receivers) this.#way.send(service, this.number, this.#text);
    return this.#receivers.length > 0;
  }

  /** The camera says what became of a state; of an old one nothing counts. @param {number} service @param {number} number @param {Refused|null} why */
  answered(service, number, why) {
    const receiver = this.#receivers.find((each) => each.service === service);
    if (!receiver || number !== this.number) return;
    if (why) return void receiver.refuse(why);
    receiver.isTaken = true;
    receiver.accept();
  }

  /** Nothing is steered any more, or a newer state follows. */
  end() {
    this.#env.clearTimeout(this.#timer);
    for (const { accept } of this.#receivers) accept();
    this.#receivers = [];
  }

  #send() {
    const missing = this.#receivers.filter(({ isTaken }) => !isTaken);
    if (missing.length === 0) return;
    // A page that nobody looks at says that nothing is held, but does not keep the wheel by saying so. A clock that is set counts for nothing.
    if (this.#env.hidden() && this.#env.elapsed() - this.#since > this.#way.timeout()) return;
    for (const { service } of missing) this.#way.send(service, this.number, this.#text);
    // However many services there are, no more messages.
    this.#timer = this.#env.setTimeout(() => this.#send(), REPEAT_MS * missing.length);
  }
}
