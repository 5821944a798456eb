// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** One camera: who watches it and how that goes, its last picture, its bookings, and what happened there. */
import { segment } from "../parts/api.js";
import { $, made, quote, say } from "../parts/dom.js";
import { list, text } from "../client/rules.js";
import { readTime } from "../client/when.js";
import { momentInWords } from "../words/when.js";
import { t } from "../words/words.js";
import { newEntry } from "./audit-entry.js";
import { lineOf, showLines } from "./booking-rows.js";
import { SessionList } from "./session-list.js";
import { problemInWords, seenInWords } from "./words.js";

/** Lines of each part: more are in the part that has all. */
const MAX_LINES = 12;
/** Calls among which the last picture is looked for: old ones have none any more. */
const MAX_CALLS = 20;
/** What is not seen as it changes is asked for once in so many rounds. */
const SLOW_ROUNDS = 5;

export class CameraPage {
  #api; #directory; #section = $("#camera"); #sessions; #open; #round = 0; #id = ""; #menu = /** @type {any} */ (null); #actions; #shown = "";

  /**
   * @param {import("../parts/api.js").Api} api @param {import("./directory.js").Directory} directory
   * @param {import("./camera-actions.js").CameraActions} actions @param {(booking: string) => void} open the form of a booking
   * @param {() => void} refresh
   */
  constructor(api, directory, actions, open, refresh) {
    this.#api = api;
    this.#directory = directory;
    this.#actions = actions;
    this.#open = open;
    this.#sessions = new SessionList(api, directory, $(".sessions", this.#section).parentElement, refresh, false);
  }

  /** @param {string} id which camera is turned to */
  begin(id) {
    if (id !== this.#id) {
      for (const place of this.#section.querySelectorAll(".rows, .entries")) place.replaceChildren();
      $(".last-picture", this.#section).hidden = true;
      $(".last-picture figure", this.#section)?.remove();
      this.#shown = "";
      say($("p.error", this.#section), "");
      quote($("#camera-title"), this.#directory.nameOf(id));
      const watch = made("a", t("admin.watch"), { className: "button", href: `.#camera=${segment(id)}` });
      this.#menu = this.#actions.menu(() => this.#directory.cameras.find((each) => each.id === id), () => { location.hash = "#cameras"; });
      $(".title .buttons", this.#section).replaceChildren(watch, this.#menu);
    }
    this.#id = id;
    this.#round = 0;
  }

  async refresh() {
    const id = this.#id;
    const slow = this.#round % SLOW_ROUNDS === 0;
    this.#round += 1;
    const [told, sessions] = await Promise.all([this.#api.get(`cameras/${segment(id)}`).catch((problem) => this.#gone(problem)), this.#api.all("sessions")]);
    if (id !== this.#id || !told) return;
    await (slow ? this.#directory.lookAtCameras() : null);
    const camera = { online: told.online === true, lastSeen: readTime(told.lastSeen) };
    quote($("#camera-title"), text(told.name) || id);
    this.#section.dataset.online = String(camera.online);
    say($(".seen", this.#section), seenInWords(camera, Date.now()));
    quote($(".id", this.#section), id);
    this.#menu.hidden = told.inFile === true;
    await this.#sessions.show(sessions.filter((session) => session?.camera === id));
    if (slow) await this.#showSlow(id);
  }

  /** @param {any} problem */
  #gone(problem) {
    if (problem.status !== 404) throw problem;
    say($("p.error", this.#section), problemInWords(problem, Date.now()).words);
    this.#sessions.show([]).catch(() => {});
    return null;
  }

  /** @param {string} id */
  async #showSlow(id) {
    const now = new Date();
    const [bookings, log, calls] = await Promise.all([
      this.#api.all("bookings", { camera: id, from: now.toISOString() }), this.#api.get("audit", { camera: id, limit: MAX_LINES }),
      this.#api.get("calls", { camera: id, limit: MAX_CALLS }).catch(() => null),
    ]);
    if (id !== this.#id) return;
    const lines = bookings.flatMap(lineOf).sort((a, b) => a.start - b.start).slice(0, MAX_LINES);
    showLines($(".today", this.#section), lines, (camera) => this.#directory.nameOf(camera), this.#open);
    $(".none", $(".today", this.#section).parentElement).hidden = lines.length > 0;
    const entries = list(log?.items);
    $(".entries", this.#section).replaceChildren(...entries.map((entry) => newEntry(entry)));
    $(".none", $(".entries", this.#section).parentElement).hidden = entries.length > 0;
    this.#showPicture(list(calls?.items).find((call) => text(call?.snapshot) !== "" && typeof call?.id === "string"));
  }

  /** Of the last press of its bell. @param {any} call */
  #showPicture(call) {
    const place = $(".last-picture", this.#section);
    place.hidden = !call;
    if (!call || this.#shown === call.id) return;
    this.#shown = call.id;
    const [rang, src] = [readTime(call.rang), `api/v1/calls/${segment(call.id)}/snapshot`];
    const words = t("admin.at-the-bell", { time: rang === null ? "" : momentInWords(rang, Date.now()) });
    const figure = made("figure");
    figure.append(made("img", "", { src, alt: words }), made("figcaption", words));
    place.querySelector("figure")?.remove();
    place.append(figure);
  }
}
