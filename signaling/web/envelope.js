// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * The bytes of a message on a data channel: a header of four, then the payload (docs/gateway.md). Pure.
 *
 * @typedef {{kind: number, service: number, number: number, payload: Uint8Array}} Envelope
 */

/** What a message is. Up to 15 come from the camera; the first two from both. */
export const KIND = Object.freeze({
  text: 1, binary: 2, services: 3, wheel: 4, lost: 5, accepted: 6, refused: 7, talk: 8, hello: 9,
  ask: 16, release: 17, handOver: 18, alive: 19,
});

export const HEADER_BYTES = 4;
/** The most that a program and a viewer can say to each other at once. */
export const MAX_PAYLOAD = 64 * 1_024;
/** The largest message that is read: as large as browsers take one on a data channel. Only `services` may be this long. */
export const MAX_ENVELOPE = 256 * 1_024;

const encoder = new TextEncoder();

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

/** What goes over a data channel at once, and what the kind of a part says that is not the last. */
const MAX_PART = 64 * 1_024;
const MORE = 128;

/** A message in the parts in which it goes over the reliable channel. @param {Uint8Array} message @returns {Uint8Array[]} */
export function parts(message) {
  if (message.length <= MAX_PART) return [message];
  const all = [];
  for (let start = HEADER_BYTES; start < message.length; start += MAX_PART - HEADER_BYTES) {
    const body = message.subarray(start, start + MAX_PART - HEADER_BYTES);
    const part = new Uint8Array(HEADER_BYTES + body.length);
    part.set(message.subarray(0, HEADER_BYTES));
    part.set(body, HEADER_BYTES);
    if (start + body.length < message.length) part[0] |= MORE;
    all.push(part);
  }
  return all;
}

/** Puts the parts of one channel together again. */
export class Joiner {
  /** @type {Uint8Array[]} */ #parts = [];
  #length = 0;

  /** A whole message, or null where more is to come, or where it is longer than any. @param {unknown} data @returns {unknown} */
  take(data) {
    if (!(data instanceof ArrayBuffer)) return data;
    const part = new Uint8Array(data);
    const hasMore = (part[0] & MORE) !== 0;
    if (!hasMore && !this.#length) return data;
    const body = this.#length ? part.subarray(HEADER_BYTES) : part;
    this.#length += body.length;
    // What is too long is counted to its end, and not kept.
    if (this.#length <= MAX_ENVELOPE) this.#parts.push(body);
    if (hasMore) return null;
    const whole = this.#length <= MAX_ENVELOPE ? new Uint8Array(this.#length) : null;
    let at = 0;
    for (const each of whole ? this.#parts : []) {
      whole?.set(each, at);
      at += each.length;
    }
    if (whole) whole[0] &= ~MORE;
    this.#parts = [];
    this.#length = 0;
    return whole?.buffer ?? null;
  }
}

/** A payload as text, or null where it is not UTF-8. @param {Uint8Array} payload */
export function readText(payload) {
  try { return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload); } catch { return null; }
}

/** A payload as JSON; undefined where it is none. @param {Uint8Array} payload @returns {any} */
export function readJson(payload) {
  try { return JSON.parse(readText(payload) ?? ""); } catch { return undefined; }
}
