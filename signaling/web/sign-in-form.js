// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What stands in the form by which someone signs in, which both pages have, and in the dialog with what comes with a second factor. */
import { made } from "./dom.js";

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
  const words = "Administrators sign in with a second factor here. Scan this with an app for codes (FreeOTP, Aegis, a password manager), or type the letters into it.";
  const qr = made("img", "", { className: "qr", alt: "The secret as a QR code", width: 220, height: 220 });
  const [secret, link] = [made("code", "", { className: "secret" }), made("a", "Open an app on this device", { className: "link" })];
  const lines = [made("p"), made("p")];
  lines[0].append(secret);
  lines[1].append(link);
  enrolment.append(made("p", words), qr, ...lines);
  const passkey = made("button", "Use a passkey", { type: "button", className: "by-passkey", hidden: true });
  const error = made("p", "", { id: "sign-in-error", className: "error" });
  error.setAttribute("role", "alert");
  const ids = /** @type {[any, string][]} */ ([[openid, "openid"], [qr, "qr"], [secret, "totp-secret"], [link, "totp-link"], [passkey, "use-passkey"], [error, "sign-in-error"]]);
  for (const [element, id] of ids) element.dataset.testid = id;
  form.append(
    openid,
    fieldset("by-password",
      ...field("user-name", "Name", { name: "user", "data-testid": "user-input", autocomplete: "username", maxlength: "64", ...PLAIN }),
      ...field("password-input", "Password", {
        name: "password", "data-testid": "password-input", type: "password", autocomplete: "current-password", maxlength: "1024",
      })),
    fieldset("by-token", ...field("token", "Token", {
      name: "token", "data-testid": "token-input", type: "password", autocomplete: "off", maxlength: "8192", ...PLAIN,
    })),
    fieldset("by-code", passkey, enrolment,
      ...field("code", "Code", { name: "code", "data-testid": "code-input", autocomplete: "one-time-code", maxlength: "64", ...PLAIN })),
    error,
    made("button", "Sign in", { type: "submit", className: "main" }),
    made("button", "I have a token", { type: "button", className: "other-way plain", hidden: true }),
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
  buttons.append(made("button", "I have them", { type: "button", className: "main close" }));
  dialog.append(
    made("h2", "Write these codes down", { id: "recovery-title" }),
    made("p", "Each takes the place of a code or a passkey once, when those are lost. They are not shown again.", { className: "note" }),
    codes, buttons,
  );
  document.body.append(dialog);
  return dialog;
}
