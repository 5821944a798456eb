// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** Links that let whoever has them look through one camera for a while. */
import { segment } from "../parts/api.js";
import { $, cloned, fill, quote, say } from "../parts/dom.js";
import { list, text } from "../client/rules.js";
import { readTime } from "../client/when.js";
import { windowInWords } from "../words/when.js";
import { t } from "../words/words.js";
import { Bulk } from "./bulk.js";
import { fromField, toField } from "./calendar.js";
import { FormDialog, choices, confirm, permsOf, showSecret } from "./forms.js";
import { eachOf } from "./selection.js";
import { tell } from "./undo.js";
import { permsInWords } from "./words.js";

export class Shares {
  #api; #directory; #section = $("#shares"); #dialog = new FormDialog("#share-dialog"); #bulk;

  /** @param {import("../parts/api.js").Api} api @param {import("./directory.js").Directory} directory */
  constructor(api, directory) {
    this.#api = api;
    this.#directory = directory;
    $(".add", this.#section).addEventListener("click", () => this.#add());
    this.#bulk = new Bulk($(".bulk", this.#section), (/** @type {any} */ share) => share.id, [
      { words: t("admin.revoke"), danger: true, testid: "revoke-selected", act: (chosen) => this.#revoke(chosen) },
    ]);
    const { span, start, end } = this.#dialog.fields;
    span.addEventListener("change", () => this.#layOut());
    start.addEventListener("change", () => { if (end.value < start.value) end.value = start.value; });
  }

  async refresh() {
    const [shares] = await Promise.all([this.#api.all("shares"), this.#directory.lookAtCameras()]);
    const known = shares.filter((each) => typeof each?.id === "string");
    $(".none", this.#section).hidden = known.length > 0;
    fill($(".items", this.#section), known, ({ id }) => id, (share) => this.#newItem(share), (item, share) => {
      const now = Date.now();
      const [start, end] = [readTime(share.start) ?? now, readTime(share.end) ?? now];
      const name = this.#directory.nameOf(text(share.camera));
      this.#bulk.box(item, share.id, name);
      quote($(".name", item), name);
      say($(".when", item), end <= now ? t("admin.over") : windowInWords(start, end, now));
      const what = [t("admin.opened", { uses: Number(share.uses), most: Number(share.maxUses) }), permsInWords(list(share.perms).map(text)), share.saving === false ? t("admin.no-saving") : ""];
      say($(".uses", item), what.filter(Boolean).join(", "));
      quote($(".remark", item), text(share.note));
    });
    this.#bulk.update(known);
  }

  /** @param {any} share */
  #newItem({ id, camera }) {
    const item = cloned("#share-item");
    item.dataset.testid = `share-${id}`;
    const name = () => this.#directory.nameOf(text(camera));
    $(".rotate", item).addEventListener("click", () => confirm(
      { title: t("admin.anew-title"), names: [name()], words: t("admin.anew-words"), yes: t("admin.anew-yes") },
      async () => this.#showLink(await this.#done(this.#api.post(`shares/${segment(id)}/rotate?qr=true`))),
    ));
    $(".remove", item).addEventListener("click", () => this.#revoke([{ id, camera }]));
    return item;
  }

  /** @param {any[]} chosen */
  #revoke(chosen) {
    const nameOf = (/** @type {any} */ { camera, note = "" }) => [this.#directory.nameOf(text(camera)), text(note)].filter(Boolean).join(" · ");
    confirm({ title: t("admin.revoke-title", { count: chosen.length }), names: chosen.map(nameOf), words: t("admin.revoke-words"), yes: t("admin.revoke-yes") }, async () => {
      const { done, failed } = await eachOf(chosen, ({ id }) => this.#api.delete(`shares/${segment(id)}`));
      if (done.length) {
        tell(t("admin.revoked", { count: done.length }), done.map(({ item }) => nameOf(item)).join(", "), async () => {
          const back = await eachOf(done, ({ item }) => this.#api.post(`shares/${segment(item.id)}/restore`));
          await this.refresh();
          if (back.failed.length) throw back.failed[0].problem;
        });
      }
      this.#bulk.clear();
      await this.refresh().catch(() => {});
      if (failed.length) throw failed[0].problem;
    });
  }

  #add() {
    this.#dialog.open((fields) => {
      choices(fields.camera, this.#directory.cameraChoices);
      fields.start.value = toField(Date.now());
      fields.end.value = toField(Date.now() + 7_200_000);
      this.#layOut();
    }, async (fields) => {
      const window = fields.span.value ? { for: fields.span.value } : { start: fromField(fields.start.value), end: fromField(fields.end.value) };
      return this.#showLink(await this.#done(this.#api.post("shares?qr=true", {
        camera: fields.camera.value, ...window, uses: Number(fields.uses.value), perms: permsOf(fields), saving: fields.saving.checked, note: fields.note.value.trim(),
      })));
    });
  }

  #layOut() {
    const { span, start, end } = this.#dialog.fields;
    const own = span.value === "";
    $(".of-window", this.#dialog.element).hidden = !own;
    start.required = end.required = own;
  }

  /** @param {any} made */
  #showLink(made) {
    return () => showSecret({ title: t("admin.the-share-link"), label: t("admin.link"), secret: String(made?.link ?? ""), qr: made?.qr, link: true });
  }

  /** After a change. @template T @param {Promise<T>} change @returns {Promise<T>} */
  async #done(change) {
    const made = await change;
    await this.refresh().catch(() => {});
    return made;
  }
}
