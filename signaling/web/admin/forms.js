// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The dialogs of the administrator's page: forms, secrets that are shown once, and questions before something is gone. */
import { $, quote, say } from "../dom.js";
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
      field.removeAttribute("aria-describedby");
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

/**
 * Shows a secret, once.
 * @param {{title: string, label: string, secret: string, lines?: string, link?: boolean}} what `lines` for the camera's
 *   computer; a `link` may be sent on
 */
export function showSecret({ title, label, secret, lines, link = false }) {
  const dialog = $("#secret-dialog");
  const done = $(".done", dialog);
  say($("#secret-title"), title);
  say($("label[for=secret]", dialog), label);
  const [field, other] = [$("#secret"), $("#secret-lines")];
  field.value = secret;
  other.value = lines ?? "";
  for (const element of dialog.querySelectorAll(".of-camera")) element.hidden = lines === undefined;
  say(done, "");
  const copied = async (/** @type {any} */ from) => say(done, (await copy(from)) ? "Copied." : "This browser does not let the page copy. Mark the text and copy it.");
  $(".copy", dialog).onclick = () => copied(field);
  $(".copy-lines", dialog).onclick = () => copied(other);
  const send = $(".send", dialog);
  send.hidden = !link || !navigator.share;
  send.onclick = () => navigator.share({ url: secret }).catch(() => {});
  $(".cancel", dialog).onclick = () => dialog.close();
  dialog.onclose = () => { field.value = other.value = ""; };
  dialog.showModal();
}

/**
 * Asks before something is gone, and does it if the answer is yes.
 * @param {{title: string, name: string, words: string, yes: string}} question @param {() => Done} act
 */
export function confirm({ title, name, words, yes }, act) {
  const dialog = $("#confirm-dialog");
  const error = $(".error", dialog);
  const button = $(".yes", dialog);
  say($("#confirm-title"), title);
  quote($(".name", dialog), name);
  say($("#confirm-words"), words);
  say(button, yes);
  say(error, "");
  $(".cancel", dialog).onclick = () => dialog.close();
  button.onclick = async () => {
    button.disabled = true;
    try {
      const then = await act();
      dialog.close();
      then?.();
    } catch (/** @type {any} */ problem) {
      say(error, problemInWords(problem, Date.now()).words);
    } finally {
      button.disabled = false;
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
