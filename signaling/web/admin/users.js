// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The people with an account: what they may do, their passwords and personal links. */
import { segment } from "../api.js";
import { $, cloned, fill, quote, say } from "../dom.js";
import { FormDialog, confirm, showSecret } from "./forms.js";
import { problemInWords } from "./words.js";

/** @typedef {import("./directory.js").User} User */

export class Users {
  #api; #directory; #section = $("#users"); #dialog = new FormDialog("#user-dialog");

  /** @param {import("../api.js").Api} api @param {import("./directory.js").Directory} directory */
  constructor(api, directory) {
    this.#api = api;
    this.#directory = directory;
    $(".add", this.#section).addEventListener("click", () => this.#add());
  }

  async refresh() {
    await this.#directory.lookAtUsers();
    fill($(".items", this.#section), this.#directory.users, ({ name }) => name, (user) => this.#newItem(user), (item, user) => {
      quote($(".name", item), user.name);
      const ways = [user.hasPassword && "a password", user.hasToken && "a personal link"].filter(Boolean);
      say($(".ways", item), ways.length ? `Has ${ways.join(" and ")}` : "Cannot sign in yet");
      const role = $(".role", item);
      if (document.activeElement !== role) role.value = user.administrator ? "administrator" : "viewer";
    });
  }

  /** @param {User} user */
  #newItem({ name }) {
    const item = cloned("#user-item");
    item.dataset.testid = `user-${name}`;
    const path = `users/${segment(name)}`;
    $(".role", item).addEventListener("change", async (/** @type {any} */ { target }) => {
      const error = $(".error", this.#section);
      say(error, "");
      target.blur(); // From here on it shows what the server says.
      try {
        await this.#api.patch(path, { role: target.value });
      } catch (/** @type {any} */ problem) {
        say(error, problemInWords(problem, Date.now()).words);
      }
      await this.refresh().catch(() => {});
    });
    $(".password", item).addEventListener("click", () => confirm(
      { title: "Make a new password?", name, words: "The old one is void, and the user is signed out everywhere.", yes: "Make a password" },
      async () => this.#showPassword(await this.#done(this.#api.patch(path, { password: true }))),
    ));
    $(".token", item).addEventListener("click", () => confirm(
      { title: "Make a personal link?", name, words: "Whoever opens it is this user. An older link of this user is void.", yes: "Make a link" },
      async () => this.#showLink(await this.#done(this.#api.post(`${path}/token`))),
    ));
    $(".remove", item).addEventListener("click", () => confirm(
      { title: "Remove this user?", name, words: "The pictures end at once, and the bookings are gone.", yes: "Remove" },
      () => this.#done(this.#api.delete(path)),
    ));
    return item;
  }

  #add() {
    this.#dialog.open(() => {}, async (fields) => {
      const password = fields.password.value;
      const made = await this.#done(this.#api.post("users", { name: fields.name.value.trim(), role: fields.role.value, ...(password && { password }) }));
      return made?.password ? this.#showPassword(made) : undefined;
    });
  }

  /** @param {any} made */
  #showPassword(made) {
    return () => showSecret({ title: "The new password", label: "Password", secret: String(made?.password ?? "") });
  }

  /** @param {any} made */
  #showLink(made) {
    return () => showSecret({ title: "The personal link", label: "Link", secret: String(made?.link ?? ""), link: true });
  }

  /** After a change. @template T @param {Promise<T>} change @returns {Promise<T>} */
  async #done(change) {
    const made = await change;
    await this.refresh().catch(() => {});
    return made;
  }
}
