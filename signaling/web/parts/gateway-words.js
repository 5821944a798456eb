// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * The wheel and the microphone in words. Pure.
 *
 * @typedef {import("../client/gateway-rules.js").Wheel} Wheel
 * @typedef {import("../client/gateway-rules.js").Stopped} Stopped
 * @typedef {import("../client/gateway-rules.js").Talk} Talk
 */
import { isStop } from "../client/gateway-rules.js";
import { isolated } from "../client/rules.js";
import { personInWords } from "./people.js";
import { has, t } from "../words/words.js";

/** What is quieter than this, in dBFS, is not speech. */
const QUIET = -55;
/** The level's scale ends here, in dBFS. */
export const LOWEST_LEVEL = -60;

const DRIVES = { next: "drive.drives-next", number: "drive.drives-number" };
const SPEAKS = { next: "watch.talk.speaks-next", number: "watch.talk.speaks-number" };

/** @param {{user: string}} person */
const named = ({ user }) => personInWords(user);

/**
 * Who does it, and where one stands in line. @param {{next: string, number: string}} keys of the sentences @param {string} name
 * @param {{id: number}[]} waiting @param {number|undefined} me
 */
function inLine(keys, name, waiting, me) {
  const before = waiting.findIndex(({ id }) => id === me);
  return before <= 0 ? t(keys.next, { name }) : t(keys.number, { name, place: before + 1 });
}

/** Why one no longer drives. What is not known is said as it came. @param {{reason: string}} drive that has ended */
function endInWords({ reason }) {
  // All are told of these, until somebody drives again.
  if (isStop(reason)) return "";
  return has(`drive.end.${reason}`) ? t(`drive.end.${reason}`) : t("drive.ended", { reason: isolated(reason) });
}

/** Why the robot stopped. @param {Stopped} stopped */
function stopInWords({ reason, by, detail }) {
  if (reason === "stopped") return by ? t("drive.stopped", { name: personInWords(by) }) : t("drive.stopped-someone");
  const values = { why: isolated(detail), by: by && personInWords(by) };
  if (detail) return t(by ? "drive.halt-why-by" : "drive.halt-why", values);
  return t(by ? "drive.halt-by" : "drive.halt", values);
}

/**
 * @param {Wheel|null} wheel @param {number|undefined} me @param {{state: string, reason: string}|null} drive the last one
 * @param {Stopped|null} [stopped]
 */
export function wheelInWords(wheel, me, drive, stopped = null) {
  const waiting = wheel?.waiting ?? [];
  if (drive?.state === "driving") return waiting.length ? `${t("drive.you")} ${t("drive.waits", { count: waiting.length })}` : t("drive.you");
  const name = wheel?.driver && wheel.driver.id !== me ? named(wheel.driver) : "";
  const who = name && t("drive.drives", { name });
  const halt = stopped ? stopInWords(stopped) : "";
  if (drive?.state === "waiting") return name ? inLine(DRIVES, name, waiting, me) : [halt, t("drive.asking")].filter(Boolean).join(" ");
  const why = halt || (drive?.state === "ended" ? endInWords(drive) : "");
  // What one may not do is not spoken of; but that it was taken while one did it is.
  return [why, who || (wheel?.you === "not-permitted" ? "" : t("drive.nobody"))].filter(Boolean).join(" ");
}

/** Whether the robot hears the one who speaks. @param {number|null} level in dBFS */
const isHeard = (level) => level !== null && level > QUIET;

/**
 * @param {(Talk & {on: boolean})|null} talk @param {number|undefined} me
 */
export function talkInWords(talk, me) {
  if (!talk) return t("reason.robot.no-loudspeaker");
  if (talk.you === "not-permitted") return t("watch.talk.not-permitted");
  const other = talk.speaker && talk.speaker.id !== me ? named(talk.speaker) : "";
  if (talk.you === "waiting") {
    const waits = inLine(SPEAKS, other || t("drive.someone"), talk.waiting, me);
    return talk.over ? `${t("watch.talk.over")} ${waits}` : waits;
  }
  if (talk.you === "speaking") {
    return [t(isHeard(talk.level) ? "watch.talk.heard" : "watch.talk.not-heard"), talk.waiting.length ? t("watch.talk.waits") : ""].filter(Boolean).join(" ");
  }
  if (talk.on) return t("watch.talk.on");
  return other ? t("watch.talk.speaks", { name: other }) : t("watch.talk.hold");
}

/** The level as a part of its scale, from 0 to 1. @param {number|null} level in dBFS */
export const loudness = (level) => (level === null ? 0 : Math.min(1, Math.max(0, 1 - level / LOWEST_LEVEL)));
