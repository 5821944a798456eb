// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The door of a call: a button that is held for a second, and what became of it. {@link Hold} is without a page. */
import { $, quote, say } from "../parts/dom.js";
import { refusalInWords } from "../words/reasons.js";
import { t } from "../words/words.js";

/** @typedef {import("../client/session.js").Session} Session */

/** How long the button is held: nobody opens a door by a touch in passing. */
export const HOLD_MS = 1_000;
/** How long it is said what became of it: read twice. */
export const SAID_MS = 8_000;
/** Who cannot hold a button presses it twice within so long. */
export const TWICE_MS = 5_000;

/** The service that opens it. */
const DOOR = "door";

/**
 * One press after the other. `state` is `idle`, `holding`, `opening`, `opened` or `failed`, and `words` say what there is to say.
 * What it asks for comes from the camera while the button is held, and is good for a moment alone: so no word that the network
 * held up opens the door later.
 */
export class Hold {
  state = "idle"; words = "";
  #env; #door; #changed;
  /** Counts presses, so that nothing follows from one that is over. */ #press = 0;
  /** @type {any} */ #timer; #isHeld = false; #isArmed = false;

  /**
   * @param {{setTimeout: (call: () => void, ms: number) => any, clearTimeout: (timer: any) => void}} env
   * @param {{holdDoor: () => Promise<number>, openDoor: (nonce: number) => Promise<void>}} door @param {() => void} changed
   */
  constructor(env, door, changed) {
    this.#env = env;
    this.#door = door;
    this.#changed = changed;
  }

  /** The button is down. */
  async press() {
    if (this.#isHeld || this.state === "opening") return;
    this.#isHeld = true;
    const press = this.#begin("holding", "");
    const held = new Promise((/** @type {(_: void) => void} */ resolve) => { this.#timer = this.#env.setTimeout(resolve, HOLD_MS); });
    await this.#through(press, async () => {
      const nonce = await this.#door.holdDoor();
      await held;
      if (press !== this.#press) return;
      // What is under way now is not taken back by letting go.
      this.#isHeld = false;
      this.#set("opening", "");
      await this.#door.openDoor(nonce);
    });
  }

  /** It is let go, or the finger has left it. */
  release() {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#begin("failed", t("watch.door.let-go"));
    this.#later();
  }

  /** It was pressed by something that cannot hold it, such as a screen reader: twice does. */
  async tap() {
    if (this.#isHeld || this.state === "opening") return;
    if (!this.#isArmed) {
      this.#begin("idle", t("watch.door.twice"));
      this.#isArmed = true;
      return this.#later(TWICE_MS);
    }
    const press = this.#begin("opening", "");
    await this.#through(press, async () => this.#door.openDoor(await this.#door.holdDoor()));
  }

  /** Nothing more of it is heard. */
  end() {
    this.#isHeld = false;
    this.#begin("idle", "");
  }

  /** @param {number} press @param {() => Promise<void>} open */
  async #through(press, open) {
    const error = await open().then(() => null, (/** @type {Error} */ why) => why);
    if (press !== this.#press) return;
    this.#isHeld = false;
    this.#env.clearTimeout(this.#timer);
    this.#set(error ? "failed" : "opened", error ? refusalInWords(error) : t("watch.door.opened"));
    this.#later();
  }

  /** @param {string} state @param {string} words */
  #begin(state, words) {
    this.#env.clearTimeout(this.#timer);
    this.#isArmed = false;
    this.#press += 1;
    this.#set(state, words);
    return this.#press;
  }

  /** @param {number} [ms] */
  #later(ms = SAID_MS) { this.#timer = this.#env.setTimeout(() => this.end(), ms); }

  /** @param {string} state @param {string} words */
  #set(state, words) {
    [this.state, this.words] = [state, words];
    this.#changed();
  }
}

/** Whether there is a door for whoever looks through this session: `""` for none, `away` while nothing opens it, `here`. @param {Session|null} session */
export function doorOf(session) {
  if (!session?.hello?.door || !session.terms?.perms.includes(DOOR)) return "";
  return session.services.some(({ name, here }) => name === DOOR && here) ? "here" : "away";
}

/** The button on the page. */
export class DoorButton {
  #element; #button; #session = /** @type {Session|null} */ (null); #hold = /** @type {Hold|null} */ (null);
  #pointer = /** @type {number|null} */ (null); #key = ""; #gone = new AbortController();

  /** @param {any} element with a button and words */
  constructor(element) {
    this.#element = element;
    const button = (this.#button = $("button", element));
    button.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => this.#press(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      button.addEventListener(end, (/** @type {PointerEvent} */ event) => { if (event.pointerId === this.#pointer) this.#release(); });
    }
    button.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => { if (event.pointerId === this.#pointer && !this.#isInside(event)) this.#release(); });
    // A long touch must not open a menu.
    button.addEventListener("contextmenu", (/** @type {Event} */ event) => event.preventDefault());
    button.addEventListener("click", (/** @type {MouseEvent} */ { detail }) => { if (detail === 0) this.#hold?.tap(); });
    button.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#keyDown(event));
    button.addEventListener("keyup", (/** @type {KeyboardEvent} */ event) => this.#keyUp(event));
    button.addEventListener("blur", () => this.#release());
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.#release(); }, { signal: this.#gone.signal });
    this.#show();
  }

  /** Through which session it is opened now, if through one. @param {Session|null} session */
  use(session) {
    if (session !== this.#session) {
      this.#release();
      this.#hold?.end();
      this.#session = session;
      const timers = { setTimeout: setTimeout.bind(window), clearTimeout: clearTimeout.bind(window) };
      this.#hold = session && new Hold(timers, session, () => this.#show());
      for (const event of ["hello", "services", "terms"]) session?.addEventListener(event, () => this.#show(), { signal: this.#gone.signal });
    }
    this.#show();
  }

  end() {
    this.use(null);
    this.#gone.abort();
  }

  /** @param {PointerEvent} event */
  #press(event) {
    if (event.button !== 0 || this.#pointer !== null || this.#button.disabled) return;
    this.#pointer = event.pointerId;
    try { this.#button.setPointerCapture(event.pointerId); } catch { /* It is gone already, and its end comes. */ }
    this.#hold?.press();
  }

  /** @param {PointerEvent} event */
  #isInside({ clientX, clientY }) {
    const { left, right, top, bottom } = this.#button.getBoundingClientRect();
    return clientX >= left && clientX <= right && clientY >= top && clientY <= bottom;
  }

  /** @param {KeyboardEvent} event */
  #keyDown(event) {
    if (event.code === "Escape") return this.#release();
    if (event.code !== "Space" && event.code !== "Enter") return;
    event.preventDefault();
    if (event.repeat || this.#key) return;
    this.#key = event.code;
    this.#hold?.press();
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
    this.#hold?.release();
  }

  #show() {
    const door = doorOf(this.#session);
    const hold = this.#hold;
    // Who has lost the right in the middle of it lets go.
    if (!door) hold?.release();
    this.#element.hidden = !door;
    this.#element.dataset.state = hold?.state ?? "idle";
    this.#button.disabled = door !== "here";
    quote($(".door-words", this.#element), hold?.words || (door === "away" ? t("watch.door.away") : ""));
    say($(".label", this.#button), hold?.state === "opening" ? t("watch.door.opening") : t("watch.door.hold"));
  }
}
