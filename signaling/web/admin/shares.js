// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** Links that let whoever has them look through one camera for a while. */
import { segment } from "../api.js";
import { $, cloned, fill, quote, say } from "../dom.js";
import { list, text } from "../rules.js";
import { readTime, windowInWords } from "../when.js";
import { fromField, toField } from "./calendar.js";
import { FormDialog, choices, confirm, permsOf, showSecret } from "./forms.js";
import { permsInWords } from "./words.js";

export class Shares {
  #api; #directory; #section = $("#shares"); #dialog = new FormDialog("#share-dialog");

  /** @param {import("../api.js").Api} api @param {import("./directory.js").Directory} directory */
  constructor(api, directory) {
    this.#api = api;
    this.#directory = directory;
    $(".add", this.#section).addEventListener("click", () => this.#add());
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
      quote($(".name", item), this.#directory.nameOf(text(share.camera)));
      say($(".when", item), end <= now ? "Over" : windowInWords(start, end, now));
      say($(".uses", item), `opened ${Number(share.uses)} of ${Number(share.maxUses)}, ${permsInWords(list(share.perms).map(text))}`);
      quote($(".remark", item), text(share.note));
    });
  }

  /** @param {any} share */
  #newItem({ id, camera }) {
    const item = cloned("#share-item");
    item.dataset.testid = `share-${id}`;
    const name = () => this.#directory.nameOf(text(camera));
    $(".rotate", item).addEventListener("click", () => confirm(
      { title: "Make this link anew?", name: name(), words: "The old link is void, and whoever watches by it no longer does.", yes: "Make it anew" },
      async () => this.#showLink(await this.#done(this.#api.post(`shares/${segment(id)}/rotate`))),
    ));
    $(".remove", item).addEventListener("click", () => confirm(
      { title: "Revoke this link?", name: name(), words: "Whoever watches by it no longer does, at once.", yes: "Revoke it" },
      () => this.#done(this.#api.delete(`shares/${segment(id)}`)),
    ));
    return item;
  }

  #add() {
    this.#dialog.open((fields) => {
      choices(fields.camera, this.#directory.cameraChoices);
      fields.start.value = toField(Date.now());
      fields.end.value = toField(Date.now() + 7_200_000);
      this.#layOut();
    }, async (fields) => {
      const window = fields.span.value ? { for: fields.span.value } : { start: fromField(fields.start.value), end: fromField(fields.end.value) };
      return this.#showLink(await this.#done(this.#api.post("shares", {
        camera: fields.camera.value, ...window, uses: Number(fields.uses.value), perms: permsOf(fields), note: fields.note.value.trim(),
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
    return () => showSecret({ title: "The share link", label: "Link", secret: String(made?.link ?? ""), link: true });
  }

  /** After a change. @template T @param {Promise<T>} change @returns {Promise<T>} */
  async #done(change) {
    const made = await change;
    await this.refresh().catch(() => {});
    return made;
  }
}
