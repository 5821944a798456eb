// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What a browser is asked for with a passkey (WebAuthn calls it a ceremony), and what it answers. */
import { list } from "../client/rules.js";
import { t } from "../words/words.js";

/** @typedef {import("../client/second-factor.js").Ceremony} Ceremony */

/** Bytes, from base64 as WebAuthn spells it. @param {unknown} spelt */
export const bytes = (spelt) => Uint8Array.from(atob(String(spelt).replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

/** The other way. @param {ArrayBuffer} buffer */
export const spelt = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

/** @param {any} known a device as the server names it */
const named = (known) => ({ ...known, id: bytes(known?.id) });

/** Whether this browser, at this address, has anything to do with passkeys. */
export const hasPasskeys = () => Boolean(/** @type {any} */ (globalThis).PublicKeyCredential && navigator.credentials);

/** Has a device make a key. Resolves to what the server wants to see. @param {Ceremony} ceremony */
export async function create({ options: { publicKey }, challenge }) {
  const made = /** @type {any} */ (await navigator.credentials.create({
    publicKey: {
      ...publicKey, challenge: bytes(publicKey.challenge), user: { ...publicKey.user, id: bytes(publicKey.user?.id) },
      excludeCredentials: list(publicKey.excludeCredentials).map(named),
    },
  }));
  const { attestationObject, clientDataJSON } = made.response;
  const response = { attestationObject: spelt(attestationObject), clientDataJSON: spelt(clientDataJSON) };
  return { challenge, answer: { id: made.id, rawId: spelt(made.rawId), type: made.type, response, extensions: {} } };
}

/** Has a device sign. Resolves to what the server wants to see. @param {Ceremony} ceremony */
export async function get({ options: { publicKey }, challenge }) {
  const shown = /** @type {any} */ (await navigator.credentials.get({
    publicKey: { ...publicKey, challenge: bytes(publicKey.challenge), allowCredentials: list(publicKey.allowCredentials).map(named) },
  }));
  const { authenticatorData, clientDataJSON, signature, userHandle } = shown.response;
  const response = {
    authenticatorData: spelt(authenticatorData), clientDataJSON: spelt(clientDataJSON), signature: spelt(signature),
    userHandle: userHandle && spelt(userHandle),
  };
  return { challenge, answer: { id: shown.id, rawId: spelt(shown.rawId), type: shown.type, response, extensions: {} } };
}

/** Why a device or a browser did not do it, in words; empty where it was something else. @param {any} error */
export function whyNot(error) {
  switch (error?.name) {
    case "InvalidStateError": return t("parts.device-has-one");
    case "NotAllowedError": return t("parts.device-silent");
    case "NotSupportedError": return t("parts.device-cannot");
    case "SecurityError": return t("parts.device-elsewhere");
    default: return "";
  }
}
