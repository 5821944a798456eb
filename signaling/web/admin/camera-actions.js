// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What is done with a camera as a whole: added, renamed, given another key, removed. */
import { Problem, segment } from "../parts/api.js";
import { $, say } from "../parts/dom.js";
import { isolated, list, text } from "../client/rules.js";
import { t } from "../words/words.js";
import { sameName } from "./directory.js";
import { FormDialog, confirm, showSecret } from "./forms.js";
import { menu } from "./menu.js";
import { launchLines } from "./words.js";

/** @typedef {import("./directory.js").Camera} Camera */

export class CameraActions {
  #api; #directory; #refresh; #dialog = new FormDialog("#camera-dialog");

  /** @param {import("../parts/api.js").Api} api @param {import("./directory.js").Directory} directory @param {() => Promise<void>} refresh */
  constructor(api, directory, refresh) {
    this.#api = api;
    this.#directory = directory;
    this.#refresh = refresh;
  }

  /** The seldom ones, behind a button. @param {() => Camera|undefined} camera @param {() => void} [removed] */
  menu(camera, removed) {
    const with_ = (/** @type {(camera: Camera) => void} */ act) => () => { const found = camera(); if (found) act(found); };
    return menu([
      { words: t("admin.rename"), className: "rename", act: with_((found) => this.#rename(found)) },
      { words: t("admin.new-key"), className: "rotate", act: with_((found) => this.#rotate(found)) },
      { words: t("admin.remove"), danger: true, className: "remove", act: with_((found) => { this.#remove(found, removed).catch(() => {}); }) },
    ]);
  }

  add() {
    const dialog = this.#dialog;
    const warned = this.#warning("");
    say($("h2", dialog.element), t("admin.add-camera"));
    $(".of-new", dialog.element).hidden = false;
    dialog.open(() => {}, async (fields) => {
      const [id, name] = [fields.id.value.trim(), fields.name.value.trim()];
      warned(name);
      const made = await this.#api.post("cameras?qr=true", { name, ...(id && { id }) });
      await this.#done();
      return () => this.#showKey(t("admin.camera-added"), made);
    });
  }

  /**
   * Stops once where another camera has the name: viewers could not tell them apart. Who says it again means it.
   * @param {string} own the id of the one that is named
   */
  #warning(own) {
    let warned = "";
    return (/** @type {string} */ name) => {
      const others = sameName(this.#directory.cameras, name, own);
      if (!others.length || warned === name) return;
      warned = name;
      throw new Problem(409, { code: "exists", own: true, detail: t("admin.same-name", { ids: others.map((id) => isolated(id)).join(", ") }) });
    };
  }

  /** @param {Camera} camera */
  #rename({ id, name }) {
    const dialog = this.#dialog;
    const warned = this.#warning(id);
    say($("h2", dialog.element), t("admin.rename-camera"));
    $(".of-new", dialog.element).hidden = true;
    dialog.open((fields) => { fields.name.value = name; }, async (fields) => {
      const wanted = fields.name.value.trim();
      if (wanted !== name) warned(wanted);
      await this.#api.patch(`cameras/${segment(id)}`, { name: wanted });
      await this.#done();
    });
  }

  /** @param {Camera} camera */
  #rotate({ id, name }) {
    confirm({ title: t("admin.rotate-title"), names: [name], words: t("admin.rotate-words"), yes: t("admin.rotate-yes") }, async () => {
      const made = await this.#api.post(`cameras/${segment(id)}/rotate?qr=true`);
      await this.#done();
      return () => this.#showKey(t("admin.camera-has-key"), made);
    });
  }

  /** @param {Camera} camera @param {() => void} [removed] */
  async #remove({ id, name }, removed) {
    // How much goes with it is as it is now.
    const told = await this.#api.get(`cameras/${segment(id)}`).catch(() => null);
    const with_ = [["admin.with-bookings", told?.bookings], ["admin.with-links", told?.links]].filter(([, count]) => count > 0).map(([key, count]) => t(key, { count }));
    confirm({
      title: t("admin.remove-camera-title"), names: [name, ...with_], words: t("admin.remove-camera-words"), yes: t("admin.remove-yes"),
      typed: { label: t("admin.type-camera", { name: isolated(name), id: isolated(id) }), wanted: [name, id] },
    }, async () => {
      await this.#api.delete(`cameras/${segment(id)}`);
      await this.#done();
      return removed;
    });
  }

  /** @param {string} title @param {any} made */
  #showKey(title, made) {
    const key = String(made?.key ?? "");
    const same = list(made?.sameName).map(text);
    showSecret({
      title, label: t("admin.camera-key"), secret: key, qr: made?.qr, lines: launchLines(text(made?.camera?.id), key),
      warning: same.length ? t("admin.has-same-name", { ids: same.map((id) => isolated(id)).join(", ") }) : "",
    });
  }

  /** After a change. A list that cannot be had now is no failure of the change. */
  async #done() {
    await this.#refresh().catch(() => {});
  }
}
