// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * Whether this device can be rung while no page is open, and how that is said. Pure; `push-panel.js` does it.
 *
 * @typedef {{secure: boolean, worker: boolean, push: boolean, permission: string, isTab: boolean}} Device what the browser can; `isTab` is of
 *   an iPhone or iPad on which the page is not on the home screen
 * @typedef {"absent"|"unable"|"off"|"on"} Ringing
 * @typedef {{call: string, camera: string, answers: boolean}} Asked what somebody who touched a notification wants
 */
import { text } from "../client/rules.js";
import { t } from "../words/words.js";

/** Of a point on P-256 that is not compressed (SEC 1, 2.3.3), in bytes, and how it begins. */
const KEY_BYTES = 65;
const KEY_BEGINS = 4;
const CALL_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Who had this device rung. */
const STORED = "porthole-rings";

/** The key by which the server signs what it pushes, as browsers want it; null if it is none. @param {any} told what `api/v1/push` answered */
export function readPushKey(told) {
  const key = told?.publicKey;
  if (typeof key !== "string" || !/^[\w-]+$/.test(key)) return null;
  let bytes;
  try {
    bytes = Uint8Array.from(atob(key.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
  } catch {
    return null;
  }
  return bytes.length === KEY_BYTES && bytes[0] === KEY_BEGINS ? bytes : null;
}

/** Whether a subscription was made for this key. @param {any} subscription @param {Uint8Array} key */
export function isFor(subscription, key) {
  const made = subscription?.options?.applicationServerKey;
  if (!made) return false;
  const bytes = new Uint8Array(made);
  return bytes.length === key.length && bytes.every((byte, i) => byte === key[i]);
}

/** Why this device cannot be rung, in words; empty if it can. @param {Device} device @param {boolean} server whether the server has push */
export function whyNotRung({ secure, worker, push, permission, isTab }, server) {
  if (!server) return t("parts.push-no-server");
  if (!secure) return t("parts.push-insecure");
  if (isTab) return t("parts.push-home-screen");
  if (!worker || !push) return t("parts.push-unable");
  if (permission === "denied") return t("parts.push-blocked");
  return "";
}

/** The button and the words beside it. @param {Ringing} state @param {string} why @param {boolean} isPhone */
export function ringingInWords(state, why, isPhone) {
  const device = isPhone ? "phone" : "computer";
  if (state === "on") return { button: t("parts.push-on"), words: t(`parts.push-on-${device}`) };
  return { button: t(`parts.push-ring-${device}`), words: state === "unable" ? why : t(`parts.push-off-${device}`) };
}

/** Keeps who has this device rung, or that nobody has. @param {() => Storage} storage which may throw @param {string} user */
export function keepRung(storage, user) {
  try {
    if (user) storage().setItem(STORED, user);
    else storage().removeItem(STORED);
  } catch { /* It is asked for once more. */ }
}

/** @param {() => Storage} storage which may throw */
export function whoIsRung(storage) {
  try { return text(storage().getItem(STORED)); } catch { return ""; }
}

/** What the service worker passes on from a notification; null if it is none of it. @param {any} told @returns {Asked|null} */
export function readAsked(told) {
  if (told?.porthole !== "call" || typeof told.call !== "string" || !CALL_ID.test(told.call)) return null;
  return { call: told.call, camera: text(told.camera), answers: told.answers === true };
}
