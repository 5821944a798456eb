// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * What the administrator's page says. Pure; names are apart from the words around them, so that they cannot turn those.
 *
 * @typedef {string|{name: string}} Part
 * @typedef {import("../when.js").How} How
 */
import { list, text } from "../rules.js";
import { agoInWords, momentInWords, readTime, timeInWords, windowInWords } from "../when.js";

/** Which field of a form a problem is about. @type {Record<string, string>} */
const FIELDS = Object.freeze({
  "exists": "name", "bad-name": "name", "no-such-camera": "camera", "no-such-user": "user", "weak-password": "password", "control-taken": "start",
  "bad-window": "end", "bad-rule": "other", "wrong-credentials": "password",
});

/**
 * A problem in words, and the field it is about.
 * @param {{code: string, message: string, body: any}} problem @param {number} now @param {How} [how]
 * @returns {{field: string, words: string}}
 */
export function problemInWords({ code, message, body }, now, how) {
  const field = Object.hasOwn(FIELDS, code) ? FIELDS[code] : "";
  const [start, end] = [readTime(body?.start), readTime(body?.end)];
  if (code === "control-taken" && start !== null && end !== null) {
    return { field, words: `Somebody else controls this camera then (${windowInWords(start, end, now, how)}). Choose another time, or leave out control.` };
  }
  const words = message.charAt(0).toUpperCase() + message.slice(1);
  return { field, words: /[.!?]$/.test(words) ? words : `${words}.` };
}

/** @param {{online: boolean, lastSeen: number|null}} camera @param {number} now */
export const seenInWords = ({ online, lastSeen }, now) =>
  (online ? "Online" : lastSeen === null ? "Never connected" : `Last seen ${agoInWords(lastSeen, now)}`);

/** Who it is: of a share link nobody reads more of its long id than its end. @param {string} name */
export const whoInWords = (name) => (name.startsWith("share:") ? `share link …${name.slice(-4)}` : name);

/** Since when a session runs and until when it may. @param {{started: number|null, until: number|null, connected: boolean}} session @param {number} now @param {How} [how] */
export function sessionInWords({ started, until, connected }, now, how) {
  const parts = [started === null ? "" : `since ${timeInWords(started, how)}`, until === null ? "" : `until ${momentInWords(until, now, how)}`];
  if (!connected) parts.push("connection lost");
  return parts.filter(Boolean).join(", ");
}

/** Permissions beside `view`, which goes without saying. @param {string[]} perms */
export function permsInWords(perms) {
  const more = perms.filter((perm) => perm !== "view");
  return more.length ? `may ${more.join(", ")}` : "may view";
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

/**
 * What each action of the audit log is called; the words in braces stand for the entry's own.
 * @type {Record<string, string>}
 */
const ACTIONS = Object.freeze({
  "session.started": "{user} began to watch {camera}",
  "session.ended": "{user} no longer watches {camera}",
  "session.refused": "{user} was refused {camera}",
  "session.revoked": "{actor} ended {user}'s session at {camera}",
  "drive.started": "{user} began to drive the robot at {camera}",
  "drive.ended": "{user} no longer drives the robot at {camera}",
  "door.opened": "{user} opened the door at {camera}",
  "door.refused": "The door at {camera} did not open for {user}",
  "login.made": "{user} signed in",
  "login.refused": "{user} was not let in",
  "login.ended": "{user} signed out",
  "second-factor.made": "{user} has a second factor now",
  "second-factor.wrong": "Someone who has {user}'s password showed a wrong code or passkey",
  "second-factor.recovered": "{user} signed in with a recovery code",
  "second-factor.reset": "{actor} took {user}'s second factors away",
  "passkey.added": "{user} added a passkey",
  "passkey.renamed": "{user} renamed a passkey",
  "passkey.removed": "{user} removed a passkey",
  "passkey.counted-back": "A passkey of {user} counted back: there may be a copy of it",
  "user.added": "{actor} added the user {user}",
  "user.changed": "{actor} changed the user {user}",
  "user.removed": "{actor} removed the user {user}",
  "user.token": "{actor} made a new link for {user}",
  "camera.added": "{actor} added the camera {camera}",
  "camera.changed": "{actor} renamed the camera {camera}",
  "camera.rotated": "{actor} made a new key for the camera {camera}",
  "camera.removed": "{actor} removed the camera {camera}",
  "booking.added": "{actor} booked {camera} for {user}",
  "booking.changed": "{actor} changed {user}'s booking of {camera}",
  "booking.removed": "{actor} removed {user}'s booking of {camera}",
  "share.added": "{actor} made a share link for {camera}",
  "share.opened": "A share link for {camera} was opened",
  "share.rotated": "{actor} made the share link for {camera} anew",
  "share.removed": "{actor} removed a share link for {camera}",
});

/** An entry of the audit log as a sentence. @param {any} entry @returns {Part[]} */
export function auditInWords(entry) {
  const action = text(entry?.action);
  const sentence = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : `{actor}: ${action}`;
  return sentence.split(/(\{\w+\})/).filter(Boolean).map((part) => {
    const field = part.match(/^\{(\w+)\}$/)?.[1];
    if (!field) return part;
    return { name: whoInWords(text(entry[field]) || (field === "user" ? text(entry.actor) : "")) || "someone" };
  });
}

/** What else an entry has to say. @param {any} details @returns {string} */
export function detailsInWords(details) {
  if (!details || typeof details !== "object") return "";
  const value = (/** @type {unknown} */ it) => text(list(it).length ? list(it).join(", ") : typeof it === "object" ? JSON.stringify(it) : String(it));
  return text(Object.entries(details).filter(([, it]) => it !== null && it !== "").map(([name, it]) => `${name}: ${value(it)}`).join(" · "));
}
