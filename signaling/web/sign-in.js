// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The form by which someone signs in: at an identity provider, with a name and a password where there are accounts, or with a token. */
import { $, quote, say } from "./dom.js";

/** @typedef {import("./porthole-client.js").Credential} Credential */

export class SignIn {
  #form; #passwords = false; #byToken = true;

  /** @param {any} form @param {(credential: Credential) => void} present */
  constructor(form, present) {
    this.#form = form;
    $(".other-way", form).addEventListener("click", () => {
      this.#byToken = !this.#byToken;
      this.#layOut();
      this.focus();
    });
    form.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      const value = (/** @type {string} */ name) => form.elements[name].value;
      const credential = this.#byToken ? { token: value("token").trim() } : { user: value("user").trim(), password: value("password") };
      for (const name of ["token", "password"]) form.elements[name].value = "";
      if (Object.values(credential).every(Boolean)) present(/** @type {Credential} */ (credential));
    });
    this.#layOut();
  }

  /** @param {boolean} on @param {boolean} passwords whether there are accounts @param {string} [error] why the last try failed */
  show(on, passwords, error = "") {
    if (passwords !== this.#passwords) {
      this.#passwords = passwords;
      this.#byToken = !passwords;
      this.#layOut();
    }
    const appears = on && this.#form.hidden;
    this.#form.hidden = !on;
    say($(".error", this.#form), error);
    if (on && (appears || !document.activeElement?.matches("button, input"))) this.focus();
  }

  /**
   * Offers to sign in at the server's identity provider, if it has one.
   * @param {import("./rules.js").Openid|null} openid @param {string} place where to come back to, seen from the server's folder
   */
  offer(openid, place) {
    const link = $(".by-openid", this.#form);
    link.hidden = !openid;
    if (!openid) return;
    const address = new URL(openid.login);
    address.searchParams.set("return", place);
    link.href = address.href;
    quote(link, `Sign in with ${openid.name}`);
  }

  focus() {
    const { elements } = this.#form;
    (this.#byToken ? elements.token : elements.user.value ? elements.password : elements.user).focus();
  }

  #layOut() {
    const form = this.#form;
    const [token, password] = [$(".by-token", form), $(".by-password", form)];
    // What is disabled need not be filled in.
    token.hidden = token.disabled = !this.#byToken;
    password.hidden = password.disabled = this.#byToken;
    const other = $(".other-way", form);
    other.hidden = !this.#passwords;
    other.textContent = this.#byToken ? "Sign in with a password" : "I have a token";
  }
}
