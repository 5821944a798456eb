// SPDX-License-Identifier: MPL-2.0
// @ts-check
import { Refused, readDescription } from "./gateway-rules.js";

/**
 * What one program on the robot says, and the way to it. Made by {@link Session.service}; it stays the same through
 * interruptions.
 *
 * Events: `message`, with the text (string) or the bytes (Uint8Array) in `detail`; `state`, when `here` or `description`
 * has changed; `lost`, with how many messages did not get here in `detail`.
 */
export class Service extends EventTarget {
  /** Whether its program is connected to the camera, as far as is known here. */
  here = false;
  /** What its program says of itself. @type {import("./gateway-rules.js").Description} */
  description = readDescription(null);
  /** The last message. @type {string|Uint8Array|null} */
  last = null;
  /** So many messages did not get here, in all. */
  lost = 0;
  #send;

  /**
   * @internal
   * @param {string} name @param {(service: Service, data: string|Uint8Array, now: boolean) => Promise<void>} send
   */
  constructor(name, send) {
    super();
    this.name = name;
    this.#send = send;
  }

  /**
   * Sends a command to the program, which only the driver may ({@link Session.drive}).
   * @param {string|Uint8Array|ArrayBuffer} data up to 64 KiB
   * @param {{now?: boolean}} [options] `now`: on the channel that is never repeated, for what is old when it is late
   * @returns {Promise<void>} when it was written to the program; it fails with {@link Refused}
   */
  send(data, { now = false } = {}) {
    if (data instanceof ArrayBuffer) return this.#send(this, new Uint8Array(data), now);
    if (typeof data === "string" || data instanceof Uint8Array) return this.#send(this, data, now);
    return Promise.reject(new Refused("bad-message", "A command is a string, a Uint8Array or an ArrayBuffer."));
  }

  /** @internal @param {boolean} here @param {import("./gateway-rules.js").Description} [description] */
  _show(here, description = this.description) {
    if (here === this.here && JSON.stringify(description) === JSON.stringify(this.description)) return;
    Object.assign(this, { here, description });
    this.dispatchEvent(new Event("state"));
  }

  /** @internal @param {string|Uint8Array} data */
  _message(data) {
    this.last = data;
    this.dispatchEvent(new CustomEvent("message", { detail: data }));
  }

  /** @internal @param {number} count */
  _lost(count) {
    this.lost += count;
    this.dispatchEvent(new CustomEvent("lost", { detail: count }));
  }
}
