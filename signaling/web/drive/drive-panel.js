// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** Who drives, who waits, and what one drives with. */
import { Controls, isStopKey } from "./controls.js";
import { $, cloned, fill, say } from "../parts/dom.js";
import { GamepadView } from "./gamepad-view.js";
import { wheelInWords } from "../parts/gateway-words.js";
import { LinkSign } from "./link-sign.js";
import { personInWords } from "../parts/people.js";
import { refusalInWords } from "../words/reasons.js";
import { t } from "../words/words.js";

/** @typedef {import("../client/session.js").Session} Session */

/** Felt and not heard, in ms: that a stop was asked for, and that the robot stopped while one drove. */
const ASKED_TICK = [40];
const STOPPED_TICK = [40, 60, 40];
/** A phone has it; browsers take it only of who has touched the page. @param {number[]} pattern */
const tick = (pattern) => { navigator.vibrate?.(pattern); };

export class DrivePanel {
  #session; #element; #panel; #button; #stopButton; #pad; #turn; #controls; #sign; #failed = ""; #wasDriving = false; #gone = new AbortController();
  /** Stops that wait for their answer. */
  #stopping = 0;
  /** What was last told of one. @type {import("../client/gateway-rules.js").Stopped|null} */
  #stopped = null;
  /** The last one. @type {import("../client/drive.js").Drive|null} */
  #drive = null;

  /** @param {Session} session @param {any} element the picture */
  constructor(session, element) {
    this.#session = session;
    this.#element = element;
    this.#panel = $(".drive", element);
    this.#button = $(".wheel", element);
    this.#stopButton = $(".stop", element);
    this.#pad = $(".pad", element);
    this.#turn = $(".turn", element);
    this.#sign = new LinkSign(session, element);
    const gamepad = new GamepadView($(".gamepad", element));
    this.#controls = new Controls(element, [this.#pad, this.#turn], (text) => this.#send(text), (pad) => gamepad.show(pad));
    this.#button.addEventListener("click", () => this.#press());
    const { signal } = this.#gone;
    // Not when it is let go; and a second finger, beside the one on the stick, makes no click.
    this.#stopButton.addEventListener("pointerdown", (/** @type {PointerEvent} */ { button }) => { if (button === 0) this.#stop(); });
    this.#stopButton.addEventListener("click", (/** @type {MouseEvent} */ { detail }) => { if (detail === 0) this.#stop(); });
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
    this.#sign.show(false);
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
    tick(ASKED_TICK);
    this.#failed = "";
    this.#stopping += 1;
    const answer = this.#session.stop();
    this.#show();
    const error = await answer.then(() => null, (why) => why);
    this.#stopping -= 1;
    this.#failed = error ? refusalInWords(error) : "";
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
    const words = error ? refusalInWords(error) : "";
    if (words === this.#failed) return;
    this.#failed = words;
    this.#show();
  }

  #show() {
    const { hello, wheel, stopped } = this.#session;
    const drive = this.#drive;
    const panel = this.#panel;
    const state = drive?.state === "ended" ? "" : drive?.state ?? "";
    const may = wheel !== null && wheel.you !== "not-permitted";
    // Without a program that takes steering there is nothing to drive.
    const canDrive = may && (state !== "" || this.#session.services.some(({ description }) => description.drive));
    // Who only looks sees who drives, and why the robot stopped.
    panel.hidden = !hello?.gateway || !(canDrive || wheel?.driver || stopped || this.#failed || (!may && drive?.state === "ended"));
    panel.dataset.state = state;
    panel.dataset.driven = String(Boolean(wheel?.driver) || state === "driving");
    const button = this.#button;
    button.hidden = !canDrive;
    button.disabled = !state && !may;
    const name = t(state === "driving" ? "drive.let-go" : state === "waiting" ? "drive.leave-line" : "drive.drive");
    say($(".label", button), name);
    button.title = `${name} (G)`;
    if (stopped && stopped !== this.#stopped) {
      this.#failed = ""; // It is stopped after all.
      if (this.#wasDriving) tick(STOPPED_TICK);
    }
    this.#stopped = stopped;
    panel.dataset.stopped = String(stopped !== null);
    const words = this.#stopping > 0 && !stopped ? t("drive.stopping") : wheelInWords(wheel, hello?.id, drive, stopped);
    say($(".drive-words", panel), [words, this.#failed].filter(Boolean).join(" "));

    const driving = state === "driving";
    const none = this.#steered.length === 0;
    for (const pad of [this.#pad, this.#turn]) pad.hidden = !driving || none;
    if (driving) this.#controls.begin();
    else this.#controls.end();
    this.#sign.show(driving);
    this.#stopButton.hidden = none || !may;
    $(".none", panel).hidden = !driving || !none;
    $(".keys", panel).hidden = !driving || none;
    if (driving && !this.#wasDriving) this.#begin();
    this.#wasDriving = driving;
    fill($(".waiting", panel), driving ? wheel?.waiting ?? [] : [], ({ id }) => String(id), ({ id }) => this.#newWaiting(id), (item, { user }) => {
      say($(".name", item), personInWords(user));
    });
  }

  #begin() {
    // The space bar and the arrows are for the robot now, and not for the button.
    if ([this.#button, this.#element].includes(document.activeElement)) this.#pad.focus({ preventScroll: true });
    $(".stage", this.#element).scrollIntoView({ block: "nearest" });
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
