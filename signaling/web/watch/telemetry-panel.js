// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What the programs on the robot say: a tile for each service. */
import { $, cloned, fill, quote, say } from "../parts/dom.js";
import { Reading } from "./telemetry.js";

/** @typedef {import("../client/service.js").Service} Service */

/** A value of more characters is read as a text, not as a figure. */
const LONG = 16;
/** Figures that change sooner than this nobody can read, and drawing them takes time from the picture. */
const SHOW_MS = 200;

export class TelemetryPanel {
  #session; #panel; #frame = 0; #timer = 0; #again = false; #gone = new AbortController();
  /** @type {Map<Service, {reading: Reading, gone: AbortController}>} */
  #shown = new Map();

  /** @param {import("../client/session.js").Session} session @param {any} panel */
  constructor(session, panel) {
    this.#session = session;
    this.#panel = panel;
    session.addEventListener("services", () => this.#listed(), { signal: this.#gone.signal });
    this.#listed();
  }

  end() {
    this.#gone.abort();
    for (const { gone } of this.#shown.values()) gone.abort();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
  }

  #listed() {
    const { services } = this.#session;
    for (const [service, { gone }] of this.#shown) {
      if (services.includes(service)) continue;
      gone.abort();
      this.#shown.delete(service);
    }
    for (const service of services) if (!this.#shown.has(service)) this.#add(service);
    this.#soon();
  }

  /** @param {Service} service */
  #add(service) {
    const reading = new Reading();
    const gone = new AbortController();
    if (service.last !== null) reading.take(service.last);
    service.addEventListener("message", (/** @type {any} */ { detail }) => {
      reading.take(detail);
      this.#soon();
    }, { signal: gone.signal });
    for (const event of ["state", "lost"]) service.addEventListener(event, () => this.#soon(), { signal: gone.signal });
    this.#shown.set(service, { reading, gone });
  }

  /** At once, then each {@link SHOW_MS} at most, and not at all while nobody looks. */
  #soon() {
    if (this.#timer) return void (this.#again = true);
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#show();
      this.#again = false;
      this.#timer = setTimeout(() => {
        this.#timer = 0;
        if (this.#again) this.#soon();
      }, SHOW_MS);
    });
  }

  #show() {
    this.#panel.hidden = this.#shown.size === 0;
    fill($(".services", this.#panel), [...this.#shown], ([{ name }]) => name, ([{ name }]) => {
      const tile = cloned("#service");
      tile.dataset.testid = `service-${name}`;
      return tile;
    }, (tile, [service, { reading }]) => this.#fill(tile, service, reading));
  }

  /** @param {any} tile @param {Service} service @param {Reading} reading */
  #fill(tile, { name, here, description, lost }, reading) {
    const figure = $("figure", tile);
    const { width, height } = $("svg", figure).viewBox.baseVal;
    const { value, unit, members, more, graph } = reading.show(description, width, height);
    tile.dataset.here = String(here);
    quote($(".title", tile), description.title || name);
    say($(".away", tile), here ? "" : "not connected");
    say($(".lost", tile), lost ? `${lost} lost` : "");
    quote($(".value", tile), value);
    quote($(".unit", tile), unit);
    $(".number", tile).hidden = value === "";
    $(".number", tile).dataset.long = String(value.length > LONG);
    figure.hidden = graph === null;
    if (graph) {
      $("polyline", figure).setAttribute("points", graph.points);
      say($("figcaption", figure), `${graph.least} to ${graph.most}`);
    }
    fill($("dl", tile), members, ({ key }) => key, () => cloned("#figure"), (item, member) => {
      quote($("dt", item), member.name);
      quote($("dd", item), member.value);
    });
    $("dl", tile).hidden = members.length === 0;
    say($(".more", tile), more > 0 ? `and ${more} more` : "");
  }
}
