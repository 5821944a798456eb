// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * Calls of doorbells, as the server tells them: which there are, and what may be done about each. Pure: now is an argument.
 *
 * @typedef {"ringing"|"answered"|"talking"|"ended"} CallState
 * @typedef {"rung"|"answered"|"watching"} CallPart
 * @typedef {{id: string, camera: string, name: string, state: CallState, by: string, reason: string, you: CallPart,
 *   snapshot: boolean}} Call
 * @typedef {"answerCall"|"declineCall"|"nobodyHome"|"hangUp"} CallWord
 */
import { text } from "./rules.js";

/** Calls kept at a time: more doors than anybody has. */
export const MAX_CALLS = 16;
/** How long the end of a call is shown: read twice. */
export const OVER_MS = 8_000;

const STATES = ["ringing", "answered", "talking", "ended"];
const PARTS = ["rung", "answered", "watching"];
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What the server told of a call, if it makes sense. @param {any} told @returns {Call|null} */
export function readCall(told) {
  const { id, camera, state, you } = told ?? {};
  if (typeof id !== "string" || !ID.test(id) || typeof camera !== "string" || !camera) return null;
  if (!STATES.includes(state) || !PARTS.includes(you)) return null;
  return { id, camera: text(camera), name: text(told.name) || text(camera), state, by: text(told.by), reason: text(told.reason), you, snapshot: text(told.snapshot) !== "" };
}

/** Where the picture of the press is, seen from the server's folder. @param {Call} call */
export const snapshotPath = ({ id }) => `api/v1/calls/${id}/snapshot`;

/** The calls that a page knows of. */
export class Calls {
  /** @type {Map<string, Call>} */ #calls = new Map();
  /** When those that are over go. @type {Map<string, number>} */ #over = new Map();
  /** Those that were answered on this page. @type {Set<string>} */ #here = new Set();

  /** Takes over what was told. Returns the call, or null. @param {any} told @param {number} now in ms */
  hear(told, now) {
    const call = readCall(told);
    if (!call) return null;
    const isNew = !this.#calls.has(call.id);
    // Of one that this page never knew, its end is no news.
    if (isNew && (call.state === "ended" || this.#calls.size >= MAX_CALLS)) return null;
    this.#calls.set(call.id, call);
    if (call.state === "ended" && !this.#over.has(call.id)) this.#over.set(call.id, now + OVER_MS);
    return call;
  }

  /** This page answers. @param {string} id */
  answer(id) { this.#here.add(id); }

  /** Whether a call was answered on this page, and by nobody else. @param {Call} call */
  isHere(call) { return this.#here.has(call.id) && call.you === "answered"; }

  /** The connection is gone: what runs is told again when it is back. @returns {Call[]} those that are not known any more */
  forget() {
    const known = this.all;
    this.#calls.clear();
    this.#over.clear();
    return known;
  }

  /** Lets those go that have been over for a while. @param {number} now in ms */
  tick(now) {
    for (const [id, until] of this.#over) {
      if (until > now) continue;
      for (const kept of [this.#calls, this.#over, this.#here]) kept.delete(id);
    }
  }

  /** The oldest first. */
  get all() { return [...this.#calls.values()]; }

  /** The one that rings here, if one does. */
  get ringing() { return this.all.find((call) => rings(call)) ?? null; }
}

/** Whether it rings for whoever looks at this page. @param {Call} call */
export const rings = ({ state, you }) => state === "ringing" && you === "rung";

/** What may be done about a call. @param {Call} call @param {boolean} isHere whether it was answered on this page */
export function choices(call, isHere) {
  const runs = call.state === "answered" || call.state === "talking";
  return { answer: call.state === "ringing", decline: rings(call), nobody: rings(call), hangUp: runs && call.you === "answered", mute: runs && isHere };
}
