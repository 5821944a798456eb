// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * What the client decides by: its bounds, the meaning of the server's codes, when to try again. Pure.
 *
 * @typedef {import("./types.js").Step} Step
 * @typedef {import("./types.js").Terms} Terms
 * @typedef {import("./types.js").Proof} Proof
 */

import { readTime } from "./when.js";

/** First wait before a retry: short, so that a restarted server is hardly noticed. */
export const BACKOFF_FIRST_MS = 500;
/** Longest wait before a retry, jitter included: a page is back within 3 s of its server. */
export const BACKOFF_CAP_MS = 2_000;
/** The same where a place must become free first, which no haste brings about. */
export const FULL_CAP_MS = 5_000;
/** A connection or picture that held this long starts again with the first wait. */
export const STABLE_MS = 10_000;
/** From opening the WebSocket to the list of cameras; also for each HTTP request. */
export const CONNECT_TIMEOUT_MS = 10_000;
/** A quiet connection is asked for a word this often: pages cannot send WebSocket pings. */
export const KEEPALIVE_MS = 20_000;
/** From `startSession` to its answer. The server answers from memory. */
export const ANSWER_TIMEOUT_MS = 10_000;
/** From the answer to the first picture: opening a camera plus ICE over a relay. */
export const FIRST_FRAME_TIMEOUT_MS = 20_000;
/** ICE often recovers by itself from a change of network; after this it is quicker to start anew. */
export const DISCONNECTED_MS = 5_000;
/** When the camera ends the media, its reason comes by way of the server, a little later. */
export const REASON_MS = 500;
/** Media that ends this close to the end of the lease ends because of it: leases are told in whole seconds. */
export const LEASE_SLACK_MS = 2_000;
/** How often the counters are read until the first picture, and after it. */
export const POLL_FIRST_MS = 250;
export const POLL_LIVE_MS = 2_000;
/** So many reads without one new packet (10 s) and a picture counts as frozen. */
export const STALL_POLLS = 5;
/** A server may ask for patience with `Retry-After`; no page waits longer than this. */
export const RETRY_AFTER_CAP_S = 120;
/** Candidates kept until the offer is applied; a camera has a few dozen. */
export const MAX_CANDIDATES = 256;
/** For finding the ways to this device before an offer is made, in ms. Those that are found later are told by themselves. */
export const GATHER_MS = 2_000;
/** Words to the camera kept while the connection to the server is away; a page has a few dozen candidates. */
export const MAX_UNSENT = 256;
/** Permissions read from one message; there are four. */
export const MAX_PERMISSIONS = 16;
/** An id or a secret, in characters; they have 43. */
export const MAX_ID = 128;
/** The largest message read, in characters: the first part of a list fits. */
export const MAX_MESSAGE = 1 << 20;
/** Cameras kept: more than a page shows. */
export const MAX_CAMERAS = 1_000;
/** Pictures at once; browsers decode about this many. */
export const MAX_SESSIONS = 16;
/** A link that opens later is tried again then, and at least this often: clocks differ, and links are changed. */
export const OPENS_CAP_S = 3_600;
/** Text from the network that is shown to people, in characters. */
export const MAX_TEXT = 300;
/** The server takes no longer name of a guest, in characters. */
export const MAX_CALLED = 40;

/** What each stable code means and what to do about it, in words for people. @type {Readonly<Record<string, string>>} */
export const REASONS = Object.freeze({
  "unauthorized": "You are not signed in, or your token is not known. Ask for a new link.",
  "not-permitted": "You may not watch this camera now. Ask its owner for a booking.",
  "no-booking": "This camera is not open to you now.",
  "no-such-camera": "There is no such camera, or it is not yours to see. Check the link you were given.",
  "camera-offline": "The camera is not connected. The picture comes when it is back.",
  "camera-full": "The camera is full (its max-viewers is reached). It is tried again by itself.",
  "grant-refused": "The camera turned the permission down. Try again; if it stays, its camera key may be out of date.",
  "lease-ended": "Your time with this camera is over. Book it again to go on watching.",
  "revoked": "Your permission was withdrawn. Ask the camera's owner.",
  "viewer-left": "You closed the picture.",
  "camera-gone": "The camera went away. The picture comes back when it does.",
  "server-unreachable": "The connection to the server was lost. It is tried again by itself.",
  "media-failed": "The picture could not get through. It is tried again by itself.",
  "replaced": "The camera was connected a second time. The picture comes from the new connection.",
  "too-many": "There are too many connections or pictures. Close some, or try again later.",
  "no-such-session": "The server no longer knows this picture. It is asked for again.",
  "bad-message": "The server could not read this page's message. Reload the page.",
  "bad-description": "The camera cannot work with what this browser offers. Update the browser, or use another one.",
  "offer-refused": "This browser cannot play what the camera offers. Update the browser, or use another one; the camera's operator is told.",
  "too-large": "This page sent more than the server takes. Reload the page.",
  "no-such-call": "This call is over.",
  "call-taken": "Somebody else has answered.",
  "unconfirmed": "The server did not confirm the picture after an interruption. It is asked for again.",
  "other": "Something went wrong that this page does not know. Reload the page.",
});

/** What is said of a picture that stands still although all is connected. */
export const NO_PICTURE = "The camera sends no picture just now.";

/** Codes to which the server's own words add nothing. */
const SAYS_IT_ALL = ["unauthorized", "no-booking", "no-such-camera", "camera-offline", "camera-full", "viewer-left"];

/**
 * The sentence for a code. What the server adds is shown where it tells more than the code does,
 * such as the time of the next booking.
 * @param {string} code @param {unknown} [details]
 */
export function describe(code, details = "") {
  const known = Object.hasOwn(REASONS, code) ? code : "other";
  const more = SAYS_IT_ALL.includes(known) ? "" : text(details);
  return more ? `${REASONS[known]} (${more})` : REASONS[known];
}

/** What the server closes a connection for besides the codes. @type {Readonly<Record<string, string>>} */
const CLOSED = Object.freeze({
  "too-slow": "This page did not read what the server sent. It connects again by itself.",
});

/**
 * Why a server that answered ended the connection, or null where it gave no reason. Final is what a new
 * connection cannot change.
 * @param {string} code the reason of the closing frame, or the code of the `error` before it
 * @param {unknown} [details]
 * @returns {{code: string, message: string, action: "retry"|"wait"|"stop"}|null}
 */
export function turnedAway(code, details = "") {
  if (Object.hasOwn(CLOSED, code)) return { code, message: CLOSED[code], action: "retry" };
  if (!Object.hasOwn(REASONS, code)) return null;
  const action = ["unauthorized", "not-permitted", "revoked"].includes(code) ? "stop" : code === "too-many" ? "wait" : "retry";
  return { code, message: describe(code, details), action };
}

/**
 * The wait before retry number `attempt` (from 0), in ms: doubling, capped, and jittered so that many
 * pages do not come back at the same moment.
 * @param {number} attempt @param {number} random in [0, 1) @param {number} [cap] in ms
 */
export function backoff(attempt, random, cap = BACKOFF_CAP_MS) {
  const ceiling = Math.min(cap, BACKOFF_FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.round(ceiling / 2 + (random * ceiling) / 2);
}

/**
 * What a session does when it was refused or ended. `wait` is a retry once the camera is there. A lease that has
 * ended is not asked for again: it would be had in full, and the end of the time would be no end.
 * @param {string} code
 * @returns {Step}
 */
export function decide(code) {
  switch (code) {
    case "media-failed": case "server-unreachable": case "replaced": case "no-such-session": case "unconfirmed":
      return { action: "retry", state: "reconnecting", code };
    case "camera-full":
      return { action: "retry", state: "refused", code };
    case "camera-gone": case "camera-offline":
      return { action: "wait", state: "reconnecting", code };
    case "lease-ended": case "viewer-left":
      return { action: "stop", state: "ended", code };
    default:
      return { action: "stop", state: "refused", code: Object.hasOwn(REASONS, code) ? code : "other" };
  }
}

/**
 * The terms of a session as the server tells them, on this device's clock; null where they cannot be read.
 * @param {any} told @param {number} now in ms
 * @returns {Terms|null}
 */
export function readTerms(told, now) {
  if (!Number.isFinite(told?.lease) || told.lease < 0) return null;
  const perms = list(told.perms).slice(0, MAX_PERMISSIONS).map(text).filter(Boolean);
  return { until: now + told.lease * 1_000, perms, saving: told.saving !== false };
}

/**
 * Which permissions were given and which were taken from one word of the server to the next.
 * @param {Terms|null} before @param {Terms|null} after
 */
export function changes(before, after) {
  if (!before || !after) return { given: [], taken: [] };
  const without = (/** @type {Terms} */ a, /** @type {Terms} */ b) => a.perms.filter((perm) => !b.perms.includes(perm));
  return { given: without(after, before), taken: without(before, after) };
}

/**
 * A session's id and secret, or null where either is missing.
 * @param {any} told @returns {Proof|null}
 */
export function readProof(told) {
  const { sessionId, secret } = told ?? {};
  const fits = (/** @type {unknown} */ id) => typeof id === "string" && id !== "" && id.length <= MAX_ID;
  return fits(sessionId) && fits(secret) ? { sessionId, secret } : null;
}

/** An identity provider. @typedef {{name: string, login: string}} Openid */

/**
 * The identity provider that the server tells of, or null where there is none.
 * @param {any} told @returns {Openid|null}
 */
export function readOpenid(told) {
  const [name, login] = [text(told?.name), webAddress(told?.login)];
  return name && login ? { name, login } : null;
}

/** An address that a browser may be sent to; empty if it is none. @param {unknown} value */
export const webAddress = (value) => (typeof value === "string" && /^https?:\/\/[^\s/]/.test(value) ? value : "");

/** @param {unknown} value */
export const text = (value) => (typeof value === "string" ? value.slice(0, MAX_TEXT) : "");
/** A name amid other words: its direction ends where it ends (U+2068 and U+2069), and nowhere before. @param {string} name */
export const isolated = (name) => `\u2068${name.slice(0, MAX_TEXT).replace(/[\u202a-\u202e\u2066-\u2069]/g, "")}\u2069`;
/** @param {unknown} value */
export const list = (value) => (Array.isArray(value) ? value : []);

export class Refusal extends Error {
  /**
   * @param {string} code @param {string} message
   * @param {{retryAfter?: number, opens?: number|null, passwords?: boolean, openid?: Openid|null, second?: import("./second-factor.js").Second|null}} [more] `retryAfter` in
   *   seconds, 0 for never; `opens`: when a link does, in ms; whether there are accounts with passwords, and an identity provider; what is asked
   *   for besides the password
   */
  constructor(code, message, { retryAfter = 0, opens = null, passwords, openid, second = null } = {}) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
    this.opens = opens;
    this.passwords = passwords;
    this.openid = openid;
    this.second = second;
  }
}

/** What is asked for besides a password, in words. @type {Readonly<Record<string, string>>} */
const SECOND = Object.freeze({
  "code-needed": "Type the code that your app shows, or one of your recovery codes.",
  "wrong-passkey": "The passkey was not taken. Try again, or use another way.",
  "challenge-over": "That took too long. Sign in again.",
  "wrong-code": "The code is not right, or was used already. Type the next one.",
  "second-factor-needed": "Type the code that the app shows then.",
});

/**
 * Why the server did not take a credential. `retryAfter` says when it may.
 * @param {import("./types.js").Credential} credential @param {number} status @param {any} problem
 * @param {string|null} retryAfter the header @param {number} now in ms
 */
export function readEntrance(credential, status, problem, retryAfter, now) {
  const code = text(problem?.code) || "other";
  if (status === 429 || status === 503) {
    const seconds = Math.min(RETRY_AFTER_CAP_S, Math.max(1, Number(retryAfter) || 1));
    // A wrong password is not sent again and again by itself.
    if ("password" in credential) return new Refusal("too-many", `Too many tries. Try again in ${seconds} s.`);
    return new Refusal("too-many", `Too many tries. This page tries again in ${seconds} s.`, { retryAfter: seconds });
  }
  const asked = Object.hasOwn(SECOND, code) && "password" in credential;
  if (asked && code === "code-needed" && problem?.passkey) {
    return new Refusal(code, problem.app === false ? "Use your passkey, or type one of your recovery codes." : "Use your passkey, or type a code.");
  }
  if (asked) return new Refusal(code, SECOND[code]);
  if (code === "link-not-yet") {
    const opens = readTime(problem.opens);
    const seconds = opens === null ? OPENS_CAP_S : Math.ceil((opens - now) / 1_000);
    return new Refusal(code, "This link is not open yet.", { retryAfter: Math.min(OPENS_CAP_S, Math.max(1, seconds)), opens });
  }
  if (code === "link-spent") return new Refusal(code, "This link has been used up, or its time is over. Ask for a new one.");
  if (status !== 401) return new Refusal(code, text(problem?.message) || text(problem?.detail) || describe("other"));
  if ("token" in credential) return new Refusal("unauthorized", "The server does not know this token. Check it, or ask for a new link.");
  if ("share" in credential) return new Refusal("unauthorized", "The server does not know this link. Check it, or ask for a new one.");
  return new Refusal("wrong-credentials", "The name or the password is not right.");
}

export class Stateful extends EventTarget {
  state = "connecting";
  code = "";
  message = "";
  /** @param {string} state @param {string} [code] @param {string} [message] */
  _set(state, code = "", message = "") {
    if (state === this.state && code === this.code && message === this.message) return;
    Object.assign(this, { state, code, message });
    this.dispatchEvent(new CustomEvent("state", { detail: { state, code, message } }));
  }
}
