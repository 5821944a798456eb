// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** Who drives, who waits, and what one drives with. */
import { Controls, isStopKey } from "./controls.js";
import { $, cloned, fill, quote, say } from "./dom.js";
import { wheelInWords } from "./gateway-words.js";

/** @typedef {import("./porthole-client.js").Session} Session */

export class DrivePanel {
  #session; #element; #stage; #panel; #button; #stopButton; #pad; #controls; #failed = ""; #wasDriving = false; #gone = new AbortController();
  /** Stops that wait for their answer. */
  #stopping = 0;
  /** What was last told of one. @type {import("./gateway-rules.js").Stopped|null} */
  #stopped = null;
  /** The last one. @type {import("./drive.js").Drive|null} */
  #drive = null;

  /** @param {Session} session @param {any} element the picture */
  constructor(session, element) {
    this.#session = session;
    this.#element = element;
    this.#stage = $(".stage", element);
    this.#panel = $(".drive", element);
    this.#button = $(".wheel", element);
    this.#stopButton = $(".stop", element);
    this.#pad = $(".pad", element);
    this.#controls = new Controls(element, this.#pad, (text) => this.#send(text));
    this.#button.addEventListener("click", () => this.#press());
    const { signal } = this.#gone;
    // Not when it is let go; and a second finger, beside the one on the stick, makes no click.
    this.#stopButton.addEventListener("pointerdown", ({ button }) => { if (button === 0) this.#stop(); });
    this.#stopButton.addEventListener("click", ({ detail }) => { if (detail === 0) this.#stop(); });
    document.addEventListener("keydown", (event) => { if (isStopKey(event, element)) this.#stop(); }, { signal });
    // Browsers keep the Escape that leaves the full screen to themselves.
    document.addEventListener("fullscreenchange", ({ target }) => {
      if (!document.fullscreenElement && element.contains(target) && this.#drive?.state === "driving") this.#stop();
      this.#show();
    }, { signal });
    for (const event of ["hello", "wheel", "services"]) session.addEventListener(event, () => this.#show(), { signal });
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

  /** Whoever drives. */
  async #stop() {
    if (this.#stopButton.hidden) return;
    this.#failed = "";
    this.#stopping += 1;
    const answer = this.#session.stop();
    this.#show();
    const error = await answer.then(() => null, (why) => why);
    this.#stopping -= 1;
    this.#failed = error?.message ?? "";
    this.#show();
  }

  /** Services that take the page's steering. */
  get #steered() { return this.#session.services.filter(({ here, description }) => here && description.drive); }

  /** @param {string} text */
  #send(text) {
    const drive = this.#drive;
    if (drive?.state !== "driving") return Promise.resolve();
    return Promise.all(drive.steer(this.#steered, text).map((kept) => kept.then(
      () => this.#fail(null),
      // Where newer steering took its place nothing is missing.
      (error) => { if (drive.state === "driving") this.#fail(error.code === "superseded" ? null : error); },
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
    const { hello, wheel, stopped } = this.#session;
    const drive = this.#drive;
    const panel = this.#panel;
    panel.hidden = !hello?.gateway;
    const state = drive?.state === "ended" ? "" : drive?.state ?? "";
    panel.dataset.state = state;
    const button = this.#button;
    button.disabled = !state && wheel?.you === "not-permitted";
    say(button, state === "driving" ? "Let go" : state === "waiting" ? "Leave the line" : "Drive");
    if (stopped && stopped !== this.#stopped) this.#failed = ""; // It is stopped after all.
    this.#stopped = stopped;
    panel.dataset.stopped = String(stopped !== null);
    const words = this.#stopping > 0 && !stopped ? "Stopping…" : wheelInWords(wheel, hello?.id, drive, stopped);
    say($(".drive-words", panel), [words, this.#failed].filter(Boolean).join(" "));

    const driving = state === "driving";
    $(".hands", panel).hidden = !driving;
    if (driving) this.#controls.begin();
    else this.#controls.end();
    const none = this.#steered.length === 0;
    // On the full screen there is the stage alone, and no room for what nobody needs.
    const isFull = document.fullscreenElement === this.#stage;
    if (isFull !== this.#stage.contains(this.#stopButton)) {
      if (isFull) this.#stage.append(this.#stopButton);
      else this.#button.after(this.#stopButton);
    }
    this.#stopButton.hidden = none || !wheel || wheel.you === "not-permitted" || (isFull && !wheel.driver);
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
