// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * What the administrator's page says. Names are apart from the words around them, so that they cannot turn those.
 *
 * @typedef {string|{name: string}} Part
 * @typedef {import("../words/when.js").How} How
 */
import { isolated, list, text } from "../client/rules.js";
import { readTime } from "../client/when.js";
import { agoInWords, momentInWords, spanInWords, timeInWords, windowInWords } from "../words/when.js";
import { serverInWords } from "../words/reasons.js";
import { has, locale, t } from "../words/words.js";
import { recurrenceInWords } from "./recurrence.js";

/** Which field of a form a problem is about. @type {Record<string, string>} */
const FIELDS = Object.freeze({
  "exists": "name", "bad-name": "name", "no-such-camera": "camera", "no-such-user": "user", "weak-password": "password", "control-taken": "start",
  "bad-window": "end", "bad-rule": "other", "wrong-credentials": "password",
});

/**
 * A problem in words, and the field it is about. What the page itself says has `own` in its body: it is said already in the viewer's language.
 * @param {{code: string, message: string, body: any, status?: number}} problem @param {number} now @param {How} [how]
 * @returns {{field: string, words: string}}
 */
export function problemInWords(problem, now, how) {
  const { code, body } = problem;
  const field = Object.hasOwn(FIELDS, code) ? FIELDS[code] : "";
  const [start, end] = [readTime(body?.start), readTime(body?.end)];
  if (code === "control-taken" && start !== null && end !== null) {
    return { field, words: t("admin.control-taken", { window: windowInWords(start, end, now, how) }) };
  }
  const message = body?.own === true ? problem.message : serverInWords(problem);
  const words = message.charAt(0).toUpperCase() + message.slice(1);
  return { field, words: /[.!?]$/.test(words) ? words : `${words}.` };
}

/** @param {{online: boolean, lastSeen: number|null}} camera @param {number} now */
export const seenInWords = ({ online, lastSeen }, now) =>
  (online ? t("admin.online") : lastSeen === null ? t("admin.never-connected") : t("admin.last-seen", { ago: agoInWords(lastSeen, now) }));

/** Who it is: of a share link nobody reads more of its long id than its end. @param {string} name */
export const whoInWords = (name) => (name.startsWith("share:") ? t("admin.share-link-of", { end: isolated(name.slice(-4)).slice(1, -1) }) : name);

/** Since when a session runs and until when it may. @param {{started: number|null, until: number|null, connected: boolean}} session @param {number} now @param {How} [how] */
export function sessionInWords({ started, until, connected }, now, how) {
  const parts = [started === null ? "" : t("admin.since", { time: timeInWords(started, how) }), until === null ? "" : t("admin.until", { time: momentInWords(until, now, how) })];
  if (!connected) parts.push(t("admin.connection-lost"));
  return parts.filter(Boolean).join(", ");
}

/** Permissions beside `view`, which goes without saying. @param {string[]} perms */
export function permsInWords(perms) {
  const more = perms.filter((perm) => perm !== "view").map((perm) => (has(`admin.perm-${perm}`) ? t(`admin.perm-${perm}`) : perm));
  return more.length ? t("admin.may-do", { what: more.join(", ") }) : t("admin.may-view");
}

/** So many bit/s. @param {number} bits */
export function rateInWords(bits) {
  const [value, unit] = bits < 1e6 ? [bits / 1e3, "kbit/s"] : bits < 1e9 ? [bits / 1e6, "Mbit/s"] : [bits / 1e9, "Gbit/s"];
  return `${new Intl.NumberFormat(locale(), { maximumSignificantDigits: 3 }).format(value)} ${unit}`;
}

/** What a session's ends said last of its picture. @param {any} session as the server tells it */
export function numbersInWords({ sent, shown }) {
  const number = (/** @type {unknown} */ value) => (typeof value === "number" && Number.isFinite(value) ? value : 0);
  const parts = [];
  if (number(sent?.width)) parts.push(`${number(sent.width)}×${number(sent.height)}`);
  if (number(sent?.rungs) > 1) parts.push(t("admin.rung", { rung: number(sent.rung) + 1, rungs: number(sent.rungs) }));
  if (number(sent?.rate)) parts.push(rateInWords(number(sent.rate)));
  if (number(sent?.estimate)) parts.push(t("admin.network-allows", { rate: rateInWords(number(sent.estimate)) }));
  if (sent) parts.push(t("admin.lost", { percent: new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 1 }).format(number(sent.loss)) }));
  if (number(sent?.rtt)) parts.push(`${Math.round(number(sent.rtt) * 1_000)} ms`);
  if (number(shown?.freezes)) parts.push(t("admin.freezes", { count: number(shown.freezes) }));
  return parts.join(" · ");
}

/**
 * How a camera with this key is started: the file holds the key, since what stands in a command shows in `ps`.
 * @param {string} id the camera's @param {string} key
 */
export function launchLines(id, key) {
  const file = `${/^[\w.-]+$/.test(id) ? id : "camera"}.key`;
  return [
    `(umask 077; echo '${key.replace(/'/g, "")}' > ${file})`,
    `gst-launch-1.0 portholesrc ! portholeoverlay ! portholesink camera-key-file=${file}`,
  ].join("\n");
}

/** An entry of the audit log as a sentence. @param {any} entry @returns {Part[]} */
export function auditInWords(entry) {
  const action = text(entry?.action);
  const sentence = has(`admin.log.${action}`) ? t(`admin.log.${action}`) : `{actor}: ${action}`;
  return sentence.split(/(\{\w+\})/).filter(Boolean).map((/** @type {string} */ part) => {
    const field = part.match(/^\{(\w+)\}$/)?.[1];
    if (!field) return part;
    return { name: whoInWords(text(entry[field]) || (field === "user" ? text(entry.actor) : "")) || t("admin.someone") };
  });
}

/** Why something ended or was refused. @param {unknown} code */
export function reasonInWords(code) {
  const words = text(code);
  return has(`admin.reason.${words}`) ? t(`admin.reason.${words}`) : words.replaceAll("-", " ");
}

/** Of a sum of refusals: more is not read. */
const MAX_COUNTED = 5;
/** What belongs to a window of time, and is said with it. */
const OF_WINDOW = ["start", "end", "rule", "zone"];
/** What goes without saying, or is for programs. */
const UNSAID = ["peer", "call", "asked"];

/** What else an entry has to say, after its sentence. @param {any} entry @param {number} now @param {How} [how] @returns {string} */
export function detailsInWords(entry, now, how) {
  const details = entry?.details;
  if (!details || typeof details !== "object") return "";
  const at = readTime(entry.at) ?? now;
  const [start, end] = [readTime(details.start), readTime(details.end)];
  const window = start !== null && end !== null;
  const parts = window ? [windowInWords(start, end, now, how)] : [];
  if (window && details.rule) parts.push(recurrenceInWords(text(details.rule)));
  for (const [name, value] of Object.entries(details)) {
    if (value === null || value === "" || (window && OF_WINDOW.includes(name)) || UNSAID.includes(name)) continue;
    parts.push(detail(name, value, at, details));
  }
  return text(parts.filter(Boolean).join(" · "));
}

/** What there were several of, each with how many: `{code: number}`. @param {any} value @param {(name: string) => string} inWords */
function counted(value, inWords) {
  const some = Object.entries(value ?? {}).slice(0, MAX_COUNTED);
  return some.map(([name, count]) => `${inWords(name)}${Number(count) > 1 ? ` (${Number(count)})` : ""}`).join(", ");
}

/** @param {string} name @param {any} value @param {number} at @param {any} details */
function detail(name, value, at, details) {
  const number = typeof value === "number" && Number.isFinite(value) ? value : 0;
  const from = readTime(value);
  switch (name) {
    case "reason": return reasonInWords(value);
    case "reasons": return counted(value, reasonInWords);
    case "cameras": return list(value).length ? list(value).map((id) => isolated(text(id))).join(", ") : counted(value, (id) => isolated(text(id)));
    case "perms": return permsInWords(list(value).map(text));
    case "saving": return value === false ? t("admin.no-saving") : "";
    case "count": return t("admin.times", { count: number });
    case "started": case "from": return from === null ? "" : t("admin.lasted", { span: spanInWords(Math.max(0, (readTime(details.to) ?? at) - from)) });
    case "to": return "";
    case "bookings": return number ? t("admin.with-bookings", { count: number }) : "";
    case "links": return number ? t("admin.with-links", { count: number }) : "";
    case "uses": return t("admin.for-browsers", { count: number });
    case "called": return t("admin.called", { name: isolated(text(value)) });
    case "name": return isolated(text(value));
    case "role": return t(value === "administrator" ? "admin.role-administrator" : "admin.role-viewer");
    case "password": return t("admin.other-password");
    case "restored": return value === true ? t("admin.went-on") : "";
    case "missed": return t("admin.not-written", { count: number });
    case "detail": return isolated(text(value));
    default: return `${text(name)}: ${text(list(value).length ? list(value).join(", ") : typeof value === "object" ? JSON.stringify(value) : String(value))}`;
  }
}

/** Which one it was, where there may be many: the end of a long id. @param {any} entry */
export function subjectInWords(entry) {
  const id = text(entry?.subject);
  return id ? `…${id.slice(-4)}` : "";
}
