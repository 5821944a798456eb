// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * How a booking recurs, between the form and the rule (RFC 5545, 3.3.10) that is kept.
 *
 * @typedef {"none"|"daily"|"weekdays"|"weekly"|"other"} Repeat
 */
import { isolated } from "../client/rules.js";
import { t } from "../words/words.js";

/** @type {Record<string, string>} */
const RULES = Object.freeze({ daily: "FREQ=DAILY", weekdays: "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", weekly: "FREQ=WEEKLY" });
const COUNT = /;COUNT=(\d{1,4})$/;

/** The rule; empty where nothing recurs. @param {Repeat} repeat @param {number} times @param {string} other as someone wrote it */
export function toRule(repeat, times, other) {
  if (repeat === "other") return other.trim().replace(/^RRULE:/i, "");
  return Object.hasOwn(RULES, repeat) ? `${RULES[repeat]};COUNT=${times}` : "";
}

/** What the form shows of a rule. @param {string|undefined} rule @returns {{repeat: Repeat, times: number|null, other: string}} */
export function readRule(rule) {
  if (!rule) return { repeat: "none", times: null, other: "" };
  const base = rule.replace(COUNT, "");
  const repeat = /** @type {Repeat|undefined} */ (Object.keys(RULES).find((each) => RULES[each] === base));
  const times = Number(rule.match(COUNT)?.[1]);
  return repeat && times ? { repeat, times, other: "" } : { repeat: "other", times: null, other: rule };
}

/** In a list, where there is no form; empty where nothing recurs. @param {string|undefined} rule */
export function recurrenceInWords(rule) {
  const { repeat, times, other } = readRule(rule);
  if (repeat === "none") return "";
  if (repeat === "other") return t("admin.repeats-by", { rule: isolated(other) });
  return t("admin.repeats-times", { often: t(`admin.repeat-${repeat}`), count: times ?? 0 });
}
