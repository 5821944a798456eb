// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The button that is held to speak, and what the robot hears. */
import { isMeant, whenLeft } from "../drive/controls.js";
import { $, say } from "../parts/dom.js";
import { loudness, talkInWords } from "../parts/gateway-words.js";
import { refusalInWords } from "../words/reasons.js";

export class TalkPanel {
  #session; #element; #panel; #button; #pointer = /** @type {number|null} */ (null); #key = ""; #failed = "";
  #gone = new AbortController();

  /** @param {import("../client/session.js").Session} session @param {any} element the picture */
  constructor(session, element) {
    this.#session = session;
    this.#element = element;
    this.#panel = $(".talk", element);
    const button = (this.#button = $(".hold", element));
    const { signal } = this.#gone;
    button.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => this.#press(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      button.addEventListener(end, (/** @type {PointerEvent} */ event) => { if (event.pointerId === this.#pointer) this.#release(); });
    }
    // A long touch must not open a menu.
    button.addEventListener("contextmenu", (/** @type {Event} */ event) => event.preventDefault());
    // A screen reader presses a button without holding it: the first time it is on, the second time off.
    button.addEventListener("click", (/** @type {MouseEvent} */ { detail }) => {
      if (detail === 0) this.#speak(!session.talkState?.on);
    });
    document.addEventListener("keydown", (event) => this.#keyDown(event), { signal });
    document.addEventListener("keyup", (event) => this.#keyUp(event), { signal });
    // Who answers a doorbell holds nothing, and may look elsewhere meanwhile.
    whenLeft(() => { if (this.#pointer !== null || this.#key) this.#release(); }, signal);
    for (const event of ["hello", "talk"]) session.addEventListener(event, () => this.#show(), { signal });
    this.#show();
  }

  end() {
    this.#gone.abort();
    this.#release();
  }

  /** @param {PointerEvent} event */
  #press(event) {
    if (event.button !== 0 || this.#pointer !== null || this.#button.disabled) return;
    this.#pointer = event.pointerId;
    try { this.#button.setPointerCapture(event.pointerId); } catch { /* It is gone already, and its end comes. */ }
    this.#speak(true);
  }

  /** @param {KeyboardEvent} event */
  #keyDown(event) {
    const onButton = document.activeElement === this.#button;
    if (event.code !== "Space" && !(event.code === "Enter" && onButton)) return;
    // On another button the space bar is that button's.
    if (!isMeant(event, this.#element) || (!onButton && document.activeElement?.matches("button, a, summary"))) return;
    if (this.#panel.hidden || this.#button.disabled) return;
    event.preventDefault();
    if (event.repeat || this.#key) return;
    this.#key = event.code;
    this.#speak(true);
  }

  /** @param {KeyboardEvent} event */
  #keyUp(event) {
    if (event.code !== this.#key) return;
    event.preventDefault(); // It would be a click.
    this.#release();
  }

  #release() {
    this.#pointer = null;
    this.#key = "";
    this.#speak(false);
  }

  /** @param {boolean} on */
  async #speak(on) {
    if (on) this.#failed = "";
    if (!on && !this.#session.talkState?.on) return;
    try {
      await this.#session.talk(on);
    } catch (error) {
      this.#failed = refusalInWords(/** @type {any} */ (error));
      this.#show();
    }
  }

  #show() {
    const { hello, talkState: talk } = this.#session;
    const panel = this.#panel;
    const may = hello !== null && talk !== null && talk.you !== "not-permitted";
    // Without a loudspeaker the camera is just a camera, and who may not talk is told of none.
    panel.hidden = !may && !this.#failed;
    const button = this.#button;
    button.disabled = !may;
    button.setAttribute("aria-pressed", String(talk?.on === true));
    panel.dataset.you = talk?.you ?? "";
    // That one may hold the button says the button.
    panel.dataset.idle = String(may && !this.#failed && !talk.on && talk.you === "silent" && !talk.speaker);
    say($(".talk-words", panel), this.#failed || talkInWords(talk, hello?.id));
    $(".talk-words", panel).dataset.failed = String(this.#failed !== "");
    $("meter", panel).value = loudness(talk?.level ?? null);
    $("meter", panel).hidden = !talk?.speaker;
  }
}
