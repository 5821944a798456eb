// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The people with an account: what they may do, their passwords and personal links. */
import { segment } from "../parts/api.js";
import { $, cloned, fill, quote, say } from "../parts/dom.js";
import { isolated } from "../client/rules.js";
import { t } from "../words/words.js";
import { FormDialog, confirm, showSecret } from "./forms.js";
import { menu } from "./menu.js";
import { problemInWords } from "./words.js";

/** @typedef {import("./directory.js").User} User */

export class Users {
  #api; #directory; #section = $("#users"); #dialog = new FormDialog("#user-dialog");

  /** @param {import("../parts/api.js").Api} api @param {import("./directory.js").Directory} directory */
  constructor(api, directory) {
    this.#api = api;
    this.#directory = directory;
    $(".add", this.#section).addEventListener("click", () => this.#add());
  }

  async refresh() {
    await this.#directory.lookAtUsers();
    fill($(".items", this.#section), this.#directory.users, ({ name }) => name, (user) => this.#newItem(user), (item, user) => {
      quote($(".name", item), user.name);
      const ways = user.hasPassword ? (user.hasToken ? "both" : "password") : user.hasToken ? "link" : "none";
      say($(".ways", item), t(`admin.signs-in-${ways}`));
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
    $(".buttons", item).append(menu([
      { words: t("admin.new-password"), className: "password", act: () => confirm(
        { title: t("admin.password-title"), names: [name], words: t("admin.password-words"), yes: t("admin.password-yes") },
        async () => this.#showPassword(await this.#done(this.#api.patch(path, { password: true }))),
      ) },
      { words: t("admin.personal-link"), className: "token", act: () => confirm(
        { title: t("admin.link-title"), names: [name], words: t("admin.link-words"), yes: t("admin.link-yes") },
        async () => this.#showLink(await this.#done(this.#api.post(`${path}/token?qr=true`))),
      ) },
      { words: t("admin.sign-out-everywhere"), className: "sign-out", act: () => confirm(
        { title: t("admin.sign-out-title"), names: [name], words: t("admin.sign-out-words"), yes: t("admin.sign-out-everywhere") },
        () => this.#done(this.#api.delete(`${path}/logins`)),
      ) },
      { words: t("admin.remove"), danger: true, className: "remove", act: () => { this.#remove(name).catch(() => {}); } },
    ]));
    return item;
  }

  /** @param {string} name */
  async #remove(name) {
    const path = `users/${segment(name)}`;
    const bookings = await this.#api.all("bookings", { user: name, from: new Date().toISOString() }).catch(() => []);
    confirm({
      title: t("admin.remove-user-title"), names: [name, ...(bookings.length ? [t("admin.with-bookings", { count: bookings.length })] : [])],
      words: t("admin.remove-user-words"), yes: t("admin.remove-yes"), typed: { label: t("admin.type-user", { name: isolated(name) }), wanted: [name] },
    }, () => this.#done(this.#api.delete(path)));
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
    return () => showSecret({ title: t("admin.the-password"), label: t("admin.password"), secret: String(made?.password ?? "") });
  }

  /** @param {any} made */
  #showLink(made) {
    return () => showSecret({ title: t("admin.the-link"), label: t("admin.link"), secret: String(made?.link ?? ""), qr: made?.qr, link: true });
  }

  /** After a change. @template T @param {Promise<T>} change @returns {Promise<T>} */
  async #done(change) {
    const made = await change;
    await this.refresh().catch(() => {});
    return made;
  }
}
