// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The secret address by which one's own calendar follows. */
import { $, say } from "../parts/dom.js";
import { text } from "../client/rules.js";
import { readTime } from "../client/when.js";
import { momentInWords } from "../words/when.js";
import { t } from "../words/words.js";

export class Feed {
  #api; #section;

  /** @param {import("../parts/api.js").Api} api @param {any} section */
  constructor(api, section) {
    this.#api = api;
    this.#section = section;
    $(".make", section).addEventListener("click", () => this.#attempt(async () => this.#showLink(text((await this.#api.post("me/feed"))?.link))));
    $(".void", section).addEventListener("click", () => this.#attempt(async () => {
      await this.#api.delete("me/feed");
      this.#showLink("");
    }));
    $(".copy", section).addEventListener("click", async () => {
      const field = $("textarea", section);
      const done = await navigator.clipboard.writeText(field.value).then(() => true, () => (field.select(), document.execCommand("copy")));
      say($(".copied", section), done ? t("calendar.copied") : t("calendar.not-copied"));
    });
    say($(".make", section), t("calendar.feed-make"));
  }

  async look() {
    const since = readTime((await this.#api.get("me/feed").catch(() => null))?.created);
    say($(".since", this.#section), since === null ? "" : t("calendar.feed-since", { time: momentInWords(since, Date.now()) }));
    say($(".make", this.#section), since === null ? t("calendar.feed-make") : t("calendar.feed-anew"));
    $(".void", this.#section).hidden = since === null;
  }

  /** @param {string} link shown this once; nothing where there is none */
  #showLink(link) {
    $(".secret", this.#section).hidden = !link;
    $("textarea", this.#section).value = link;
    say($(".copied", this.#section), "");
  }

  /** @param {() => Promise<void>} act */
  async #attempt(act) {
    try {
      await act();
    } catch (/** @type {any} */ problem) {
      say($(".since", this.#section), problem.message);
      return;
    }
    await this.look();
  }
}
