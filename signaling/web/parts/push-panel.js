// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The doorbell on the viewer's page: the button that has this device rung while no page is open, and the way to who rang. */
import { $, say } from "./dom.js";
import { isFor, keepRung, readPushKey, ringingInWords, whoIsRung, whyNotRung } from "./push.js";
import { list } from "../client/rules.js";
import { startWorker } from "./worker.js";
import { serverInWords } from "../words/reasons.js";
import { t } from "../words/words.js";

/** @typedef {import("./push.js").Ringing} Ringing */

const storage = () => localStorage;

/** What this browser can. */
function thisDevice() {
  const own = /** @type {any} */ (globalThis);
  return {
    secure: own.isSecureContext === true,
    worker: "serviceWorker" in navigator,
    push: "PushManager" in own && "Notification" in own,
    permission: own.Notification?.permission ?? "default",
    // Known to iPhones and iPads alone.
    isTab: /** @type {any} */ (navigator).standalone === false,
  };
}

export class PushPanel {
  #section; #api; #base;
  /** Who is here. */ #user = "";
  /** @type {Uint8Array|null} */ #key = null;
  /** @type {Ringing} */ #state = "absent";
  #failed = ""; #busy = false; #hasCalls = false;

  /** @param {any} section @param {import("./api.js").Api} api @param {string|URL} base the server's folder */
  constructor(section, api, base) {
    this.#section = section;
    this.#api = api;
    this.#base = base;
    $(".ring-here", section).addEventListener("click", () => this.#toggle());
    if (matchMedia("(display-mode: standalone)").matches) this.#offline();
  }

  /** Who is here: the name of an account, or nothing. @param {string} user */
  async show(user) {
    if (user === this.#user) return;
    this.#user = user;
    this.#state = "absent";
    this.#show();
    if (!user) return;
    this.#offline();
    const [key, calls] = await Promise.all([
      this.#api.get("v1/push").then(readPushKey, () => null),
      this.#api.get("v1/calls", { limit: 1 }).then((answer) => list(answer?.items), () => []),
    ]);
    if (user !== this.#user) return;
    this.#key = key;
    this.#hasCalls = calls.length > 0;
    await this.#look();
  }

  /** A call has been told of: there is something to look back at. */
  rang() {
    if (this.#hasCalls) return;
    this.#hasCalls = true;
    this.#show();
  }

  /** Whoever signs out is not rung here any more. To be called while still signed in. */
  async forget() {
    if (this.#state === "on") await this.#off().catch(() => {});
    this.show("");
  }

  /** What is there already. The server is told again: it may have forgotten. */
  async #look() {
    const why = whyNotRung(thisDevice(), this.#key !== null);
    this.#state = why ? "unable" : "off";
    if (!why) {
      const subscription = await this.#subscription().catch(() => null);
      if (subscription && this.#key && isFor(subscription, this.#key) && whoIsRung(storage) === this.#user) {
        this.#state = "on";
        await this.#tell(subscription).catch(() => {});
      }
    }
    this.#show();
  }

  async #toggle() {
    if (this.#busy) return;
    this.#busy = true;
    this.#failed = "";
    this.#show();
    try {
      await (this.#state === "on" ? this.#off() : this.#on());
    } catch (/** @type {any} */ problem) {
      this.#failed = serverInWords(problem);
    }
    this.#busy = false;
    this.#show();
  }

  async #on() {
    if (await Notification.requestPermission() !== "granted") {
      this.#state = thisDevice().permission === "denied" ? "unable" : "off";
      return;
    }
    const { pushManager } = await startWorker(this.#base);
    const key = /** @type {Uint8Array} */ (this.#key);
    const old = await pushManager.getSubscription();
    // One that was made for another key is in the way of a new one.
    if (old && !isFor(old, key)) await old.unsubscribe();
    const subscription = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }).catch(() => {
      throw new Error(t("parts.push-service"));
    });
    await this.#tell(subscription);
    keepRung(storage, this.#user);
    this.#state = "on";
  }

  async #off() {
    const subscription = await this.#subscription();
    keepRung(storage, "");
    this.#state = "off";
    if (!subscription) return;
    const { endpoint } = subscription;
    // From here on nothing rings, whatever the server hears.
    await subscription.unsubscribe();
    await this.#api.delete("v1/me/push", { endpoint });
  }

  /** @param {any} subscription */
  #tell(subscription) { return this.#api.post("v1/me/push", subscription.toJSON()); }

  /** @returns {Promise<any>} */
  async #subscription() {
    const registration = await navigator.serviceWorker.getRegistration(this.#base);
    return registration?.pushManager?.getSubscription() ?? null;
  }

  /** Who has an account, or starts the page as an app, sees a sentence where there is no network. */
  #offline() {
    if (thisDevice().worker) startWorker(this.#base).catch(() => {});
  }

  #show() {
    const why = whyNotRung(thisDevice(), this.#key !== null);
    const { button, words } = ringingInWords(this.#state, why, matchMedia("(pointer: coarse)").matches);
    // Where nobody was ever rung, and nothing could, it is no matter.
    this.#section.hidden = this.#state === "absent" || !(this.#hasCalls || this.#key);
    $(".who-rang", this.#section).hidden = !this.#hasCalls;
    const ring = $(".ring-here", this.#section);
    ring.hidden = this.#state === "unable";
    ring.disabled = this.#busy;
    ring.setAttribute("aria-pressed", String(this.#state === "on"));
    say(ring, button);
    say($(".words", this.#section), this.#failed || words);
  }
}
