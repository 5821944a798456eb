// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** Doorbells on the viewer's page: who rings, and the buttons to answer, decline, and hang up. */
import { Bell } from "./bell.js";
import { callInWords, titleFor } from "../parts/call-words.js";
import { Calls, choices, snapshotPath } from "../client/calls.js";
import { $, cloned, fill, quote, say } from "../parts/dom.js";
import { DoorButton } from "./door.js";
import { refusalInWords } from "../words/reasons.js";
import { t } from "../words/words.js";

/**
 * @typedef {import("../client/calls.js").Call} Call
 * @typedef {import("../client/calls.js").CallWord} CallWord
 * @typedef {import("../client/session.js").Session} Session
 */

/** What the page does for a call. @typedef {{open: (camera: string) => {session: Session, hear: () => void}, close: (camera: string) => void, isOpen: (camera: string) => boolean, say: (word: CallWord, id: string) => void}} Page */

export class CallPanel {
  #section; #page; #base; #calls = new Calls(); #bell = new Bell();
  /** Of the page, while nothing rings. */ title = document.title;
  /** Cameras whose picture a call has opened, and which it closes. @type {Set<string>} */ #opened = new Set();
  /** By call. @type {Map<string, DoorButton>} */ #doors = new Map();
  /** What is talked by. @type {Map<string, {session: Session, gone: AbortController, failed: string}>} */ #talks = new Map();
  /** The call that somebody has answered before this page had heard of it. */ #early = "";

  /** @param {any} section @param {string|URL} base the server's folder @param {Page} page */
  constructor(section, base, page) {
    this.#section = section;
    this.#base = base;
    this.#page = page;
    for (const touch of ["pointerdown", "keydown"]) addEventListener(touch, () => this.#bell.allow());
  }

  /** The server has told of a call. @param {any} told */
  hear(told) {
    const call = this.#calls.hear(told, Date.now());
    if (!call) return;
    if (call.state === "ringing" && call.you === "rung" && !document.hidden) this.#look(call);
    if (call.state === "ended" || !this.#concerns(call)) this.#leave(call);
    if (call.id === this.#early) this.answer(call.id);
    this.#show();
  }

  /** A picture was opened because of a call, and is closed with it. @param {string} camera */
  opened(camera) { this.#opened.add(camera); }

  /** Somebody answers by a notification, perhaps before this page has heard that it rings. @param {string} id */
  answer(id) {
    const call = this.#calls.all.find((each) => each.id === id);
    this.#early = call ? "" : id;
    if (call && choices(call, false).answer) this.#answer(call);
  }

  /** The connection is gone. What is talked goes on. */
  offline() {
    this.#calls.forget();
    this.#show();
  }

  tick() {
    this.#calls.tick(Date.now());
    this.#show();
  }

  /** Whether this page still has to do with it. @param {Call} call */
  #concerns(call) {
    return call.state === "ringing" ? call.you === "rung" : this.#calls.isHere(call);
  }

  /** Who stands there is seen before anybody answers. @param {Call} call */
  #look({ camera }) {
    if (this.#page.isOpen(camera)) return;
    this.#opened.add(camera);
    this.#page.open(camera);
  }

  /** @param {Call} call */
  #answer(call) {
    this.#calls.answer(call.id);
    this.#page.say("answerCall", call.id);
    if (!this.#page.isOpen(call.camera)) this.#opened.add(call.camera);
    const picture = this.#page.open(call.camera);
    picture.hear();
    const talk = { session: picture.session, gone: new AbortController(), failed: "" };
    this.#talks.set(call.id, talk);
    // The camera says whether it has a loudspeaker when its channels are open.
    const speak = () => {
      if (!picture.session.talkState) return;
      picture.session.removeEventListener("talk", speak);
      this.#speak(call.id, true);
    };
    picture.session.addEventListener("talk", speak, { signal: talk.gone.signal });
    picture.session.addEventListener("talk", () => this.#show(), { signal: talk.gone.signal });
    speak();
    this.#show();
  }

  /** @param {string} id @param {boolean} on */
  async #speak(id, on) {
    const talk = this.#talks.get(id);
    if (!talk) return;
    talk.failed = "";
    await talk.session.talk(on).catch((refused) => { talk.failed = refusalInWords(refused); });
    this.#show();
  }

  /** @param {Call} call */
  #leave(call) {
    this.#doors.get(call.id)?.end();
    this.#doors.delete(call.id);
    const talk = this.#talks.get(call.id);
    if (talk) {
      talk.gone.abort();
      this.#talks.delete(call.id);
      talk.session.talk(false).catch(() => {});
    }
    if (this.#opened.delete(call.camera)) this.#page.close(call.camera);
  }

  #show() {
    const ringing = this.#calls.ringing;
    document.title = titleFor(ringing, this.title);
    this.#bell.ring(ringing !== null);
    this.#section.hidden = this.#calls.all.length === 0;
    fill($("ul", this.#section), this.#calls.all, ({ id }) => id, (call) => this.#made(call), (item, call) => this.#shown(item, call));
  }

  /** @param {Call} made */
  #made({ id }) {
    const item = cloned("#call");
    this.#doors.set(id, new DoorButton($(".door", item)));
    const now = () => /** @type {Call} */ (this.#calls.all.find((call) => call.id === id));
    const does = (/** @type {string} */ name, /** @type {(call: Call) => void} */ act) => {
      const button = $(`.${name}`, item);
      button.dataset.testid = `call-${name}`;
      button.addEventListener("click", () => { if (now()) act(now()); });
    };
    // A finger may come down when somebody else has just answered.
    does("answer", (call) => { if (choices(call, false).answer) this.#answer(call); });
    does("decline", (call) => this.#page.say("declineCall", call.id));
    does("nobody", (call) => this.#page.say("nobodyHome", call.id));
    does("hang-up", (call) => this.#page.say("hangUp", call.id));
    does("mute", (call) => this.#speak(call.id, !this.#talks.get(call.id)?.session.talkState?.on));
    return item;
  }

  /** @param {any} item @param {Call} call */
  #shown(item, call) {
    const isHere = this.#calls.isHere(call);
    const may = choices(call, isHere);
    const talk = this.#talks.get(call.id);
    item.dataset.state = call.state;
    quote($(".name", item), call.name);
    say($(".words", item), talk?.failed || callInWords(call, isHere));
    $(".answer", item).hidden = !may.answer;
    $(".decline", item).hidden = !may.decline;
    $(".nobody", item).hidden = !may.nobody;
    $(".hang-up", item).hidden = !may.hangUp;
    const mute = $(".mute", item);
    mute.hidden = !may.mute || !talk?.session.talkState;
    say(mute, t(talk?.session.talkState?.on ? "parts.call-mute" : "parts.call-speak"));
    this.#doors.get(call.id)?.use(may.mute && talk ? talk.session : null);
    const image = $("img", item);
    const url = call.snapshot ? new URL(snapshotPath(call), this.#base).href : "";
    image.hidden = !url;
    if (url && image.src !== url) image.src = url;
  }
}
