// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * Why something did not work, in the viewer's language. The client, the camera and the server say it in English, with a stable code: a
 * sentence that is in the catalogue is said in its translation, any other one by its code.
 */
import en from "./en.js";
import { has, language, t } from "./words.js";

/** What is added in brackets to the client's sentence for a code (`describe` in client/rules.js). */
const WITH_DETAIL = /^(.*) \((.*)\)$/s;
/** Codes of whose detail, in English, an operator has something. Other details say the same as the sentence. */
const TECHNICAL = ["bad-message", "bad-description", "offer-refused", "too-large", "media-failed", "grant-refused", "other"];
/** Those of the server that are about what was typed: the detail says what is wrong with it. */
const TYPED = ["bad-name", "bad-window", "bad-rule", "bad-value", "bad-query", "bad-json", "bad-body", "weak-password", "token-refused", "too-large"];
/** Of the robot, with words of its program's own: they say more than the code. */
const OWN_WORDS = ["door-refused"];
/** A sentence with places for values, as an expression that finds them. @param {string} text */
const pattern = (text) => new RegExp(`^${text.split(/\{\w+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("(.+)")}$`);

/** @typedef {{key: string, names: string[], found: RegExp}} Form a sentence with places */
/** @type {{exact: Map<string, string>, forms: Form[]}|null} */
let index = null;

function indexed() {
  if (index) return index;
  /** @type {{exact: Map<string, string>, forms: Form[]}} */
  const made = { exact: new Map(), forms: [] };
  for (const [key, text] of Object.entries(/** @type {Record<string, string>} */ (en))) {
    if (!key.startsWith("reason.") || key.startsWith("reason.server.")) continue;
    const names = [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    if (names.length) made.forms.push({ key, names, found: pattern(text) });
    else if (!made.exact.has(text)) made.exact.set(text, key);
  }
  return (index = made);
}

/** A sentence of the client's in the viewer's language; null if it is not in the catalogue. @param {string} message */
function translated(message) {
  const { exact, forms } = indexed();
  const key = exact.get(message);
  if (key) return t(key);
  for (const { key: form, names, found } of forms) {
    const values = message.match(found);
    if (values) return t(form, Object.fromEntries(names.map((name, at) => [name, values[at + 1]])));
  }
  return null;
}

/**
 * Of the client: why there is no connection, or no picture. @param {string} code @param {string} message the client's sentence
 */
export function reasonInWords(code, message) {
  if (language() === "en" || !message) return message;
  const whole = translated(message);
  if (whole !== null) return whole;
  const [, sentence, detail] = message.match(WITH_DETAIL) ?? [];
  const known = sentence !== undefined ? translated(sentence) : has(`reason.${code}`) ? t(`reason.${code}`) : null;
  if (known === null) return message;
  const more = sentence === undefined ? "" : translated(detail) ?? (TECHNICAL.includes(code) ? detail : "");
  return more ? `${known} (${more})` : known;
}

/** Of the robot, the door, or the microphone: why it was refused. @param {{code?: string, message: string}} error */
export function refusalInWords({ code = "", message }) {
  if (language() === "en") return message;
  const whole = translated(message);
  if (whole !== null) return whole;
  if (!has(`reason.robot.${code}`)) return message;
  return OWN_WORDS.includes(code) && message ? `${t(`reason.robot.${code}`)} (${message})` : t(`reason.robot.${code}`);
}

/** Of the server's API. @param {{code?: string, message: string, status?: number}} problem */
export function serverInWords({ code = "", message, status = 0 }) {
  if (language() === "en" && message) return message;
  if (!has(`reason.server.${code}`) || (code === "other" && !status)) return message;
  const words = t(`reason.server.${code}`, { status: String(status) });
  return TYPED.includes(code) && message ? `${words} (${message})` : words;
}
