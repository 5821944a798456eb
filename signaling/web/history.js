// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * Calls of doorbells, to look back at: what the server has kept of each, in words. Pure: now is an argument.
 *
 * @typedef {{id: string, camera: string, name: string, state: string, rang: number, rangBy: string, recipients: string[],
 *   answered: number|null, answeredBy: string, ended: number|null, reason: string, seconds: number|null, snapshot: boolean,
 *   doorOpened: number|null}} Kept times in ms
 */
import { isolated, list, text } from "./rules.js";
import { dayInWords, readTime, timeInWords } from "./when.js";

/** Calls asked for at once: a few screens of a phone. */
export const STEP = 30;
/** Calls kept on the page. */
export const MAX_SHOWN = 1_000;
/** Names in a sentence; a bell rings up to 32 people. */
const MAX_NAMES = 4;

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Why nobody talked. */
const WITHOUT = Object.freeze({
  "no-answer": "Nobody answered.",
  "declined": "It was declined.",
  "nobody-home": "The visitor was told that nobody is at home.",
  "busy": "There was no place for another viewer, or it was rung too often.",
  "nobody": "There was nobody to ring.",
  "camera-gone": "The camera went away.",
  "hung-up-at-door": "The visitor hung up.",
  "no-media": "No picture came.",
});

/** How it ended, of those that were answered. */
const AFTER = Object.freeze({
  "hung-up-at-door": "The visitor hung up.",
  "no-media": "The picture was lost.",
  "camera-gone": "The camera went away.",
  "expired": "It lasted as long as calls may.",
  "revoked": "Who had answered was no longer allowed to.",
});

/** A call as the server tells it, if it makes sense. @param {any} told @returns {Kept|null} */
export function readKept(told) {
  const rang = readTime(told?.rang);
  if (typeof told?.id !== "string" || !ID.test(told.id) || !text(told.camera) || rang === null) return null;
  const { seconds } = told;
  return {
    id: told.id, camera: text(told.camera), name: text(told.name) || text(told.camera), state: text(told.state), rang, rangBy: text(told.rangBy),
    recipients: list(told.recipients).map(text).filter(Boolean), answered: readTime(told.answered), answeredBy: text(told.answeredBy),
    ended: readTime(told.ended), reason: text(told.reason), seconds: Number.isFinite(seconds) && seconds >= 0 ? Math.floor(seconds) : null,
    snapshot: text(told.snapshot) !== "", doorOpened: readTime(told.doorOpened),
  };
}

/** A page of the history: its calls, and where the next one begins, if there is one. @param {any} told */
export function readPage(told) {
  const calls = list(told?.items).flatMap((each) => readKept(each) ?? []);
  return { calls, next: text(told?.next) };
}

/** Where the picture of a press is, seen from the server's folder. @param {Kept} call */
export const pictureOf = ({ id }) => `api/v1/calls/${id}/snapshot`;

/** To the second, as `12 s` or `1 min 5 s`. @param {number} seconds */
export function lengthInWords(seconds) {
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  return [minutes && `${minutes} min`, (rest || !minutes) && `${rest} s`].filter(Boolean).join(" ");
}

/** @param {string[]} names */
function namesInWords(names) {
  const said = names.slice(0, MAX_NAMES).map(isolated);
  const more = names.length - said.length;
  if (more) return `${said.join(", ")} and ${more} more`;
  return said.length > 1 ? `${said.slice(0, -1).join(", ")} and ${said.at(-1)}` : said.join("");
}

/** What became of it. @param {Kept} call */
function outcome({ state, answeredBy, reason, seconds }) {
  const who = isolated(answeredBy);
  if (state === "ringing") return "It rings now.";
  if (state === "answered" || state === "talking") return `${who} has answered, and it goes on.`;
  if (!answeredBy) return Object.hasOwn(WITHOUT, reason) ? WITHOUT[reason] : "It is over.";
  const after = Object.hasOwn(AFTER, reason) ? ` ${AFTER[reason]}` : "";
  if (seconds === null) return `${who} answered. ${Object.hasOwn(WITHOUT, reason) ? WITHOUT[reason] : "Nobody was heard."}`;
  return `${who} answered and talked for ${lengthInWords(seconds)}.${after}`;
}

/**
 * A call in words: when, what became of it, whom it rang and who rang, and the door.
 * @param {Kept} call @param {import("./when.js").How} [how]
 */
export function keptInWords(call, how) {
  const { recipients, rangBy, doorOpened } = call;
  const whom = recipients.length ? `It rang ${namesInWords(recipients)}.` : "";
  const by = rangBy ? ` ${isolated(rangBy)} rang by a program.` : "";
  return {
    when: timeInWords(call.rang, how), outcome: outcome(call), whom: `${whom}${by}`.trim(),
    door: doorOpened === null ? "" : `The door was opened at ${timeInWords(doorOpened, how)}.`,
    isMissed: call.state === "ended" && !call.answeredBy,
  };
}

/**
 * Calls by the day on which they rang, in the order in which they come.
 * @param {Kept[]} calls @param {number} now @param {import("./when.js").How} [how]
 */
export function byDay(calls, now, how) {
  /** @type {{day: string, calls: Kept[]}[]} */
  const days = [];
  for (const call of calls) {
    const words = dayInWords(call.rang, now, how);
    const day = words.charAt(0).toUpperCase() + words.slice(1);
    if (days.at(-1)?.day !== day) days.push({ day, calls: [] });
    days.at(-1)?.calls.push(call);
  }
  return days;
}
