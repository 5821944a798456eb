// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The dialog in which one changes one's own password. */
import { $, say } from "./dom.js";
import { serverInWords } from "../words/reasons.js";
import { t } from "../words/words.js";

/** What is wrong with a new password before the server is asked, which has rules of its own; empty if nothing. @param {string} fresh @param {string} repeated */
const mismatch = (fresh, repeated) => (fresh === repeated ? "" : t("parts.passwords-differ"));

/** @param {any} dialog @param {import("./api.js").Api} api @param {() => void} done */
export function passwordDialog(dialog, api, done) {
  const form = $("form", dialog);
  const error = $(".error", dialog);
  $(".cancel", dialog).addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    form.reset();
    say(error, "");
  });
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    const { old, fresh, repeated } = form.elements;
    say(error, mismatch(fresh.value, repeated.value));
    if (error.textContent) return;
    try {
      await api.put("me/password", { old: old.value, new: fresh.value });
      dialog.close();
      done();
    } catch (/** @type {any} */ problem) {
      say(error, problem.code === "wrong-credentials" ? t("parts.wrong-old-password") : serverInWords(problem));
      if (problem.code === "wrong-credentials") old.focus();
    }
  });
  return () => dialog.showModal();
}
