// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * The bytes of a message on a data channel: a header of four, then the payload (docs/gateway.md). Pure.
 *
 * @typedef {{kind: number, service: number, number: number, payload: Uint8Array}} Envelope
 */

/** What a message is. Up to 15 come from the camera; the first two from both. */
export const KIND = Object.freeze({
  text: 1, binary: 2, services: 3, wheel: 4, lost: 5, accepted: 6, refused: 7, talk: 8, hello: 9, steered: 10, bundle: 11, doorNonce: 12,
  ask: 16, release: 17, handOver: 18, alive: 19, stop: 20, steer: 21, bundles: 22, holdDoor: 23, openDoor: 24,
});

export const HEADER_BYTES = 4;
/** The most that a program and a viewer can say to each other at once. */
export const MAX_PAYLOAD = 64 * 1_024;
/** The longest that goes over a channel at once, header included. */
export const MAX_PART = 64 * 1_024;
/** The largest message that is read: a list of 255 services, each with the longest description, and as much again. */
export const MAX_ENVELOPE = 2 * 1_024 * 1_024;
/** Parts of one message, which are as long as they can be, but for the last. */
const MAX_PARTS = 2 * Math.ceil(MAX_ENVELOPE / MAX_PART);
/** Added to the kind of a part that is not the last. */
const MORE = 128;

const encoder = new TextEncoder();
/** One for all: to make one takes longer than to read a short text with it. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * @param {number} kind
 * @param {{service?: number, number?: number, payload?: string|Uint8Array}} [more]
 * @returns {Uint8Array}
 */
export function encode(kind, { service = 0, number = 0, payload = "" } = {}) {
  const body = typeof payload === "string" ? encoder.encode(payload) : payload;
  const bytes = new Uint8Array(HEADER_BYTES + body.length);
  bytes.set([kind, service, number >> 8, number & 0xff]);
  bytes.set(body, HEADER_BYTES);
  return bytes;
}

/**
 * A message as it came, or null where it is none. The payload is a copy, so that who keeps a part of it keeps no more.
 * @param {unknown} data
 * @returns {Envelope|null}
 */
export function decode(data) {
  if (!(data instanceof ArrayBuffer) || data.byteLength < HEADER_BYTES || data.byteLength > MAX_ENVELOPE) return null;
  const view = new DataView(data);
  return { kind: view.getUint8(0), service: view.getUint8(1), number: view.getUint16(2), payload: new Uint8Array(data.slice(HEADER_BYTES)) };
}

/**
 * The messages in a bundle's payload: of services, text and binary alone. What is not whole at its end is left out.
 * @param {Uint8Array} payload
 * @returns {Envelope[]}
 */
export function unbundle(payload) {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const found = [];
  for (let at = 0; at + 2 <= payload.length;) {
    const [from, end] = [at + 2, at + 2 + view.getUint16(at)];
    if (end > payload.length) break;
    const kind = payload[from];
    if (end - from >= HEADER_BYTES && (kind === KIND.text || kind === KIND.binary)) {
      found.push({ kind, service: payload[from + 1], number: view.getUint16(from + 2), payload: payload.slice(from + HEADER_BYTES, end) });
    }
    at = end;
  }
  return found;
}

/** A message in the parts in which it goes over a channel, in order. @param {Uint8Array} message */
export function parts(message) {
  if (message.length <= MAX_PART) return [message];
  const found = [];
  for (let at = HEADER_BYTES; at < message.length; at += MAX_PART - HEADER_BYTES) {
    const part = new Uint8Array(Math.min(MAX_PART, HEADER_BYTES + message.length - at));
    part.set(message.subarray(0, HEADER_BYTES));
    part.set(message.subarray(at, at + part.length - HEADER_BYTES), HEADER_BYTES);
    if (at + part.length - HEADER_BYTES < message.length) part[0] |= MORE;
    found.push(part);
  }
  return found;
}

/** Puts the parts that come over one channel together. */
export class Joiner {
  /** @type {Uint8Array[]} */ #parts = [];
  #length = 0;
  #isTooLong = false;

  /** A whole message if `data` is the last of one; null where there is none yet, or it is too long. @param {unknown} data */
  take(data) {
    if (!(data instanceof ArrayBuffer) || data.byteLength < HEADER_BYTES) return null;
    const part = new Uint8Array(data);
    const isLast = (part[0] & MORE) === 0;
    if (isLast && this.#length === 0) return data;
    const added = this.#length === 0 ? part : part.subarray(HEADER_BYTES);
    this.#length += added.length;
    // Of one that is too long nothing is kept until it ends.
    if (this.#length > MAX_ENVELOPE || this.#parts.length >= MAX_PARTS) this.#isTooLong = true;
    if (this.#isTooLong) this.#parts = [];
    else this.#parts.push(added);
    return isLast ? this.#whole() : null;
  }

  #whole() {
    const [found, length, isTooLong] = [this.#parts, this.#length, this.#isTooLong];
    this.#parts = [];
    this.#length = 0;
    this.#isTooLong = false;
    if (isTooLong) return null;
    const whole = new Uint8Array(length);
    let at = 0;
    for (const part of found) {
      whole.set(part, at);
      at += part.length;
    }
    whole[0] &= ~MORE;
    return whole.buffer;
  }
}

/** A payload as text, or null where it is not UTF-8. @param {Uint8Array} payload */
export function readText(payload) {
  try { return decoder.decode(payload); } catch { return null; }
}

/** A payload as JSON; undefined where it is none. @param {Uint8Array} payload @returns {any} */
export function readJson(payload) {
  try { return JSON.parse(readText(payload) ?? ""); } catch { return undefined; }
}
