// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The panel below a picture that shows its statistics, and the button that opens it. */
import { $, cloned, fill, say } from "../parts/dom.js";
import { inWords, sparkline } from "../parts/statistics-words.js";
import { t } from "../words/words.js";

/** Where it is kept whether the panel was open last. */
const STORED = "porthole-statistics";

/** Whether the panel was open last. Storage may be off. */
function wasOpen() {
  try { return localStorage.getItem(STORED) === "open"; } catch { return false; }
}

/** @param {boolean} open */
function remember(open) {
  try { localStorage.setItem(STORED, open ? "open" : "closed"); } catch { /* It is closed the next time. */ }
}

export class StatisticsPanel {
  #session; #panel; #button;

  /** @param {import("../client/session.js").Session} session @param {any} panel @param {any} button */
  constructor(session, panel, button) {
    this.#session = session;
    this.#panel = panel;
    this.#button = button;
    button.addEventListener("click", () => {
      this.#open(panel.hidden);
      remember(!panel.hidden);
    });
    session.addEventListener("statistics", () => this.#show());
    this.#open(wasOpen());
  }

  /** @param {boolean} open */
  #open(open) {
    this.#panel.hidden = !open;
    this.#button.setAttribute("aria-expanded", String(open));
    this.#show();
  }

  #show() {
    if (this.#panel.hidden) return;
    const statistics = this.#session.statistics();
    $(".none", this.#panel).hidden = statistics !== null;
    const rows = statistics ? inWords(statistics, this.#session.latency) : [];
    fill($("dl", this.#panel), rows, ({ key }) => key, () => cloned("#figure"), (item, { key, name, words }) => {
      say($("dt", item), name);
      say($("dd", item), words);
      $("dd", item).dataset.figure = key;
    });
    this.#draw(statistics?.history ?? []);
  }

  /** @param {{at: number, received: number}[]} history */
  #draw(history) {
    const figure = $("figure", this.#panel);
    figure.hidden = history.length < 2;
    const { width, height } = $("svg", figure).viewBox.baseVal;
    const { points, top } = sparkline(history, history.at(-1)?.at ?? 0, width, height);
    $("polyline", figure).setAttribute("points", points);
    say($("figcaption", figure), t("watch.received-line", { rate: top }));
  }
}
