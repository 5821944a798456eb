// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * What the camera says on the data channels, checked and bounded, and what the gateway's bounds are. Pure. Whatever
 * cannot be read is null, and changes nothing.
 *
 * @typedef {{id: number, user: string}} Person
 * @typedef {{id: number, user: string, controlTimeout: number, gateway: boolean, talk: "one"|"mix"|null, steer: boolean,
 *   bundles: boolean, door: boolean}} Hello `steer`: whether the camera takes numbered steering; `bundles`: whether it sends telemetry in
 *   bundles to who asks; `door`: whether it has one opened for whoever may
 * @typedef {{title: string, kind: ""|"number"|"text"|"json"|"binary", unit: string, range: [number, number]|null,
 *   latest: boolean, now: boolean, drive: boolean}} Description of a service by its program; empty and false where it says nothing
 * @typedef {{service: number, name: string, here: boolean, description: Description}} Listed
 * @typedef {{you: "watching"|"waiting"|"driving"|"not-permitted", driver: Person|null, waiting: Person[], reason: string,
 *   by: string, detail: string}} Wheel `by` and `detail` with the reasons `stopped` and `program` alone
 * @typedef {{reason: string, by: string, detail: string}} Stopped `stopped` by the person, or `program` by the service, named in
 *   `by`; `detail` is the program's text
 * @typedef {{you: "silent"|"speaking"|"waiting"|"not-permitted", speaker: Person|null, level: number|null, waiting: Person[], over: boolean}} Talk `over`: one's
 *   longest turn is over, and one waits again
 */

import { list, text } from "./rules.js";

/** The version of the envelope that is spoken here. */
export const VERSION = 1;
/** Services of one camera: their numbers are one byte, and 0 is none. */
export const MAX_SERVICES = 255;
/** Services remembered through interruptions besides those asked for by name: some restarts of a camera. */
export const MAX_KNOWN = 4 * MAX_SERVICES;
/** Names read from one list of who waits; a page shows no more. */
export const MAX_WAITING = 100;
/** A title, in characters, as `describe` has it. */
export const MAX_TITLE = 64;
/** Why a program took the wheel away, in characters. */
export const MAX_DETAIL = 200;
/** A unit is a few letters. */
export const MAX_UNIT = 16;
/** Commands that wait for their answer. The gateway keeps 64 a program, so that this is far more than can be taken. */
export const MAX_IN_FLIGHT = 256;
/** What may wait in a data channel to be sent, in bytes: beyond, the network does not keep up. */
export const MAX_BUFFERED = 1 << 20;
/** A command on the channel that is never repeated is lost if nothing was heard of it for so long. */
export const NOW_ANSWER_MS = 2_000;
/** A stop is kept or refused within so long: whoever pressed it must know whether to press again. */
export const STOP_ANSWER_MS = 2_000;
/** What is asked of the door is answered within so long: the program there has 3 s. */
export const DOOR_ANSWER_MS = 5_000;
/** A camera that was asked for the wheel says at once that one drives, or waits. */
export const ASK_ANSWER_MS = 5_000;
/** Where a camera says nothing that makes sense: as its own default. */
export const CONTROL_TIMEOUT_MS = 500;
/** Heartbeats in each control timeout: where one packet of five is lost, all of them are once in ten million times. */
export const HEARTBEATS = 10;
/** The shortest and the longest `controlTimeout` believed, in ms: faster than this no page can beat. */
const SHORTEST_TIMEOUT_MS = 100;
const LONGEST_TIMEOUT_MS = 60_000;

/** Why a command was refused, or the wheel, or the microphone, in words for people. @type {Readonly<Record<string, string>>} */
export const REFUSALS = Object.freeze({
  "not-driving": "You do not drive.",
  "not-permitted": "You are not permitted to.",
  "no-such-service": "The robot has no such service.",
  "service-gone": "The program on the robot went away.",
  "busy": "The program on the robot does not keep up.",
  "too-large": "That is more than 64 KiB.",
  "reserved": "Texts that begin with “porthole ” are the gateway's own.",
  "released": "The wheel was gone before the program took it.",
  "stale": "It waited too long for the program on the robot, and was not delivered.",
  "superseded": "Newer steering took its place before the program took it.",
  "not-steered": "The program on the robot takes no steering.",
  "too-many": "That was too much at once.",
  "bad-message": "The camera could not read this page's message. Reload the page.",
  "not-connected": "There is no connection to the robot yet.",
  "session-ended": "The connection to the robot ended.",
  "unanswered": "The message was lost on the way.",
  "no-door": "No program at the camera opens a door.",
  "door-refused": "The door does not open.",
  "door-unanswered": "The door did not say that it opened. Look before you try again.",
  "door-busy": "Somebody opens the door at this moment.",
  "too-late": "That took too long, and the door stays shut. Hold the button again.",
  "no-loudspeaker": "This robot has no loudspeaker.",
  "microphone-denied": "The browser does not let this page use the microphone. Allow it in the browser's settings for this page.",
  "no-microphone": "No microphone was found.",
  "microphone-busy": "The microphone cannot be used: another program may have it.",
  "microphone-failed": "The microphone cannot be used.",
  "insecure": "Browsers give the microphone only to pages from https, or from this device.",
  "other": "It was refused.",
});

/** Something that was asked of the robot and not done. `code` is stable (docs/gateway.md, and those of this page). */
export class Refused extends Error {
  /** @param {string} code @param {string} [message] */
  constructor(code, message = "") {
    super(message || (Object.hasOwn(REFUSALS, code) ? REFUSALS[code] : REFUSALS.other));
    this.name = "Refused";
    this.code = code;
  }
}

/** @param {any} told @returns {Person|null} */
const person = (told) => (Number.isSafeInteger(told?.id) && told.id > 0 ? { id: told.id, user: text(told.user) } : null);
/** Each once. @param {any} told @returns {Person[]} */
const people = (told) => [...new Map(list(told).slice(0, MAX_WAITING).flatMap((each) => {
  const one = person(each);
  return one ? [[one.id, one]] : [];
})).values()];
/** @template T @param {unknown} value @param {T[]} among @param {T} otherwise @returns {T} */
const one = (value, among, otherwise) => (among.includes(/** @type {T} */ (value)) ? /** @type {T} */ (value) : otherwise);

/** @param {any} told @returns {Hello|null} null also for a version of the future */
export function readHello(told) {
  if (told?.version !== VERSION) return null;
  const timeout = Number.isFinite(told.controlTimeout) ? told.controlTimeout : CONTROL_TIMEOUT_MS;
  return {
    id: Number.isSafeInteger(told.id) ? told.id : 0,
    user: text(told.user),
    controlTimeout: Math.min(LONGEST_TIMEOUT_MS, Math.max(SHORTEST_TIMEOUT_MS, timeout)),
    gateway: told.gateway === true,
    talk: one(told.talk, ["one", "mix", null], null),
    steer: told.steer === true,
    bundles: told.bundles === true,
    door: told.door === true,
  };
}

/** @param {any} told @returns {Description} */
export function readDescription(told) {
  const [least, most] = list(told?.range);
  return {
    title: text(told?.title).slice(0, MAX_TITLE),
    kind: one(told?.kind, ["number", "text", "json", "binary"], ""),
    unit: text(told?.unit).slice(0, MAX_UNIT),
    range: Number.isFinite(least) && Number.isFinite(most) && least < most ? [least, most] : null,
    latest: told?.latest === true,
    now: told?.now === true,
    drive: told?.drive === true,
  };
}

/** Each number and each name once: the first that claims it. @param {any} told @returns {Listed[]|null} */
export function readServices(told) {
  if (!Array.isArray(told)) return null;
  const numbers = new Set(), names = new Set();
  return told.slice(0, MAX_SERVICES).flatMap((each) => {
    const { service, name } = each ?? {};
    if (!Number.isInteger(service) || service < 1 || service > MAX_SERVICES || numbers.has(service)) return [];
    if (typeof name !== "string" || !/^[A-Za-z0-9._-]{1,32}$/.test(name) || names.has(name)) return [];
    numbers.add(service);
    names.add(name);
    return [{ service, name, here: each.here === true, description: readDescription(each.describe) }];
  });
}

/** @param {any} told @returns {Wheel|null} */
export function readWheel(told) {
  if (typeof told?.you !== "string") return null;
  return {
    you: one(told.you, ["waiting", "driving", "not-permitted"], "watching"),
    driver: person(told.driver),
    waiting: people(told.waiting),
    reason: text(told.reason),
    by: text(told.by),
    detail: text(told.detail).slice(0, MAX_DETAIL),
  };
}

/** Whether, for this reason, nobody drives until somebody asks for the wheel anew. @param {string} reason */
export const isStop = (reason) => reason === "stopped" || reason === "program";

/** @param {any} told @param {Talk|null} [before] what was told last @returns {Talk|null} */
export function readTalk(told, before = null) {
  if (typeof told?.you !== "string") return null;
  const you = /** @type {Talk["you"]} */ (one(told.you, ["speaking", "waiting", "not-permitted"], "silent"));
  return {
    you,
    // Who lets go of the button is silent before they wait.
    over: you === "waiting" && (before?.you === "speaking" || before?.over === true),
    speaker: person(told.speaker),
    level: Number.isFinite(told.level) ? told.level : null,
    waiting: people(told.waiting),
  };
}

/** By which the door opens once, for a moment; null where it is none. @param {any} told @returns {number|null} */
export const readNonce = (told) => (Number.isSafeInteger(told?.nonce) && told.nonce > 0 ? told.nonce : null);

/** @param {any} told */
export const readRefusal = (told) => new Refused(text(told?.code) || "other", text(told?.message));

/**
 * The `mid` of the media line on which the camera listens, or null: the one for sound that it only receives.
 * @param {string} sdp of its offer
 */
export function talkLine(sdp) {
  const line = sdp.split(/^(?=m=)/m).find((media) => media.startsWith("m=audio ") && /^a=recvonly\s*$/m.test(media));
  return line?.match(/^a=mid:(\S+)/m)?.[1] ?? null;
}
