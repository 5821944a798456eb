// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * The two data channels of a session, and what is known by them: who one is at the robot, its services, the wheel, who
 * speaks. Internal; a {@link Session} shows it.
 *
 * @typedef {import("./gateway-rules.js").Hello} Hello
 * @typedef {import("./gateway-rules.js").Wheel} Wheel
 * @typedef {import("./gateway-rules.js").Stopped} Stopped
 * @typedef {import("./gateway-rules.js").Talk} Talk
 */

import { Commands } from "./commands.js";
import { Drive } from "./drive.js";
import { HEADER_BYTES, Joiner, KIND, MAX_PART, MAX_PAYLOAD, decode, encode, parts, readJson, readText, unbundle } from "./envelope.js";
import {
  CONTROL_TIMEOUT_MS, DOOR_ANSWER_MS, MAX_BUFFERED, MAX_KNOWN, Refused, isStop, readHello, readNonce, readRefusal, readServices, readTalk,
  readWheel,
} from "./gateway-rules.js";
import { Service } from "./service.js";
import { SteeringState } from "./steering-state.js";

const RELIABLE = "porthole";
const NOW = "porthole-now";
const encoder = new TextEncoder();

export class Gateway {
  /** What the camera said first; null while there is no way to it. @type {Hello|null} */
  hello = null;
  /** @type {Wheel|null} */ wheel = null;
  /** Who stopped the robot and why, until somebody drives again. @type {Stopped|null} */ stopped = null;
  /** @type {Talk|null} */ talk = null;
  /** Those that the camera lists now. @type {Service[]} */ services = [];
  #env; #on; #commands; #steering; #drive = /** @type {Drive|null} */ (null); #stop = /** @type {Promise<void>} */ (Promise.resolve());
  /** Listed or asked for, once: who holds one goes on with it after an interruption. @type {Map<string, Service>} */
  #byName = new Map();
  /** What somebody asked for by its name. @type {Set<string>} */
  #wanted = new Set();
  /** @type {Map<number, Service>} */ #byNumber = new Map();
  /** @type {Map<string, any>} */ #channels = new Map();

  /** @param {any} env @param {(event: "hello"|"services"|"wheel"|"talk") => void} on what has changed */
  constructor(env, on) {
    this.#env = env;
    this.#on = on;
    this.#commands = new Commands(env);
    this.#steering = new SteeringState(env, {
      send: (service, number, payload) => this.#tell(KIND.steer, { service, number, payload }, this.#now),
      timeout: () => this.#timeout,
    });
  }

  /** A channel that the camera has opened. @param {RTCDataChannel} channel */
  open(channel) {
    const { label } = channel;
    if (![RELIABLE, NOW].includes(label) || this.#channels.has(label)) return channel.close();
    this.#channels.set(label, channel);
    channel.binaryType = "arraybuffer";
    // Only what keeps its order can come in parts.
    const joiner = label === RELIABLE ? new Joiner() : null;
    channel.onmessage = ({ data }) => this.#receive(joiner ? joiner.take(data) : data);
    channel.onclose = () => (label === RELIABLE ? this.close() : this.#channels.delete(label));
    channel.onopen = () => this.#ask();
    return this.#ask(); // It may be open already.
  }

  /** The way to the camera is gone: nothing that waits for an answer gets one. */
  close() {
    for (const channel of this.#channels.values()) {
      channel.onmessage = channel.onclose = channel.onopen = null;
      channel.close();
    }
    this.#channels.clear();
    this.#commands.end("session-ended");
    this.#steering.end();
    this.#steering.number = 0;
    this.#drive?._end("session-ended");
    this.#drive = null;
    this.#list([]);
    if (!this.hello && !this.wheel && !this.talk) return;
    this.hello = this.wheel = this.stopped = this.talk = null;
    for (const event of /** @type {const} */ (["hello", "wheel", "talk"])) this.#on(event);
  }

  /** @param {string} name */
  service(name) {
    this.#wanted.add(name);
    return this.#known(name);
  }

  /** @param {string} name */
  #known(name) {
    let service = this.#byName.get(name);
    if (!service) this.#byName.set(name, service = new Service(name, (...command) => this.#command(...command)));
    return service;
  }

  drive() {
    if (this.#drive && this.#drive.state !== "ended") return this.#drive;
    const drive = this.#drive = new Drive(this.#env, {
      release: () => this.#tell(KIND.release),
      handOver: (to) => this.#tell(KIND.handOver, { payload: JSON.stringify({ to }) }),
      alive: () => { if (!this.#steering.repeat()) this.#tell(KIND.alive, {}, this.#now); },
      timeout: () => this.#timeout,
      steer: (services, text) => this.#steer(services, text),
      end: () => this.#steering.end(),
      send: (service, data, options) => (typeof service === "string" ? this.service(service) : service).send(data, options),
    });
    this.#ask();
    return drive;
  }

  /** @returns {Promise<void>} */
  stop() {
    const channel = this.#channels.get(RELIABLE);
    if (channel?.readyState !== "open") return Promise.reject(new Refused("not-connected"));
    if (!this.#commands.isStopping) {
      this.#stop = this.#commands.stop((number) => channel.send(encode(KIND.stop, { number })));
      this.#stop.then(() => this.#ask(), () => {
        // A camera that knows no stop, such as an older one, knows this.
        this.#tell(KIND.release);
        this.#ask();
      });
    }
    // Without heartbeats a camera that never hears of the stop lets this driver go by itself.
    this.#drive?._end("stopped", this.hello?.user);
    return this.#stop;
  }

  /** Whoever holds the door's button gets a number, by which it opens once and for a moment. @returns {Promise<number>} */
  holdDoor() { return this.#askDoor(KIND.holdDoor, "", new Refused("unanswered")); }

  /** @param {number} nonce @returns {Promise<void>} */
  openDoor(nonce) {
    const lost = new Refused("unanswered", "The camera did not answer. The door may be open: look before you try again.");
    return this.#askDoor(KIND.openDoor, JSON.stringify({ nonce }), lost);
  }

  /** @param {number} kind @param {string} payload @param {Refused} lost */
  #askDoor(kind, payload, lost) {
    const channel = this.#channels.get(RELIABLE);
    if (channel?.readyState !== "open") return Promise.reject(new Refused("not-connected"));
    if (!this.hello?.door) return Promise.reject(new Refused("no-door"));
    return this.#commands.ask((number) => channel.send(encode(kind, { number, payload })), DOOR_ANSWER_MS, lost);
  }

  // -- to the camera ------------------------------------------------------------------------------

  /** @param {string} label */
  #isOpen(label) { return this.#channels.get(label)?.readyState === "open"; }

  /** The channel for what is old when it is late. */
  get #now() { return this.#isOpen(NOW) ? NOW : RELIABLE; }

  get #timeout() { return this.hello?.controlTimeout ?? CONTROL_TIMEOUT_MS; }

  /** The wheel is asked for once there is a way to ask, and a stop that is on its way does not take it again. */
  #ask() {
    if (this.#isOpen(RELIABLE) && !this.#commands.isStopping) this.#drive?._ask(() => this.#tell(KIND.ask, { number: this.#steering.number }));
  }

  /** @param {number} kind @param {{service?: number, number?: number, payload?: string|Uint8Array}} [more] */
  #tell(kind, more = {}, label = RELIABLE) {
    // A channel that is about to close throws; that it has closed is said by itself.
    try { if (this.#isOpen(label)) this.#channels.get(label).send(encode(kind, more)); } catch { /* See above. */ }
  }

  /** @param {Service} service */
  #number(service) { return [...this.#byNumber].find(([, known]) => known === service)?.[0]; }

  /** @param {Service[]} services @param {string} text @returns {Promise<void>[]} */
  #steer(services, text) {
    // An older camera knows no states.
    if (!this.hello?.steer) return services.map((service) => service.send(text));
    const numbers = services.map((service) => this.#number(service));
    const kept = this.#steering.set(numbers.filter((number) => number !== undefined), text);
    return numbers.map((number) => (number === undefined ? Promise.reject(new Refused("no-such-service")) : /** @type {Promise<void>} */ (kept.shift())));
  }

  /** @param {Service} service @param {string|Uint8Array} data @param {boolean} now @returns {Promise<void>} */
  #command(service, data, now) {
    const channel = this.#channels.get(RELIABLE);
    if (channel?.readyState !== "open") return Promise.reject(new Refused("not-connected"));
    const number = this.#number(service);
    if (number === undefined) return Promise.reject(new Refused("no-such-service"));
    const kind = typeof data === "string" ? KIND.text : KIND.binary;
    const payload = typeof data === "string" ? encoder.encode(data) : data;
    if (payload.length > MAX_PAYLOAD) return Promise.reject(new Refused("too-large"));
    const label = now && this.#isOpen(NOW) && payload.length <= MAX_PART - HEADER_BYTES ? NOW : RELIABLE;
    const way = this.#channels.get(label);
    if (way.bufferedAmount + payload.length > MAX_BUFFERED) return Promise.reject(new Refused("too-many"));
    return this.#commands.add((command) => {
      for (const part of parts(encode(kind, { service: number, number: command, payload }))) way.send(part);
    }, label === NOW);
  }

  // -- from the camera ----------------------------------------------------------------------------

  /** @param {unknown} data */
  #receive(data) {
    const envelope = decode(data);
    if (envelope?.kind === KIND.bundle) for (const each of unbundle(envelope.payload)) this.#handle(each);
    else if (envelope) this.#handle(envelope);
  }

  /** @param {import("./envelope.js").Envelope} envelope */
  #handle(envelope) {
    const { kind, number, payload } = envelope;
    const service = this.#byNumber.get(envelope.service);
    switch (kind) {
      case KIND.text: {
        const words = readText(payload);
        if (words !== null) service?._message(words);
        return;
      }
      case KIND.binary: return service?._message(payload);
      case KIND.lost:
        if (payload.length === 4) service?._lost(new DataView(payload.buffer).getUint32(0));
        return;
      case KIND.accepted: return this.#commands.accepted(number);
      case KIND.doorNonce: {
        const nonce = readNonce(readJson(payload));
        return nonce ? this.#commands.accepted(number, nonce) : void this.#commands.refused(number, new Refused("other"));
      }
      case KIND.steered: return this.#steering.answered(envelope.service, number, payload.length ? readRefusal(readJson(payload)) : null);
      case KIND.refused: return this.#refused(number, readRefusal(readJson(payload)));
      case KIND.hello: return this.#greeted(readHello(readJson(payload)));
      case KIND.services: return this.#list(readServices(readJson(payload)));
      case KIND.wheel: return this.#turned(readWheel(readJson(payload)));
      case KIND.talk: {
        const told = readJson(payload);
        const talk = readTalk(told, this.talk);
        if (!talk && told !== null) return;
        this.talk = talk;
        return this.#on("talk");
      }
    }
  }

  /** Again when a program has asked for another control timeout. @param {Hello|null} hello */
  #greeted(hello) {
    if (!hello) return;
    const before = this.hello?.controlTimeout;
    // Once, and not to a camera that would not understand it.
    if (hello.bundles && !this.hello) this.#tell(KIND.bundles);
    this.hello = hello;
    if (hello.controlTimeout !== before) this.#drive?._timeout();
    this.#on("hello");
  }

  /** @param {Wheel|null} wheel */
  #turned(wheel) {
    if (!wheel) return;
    const { driver, reason, by, detail } = wheel;
    this.wheel = wheel;
    if (driver) this.stopped = null;
    else if (isStop(reason)) this.stopped = { reason, by, detail };
    if (reason === "stopped") this.#commands.stopped();
    this.#drive?._wheel(wheel);
    this.#on("wheel");
  }

  /** What has no number is about the wheel. @param {number} number @param {Refused} why */
  #refused(number, why) {
    if (this.#commands.refused(number, why) || number !== 0) return;
    if (why.code === "not-permitted") this.#commands.stopRefused(why);
    this.#drive?._refused(why);
  }

  /** @param {import("./gateway-rules.js").Listed[]|null} listed */
  #list(listed) {
    if (!listed || (!listed.length && !this.services.length)) return;
    const before = this.services;
    this.#byNumber = new Map(listed.map(({ service, name }) => [service, this.#known(name)]));
    this.services = [...this.#byNumber.values()];
    for (const service of before) if (!this.services.includes(service)) service._show(false);
    for (const { name, here, description } of listed) this.#known(name)._show(here, description);
    // A camera may make up names without end.
    for (const [name, service] of this.#byName) {
      if (this.#byName.size <= MAX_KNOWN) break;
      if (!this.#wanted.has(name) && !this.services.includes(service)) this.#byName.delete(name);
    }
    this.#on("services");
  }
}
