// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** Who drives, who waits, and what one drives with. */
import { Controls } from "./controls.js";
import { $, cloned, fill, quote, say } from "./dom.js";
import { wheelInWords } from "./gateway-words.js";

/** @typedef {import("./porthole-client.js").Session} Session */

export class DrivePanel {
  #session; #element; #panel; #button; #pad; #controls; #failed = ""; #wasDriving = false; #gone = new AbortController();
  /** The last one. @type {import("./drive.js").Drive|null} */
  #drive = null;

  /** @param {Session} session @param {any} element the picture */
  constructor(session, element) {
    this.#session = session;
    this.#element = element;
    this.#panel = $(".drive", element);
    this.#button = $(".wheel", element);
    this.#pad = $(".pad", element);
    this.#controls = new Controls(element, this.#pad, (text) => this.#send(text));
    this.#button.addEventListener("click", () => this.#press());
    for (const event of ["hello", "wheel", "services"]) session.addEventListener(event, () => this.#show(), { signal: this.#gone.signal });
    this.#show();
  }

  end() {
    this.#gone.abort();
    this.#controls.end();
    this.#drive?.release();
  }

  #press() {
    this.#failed = "";
    if (this.#drive && this.#drive.state !== "ended") {
      // While the way to the programs is still one's own.
      this.#controls.end();
      this.#drive.release();
      return;
    }
    const drive = (this.#drive = this.#session.drive());
    drive.addEventListener("state", () => this.#show());
    drive.addEventListener("refused", (/** @type {any} */ { detail }) => this.#fail(detail));
    this.#show();
  }

  /** Services that take the page's steering. */
  get #steered() { return this.#session.services.filter(({ here, description }) => here && description.drive); }

  /**
   * All of it on the channel that keeps the order: a message that is late must not come after the zeros that end it.
   * @param {string} text
   */
  #send(text) {
    const drive = this.#drive;
    if (drive?.state !== "driving") return Promise.resolve();
    return Promise.all(this.#steered.map((service) => drive.send(service, text).then(
      () => this.#fail(null),
      (error) => { if (drive.state === "driving") this.#fail(error); },
    )));
  }

  /** @param {Error|null} error */
  #fail(error) {
    const words = error?.message ?? "";
    if (words === this.#failed) return;
    this.#failed = words;
    this.#show();
  }

  #show() {
    const { hello, wheel } = this.#session;
    const drive = this.#drive;
    const panel = this.#panel;
    panel.hidden = !hello?.gateway;
    const state = drive?.state === "ended" ? "" : drive?.state ?? "";
    panel.dataset.state = state;
    const button = this.#button;
    button.disabled = !state && wheel?.you === "not-permitted";
    say(button, state === "driving" ? "Let go" : state === "waiting" ? "Stop waiting" : "Drive");
    say($(".drive-words", panel), [wheelInWords(wheel, hello?.id, drive), this.#failed].filter(Boolean).join(" "));

    const driving = state === "driving";
    $(".hands", panel).hidden = !driving;
    if (driving) this.#controls.begin();
    else this.#controls.end();
    const none = this.#steered.length === 0;
    $(".none", panel).hidden = !none;
    $(".keys", panel).hidden = this.#pad.hidden = none;
    if (driving && !this.#wasDriving) this.#begin();
    this.#wasDriving = driving;
    fill($(".waiting", panel), driving ? wheel?.waiting ?? [] : [], ({ id }) => String(id), ({ id }) => this.#newWaiting(id), (item, { user }) => {
      quote($(".name", item), user || "Someone");
    });
  }

  #begin() {
    // The space bar and the arrows are for the robot now, and not for the button.
    if ([this.#button, this.#element].includes(document.activeElement)) this.#pad.focus({ preventScroll: true });
    $(".line", this.#panel).scrollIntoView({ block: "nearest" });
  }

  /** @param {number} id */
  #newWaiting(id) {
    const item = cloned("#waiting");
    const button = $("button", item);
    button.dataset.testid = `hand-over-${id}`;
    button.addEventListener("click", () => {
      this.#controls.end();
      this.#drive?.handOver(id);
    });
    return item;
  }
}
