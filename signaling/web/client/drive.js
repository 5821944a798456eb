// SPDX-License-Identifier: MPL-2.0
// @ts-check
import { ASK_ANSWER_MS, HEARTBEATS, Refused } from "./gateway-rules.js";

/**
 * @typedef {import("./gateway-rules.js").Wheel} Wheel
 * @typedef {"waiting"|"driving"|"ended"} DriveState
 */

/**
 * The wait for the wheel, and the time at it. Made by {@link Session.drive}; once it has ended a new one is asked for.
 *
 * Events: `state`, when `state`, `driver` or `waiting` has changed; `refused`, with a {@link Refused} in `detail`, when
 * what was asked about the wheel itself was not done. A page that does not run, or that nobody looks at, sends no
 * heartbeats, and then the camera takes the wheel away.
 */
export class Drive extends EventTarget {
  /** @type {DriveState} */
  state = "waiting";
  /** Why it has ended: a reason of docs/gateway.md (such as `stalled` or `stopped`), `not-permitted`, `unanswered` or `session-ended`. */
  reason = "";
  /** Who ended it, where that was `stopped` (a user's name) or `program` (the name of a service). */
  by = "";
  /** What the program said of it, where that was `program`. */
  detail = "";
  /** Who drives. @type {import("./gateway-rules.js").Person|null} */
  driver = null;
  /** Who waits, first come first. @type {import("./gateway-rules.js").Person[]} */
  waiting = [];
  #env; #way; #asked = false; #answered = false;
  /** @type {unknown} */ #timer;

  /**
   * @internal
   * @param {any} env
   * @param {{release: () => void, handOver: (id: number) => void, alive: () => void, timeout: () => number, end: () => void,
   *   steer: (services: any[], text: string) => Promise<void>[],
   *   send: (service: any, data: any, options: any) => Promise<void>}} way to the camera
   */
  constructor(env, way) {
    super();
    this.#env = env;
    this.#way = way;
  }

  /**
   * As {@link Service.send}.
   * @param {import("./service.js").Service|string} service or its name @param {string|Uint8Array|ArrayBuffer} data
   * @param {{now?: boolean}} [options]
   */
  send(service, data, options) {
    if (this.state !== "driving") return Promise.reject(new Refused("not-driving"));
    return this.#way.send(service, data, options);
  }

  /**
   * How the robot is steered from now on: a state that is repeated by itself until the programs have taken it, and of which the
   * newest counts, so that losses on the way delay it by no more than some 25 ms each. Each promise is kept when the service's
   * program has taken it, or a newer state or the end of the drive took its place; it fails with {@link Refused}.
   * @param {import("./service.js").Service[]} services that take steering (`description.drive`)
   * @param {{x: number, y: number, buttons?: number[]}|string} state x right and y forward, from -1 to 1; or its JSON, up to 1024 bytes
   * @returns {Promise<void>[]} one for each service
   */
  steer(services, state) {
    if (this.state !== "driving") return services.map(() => Promise.reject(new Refused("not-driving")));
    return this.#way.steer(services, typeof state === "string" ? state : JSON.stringify(state));
  }

  /** Gives the wheel to one who waits. @param {number} id out of `waiting` */
  handOver(id) {
    if (this.state === "driving") this.#way.handOver(id);
  }

  /** Gives the wheel back, or no longer waits for it. */
  release() {
    if (this.state === "ended") return;
    this.#way.release();
    this._end("given-up");
  }

  /** @internal There is a way to ask the camera. @param {() => void} ask */
  _ask(ask) {
    if (this.#asked || this.state === "ended") return;
    this.#asked = true;
    ask();
    // A camera says how things are and not how they came to be so: the wheel may have come and gone in between.
    this.#timer = this.#env.setTimeout(() => {
      this.#way.release();
      this._end("unanswered");
    }, ASK_ANSWER_MS);
  }

  /** @internal @param {Wheel} wheel */
  _wheel({ you, driver, waiting, reason, by, detail }) {
    if (this.state === "ended") return;
    Object.assign(this, { driver, waiting });
    // While a stop is on its way nothing was asked yet: it is about a drive before this one.
    if (!this.#asked) return void this.dispatchEvent(new Event("state"));
    if (you === "not-permitted") return this._end(reason || you, by, detail);
    if (you === "watching") {
      // Before the answer it is about the time before the question.
      if (this.#answered) return this._end(reason || "given-up", by, detail);
    } else {
      if (!this.#answered) this.#env.clearTimeout(this.#timer);
      this.#answered = true;
      const begins = you === "driving" && this.state !== "driving";
      this.state = you;
      if (begins) this.#beat();
    }
    this.dispatchEvent(new Event("state"));
  }

  /** @internal @param {Refused} why */
  _refused(why) {
    this.dispatchEvent(new CustomEvent("refused", { detail: why }));
    if (this.state === "waiting" && this.#asked && !this.#answered) this._end(why.code);
  }

  /** @internal @param {string} reason */
  _end(reason, by = "", detail = "") {
    if (this.state === "ended") return;
    this.#env.clearTimeout(this.#timer);
    this.#way.end();
    Object.assign(this, { state: "ended", reason, by, detail });
    this.dispatchEvent(new Event("state"));
  }

  /** @internal The control timeout has changed: the next heartbeat of before may come too late for it. */
  _timeout() {
    if (this.state === "driving") this.#beat();
  }

  #beat() {
    this.#env.clearTimeout(this.#timer);
    if (this.state !== "driving") return;
    // Who looks elsewhere must not have hands on a robot.
    if (!this.#env.hidden()) this.#way.alive();
    this.#timer = this.#env.setTimeout(() => this.#beat(), this.#way.timeout() / HEARTBEATS);
  }
}
