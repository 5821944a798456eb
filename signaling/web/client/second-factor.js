// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What the server asks for besides a password, as it says it. Pure. */
import { list, text } from "./rules.js";

/** Recovery codes read from one answer; there are ten. */
const MAX_CODES = 32;
/** Longest picture of a QR code, in characters. */
const MAX_PICTURE = 200_000;

/** What a server asks of a device. @typedef {{options: any, challenge: string}} Ceremony */

/** @param {any} told @returns {Ceremony|null} */
export const readCeremony = (told) => (typeof told?.challenge === "string" && typeof told?.options?.publicKey === "object" && told.options.publicKey
  ? { options: told.options, challenge: told.challenge } : null);

/**
 * A second factor that one is to have, or, without a `sealed` one, that one has: an `app` for codes, a passkey, or both. `again` where
 * it is the one that was asked for before.
 * @typedef {{sealed: string, secret: string, link: string, picture: string, app: boolean, passkey: Ceremony|null, again: boolean}} Second
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
