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

/** What is quieter than this, in dBFS, is not speech. */
const QUIET = -55;
/** The level's scale ends here, in dBFS. */
export const LOWEST_LEVEL = -60;

/** Why one no longer drives. What is not known is said as it came. */
const ENDS = Object.freeze({
  "given-up": "You let go.",
  "handed-over": "You handed the wheel over.",
  "stalled": "The camera took the wheel back: it heard nothing from this page for a moment.",
  "left": "The camera took the wheel back: this page was away.",
  "lease-ended": "The camera took the wheel back: your time is over.",
  "booked": "The wheel is taken: somebody has booked this time.",
  "not-permitted": "You may not drive this robot.",
  "unanswered": "The camera did not answer. Ask again.",
  "session-ended": "The connection to the robot ended, and the wheel with it.",
});

/** @param {{user: string}} person */
const named = ({ user }) => isolated(user || "Someone");
/** @param {{id: number}[]} waiting @param {number|undefined} me */
const placeIn = (waiting, me) => waiting.findIndex(({ id }) => id === me);
/** @param {number} before */
const turn = (before) => (before <= 0 ? "you are next" : `you are number ${before + 1} in line`);

/** @param {{reason: string}} drive that has ended */
function endInWords({ reason }) {
  // All are told of these, until somebody drives again.
  if (isStop(reason)) return "";
  return Object.hasOwn(ENDS, reason) ? ENDS[reason] : `The wheel is gone: ${isolated(reason)}.`;
}

/** Why the robot stopped. @param {Stopped} stopped */
function stopInWords({ reason, by, detail }) {
  if (reason === "stopped") return `Stopped by ${by ? isolated(by) : "someone"}.`;
  return `The robot stopped${detail && `: ${isolated(detail)}`}${by && ` (${isolated(by)})`}.`;
}

/**
 * @param {Wheel|null} wheel @param {number|undefined} me @param {{state: string, reason: string}|null} drive the last one
 * @param {Stopped|null} [stopped]
 */
export function wheelInWords(wheel, me, drive, stopped = null) {
  if (drive?.state === "driving") {
    const waiting = wheel?.waiting.length ?? 0;
    return waiting ? `You drive. ${waiting === 1 ? "One more waits" : `${waiting} wait`} for the wheel.` : "You drive.";
  }
  const who = wheel?.driver && wheel.driver.id !== me ? `${named(wheel.driver)} drives` : "";
  const halt = stopped ? stopInWords(stopped) : "";
  if (drive?.state === "waiting") return who ? `${who}, ${turn(placeIn(wheel?.waiting ?? [], me))}.` : [halt, "Asking for the wheel…"].filter(Boolean).join(" ");
  // What one may not do is not spoken of; but that it was taken while one did it is.
  if (wheel?.you === "not-permitted") return [halt || (drive?.state === "ended" ? endInWords(drive) : ""), who && `${who}.`].filter(Boolean).join(" ");
  const why = drive?.state === "ended" ? endInWords(drive) : "";
  return [halt || why, who ? `${who}.` : "Nobody drives."].filter(Boolean).join(" ");
}

/** Whether the robot hears the one who speaks. @param {number|null} level in dBFS */
const isHeard = (level) => level !== null && level > QUIET;

/**
 * @param {(Talk & {on: boolean})|null} talk @param {number|undefined} me
 */
export function talkInWords(talk, me) {
  if (!talk) return "This robot has no loudspeaker.";
  if (talk.you === "not-permitted") return "You may not talk through this robot.";
  const other = talk.speaker && talk.speaker.id !== me ? `${named(talk.speaker)} is speaking` : "";
  if (talk.you === "waiting") {
    const waits = `${other || "Someone is speaking"}, ${turn(placeIn(talk.waiting, me))}.`;
    return talk.over ? `Your turn is over. ${waits}` : waits;
  }
  if (talk.you === "speaking") {
    const waits = talk.waiting.length ? " Others wait." : "";
    return (isHeard(talk.level) ? "The robot hears you." : "You are on. The robot hears no sound.") + waits;
  }
  if (talk.on) return "Your microphone is on…";
  return other ? `${other}.` : "Hold the button or the space bar, and speak.";
}

/** The level as a part of its scale, from 0 to 1. @param {number|null} level in dBFS */
export const loudness = (level) => (level === null ? 0 : Math.min(1, Math.max(0, 1 - level / LOWEST_LEVEL)));
