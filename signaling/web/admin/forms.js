// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The dialogs of the administrator's page: forms, secrets that are shown once, and questions before something is gone. */
import { $, fill, made, quote, say } from "../parts/dom.js";
import { t } from "../words/words.js";
import { isTyped, someOf } from "./selection.js";
import { problemInWords } from "./words.js";

/** What a dialog does: it may throw a `Problem`, and give what is to be done once the dialog is closed. @typedef {Promise<void|(() => void)>} Done */

/** A dialog with a form, open until it is sent with success or given up. */
export class FormDialog {
  #dialog; #form; #error; #send = /** @type {(fields: any) => Done} */ (async () => {});

  /** @param {string} selector */
  constructor(selector) {
    this.#dialog = $(selector);
    this.#form = $("form", this.#dialog);
    this.#error = $(".error", this.#dialog);
    $(".cancel", this.#dialog).addEventListener("click", () => this.close());
    this.#form.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      this.attempt(this.#send);
    });
  }

  get element() { return this.#dialog; }
  get fields() { return this.#form.elements; }

  /** @param {(fields: any) => void} fillIn @param {(fields: any) => Done} send */
  open(fillIn, send) {
    this.#form.reset();
    this.#clear();
    this.#send = send;
    fillIn(this.fields);
    this.#dialog.showModal();
  }

  close() { this.#dialog.close(); }

  /** Does something with what was filled in, and closes if that went well. @param {(fields: any) => Done} what */
  async attempt(what) {
    const buttons = this.#form.querySelectorAll("button");
    this.#clear();
    for (const button of buttons) button.disabled = true;
    try {
      const then = await what(this.fields);
      this.close();
      then?.();
    } catch (/** @type {any} */ problem) {
      this.#show(problem);
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  }

  #clear() {
    say(this.#error, "");
    for (const field of this.fields) {
      field.removeAttribute("aria-invalid");
      if (field.getAttribute("aria-describedby") === this.#error.id) field.removeAttribute("aria-describedby");
    }
  }

  /** At the field it is about. @param {any} problem */
  #show(problem) {
    const { field: name, words } = problemInWords(problem, Date.now());
    const field = this.fields[name];
    // In the tree before its text is: what is read out is a change of what is there.
    if (field instanceof HTMLElement) field.after(this.#error);
    else $(".buttons", this.#form).before(this.#error);
    this.#error.id = `${this.#dialog.id}-error`;
    say(this.#error, words);
    if (!(field instanceof HTMLElement)) return;
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", this.#error.id);
    field.focus();
  }
}

/** Copies also where the page came without TLS, where browsers keep their clipboard to themselves. @param {HTMLTextAreaElement} field */
async function copy(field) {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    field.select();
    return document.execCommand("copy");
  }
}

/** The image of a secret, as the server drew it; anything else would be asked for somewhere. @param {unknown} told */
const pictureOf = (told) => (typeof told === "string" && told.startsWith("data:image/svg+xml;base64,") ? told : "");

/**
 * Shows a secret, once.
 * @param {{title: string, label: string, secret: string, qr?: unknown, lines?: string, link?: boolean, warning?: string}} what `lines` for
 *   the camera's computer; a `link` may be sent on; `qr` as the server answered it
 */
export function showSecret({ title, label, secret, qr, lines, link = false, warning = "" }) {
  const dialog = $("#secret-dialog");
  const done = $(".done", dialog);
  say($("#secret-title"), title);
  say($("label[for=secret]", dialog), label);
  const [field, other] = [$("#secret"), $("#secret-lines")];
  field.value = secret;
  other.value = lines ?? "";
  const picture = pictureOf(qr);
  $(".qr-place", dialog).replaceChildren(...(picture ? [made("img", "", { className: "qr", src: picture, alt: t("admin.qr-code") })] : []));
  for (const element of dialog.querySelectorAll(".of-camera")) element.hidden = lines === undefined;
  say($(".warned", dialog), warning);
  say(done, "");
  const copied = async (/** @type {any} */ from) => say(done, (await copy(from)) ? t("admin.copied") : t("admin.not-copied"));
  $(".copy", dialog).onclick = () => copied(field);
  $(".copy-lines", dialog).onclick = () => copied(other);
  const send = $(".send", dialog);
  send.hidden = !link || !navigator.share;
  send.onclick = () => navigator.share({ url: secret }).catch(() => {});
  $(".cancel", dialog).onclick = () => dialog.close();
  dialog.onclose = () => {
    field.value = other.value = "";
    $(".qr-place", dialog).replaceChildren();
  };
  dialog.showModal();
}

/**
 * Asks before something is gone, and does it if the answer is yes.
 * @param {{title: string, names: string[], words: string, yes: string, typed?: {label: string, wanted: string[]}}} question by name; with
 *   `typed`, one of those has to be typed first
 * @param {() => Done} act
 */
export function confirm({ title, names, words, yes, typed }, act) {
  const dialog = $("#confirm-dialog");
  const error = $(".error", dialog);
  const button = $(".yes", dialog);
  const field = $("#confirm-typed");
  say($("#confirm-title"), title);
  const { shown, more } = someOf(names);
  const lines = shown.map((name, place) => ({ name, key: String(place), mine: false }));
  if (more) lines.push({ name: t("admin.and-more", { count: more }), key: "more", mine: true });
  fill($(".names", dialog), lines, ({ key }) => key, () => made("li"), (line, { name, mine }) => {
    line.className = mine ? "" : "name";
    quote(line, name);
  });
  say($("#confirm-words"), words);
  say(button, yes);
  say(error, "");
  $(".of-typed", dialog).hidden = !typed;
  say($("label[for=confirm-typed]", dialog), typed?.label ?? "");
  field.value = "";
  const look = () => { button.disabled = typed ? !isTyped(field.value, typed.wanted) : false; };
  field.oninput = look;
  look();
  $(".cancel", dialog).onclick = () => dialog.close();
  $("form", dialog).onsubmit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    try {
      const then = await act();
      dialog.close();
      then?.();
    } catch (/** @type {any} */ problem) {
      say(error, problemInWords(problem, Date.now()).words);
    } finally {
      look();
    }
  };
  dialog.showModal();
}

/** The permissions that a form's boxes stand for. @param {any} fields */
export const permsOf = (fields) => ["view", ...["listen", "talk", "control", "door"].filter((perm) => fields[perm].checked)];

/** Fills a list to choose from. @param {any} select @param {{value: string, words: string}[]} options */
export function choices(select, options) {
  const chosen = select.value;
  select.replaceChildren(...options.map(({ value, words }) => {
    const option = new Option("", value);
    quote(option, words);
    return option;
  }));
  if (options.some(({ value }) => value === chosen)) select.value = chosen;
}
