// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** One camera on the wall, a `<porthole-camera>`: its picture while somebody sees it, and its last one while it is off. */
import "../embed/porthole-camera.js";
import { icon, showIcon } from "../parts/icons.js";
import { made, quote, say } from "../parts/dom.js";
import { reasonInWords } from "../words/reasons.js";
import { t } from "../words/words.js";
import { timeInWords } from "../words/when.js";
import { isolated } from "../client/rules.js";
import { Still } from "./still.js";

/** @typedef {import("../client/session.js").Session} Session */
/** @typedef {{id: string, name: string, online: boolean}} Camera */

const FINAL = ["refused", "ended"];

/** A button with an icon and a name. @param {string} symbol @param {string} name @param {(event: any) => void} click */
export function iconButton(symbol, name, click) {
  const button = made("button", "", { type: "button", title: name });
  button.setAttribute("aria-label", name);
  button.append(icon(symbol));
  button.addEventListener("click", click);
  return button;
}

export class Tile {
  /** @type {Session|null} */ session = null;
  #camera; #still = new Still(); #listeners = new AbortController();

  /**
   * @param {Camera} camera
   * @param {{enlarge: (tile: Tile) => void, shrink: () => void, move: (tile: Tile, by: number) => void, open: (tile: Tile) => void, changed: () => void}} on
   */
  constructor(camera, on) {
    this.#camera = camera;
    this.on = on;
    const element = (this.element = made("article", "", { className: "tile" }));
    element.dataset.testid = `tile-${camera.id}`;
    element.dataset.id = camera.id;
    this.video = Object.assign(document.createElement("video"), { muted: true, autoplay: true, playsInline: true });
    this.video.dataset.testid = `tile-video-${camera.id}`;
    this.video.tabIndex = -1;
    this.video.slot = "picture";
    this.screen = /** @type {import("../embed/porthole-camera.js").PortholeCamera} */ (document.createElement("porthole-camera"));
    this.screen.muted = true;
    this.screen.append(this.video);
    this.cover = made("button", "", { type: "button", className: "cover" });
    this.cover.dataset.testid = `enlarge-${camera.id}`;
    this.cover.addEventListener("click", () => this.#pressed());
    this.nameLine = made("span", "", { className: "name" });
    this.stateLine = made("span", "", { className: "state" });
    const caption = made("p", "", { className: "caption" });
    caption.append(this.nameLine, this.stateLine);

    this.soundButton = iconButton("sound-off", t("wall.sound-on"), () => this.#sound());
    this.soundButton.dataset.testid = `tile-sound-${camera.id}`;
    const openButton = iconButton("drive", t("wall.open"), () => on.open(this));
    openButton.dataset.testid = `tile-open-${camera.id}`;
    const shrinkButton = iconButton("close", t("wall.shrink"), () => on.shrink());
    shrinkButton.dataset.testid = `shrink-${camera.id}`;
    const tools = made("div", "", { className: "tools" });
    tools.append(this.soundButton, openButton, shrinkButton);

    this.earlier = iconButton("chevron-left", "", () => on.move(this, -1));
    this.later = iconButton("chevron-right", "", () => on.move(this, 1));
    this.earlier.dataset.testid = `earlier-${camera.id}`;
    this.later.dataset.testid = `later-${camera.id}`;
    const places = made("div", "", { className: "places" });
    places.append(this.earlier, this.later);
    // That it is the last picture is said in words.
    this.#still.canvas.setAttribute("aria-hidden", "true");
    element.append(this.screen, this.#still.canvas, this.cover, caption, tools, places);
    this.show(camera);
  }

  get id() { return this.#camera.id; }
  get name() { return this.#camera.name; }
  /** Whether it may have a session. */
  get isWanted() { return this.session ? !this.isOver : this.#camera.online; }
  /** Whether its session is over for good, which is not asked for again by itself. */
  get isOver() { return this.session !== null && FINAL.includes(this.session.state) && this.session.code !== "camera-full"; }
  get isConnecting() { return this.session !== null && ["connecting", "reconnecting"].includes(this.session.state); }
  get isHeard() { return !this.video.muted; }

  /** @param {Camera} camera */
  show(camera) {
    this.#camera = camera;
    const name = isolated(camera.name);
    quote(this.nameLine, camera.name);
    this.video.setAttribute("aria-label", t("wall.picture", { name }));
    this.earlier.setAttribute("aria-label", t("wall.earlier", { name }));
    this.later.setAttribute("aria-label", t("wall.later", { name }));
    this.#showState();
  }

  /** @param {Session} session */
  begin(session) {
    this.end();
    this.session = session;
    this.#listeners = new AbortController();
    const { signal } = this.#listeners;
    session.addEventListener("state", () => { this.#heardState(); this.on.changed(); }, { signal });
    session.addEventListener("statistics", () => this.#take(), { signal });
    session.addEventListener("tracks", () => this.#showSound(), { signal });
    session.addEventListener("terms", () => { if (session.terms) this.#still.hold(session.terms, Date.now()); }, { signal });
    this.screen.session = session;
    this.#heardState();
  }

  /** Nobody sees it: its picture stays, as it was. */
  end() {
    const session = this.release();
    session?.close();
  }

  /** The session, which goes on elsewhere. @returns {Session|null} */
  release() {
    const { session } = this;
    if (!session) return null;
    this.#take();
    this.#listeners.abort();
    this.session = this.screen.session = null;
    this.screen.muted = true;
    this.#showSound();
    this.#showState();
    return session;
  }

  /** Who is here may not watch it any more, or is not here any more. */
  forget() {
    this.end();
    this.#still.forget();
    this.element.remove();
  }

  /** What changes with time alone. */
  tick() {
    this.#still.check(Date.now());
    this.#showState();
  }

  #take() {
    if (this.session?.state === "live") this.#still.take(this.video, this.session.terms, Date.now());
  }

  #heardState() {
    // The camera is only away, or else the right is over: then the last picture is gone as well.
    if (this.isOver) this.#still.forget();
    this.#showState();
    this.#showSound();
  }

  #showState() {
    const { session, element } = this;
    const { at } = this.#still;
    const isLive = session?.state === "live";
    element.dataset.state = session?.state ?? (this.#camera.online ? "paused" : "off");
    this.#still.canvas.hidden = isLive || at === null;
    // Hidden altogether it would be told to the camera as one that nobody sees.
    element.dataset.still = String(!isLive && at !== null);
    const last = at === null ? "" : t("wall.last", { time: timeInWords(at) });
    const words = session ? (isLive ? "" : reasonInWords(session.code, session.message) || t("wall.connecting")) : this.#camera.online ? "" : t("wall.off");
    say(this.stateLine, [words, isLive ? "" : last].filter(Boolean).join(" "));
    const name = isolated(this.#camera.name);
    this.cover.setAttribute("aria-label", this.isOver ? t("wall.retry", { name }) : t("wall.enlarge", { name }));
    this.cover.setAttribute("aria-description", this.stateLine.textContent);
  }

  #showSound() {
    const words = this.video.muted ? t("wall.sound-on") : t("wall.sound-off");
    this.soundButton.hidden = !(this.session?.stream.getAudioTracks().length && (!this.session.terms || this.session.terms.perms.includes("listen")));
    this.soundButton.setAttribute("aria-label", words);
    this.soundButton.title = words;
    showIcon(this.soundButton.querySelector("svg"), this.video.muted ? "sound-off" : "sound");
  }

  #sound() {
    this.screen.muted = !this.video.muted;
    this.#showSound();
    this.video.play().catch(() => {});
  }

  #pressed() {
    if (this.isOver) this.session?.retry();
    else this.on.enlarge(this);
  }

  /** As large as the wall, or among the others. @param {boolean} large */
  enlarge(large) {
    if (large) this.element.dataset.large = "true";
    else delete this.element.dataset.large;
    this.cover.setAttribute("aria-expanded", String(large));
    if (!large) this.screen.muted = true;
    this.#showSound();
  }
}
