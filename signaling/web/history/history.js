// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * Calls of doorbells, to look back at: what the server has kept of each, in words. Pure: now is an argument.
 *
 * @typedef {{id: string, camera: string, name: string, state: string, rang: number, rangBy: string, recipients: string[],
 *   answered: number|null, answeredBy: string, ended: number|null, reason: string, seconds: number|null, snapshot: boolean,
 *   doorOpened: number|null}} Kept times in ms
 */
import { isolated, list, text } from "../client/rules.js";
import { readTime } from "../client/when.js";
import { dayInWords, timeInWords } from "../words/when.js";
import { locale, t } from "../words/words.js";

/** Calls asked for at once: a few screens of a phone. */
export const STEP = 30;
/** Calls kept on the page. */
export const MAX_SHOWN = 1_000;
/** Names in a sentence; a bell rings up to 32 people. */
const MAX_NAMES = 4;

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Why nobody talked. @type {Record<string, string>} */
const WITHOUT = {
  "no-answer": "history.no-answer", "declined": "history.declined", "nobody-home": "history.nobody-home", "busy": "history.busy", "nobody": "history.nobody",
  "camera-gone": "history.camera-gone", "hung-up-at-door": "history.hung-up-at-door", "no-media": "history.no-media",
};

/** How it ended, of those that were answered. @type {Record<string, string>} */
const AFTER = {
  "hung-up-at-door": "history.hung-up-at-door", "no-media": "history.lost-media", "camera-gone": "history.camera-gone", "expired": "history.expired",
  "revoked": "history.revoked",
};

/** What is kept for a reason in one of these; else `otherwise`. @param {Record<string, string>} keys @param {string} reason @param {string} [otherwise] */
const sentenceFor = (keys, reason, otherwise = "") => (Object.hasOwn(keys, reason) ? t(keys[reason]) : otherwise && t(otherwise));

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
  return [minutes && t("history.minutes", { minutes }), (rest || !minutes) && t("history.seconds", { seconds: rest })].filter(Boolean).join(" ");
}

/** @param {string[]} names */
function namesInWords(names) {
  const said = names.slice(0, MAX_NAMES).map(isolated);
  const more = names.length - said.length;
  if (more) return t("history.names-more", { names: said.join(", "), count: more });
  return new Intl.ListFormat(locale(), { type: "conjunction" }).format(said);
}

/** What became of it. @param {Kept} call */
function outcome({ state, answeredBy, reason, seconds }) {
  const name = isolated(answeredBy);
  if (state === "ringing") return t("history.rings-now");
  if (state === "answered" || state === "talking") return t("history.goes-on", { name });
  if (!answeredBy) return sentenceFor(WITHOUT, reason, "history.over");
  const said = seconds === null
    ? [t("history.answered", { name }), sentenceFor(WITHOUT, reason, "history.not-heard")]
    : [t("history.talked", { name, length: lengthInWords(seconds) }), sentenceFor(AFTER, reason)];
  return said.filter(Boolean).join(" ");
}

/**
 * A call in words: when, what became of it, whom it rang and who rang, and the door.
 * @param {Kept} call @param {import("../words/when.js").How} [how]
 */
export function keptInWords(call, how) {
  const { recipients, rangBy, doorOpened } = call;
  const whom = recipients.length ? t("history.rang", { names: namesInWords(recipients) }) : "";
  const by = rangBy ? t("history.rang-by", { name: isolated(rangBy) }) : "";
  return {
    when: timeInWords(call.rang, how), outcome: outcome(call), whom: [whom, by].filter(Boolean).join(" "),
    door: doorOpened === null ? "" : t("history.door", { time: timeInWords(doorOpened, how) }),
    isMissed: call.state === "ended" && !call.answeredBy,
  };
}

/**
 * Calls by the day on which they rang, in the order in which they come.
 * @param {Kept[]} calls @param {number} now @param {import("../words/when.js").How} [how]
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
