// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The first page: what is on, who watches, what is booked today and what failed. */
import { segment } from "../parts/api.js";
import { $, cloned, fill, made, quote, say } from "../parts/dom.js";
import { list } from "../client/rules.js";
import { momentInWords } from "../words/when.js";
import { t } from "../words/words.js";
import { lineOfWindow, showLines } from "./booking-rows.js";
import { dayOf, addDays, readCalendar } from "./calendar.js";
import { PARTS, comingOf, drawn, failuresOf, increases, levels, most, readOverview, total } from "./overview.js";
import { SessionList } from "./session-list.js";
import { auditInWords, detailsInWords, rateInWords, seenInWords } from "./words.js";

/** Lines of each part: more are in the part that has all. */
const MAX_LINES = 12;
/** Entries that are looked at for what failed today. */
const MAX_FAILURES = 200;
/** What is not seen as it changes is asked for once in so many rounds. */
const SLOW_ROUNDS = 5;

export class OverviewPage {
  #api; #directory; #section = $("#overview"); #sessions; #open; #round = 0;

  /**
   * @param {import("../parts/api.js").Api} api @param {import("./directory.js").Directory} directory
   * @param {(booking: string) => void} open the form of a booking @param {() => void} refresh
   */
  constructor(api, directory, open, refresh) {
    this.#api = api;
    this.#directory = directory;
    this.#open = open;
    this.#sessions = new SessionList(api, directory, this.#part("sessions"), refresh, true);
  }

  /** The part in which a list is. @param {string} name */
  #part(name) { return $(`.${name}`, this.#section).parentElement; }

  /** Everything, when the page is turned to. */
  begin() { this.#round = 0; }

  async refresh() {
    const now = Date.now();
    const slow = this.#round % SLOW_ROUNDS === 0;
    this.#round += 1;
    const [told, sessions] = await Promise.all([this.#api.get("overview"), this.#api.all("sessions"), slow ? this.#directory.lookAtCameras() : null]);
    const overview = readOverview(told);
    if (overview) this.#showFigures(overview);
    await this.#sessions.show(sessions);
    if (!slow) return;
    const from = dayOf(now);
    const [calendar, failed] = await Promise.all([
      this.#api.get("calendar", { from: new Date(from).toISOString(), to: new Date(addDays(from, 1)).toISOString() }),
      this.#api.get("audit", { failed: "true", from: new Date(from).toISOString(), limit: MAX_FAILURES }),
    ]);
    const nameOf = (/** @type {string} */ id) => this.#directory.nameOf(id);
    const coming = comingOf(readCalendar(calendar), now).slice(0, MAX_LINES);
    showLines($(".today", this.#section), coming.map(lineOfWindow), nameOf, this.#open);
    this.#none("today", coming.length);
    this.#showFailures(failuresOf(list(failed?.items)).slice(0, MAX_LINES), now);
    this.#showOff(now);
  }

  /** @param {import("./overview.js").Overview} overview */
  #showFigures({ enrolled, now, samples }) {
    const bars = (/** @type {(sample: import("./overview.js").Sample) => number} */ of) => levels(samples, now.at, of);
    const added = (/** @type {(sample: import("./overview.js").Sample) => number} */ of) => increases(samples, now.at, of);
    const [cameras, sessions, sent, started, failed] = [bars((each) => each.cameras), bars((each) => each.sessions), bars((each) => each.sent), added((each) => each.started), added((each) => each.failed)];
    const figures = [
      { key: "cameras", label: t("admin.figure-cameras"), value: t("admin.of", { part: now.cameras, all: enrolled }), bars: cameras, scale: t("admin.at-most", { most: String(most(cameras)) }) },
      { key: "sessions", label: t("admin.figure-sessions"), value: String(now.sessions), bars: sessions, scale: t("admin.at-most", { most: String(most(sessions)) }) },
      { key: "sent", label: t("admin.figure-sent"), value: rateInWords(now.sent), bars: sent, scale: t("admin.at-most", { most: rateInWords(most(sent)) }) },
      { key: "started", label: t("admin.figure-started"), value: String(total(started)), bars: started, scale: t("admin.half-hour", { most: most(started) }) },
      { key: "failed", label: t("admin.figure-failed"), value: String(total(failed)), bars: failed, scale: t("admin.half-hour", { most: most(failed) }) },
    ];
    fill($(".figures", this.#section), figures, ({ key }) => key, ({ key }) => {
      const item = cloned("#figure");
      item.dataset.testid = `figure-${key}`;
      item.dataset.bad = String(key === "failed");
      return item;
    }, (item, { label, value, bars: shown, scale }) => {
      say($(".label", item), label);
      say($(".value", item), value);
      say($(".scale", item), scale);
      const graph = $(".graph", item);
      graph.setAttribute("viewBox", `0 0 ${PARTS} 1`);
      graph.setAttribute("aria-label", t("admin.graph-of", { what: label }));
      $("path", graph).setAttribute("d", drawn(shown));
    });
  }

  /** @param {import("./overview.js").Failure[]} failures @param {number} now */
  #showFailures(failures, now) {
    fill($(".failed", this.#section), failures, ({ entry }) => String(entry.id), () => cloned("#plain-row"), (row, { entry, count, at }) => {
      const sentence = $(".name", row);
      sentence.replaceChildren(...auditInWords(entry).map((part) => {
        if (typeof part === "string") return part;
        const name = made("bdi");
        quote(name, part.name);
        return name;
      }));
      say($(".when", row), momentInWords(at, now));
      const alone = { ...entry, details: { ...entry.details, count: null, started: null } };
      say($(".what", row), [detailsInWords(alone, now), count > 1 ? t("admin.times", { count }) : ""].filter(Boolean).join(" · "));
      const go = $(".go", row);
      go.hidden = !entry.camera;
      go.href = entry.camera ? `#camera/${segment(entry.camera)}` : "";
    });
    this.#none("failed", failures.length);
  }

  /** Cameras that nobody can watch now. @param {number} now */
  #showOff(now) {
    const off = this.#directory.cameras.filter(({ online }) => !online);
    fill($(".off", this.#section), off.slice(0, MAX_LINES), ({ id }) => id, () => cloned("#plain-row"), (row, camera) => {
      quote($(".name", row), camera.name);
      say($(".when", row), seenInWords(camera, now));
      $(".go", row).href = `#camera/${segment(camera.id)}`;
    });
    this.#none("off", off.length);
  }

  /** @param {string} name @param {number} count */
  #none(name, count) { $(".none", this.#part(name)).hidden = count > 0; }
}
