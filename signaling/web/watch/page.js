// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * What the page decides and says: links, what outlives a reload, time and permissions in words. Pure; `main.js`
 * puts it on the screen.
 *
 * @typedef {import("../client/types.js").Proof} Proof
 * @typedef {import("../client/types.js").Terms} Terms
 */
import { MAX_SESSIONS, list, readProof, text } from "../client/rules.js";
import { reasonInWords } from "../words/reasons.js";
import { momentInWords } from "../words/when.js";
import { t } from "../words/words.js";

/** The time that is left is shown when less than this is: before, it tells nobody anything. */
export const COUNTDOWN_MS = 3_600_000;
/** A viewer is warned this long before the end: enough to bring things to an end. */
export const WARNING_MS = 120_000;
/** How long a change of permissions stays on the screen: read twice. */
export const NOTICE_MS = 8_000;

/** Where the sessions of the page before this one are kept. Only this tab can read it. */
const STORED = "porthole-sessions";

/**
 * What a link's fragment holds, such as `#token=…&camera=front` or `#share=…`, which is percent-encoded. One with a `call` is of a
 * doorbell's.
 * @param {string} fragment
 * @returns {{token?: string, share?: string, camera?: string, call?: string}}
 */
export function readLink(fragment) {
  const fields = new URLSearchParams(fragment.replace(/^#/, ""));
  const field = (/** @type {string} */ name) => fields.get(name) || undefined;
  return { token: field("token"), share: field("share"), camera: field("camera"), call: field("call") };
}

/**
 * Keeps the sessions of a page that goes away. They are stored at its end and taken out at the next beginning, so
 * that a second tab made from this one finds none that still runs. A browser that stores nothing loses nothing but
 * time: the server ends the sessions by itself after half a minute.
 * @param {() => Storage} storage which may throw @param {Map<string, Proof>} proofs by camera
 */
export function keepSessions(storage, proofs) {
  try {
    const kept = [...proofs].slice(0, MAX_SESSIONS).map(([camera, proof]) => ({ camera, ...proof }));
    storage().setItem(STORED, JSON.stringify(kept));
  } catch { /* Storage may be off or full. */ }
}

/**
 * The sessions of the page that was in this tab before. Nobody watches them any more, however one came here: a page
 * loaded again while the server is away counts as a new visit in the end.
 * @param {() => Storage} storage which may throw
 * @returns {Map<string, Proof>} by camera
 */
export function takeSessions(storage) {
  const found = new Map();
  try {
    const stored = storage().getItem(STORED);
    storage().removeItem(STORED);
    for (const each of list(JSON.parse(stored ?? "[]")).slice(0, MAX_SESSIONS)) {
      const [camera, proof] = [text(each?.camera), readProof(each)];
      if (camera && proof) found.set(camera, proof);
    }
  } catch { /* As above; or another page of this origin stored something else. */ }
  return found;
}

/**
 * How the end of the time is announced: a countdown, and a warning that stays the same while the countdown runs.
 * @param {Terms|null} terms @param {number} now in ms
 */
export function timeLeft(terms, now) {
  const left = terms ? Math.max(0, terms.until - now) : Infinity;
  if (left >= COUNTDOWN_MS) return { countdown: "", warning: "" };
  const seconds = Math.ceil(left / 1_000);
  const countdown = t("watch.left", { time: `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}` });
  return { countdown, warning: left <= WARNING_MS ? t("watch.left-warning") : "" };
}

/** Permissions whose change is told; `view` is not among them, for its end is the end of the session. */
const TOLD = ["listen", "talk", "control", "door"];

/** Changed permissions in words. @param {{given: string[], taken: string[]}} changes */
export function changesInWords({ given, taken }) {
  const told = (/** @type {string[]} */ perms) => perms.filter((perm) => TOLD.includes(perm));
  return [...told(given).map((perm) => t(`watch.may.${perm}`)), ...told(taken).map((perm) => t(`watch.may-not.${perm}`))].join(" ");
}

/** Whether there is sound for this viewer. @param {Terms|null} terms */
export const mayListen = (terms) => !terms || terms.perms.includes("listen");

/** Why a picture is over that was there, and not one that was never let in. */
const ENDS = ["lease-ended", "viewer-left", "revoked"];

/**
 * A picture's state in a word or two, and what there is to say of it.
 * @param {string} state @param {string} message the client's @param {string} [code]
 */
export function stateInWords(state, message, code = "") {
  const over = state === "ended" || (state === "refused" && ENDS.includes(code));
  // Of one that was never there it cannot be said that it is looked for again.
  const away = state === "reconnecting" && code === "camera-offline";
  return { title: t(`watch.state.${over ? "ended" : away ? "camera-off" : state}`), words: reasonInWords(code, message) };
}

/**
 * The connection's state, and whether signing in may help.
 * @param {{state: string, code: string, message: string, user: string, openAccess: boolean, opens?: number|null}} client
 * @param {number} now in ms @param {import("../words/when.js").How} [how]
 */
export function connectionInWords({ state, code, message: told, user, openAccess, opens = null }, now, how) {
  const message = reasonInWords(code, told);
  const early = code === "link-not-yet";
  const signIn = state === "refused" && !early && !(code === "too-many" && (user || openAccess));
  if (state === "refused" && early) {
    return { words: opens ? `${message} ${t("watch.opens", { time: momentInWords(opens, now, how) })}` : message, signIn };
  }
  switch (state) {
    case "connecting": return { words: t("watch.connection.connecting"), signIn };
    case "online": return { words: [t("watch.connection.online"), message].filter(Boolean).join(". "), signIn };
    case "refused": return { words: signIn ? t("watch.connection.signed-out") : message, signIn };
    default: {
      const why = code === "server-unreachable" || !message ? t("watch.cause.server") : message;
      return { words: t("watch.connection.reconnecting", { why }), signIn };
    }
  }
}
