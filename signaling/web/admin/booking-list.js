// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** All bookings that are not over, as a list: with how they recur, and several changed at once. */
import { $, say } from "../parts/dom.js";
import { list } from "../client/rules.js";
import { spanInWords, windowInWords } from "../words/when.js";
import { t } from "../words/words.js";
import { extendBookings, lineOf, removeBookings, showLines } from "./booking-rows.js";
import { Bulk } from "./bulk.js";
import { confirm } from "./forms.js";
import { problemInWords } from "./words.js";

/** By how much several may be extended at once; who wants other times changes one. */
const EXTENSIONS_MS = [900_000, 3_600_000];

export class BookingList {
  #api; #directory; #section; #open; #bulk; #refresh; #bookings = /** @type {Map<string, any>} */ (new Map());

  /**
   * @param {import("../parts/api.js").Api} api @param {import("./directory.js").Directory} directory @param {any} section
   * @param {(booking: string) => void} open @param {() => Promise<void>} refresh
   */
  constructor(api, directory, section, open, refresh) {
    this.#api = api;
    this.#directory = directory;
    this.#section = section;
    this.#open = open;
    this.#refresh = refresh;
    this.#bulk = new Bulk($(".of-list .bulk", section), (/** @type {any} */ booking) => booking.id, [
      ...EXTENSIONS_MS.map((ms) => ({
        words: t("admin.extend-by", { span: spanInWords(ms) }), testid: `extend-${ms / 60_000}`,
        act: (/** @type {any[]} */ chosen) => this.#attempt(extendBookings(api, chosen, ms, refresh)),
      })),
      { words: t("admin.remove"), danger: true, testid: "remove-selected", act: (chosen) => this.#remove(chosen) },
    ]);
  }

  /** @param {string|undefined} camera @param {string} search */
  async refresh(camera, search) {
    const told = (await this.#api.all("bookings", { from: new Date().toISOString(), camera, search })).filter((each) => typeof each?.id === "string");
    this.#bookings = new Map(told.map((booking) => [booking.id, booking]));
    const lines = told.flatMap(lineOf).sort((a, b) => a.start - b.start);
    $(".of-list .none", this.#section).hidden = lines.length > 0;
    const nameOf = (/** @type {string} */ id) => this.#directory.nameOf(id);
    showLines($(".booked", this.#section), lines, nameOf, this.#open, (row, line) => this.#bulk.box(row, line.booking, line.user));
    this.#bulk.update(lines.map(({ booking }) => this.#bookings.get(booking)));
  }

  /** @param {any[]} chosen */
  #remove(chosen) {
    const now = Date.now();
    confirm({
      title: t("admin.remove-bookings", { count: chosen.length }), words: t("admin.remove-bookings-words"), yes: t("admin.remove"),
      names: list(chosen).flatMap(lineOf).map(({ user, camera, start, end }) => `${user} · ${this.#directory.nameOf(camera)} · ${windowInWords(start, end, now)}`),
    }, () => removeBookings(this.#api, chosen, this.#refresh).finally(() => this.#bulk.clear()));
  }

  /** @param {Promise<void>} change */
  async #attempt(change) {
    const error = $("p.error", this.#section);
    say(error, "");
    await change.catch((problem) => say(error, problemInWords(problem, Date.now()).words));
  }
}
