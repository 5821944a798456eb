// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The form by which someone signs in: at an identity provider, with a name and a password where there are accounts, or with a token. */
import { $, quote, say } from "./dom.js";
import { create, get, hasPasskeys, whyNot } from "./ceremony.js";
import { inGroups } from "./second-factor.js";
import { layOutSignIn } from "./sign-in-form.js";
import { isolated } from "../client/rules.js";
import { reasonInWords } from "../words/reasons.js";
import { t } from "../words/words.js";

/** @typedef {import("../client/types.js").Credential} Credential */

export class SignIn {
  #form; #passwords = false; #byToken = true;
  /** What was typed before a code was asked for. @type {{user: string, password: string}|null} */ #kept = null;
  /** What is asked for besides. @type {import("../client/second-factor.js").Second|null} */ #second = null;

  /** @param {any} form @param {(credential: Credential) => void} present */
  constructor(form, present) {
    this.#form = form;
    layOutSignIn(form);
    $(".by-passkey", form).addEventListener("click", () => this.#usePasskey(present));
    $(".other-way", form).addEventListener("click", () => {
      if (this.#second) this.forget();
      else this.#byToken = !this.#byToken;
      say($(".error", form), "");
      this.#layOut();
      this.focus();
    });
    form.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      const value = (/** @type {string} */ name) => form.elements[name].value;
      const credential = this.#typed(value);
      for (const name of ["token", "password", "code"]) form.elements[name].value = "";
      if (Object.values(credential).every(Boolean)) present(/** @type {Credential} */ (credential));
    });
    this.#layOut();
  }

  /** @param {(name: string) => string} value @returns {Record<string, string>} */
  #typed(value) {
    if (this.#second && this.#kept) {
      const { sealed } = this.#second;
      return { ...this.#kept, code: value("code").trim(), ...(sealed && { enrolment: sealed }) };
    }
    if (this.#byToken) return { token: value("token").trim() };
    this.#kept = { user: value("user").trim(), password: value("password") };
    return this.#kept;
  }

  /** Has a device answer, or make a key where there is none yet. @param {(credential: Credential) => void} present */
  async #usePasskey(present) {
    const [second, kept] = [this.#second, this.#kept];
    if (!second?.passkey || !kept) return;
    say($(".error", this.#form), "");
    try {
      const passkey = await (second.sealed ? create(second.passkey) : get(second.passkey));
      if (this.#second === second) present({ ...kept, passkey });
    } catch (/** @type {any} */ error) {
      say($(".error", this.#form), whyNot(error) || error.message);
    }
  }

  /** Forgets what was typed before a code was asked for. */
  forget() {
    this.#kept = this.#second = null;
    this.#form.elements.code.value = "";
    this.#layOut();
  }

  /**
   * @param {boolean} on @param {boolean} passwords whether there are accounts @param {string} [error] why the last try failed
   * @param {import("../client/second-factor.js").Second|null} [second] what is asked for besides the password
   */
  show(on, passwords, error = "", second = null) {
    if (on && !second && this.#second) this.forget();
    if (on && second && this.#kept && second !== this.#second) {
      // What was shown may have been wrong: the same is asked for.
      if (!second.again || !this.#second) this.#second = second;
      this.#layOut();
      this.focus();
    }
    if (passwords !== this.#passwords) {
      this.#passwords = passwords;
      this.#byToken = !passwords;
      this.#layOut();
    }
    const appears = on && this.#form.hidden;
    this.#form.hidden = !on;
    say($(".error", this.#form), reasonInWords("", error));
    if (on && (appears || !document.activeElement?.matches("button, input"))) this.focus();
  }

  /**
   * Offers to sign in at the server's identity provider, if it has one.
   * @param {import("../client/rules.js").Openid|null} openid @param {string} place where to come back to, seen from the server's folder
   */
  offer(openid, place) {
    const link = $(".by-openid", this.#form);
    link.hidden = !openid;
    if (!openid) return;
    const address = new URL(openid.login);
    address.searchParams.set("return", place);
    link.href = address.href;
    quote(link, t("parts.sign-in-with", { name: isolated(openid.name) }));
  }

  focus() {
    const { elements } = this.#form;
    const passkey = $(".by-passkey", this.#form);
    (this.#second ? (passkey.hidden || this.#second.sealed ? elements.code : passkey) : this.#byToken ? elements.token : elements.user.value ? elements.password : elements.user).focus();
  }

  #layOut() {
    const form = this.#form;
    const [token, password, code] = [$(".by-token", form), $(".by-password", form), $(".by-code", form)];
    const second = this.#second;
    // What is disabled need not be filled in.
    token.hidden = token.disabled = !this.#byToken || second !== null;
    password.hidden = password.disabled = this.#byToken || second !== null;
    code.hidden = code.disabled = second === null;
    $(".enrolment", form).hidden = !second?.sealed;
    const passkey = $(".by-passkey", form);
    passkey.hidden = !(second?.passkey && hasPasskeys());
    passkey.textContent = t(second?.sealed ? "parts.use-passkey-instead" : "parts.use-passkey");
    $("label[for=code]", form).textContent = t(second && !second.app && !second.sealed ? "parts.recovery-code" : "parts.code");
    const [picture, link] = [$(".qr", form), $(".link", form)];
    if (second?.picture) picture.src = second.picture;
    else picture.removeAttribute("src");
    link.hidden = !second?.link;
    if (second?.link) link.href = second.link;
    else link.removeAttribute("href");
    say($(".secret", form), inGroups(second?.secret ?? ""));
    const other = $(".other-way", form);
    other.hidden = !this.#passwords;
    other.textContent = t(second ? "parts.sign-in-other" : this.#byToken ? "parts.sign-in-password" : "parts.sign-in-token");
  }
}
