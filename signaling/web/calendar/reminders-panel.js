// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** Reminds of bookings that begin soon, by the browser, while a page is open. Nothing is asked of the browser before somebody wants it. */
import { $, say } from "../parts/dom.js";
import { isolated } from "../client/rules.js";
import { momentInWords } from "../words/when.js";
import { t } from "../words/words.js";
import { due, keyOf, remember, waitFor } from "./reminders.js";

/** Under which a browser keeps whether one wants it, and of what one was told. */
const WANTED = "porthole.reminders";
const TOLD = "porthole.reminded";

/** @param {string} key */
function kept(key) {
  try { return localStorage.getItem(key) ?? ""; } catch { return ""; }
}

/** @param {string} key @param {string} value */
function keep(key, value) {
  try { localStorage.setItem(key, value); } catch { /* Then it is for this page alone. */ }
}

export class Reminders {
  #section; #coming = /** @type {import("./reminders.js").Coming[]} */ ([]); #timer = /** @type {any} */ (undefined); #told = /** @type {string[]} */ ([]);

  /** @param {any} section with a button `.remind` and a line `.reminded` */
  constructor(section) {
    this.#section = section;
    this.#told = kept(TOLD).split("\n").filter(Boolean);
    $(".remind", section).addEventListener("click", () => this.#turn());
    this.#show();
  }

  get #isOn() { return kept(WANTED) === "yes" && globalThis.Notification?.permission === "granted"; }

  /** @param {import("./reminders.js").Coming[]} coming */
  follow(coming) {
    this.#coming = coming;
    this.#look();
  }

  async #turn() {
    if (this.#isOn) keep(WANTED, "no");
    else if (await globalThis.Notification?.requestPermission() === "granted") keep(WANTED, "yes");
    else say($(".reminded", this.#section), t("calendar.remind-refused"));
    this.#show();
    this.#look();
  }

  #show() {
    $(".remind", this.#section).setAttribute("aria-pressed", String(this.#isOn));
    $(".remind", this.#section).hidden = !("Notification" in globalThis);
    if (this.#isOn) say($(".reminded", this.#section), t("calendar.remind-on"));
    else if (kept(WANTED) === "no") say($(".reminded", this.#section), "");
  }

  #look() {
    clearTimeout(this.#timer);
    if (!this.#isOn) return;
    const now = Date.now();
    for (const each of due(this.#coming, this.#told, now)) {
      this.#told = remember(this.#told, [each]);
      keep(TOLD, this.#told.join("\n"));
      this.#tell(each, now);
    }
    this.#timer = setTimeout(() => this.#look(), waitFor(this.#coming, this.#told, now));
  }

  /** @param {import("./reminders.js").Coming} coming @param {number} now */
  #tell(coming, now) {
    try {
      const notification = new Notification(t("calendar.reminder", { camera: isolated(coming.cameraName) }), { body: momentInWords(coming.start, now), tag: keyOf(coming) });
      notification.addEventListener("click", () => {
        focus();
        location.assign(new URL(`.#camera=${encodeURIComponent(coming.camera)}`, location.href));
      });
    } catch { /* On phones only a service worker may; the list says the same. */ }
  }
}
