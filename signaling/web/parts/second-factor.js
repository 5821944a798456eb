// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What one shows besides a password: the codes for when the app is lost. */
import { $, made } from "./dom.js";
import { recoveryDialog } from "./sign-in-form.js";

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
