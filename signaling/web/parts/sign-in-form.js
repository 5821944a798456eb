// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What stands in the form by which someone signs in, which both pages have, and in the dialog with what comes with a second factor. */
import { made } from "./dom.js";
import { t } from "../words/words.js";

/** A label and its field, of which both pages have the same. @param {string} id @param {string} label @param {object} attributes */
function field(id, label, attributes) {
  const input = made("input", "", { id, required: true });
  for (const [name, value] of Object.entries({ ...attributes, "aria-describedby": "sign-in-error" })) input.setAttribute(name, value);
  return [made("label", label, { htmlFor: id }), input];
}

/** @param {string} way @param {any[]} children */
function fieldset(way, ...children) {
  const set = made("fieldset", "", { className: way, hidden: true, disabled: true });
  set.append(...children);
  return set;
}

/** Text that is no word of a language. */
const PLAIN = { autocapitalize: "off", spellcheck: "false" };

/** Puts the fields into the form, behind its title. @param {any} form */
export function layOutSignIn(form) {
  const openid = made("a", "", { className: "button main by-openid", hidden: true });
  const enrolment = made("div", "", { className: "enrolment", hidden: true });
  const qr = made("img", "", { className: "qr", alt: t("parts.enrolment-qr"), width: 220, height: 220 });
  const [secret, link] = [made("code", "", { className: "secret" }), made("a", t("parts.enrolment-app"), { className: "link" })];
  const lines = [made("p"), made("p")];
  lines[0].append(secret);
  lines[1].append(link);
  enrolment.append(made("p", t("parts.enrolment")), qr, ...lines);
  const passkey = made("button", t("parts.use-passkey"), { type: "button", className: "by-passkey", hidden: true });
  const error = made("p", "", { id: "sign-in-error", className: "error" });
  error.setAttribute("role", "alert");
  const ids = /** @type {[any, string][]} */ ([[openid, "openid"], [qr, "qr"], [secret, "totp-secret"], [link, "totp-link"], [passkey, "use-passkey"], [error, "sign-in-error"]]);
  for (const [element, id] of ids) element.dataset.testid = id;
  form.append(
    openid,
    fieldset("by-password",
      ...field("user-name", t("parts.name"), { name: "user", "data-testid": "user-input", autocomplete: "username", maxlength: "64", ...PLAIN }),
      ...field("password-input", t("parts.password"), {
        name: "password", "data-testid": "password-input", type: "password", autocomplete: "current-password", maxlength: "1024",
      })),
    fieldset("by-token", ...field("token", t("parts.token"), {
      name: "token", "data-testid": "token-input", type: "password", autocomplete: "off", maxlength: "8192", ...PLAIN,
    })),
    fieldset("by-code", passkey, enrolment,
      ...field("code", t("parts.code"), { name: "code", "data-testid": "code-input", autocomplete: "one-time-code", maxlength: "64", ...PLAIN })),
    error,
    made("button", t("parts.sign-in"), { type: "submit", className: "main" }),
    made("button", t("parts.sign-in-token"), { type: "button", className: "other-way plain", hidden: true }),
  );
}

/** The dialog that shows recovery codes. */
export function recoveryDialog() {
  const dialog = made("dialog", "", { id: "recovery-dialog", className: "panel" });
  dialog.setAttribute("aria-labelledby", "recovery-title");
  dialog.dataset.testid = "recovery-dialog";
  const codes = made("ul", "", { className: "codes" });
  codes.dataset.testid = "recovery-codes";
  const buttons = made("div", "", { className: "buttons" });
  buttons.append(made("button", t("parts.recovery-done"), { type: "button", className: "main close" }));
  dialog.append(
    made("h2", t("parts.recovery-title"), { id: "recovery-title" }),
    made("p", t("parts.recovery-words"), { className: "note" }),
    codes, buttons,
  );
  document.body.append(dialog);
  return dialog;
}
