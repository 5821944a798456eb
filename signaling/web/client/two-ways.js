// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * @typedef {import("./drive.js").Drive} Drive
 * @typedef {import("./service.js").Service} Service
 */

import { Gateway } from "./gateway.js";
import { Refused } from "./gateway-rules.js";
import { Microphone } from "./microphone.js";
import { Stateful } from "./rules.js";

/** What a {@link Session} does besides showing a picture: it talks, drives, and hears the programs on the robot. */
export class TwoWays extends Stateful {
  #gateway; #microphone;

  /** @param {any} env */
  constructor(env) {
    super();
    this.#microphone = new Microphone(env, () => this.#changed("talk"));
    this.#gateway = new Gateway(env, (event) => {
      if (event === "talk" && this.#gateway.talk?.you === "not-permitted") this.#microphone.release();
      this.#changed(event);
    });
  }

  /** What the camera said of itself and of this viewer when its channels opened; null while it has said nothing. */
  get hello() { return this.#gateway.hello; }

  /** The services of the robot that are known, whether their programs are there or not. @returns {Service[]} */
  get services() { return this.#gateway.services; }

  /** Who drives and who waits, as the camera last said; null while it has said nothing. */
  get wheel() { return this.#gateway.wheel; }

  /** Who stopped the robot and why, until somebody drives again; null otherwise (event `wheel`). */
  get stopped() { return this.#gateway.stopped; }

  /**
   * Who is heard at the robot and how loud (`level` in dBFS), and whether the button is held here (`on`). Null where the
   * robot has no loudspeaker.
   */
  get talkState() {
    const { talk } = this.#gateway;
    return talk && { ...talk, on: this.#microphone.on };
  }

  /** A service of the robot, which need not be there yet: the same object each time. @param {string} name */
  service(name) { return this.#gateway.service(name); }

  /** Asks for the wheel, as soon as there is a way to. Who asks again gets the same until it has ended. @returns {Drive} */
  drive() { return this.#gateway.drive(); }

  /**
   * Stops the robot, whoever drives it, which takes the permission to `control` and not the wheel. The driver loses the wheel, and
   * all who wait have to ask anew; a drive of one's own ends at once. It is done when the camera says so, and fails within 2 s
   * with {@link Refused}: `not-connected`, `not-permitted`, `session-ended`, `unanswered`, or `too-many` where the channel takes
   * no more. While one waits for its answer, another call waits for the same.
   * @returns {Promise<void>}
   */
  stop() { return this.#gateway.stop(); }

  /**
   * The first half of opening the camera's door, while somebody holds the button: a number, which {@link openDoor} takes once and
   * within 3 s. Fails with {@link Refused}: `not-permitted`, `no-door`, `too-many`, `unanswered`, `not-connected` or `session-ended`.
   * @returns {Promise<number>}
   */
  holdDoor() { return this.#gateway.holdDoor(); }

  /**
   * The other half. It is done when the program at the door has said that it is open, and fails with {@link Refused}: as above,
   * `too-late`, `door-refused` (the program's words are its message), `door-busy`, or `door-unanswered`, after which it may be open.
   * @param {number} nonce @returns {Promise<void>}
   */
  openDoor(nonce) { return this.#gateway.openDoor(nonce); }

  /**
   * Speaks to the robot, or stops to. It is done when the microphone is in the connection; whether one is heard then is
   * in `talkState`, since one at a time may be. It fails with {@link Refused}.
   */
  async talk(on = true) {
    try {
      if (!on) return this.#microphone.release();
      const { talk } = this.#gateway;
      if (!talk) throw new Refused(this.hello ? "no-loudspeaker" : "not-connected");
      if (talk.you === "not-permitted") throw new Refused("not-permitted");
      return await this.#microphone.press();
    } finally {
      this.#changed("talk");
    }
  }

  /** @internal What a connection to the camera offers. @param {{channel?: RTCDataChannel, sender?: RTCRtpSender}} way */
  _way({ channel, sender }) {
    if (channel) this.#gateway.open(channel);
    if (sender) this.#microphone.use(sender);
  }

  /** @internal The connection to the camera is gone. */
  _noWay() {
    this.#microphone.use(null);
    this.#gateway.close();
  }

  /** @param {string} event */
  #changed(event) { this.dispatchEvent(new Event(event)); }
}
