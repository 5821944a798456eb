// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The audit log: who watched what, and who changed what. */
import { $, say } from "../parts/dom.js";
import { list } from "../client/rules.js";
import { t } from "../words/words.js";
import { newEntry } from "./audit-entry.js";
import { choices } from "./forms.js";
import { problemInWords } from "./words.js";

/** Entries fetched at once: a few screens of a phone. */
const STEP = 50;
/** Entries kept on the page; who looks for older ones filters. */
const MAX_SHOWN = 2_000;

export class Audit {
  #api; #directory; #section = $("#audit"); #before = /** @type {number|undefined} */ (undefined); #turn = 0;

  /** @param {import("../parts/api.js").Api} api @param {import("./directory.js").Directory} directory */
  constructor(api, directory) {
    this.#api = api;
    this.#directory = directory;
    const { camera, user, search, failed } = this.#fields;
    for (const field of [camera, user, search, failed]) field.addEventListener("change", () => this.#ask());
    // There is no button to send it with: what was typed is looked for.
    $(".filter", this.#section).addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
    $(".more", this.#section).addEventListener("click", () => this.#ask(this.#before));
  }

  get #fields() { return $(".filter", this.#section).elements; }

  /** The newest entries; those that someone went on to stay as they are. */
  async refresh() {
    if ($(".entries", this.#section).children.length > STEP) return;
    await this.#directory.look();
    choices(this.#fields.camera, [{ value: "", words: t("admin.every-camera") }, ...this.#directory.cameraChoices]);
    choices(this.#fields.user, [{ value: "", words: t("admin.every-user") }, ...this.#directory.userChoices]);
    await this.#load();
  }

  /** As someone wants it. @param {number} [before] */
  #ask(before) {
    this.#load(before).catch((problem) => say($(".error", this.#section), problemInWords(problem, Date.now()).words));
  }

  /** @param {number} [before] the entry before which to go on; without, from the newest */
  async #load(before) {
    const turn = ++this.#turn;
    const { camera, user, search, failed } = this.#fields;
    const answer = await this.#api.get("audit", {
      camera: camera.value, user: user.value, search: search.value.trim(), failed: failed.checked ? "true" : undefined, before, limit: STEP,
    });
    if (turn !== this.#turn) return; // Someone has filtered otherwise meanwhile.
    const entries = $(".entries", this.#section);
    if (before === undefined) entries.replaceChildren();
    entries.append(...list(answer?.items).map((entry) => newEntry(entry)));
    this.#before = answer?.next;
    $(".more", this.#section).hidden = this.#before === undefined || this.#before === null || entries.children.length >= MAX_SHOWN;
    $(".none", this.#section).hidden = entries.children.length > 0;
    say($(".error", this.#section), "");
  }
}
