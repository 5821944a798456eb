// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What someone has booked, on the viewer's page, kept up to date with the server. */
import { bookingInWords, nextBooking, nextInWords, nextLook, readMe } from "./bookings.js";
import { $, cloned, fill, quote, say } from "../parts/dom.js";
import { zoneInWords } from "../words/when.js";
import { t } from "../words/words.js";

/** @typedef {import("./bookings.js").Me} Me */

/** Event: `change`, with what the server said `before`, and `me` as it says now. */
export class Agenda extends EventTarget {
  /** @type {Me|null} */
  me = null;
  #api; #section; #timer = /** @type {any} */ (undefined); #asking = false; #again = false;

  /** @param {import("../parts/api.js").Api} api @param {any} section */
  constructor(api, section) {
    super();
    this.#api = api;
    this.#section = section;
  }

  /** Asks the server what may be watched, and when. Who asks meanwhile is answered by one more question. @returns {Promise<void>} */
  async look() {
    this.#again = this.#asking;
    if (this.#asking) return;
    this.#asking = true;
    let answered = true;
    // A server without an answer leaves what was known.
    const me = await this.#api.get("me").then((told) => readMe(told, Date.now()), (problem) => {
      answered = problem.status !== 0 && problem.status < 500;
      return null;
    });
    this.#asking = false;
    if (this.#again) return this.look();
    if (me) this.#set(me);
    clearTimeout(this.#timer);
    if (this.me || !answered) this.#timer = setTimeout(() => this.look(), nextLook(this.me, Date.now(), answered));
  }

  /** Nobody is signed in any more. */
  forget() {
    clearTimeout(this.#timer);
    this.#set(null);
  }

  /** What changes with time alone. */
  tick() {
    const now = Date.now();
    const bookings = (this.me?.bookings ?? []).filter(({ end }) => end > now);
    this.#section.hidden = bookings.length === 0;
    // While one is open nobody waits for the next.
    const isOpen = bookings.some(({ start }) => start <= now);
    say($(".next", this.#section), isOpen ? "" : nextInWords(nextBooking(this.me, now), now));
    fill($("ul", this.#section), bookings, ({ id, start }) => `${id} ${start}`, () => cloned("#booking"), (item, booking) => {
      const { camera, when, state } = bookingInWords(booking, now);
      quote($(".name", item), camera);
      say($(".when", item), when);
      item.dataset.state = state;
      $(".now", item).hidden = state !== "open";
    });
    say($(".zone", this.#section), t("watch.zone", { zone: zoneInWords() }));
  }

  /** @param {Me|null} me */
  #set(me) {
    const before = this.me;
    this.me = me;
    this.tick();
    this.dispatchEvent(new CustomEvent("change", { detail: { before, me } }));
  }
}
