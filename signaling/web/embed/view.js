// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What of a camera in somebody's page is on the screen: a picture, a line of words, a few buttons. No markup is parsed: pages may forbid it. */
import { LANGUAGES } from "../words/languages.js";
import { pick, sentence } from "../words/words.js";
import { STYLE } from "./style.js";

const SVG = "http://www.w3.org/2000/svg";
/** As in icons/sprite.svg, which no page of another origin can point into. */
const ICONS = Object.freeze({
  "play": "M7 4.5v15l12-7.5z",
  "pause": "M8 5v14M16 5v14",
  "sound": "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11",
  "sound-off": "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5",
  "fullscreen": "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  "fullscreen-exit": "M9 4v5H4M20 9h-5V4M15 20v-5h5M4 15h5v5",
});

/** One for each document: an element that moves to another takes that one's. @type {WeakMap<Document, CSSStyleSheet>} */
const sheets = new WeakMap();

/** @param {Document} page */
function sheetOf(page) {
  const known = sheets.get(page);
  if (known) return known;
  const sheet = new (/** @type {any} */ (page.defaultView ?? window).CSSStyleSheet)();
  sheet.replaceSync(STYLE);
  sheets.set(page, sheet);
  return sheet;
}

/** @typedef {{play: () => void, mute: () => void, full: () => void}} Pressed what its buttons do */
/** @typedef {{isPlaying: boolean, isMuted: boolean, hasSound: boolean, isFull: boolean}} Shown what they show */

export class View {
  #host; #own; #root; #line; #bar;
  /** @type {{play: HTMLButtonElement, sound: HTMLButtonElement, full: HTMLButtonElement}} */ #buttons;
  #language = { locale: "en-GB", words: /** @type {import("../words/languages.js").Words} */ (LANGUAGES.en.load()) };
  #dir = "ltr";

  /** @param {HTMLElement} host @param {Pressed} pressed */
  constructor(host, pressed) {
    const page = host.ownerDocument;
    this.#host = host;
    this.#root = host.attachShadow({ mode: "open" });
    const made = (/** @type {string} */ tag, /** @type {string} */ name) => /** @type {any} */ (Object.assign(page.createElement(tag), { className: name, part: name }));
    const video = (this.#own = /** @type {HTMLVideoElement} */ (made("video", "video")));
    Object.assign(video, { playsInline: true, autoplay: true });
    const place = made("slot", "");
    place.name = "picture";
    place.append(video);
    this.#line = made("p", "state");
    this.#line.setAttribute("role", "status");
    this.#bar = made("div", "bar");
    const button = (/** @type {string} */ name, /** @type {() => void} */ press) => {
      const element = /** @type {HTMLButtonElement} */ (made("button", name));
      element.type = "button";
      element.addEventListener("click", press);
      const icon = page.createElementNS(SVG, "svg");
      icon.setAttribute("viewBox", "0 0 24 24");
      icon.setAttribute("aria-hidden", "true");
      icon.append(page.createElementNS(SVG, "path"));
      element.append(icon);
      return element;
    };
    this.#buttons = { play: button("play", pressed.play), sound: button("sound", pressed.mute), full: button("full", pressed.full) };
    this.#bar.append(...Object.values(this.#buttons));
    this.#root.append(place, this.#line, this.#bar);
  }

  /** What the page has put in the place of the picture, or the element's own. @returns {HTMLVideoElement} */
  get video() { return this.#host.querySelector(':scope > video[slot="picture"]') ?? this.#own; }

  /** Once it is in a document, and in each other. @param {Document} page */
  dress(page) {
    this.#root.adoptedStyleSheets = [sheetOf(page)];
  }

  /** Speaks the language of its place in the page; English until that has come. @param {readonly string[]} wanted */
  async speak(wanted) {
    const { code, locale } = pick(wanted, Object.keys(LANGUAGES));
    try {
      this.#language = { locale, words: await LANGUAGES[code].load() };
      this.#dir = LANGUAGES[code].dir;
    } catch { /* It stays English. */ }
    this.#line.dir = this.#dir;
  }

  /** @param {string} key @param {Record<string, string|number>} [values] */
  word(key, values) { return sentence(this.#language, key, values); }

  /** A sentence by its key, if this language has it; English as it was said, which may tell more. @param {string} key @param {string} words */
  reason(key, words) {
    const isSaid = words !== "" && (this.#language.words === LANGUAGES.en.load() || !Object.hasOwn(this.#language.words, key));
    return isSaid || !key ? words : this.word(key);
  }

  /** @param {string} words */
  say(words) {
    // A screen reader would read the same again.
    if (this.#line.textContent !== words) this.#line.textContent = words;
  }

  /** @param {string} name of the camera, which somebody else wrote */
  name(name) { this.video.setAttribute("aria-label", this.word("embed.picture", { camera: name })); }

  /** @param {string} fit */
  fit(fit) { this.#own.style.setProperty("--porthole-fit", fit); }

  /** @param {boolean} wanted @param {Shown} shown */
  show(wanted, { isPlaying, isMuted, hasSound, isFull }) {
    this.#bar.hidden = !wanted;
    this.#bar.toggleAttribute("data-stays", !isPlaying);
    this.#draw(this.#buttons.play, isPlaying ? "pause" : "play", isPlaying ? "embed.pause" : "embed.play");
    this.#draw(this.#buttons.sound, isMuted ? "sound-off" : "sound", isMuted ? "embed.sound-on" : "embed.sound-off");
    this.#buttons.sound.hidden = !hasSound;
    this.#draw(this.#buttons.full, isFull ? "fullscreen-exit" : "fullscreen", isFull ? "embed.full-exit" : "embed.full");
  }

  /** @param {HTMLButtonElement} button @param {keyof typeof ICONS} icon @param {string} key */
  #draw(button, icon, key) {
    const words = this.word(key);
    if (button.title === words && button.dataset.icon === icon) return;
    button.title = words;
    button.setAttribute("aria-label", words);
    button.dataset.icon = icon;
    button.querySelector("path")?.setAttribute("d", ICONS[icon]);
  }
}
