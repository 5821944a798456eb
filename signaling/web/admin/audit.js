// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The audit log: who watched what, and who changed what. */
import { $, cloned, made, quote, say } from "../dom.js";
import { list } from "../rules.js";
import { momentInWords, readTime } from "../when.js";
import { choices } from "./forms.js";
import { auditInWords, detailsInWords } from "./words.js";

/** Entries fetched at once: a few screens of a phone. */
const STEP = 50;
/** Entries kept on the page; who looks for older ones filters. */
const MAX_SHOWN = 2_000;

export class Audit {
  #api; #directory; #section = $("#audit"); #before = /** @type {number|undefined} */ (undefined); #turn = 0;

  /** @param {import("../api.js").Api} api @param {import("./directory.js").Directory} directory */
  constructor(api, directory) {
    this.#api = api;
    this.#directory = directory;
    const { camera, user, search } = this.#fields;
    for (const field of [camera, user, search]) field.addEventListener("change", () => this.#ask());
    // There is no button to send it with: what was typed is looked for.
    $(".filter", this.#section).addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
    $(".more", this.#section).addEventListener("click", () => this.#ask(this.#before));
  }

  get #fields() { return $(".filter", this.#section).elements; }

  /** The newest entries; those that someone went on to stay as they are. */
  async refresh() {
    if ($(".entries", this.#section).children.length > STEP) return;
    await this.#directory.look();
    choices(this.#fields.camera, [{ value: "", words: "All cameras" }, ...this.#directory.cameraChoices]);
    choices(this.#fields.user, [{ value: "", words: "All users" }, ...this.#directory.userChoices]);
    await this.#load();
  }

  /** As someone wants it. @param {number} [before] */
  #ask(before) {
    this.#load(before).catch((problem) => say($(".error", this.#section), problem.message));
  }

  /** @param {number} [before] the entry before which to go on; without, from the newest */
  async #load(before) {
    const turn = ++this.#turn;
    const { camera, user, search } = this.#fields;
    const answer = await this.#api.get("audit", { camera: camera.value, user: user.value, search: search.value.trim(), before, limit: STEP });
    if (turn !== this.#turn) return; // Someone has filtered otherwise meanwhile.
    const entries = $(".entries", this.#section);
    if (before === undefined) entries.replaceChildren();
    entries.append(...list(answer?.items).map((entry) => this.#newEntry(entry)));
    this.#before = answer?.next;
    $(".more", this.#section).hidden = this.#before === undefined || this.#before === null || entries.children.length >= MAX_SHOWN;
    $(".none", this.#section).hidden = entries.children.length > 0;
    say($(".error", this.#section), "");
  }

  /** @param {any} entry */
  #newEntry(entry) {
    const item = cloned("#audit-entry");
    const at = readTime(entry?.at);
    const time = $("time", item);
    if (at !== null) {
      time.dateTime = entry.at;
      say(time, momentInWords(at, Date.now()));
    }
    $(".sentence", item).append(...auditInWords(entry).map((part) => {
      if (typeof part === "string") return part;
      const name = made("bdi");
      quote(name, part.name);
      return name;
    }));
    quote($(".details", item), detailsInWords(entry?.details));
    return item;
  }
}
