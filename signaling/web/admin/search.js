// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** Searches cameras, users, bookings and links at once. */
import { segment } from "../parts/api.js";
import { $, cloned, fill, quote, say } from "../parts/dom.js";
import { windowInWords } from "../words/when.js";
import { t } from "../words/words.js";
import { MAX_OF_A_KIND, addressOf, readHits } from "./hits.js";

export class Search {
  #api; #directory; #section = $("#search"); #words = ""; #open; #field = $("#search-form").elements.search;

  /**
   * @param {import("../parts/api.js").Api} api @param {import("./directory.js").Directory} directory
   * @param {(booking: string) => void} open the form of a booking
   */
  constructor(api, directory, open) {
    this.#api = api;
    this.#directory = directory;
    this.#open = open;
    $("#search-form").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      if (this.#field.value.trim()) location.hash = addressOf(this.#field.value);
    });
  }

  /** @param {string} words what is searched for */
  begin(words) {
    this.#words = words;
    this.#field.value = words;
    $(".hits", this.#section).replaceChildren();
    $(".none", this.#section).hidden = true;
  }

  async refresh() {
    const search = this.#words;
    const asked = (/** @type {string} */ path) => this.#api.get(path, { search, limit: MAX_OF_A_KIND + 1 });
    const [cameras, users, bookings, shares] = await Promise.all([asked("cameras"), asked("users"), asked("bookings"), asked("shares"), this.#directory.lookAtCameras()]);
    if (search !== this.#words) return;
    const { hits, more } = readHits({ cameras, users, bookings, shares });
    const now = Date.now();
    fill($(".hits", this.#section), hits, ({ key }) => key, (hit) => this.#newRow(hit), (row, { kind, name, camera, start, end, note }) => {
      quote($(".name", row), name || this.#directory.nameOf(camera));
      say($(".when", row), [t(`admin.kind-${kind}`), start === null || end === null ? "" : windowInWords(start, end, now)].filter(Boolean).join(", "));
      quote($(".what", row), [kind === "booking" ? this.#directory.nameOf(camera) : "", note].filter(Boolean).join(" · "));
    });
    const none = $(".none", this.#section);
    none.hidden = hits.length > 0 && !more;
    say(none, more ? t("admin.found-more") : t("admin.found-nothing"));
  }

  /** @param {import("./hits.js").Hit} hit */
  #newRow({ kind, id }) {
    const row = cloned("#plain-row");
    row.dataset.testid = `hit-${kind}-${id}`;
    const go = $(".go", row);
    go.href = { camera: `#camera/${segment(id)}`, user: `#users/${segment(id)}`, share: `#shares/${segment(id)}`, booking: "#bookings" }[kind];
    if (kind === "booking") {
      go.addEventListener("click", (/** @type {Event} */ event) => {
        event.preventDefault();
        this.#open(id);
      });
    }
    return row;
  }
}
