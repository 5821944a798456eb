// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The dialog in which a guest says a name. */
import { $ } from "./dom.js";
import { storeName, storedName } from "./guest.js";

/** @param {any} dialog @param {(name: string) => void} said */
export function guestDialog(dialog, said) {
  const form = $("form", dialog);
  $(".cancel", dialog).addEventListener("click", () => dialog.close());
  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    const name = form.elements.called.value.trim();
    storeName(name);
    dialog.close();
    said(name);
  });
  return () => {
    form.elements.called.value = storedName();
    dialog.showModal();
  };
}
