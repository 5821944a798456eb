// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What one shows besides a password: what the server asks for, and the codes for when the app is lost. */
import { $, made } from "./dom.js";
import { readCeremony } from "./ceremony.js";
import { list, text } from "./rules.js";
import { recoveryDialog } from "./sign-in-form.js";

/** Recovery codes read from one answer; there are ten. */
const MAX_CODES = 32;
/** Longest picture of a QR code, in characters. */
const MAX_PICTURE = 200_000;

/**
 * A second factor that one is to have, or, without a `sealed` one, that one has: an `app` for codes, a passkey, or both. `again` where
 * it is the one that was asked for before.
 * @typedef {{sealed: string, secret: string, link: string, picture: string, app: boolean, passkey: import("./ceremony.js").Ceremony|null, again: boolean}} Second
 */

/**
 * What the server asks for besides the password; null where it asks for nothing.
 * @param {any} problem @returns {Second|null}
 */
export function readSecond(problem) {
  const none = { sealed: "", secret: "", link: "", picture: "", app: problem?.app !== false, passkey: readCeremony(problem?.passkey), again: false };
  if (problem?.code === "code-needed") return none;
  if (problem?.code === "wrong-code" || problem?.code === "wrong-passkey") return { ...none, again: true };
  if (problem?.code !== "second-factor-needed") return null;
  const { enrolment, secret, link, qr } = problem;
  const isPicture = typeof qr === "string" && qr.startsWith("data:image/svg+xml;base64,") && qr.length <= MAX_PICTURE;
  return {
    ...none, sealed: text(enrolment), secret: text(secret), link: typeof link === "string" && link.startsWith("otpauth://totp/") ? link : "",
    picture: isPicture ? qr : "",
  };
}

/** The recovery codes of a second factor that was just made. @param {any} answer @returns {string[]} */
export const readRecoveryCodes = (answer) => list(answer?.recoveryCodes).slice(0, MAX_CODES).map(text).filter(Boolean);

/** Shows them, once. @param {string[]} codes */
export function showRecoveryCodes(codes) {
  if (!codes.length) return;
  const dialog = $("#recovery-dialog") ?? recoveryDialog();
  const shown = $(".codes", dialog);
  shown.replaceChildren(...codes.map((code) => made("li", code)));
  $(".close", dialog).onclick = () => dialog.close();
  dialog.onclose = () => shown.replaceChildren();
  dialog.showModal();
}

/** Letters in groups of four, as people read them. @param {string} secret */
export const inGroups = (secret) => secret.match(/.{1,4}/g)?.join(" ") ?? "";
