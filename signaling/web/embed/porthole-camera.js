// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * A camera in anybody's page (docs/embed.md):
 *
 * ```html
 * <script type="module" src="https://look.example.org/embed/porthole-camera.js"></script>
 * <porthole-camera server="https://look.example.org" camera="front" token="…" muted controls></porthole-camera>
 * ```
 *
 * Events: `state`, `latency`, `terms` and `statistics`, each with what it is about in `detail`. The session ends when the element
 * leaves the document, and goes on where it is put elsewhere at once. The server's own pages are built of it: they give it a session and a
 * `<video slot="picture">` of theirs, and say in their own words how things stand.
 *
 * @typedef {import("../client/session.js").Session} Session
 * @typedef {import("../client/types.js").Terms} Terms
 * @typedef {import("../client/statistics.js").Statistics} Statistics
 * @typedef {import("./token.js").TokenProvider} TokenProvider
 * @typedef {"idle"|"connecting"|"live"|"reconnecting"|"paused"|"refused"|"ended"} CameraState
 * @typedef {{state: CameraState, code: string, message: string}} StateDetail
 */
import { PortholeClient } from "../client/porthole-client.js";
import { isolated } from "../client/rules.js";
import { NATIVES, forgetAttribute } from "./natives.js";
import { isOver, lineFor, readFit, readServer } from "./rules.js";
import { Tokens } from "./token.js";
import { View } from "./view.js";

export { PortholeClient };
export { REASONS, Refused, VERSION } from "../client/porthole-client.js";

/** Of a JPEG, where nothing else is asked for: what cameras have. */
const QUALITY = 0.92;
/** Codes that another token may help with. */
const OF_TOKENS = ["unauthorized", "revoked"];
/** Where pages are made without a browser, the module can be loaded, and does nothing. */
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {});

export class PortholeCamera extends Base {
  static get observedAttributes() { return ["server", "camera", "token", "muted", "controls", "fit"]; }

  /** `idle` while `server` or `camera` is missing or the element is in no document. @type {CameraState} */
  state = "idle";
  /** Why, as a stable code. */
  code = "";
  /** The same in words. */
  message = "";
  #view; #tokens;
  /** @type {PortholeClient|null} */ #client = null;
  /** @type {PortholeClient|null} */ #given = null;
  /** The page's own session, which is the page's to end. @type {Session|null} */ #lent = null;
  /** @type {Session|null} */ #session = null;
  /** Ends what is listened to. */ #heard = new AbortController();
  #isPaused = false; #isPlanned = false; #isLent = false; #turn = 0;
  /** What the session was made for; empty while there is none. */ #made = "";
  /** Those who wait for a picture. @type {{done: () => void, fail: (why: Error) => void}[]} */ #waiting = [];

  constructor() {
    super();
    this.#view = new View(this, {
      play: () => (isOver(this.state) ? this.play().catch(() => {}) : this.pause()),
      mute: () => {
        this.muted = !this.video.muted;
      },
      full: () => this.#fullScreen(),
    });
    this.#tokens = new Tokens({ now: Date.now, setTimeout: NATIVES.setTimeout, clearTimeout: NATIVES.clearTimeout }, {
      present: (token) => this.#present(token),
      failed: (why) => { if (!this.#client) this.#set("refused", "no-token", `${this.#view.word("embed.no-token")} (${why})`); },
    });
  }

  // -- what a page says ---------------------------------------------------------------------------

  /** The server's address. */
  get server() { return this.getAttribute("server") ?? ""; }
  set server(address) { this.setAttribute("server", address); }
  /** The camera's id. */
  get camera() { return this.getAttribute("camera") ?? ""; }
  set camera(id) { this.setAttribute("camera", id); }
  /** Whether it makes no sound. Browsers let no page begin with sound before somebody has clicked. */
  get muted() { return this.hasAttribute("muted"); }
  set muted(on) {
    this.#isSilenced = false;
    this.toggleAttribute("muted", Boolean(on));
    this.#show();
    if (!on && !this.video.paused) this.#hear();
  }
  /** Whether it has buttons. */
  get controls() { return this.hasAttribute("controls"); }
  set controls(on) { this.toggleAttribute("controls", Boolean(on)); }
  /** `contain`, `cover` or `fill`. */
  get fit() { return readFit(this.getAttribute("fit")); }
  set fit(fit) { this.setAttribute("fit", fit); }
  /** Can be set, and is never told. @type {string} */
  get token() { return ""; }
  set token(token) {
    this.#tokens.set(token);
    this.#again();
  }
  /**
   * Gives a token when one is needed: at first, before the right of the last one ends, and when it is not taken any more. It is asked
   * with the server's address and the camera's id. @type {TokenProvider|null}
   */
  get tokenProvider() { return null; }
  set tokenProvider(provider) {
    this.#tokens.provide(provider);
    this.#again();
  }
  /** A client of the page's own, in place of one with `server` and a token. @type {PortholeClient|null} */
  get client() { return this.#given; }
  set client(client) {
    this.#given = client;
    this.#again();
  }

  /**
   * The session, while there is one. A page that has one sets it, in place of `client` and `camera`; it ends it itself, and takes it back with
   * null. @type {Session|null}
   */
  get session() { return this.#session; }
  set session(session) {
    this.#lent = session;
    this.#again();
  }

  // -- what it tells ------------------------------------------------------------------------------

  /** Shows what is played: the page's own in the slot `picture`, or the element's. */
  get video() { return this.#view.video; }
  /** Milliseconds from glass to glass, or null. */
  get latency() { return this.#session?.latency ?? null; }
  /** What the viewer may do, and until when. @type {Terms|null} */
  get terms() { return this.#session?.terms ?? null; }
  /** How well the picture arrives. @type {Statistics|null} */
  get statistics() { return this.#session?.statistics() ?? null; }
  get paused() { return this.#isPaused; }

  /** Shows the picture, from now on; done when it is there. */
  async play() {
    if (this.state === "live") return;
    this.#isPaused = false;
    const there = new Promise((done, fail) => this.#waiting.push({ done: () => done(undefined), fail }));
    if (this.#session && isOver(this.state)) this.#session.retry();
    this.#plan();
    await there;
  }

  /** Ends the session: nothing more is sent, until `play()`. */
  pause() {
    this.#isPaused = true;
    this.#end();
    this.#set("paused");
  }

  /** The picture of this moment. @param {{type?: string, quality?: number}} [as] @returns {Promise<Blob>} */
  async snapshot({ type = "image/jpeg", quality = QUALITY } = {}) {
    const { video } = this;
    if (this.state !== "live" || !video.videoWidth) throw new DOMException("There is no picture now.", "InvalidStateError");
    // As on the server's own page. Whoever sees a picture can keep it by other means.
    if (/** @type {any} */ (this.terms)?.saving === false) throw new DOMException("Pictures of this camera are not to be kept.", "NotAllowedError");
    const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d")?.drawImage(video, 0, 0);
    return new Promise((done, fail) => {
      canvas.toBlob((blob) => (blob ? done(blob) : fail(new DOMException(`No picture of the type ${type} can be made.`, "EncodingError"))), type, quality);
    });
  }

  // -- in the document ----------------------------------------------------------------------------

  connectedCallback() {
    this.#view.dress(this.ownerDocument);
    this.#plan();
  }

  disconnectedCallback() { this.#plan(); }

  adoptedCallback() { this.#view.dress(this.ownerDocument); }

  /** @param {string} name @param {string|null} _ @param {string|null} value */
  attributeChangedCallback(name, _, value) {
    if (name === "token" && value !== null) {
      this.#tokens.set(value);
      forgetAttribute(this, "token");
      this.#again();
    } else if (name === "server" || name === "camera") this.#plan();
    else if (name !== "token") this.#show();
  }

  /** Begins anew: with another token, it is another viewer. */
  #again() {
    this.#made = "";
    this.#plan();
  }

  /** When all that happens now has happened: who moves an element takes it out and puts it in. */
  #plan() {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    queueMicrotask(() => {
      this.#isPlanned = false;
      this.#settle();
    });
  }

  #settle() {
    if (!this.isConnected) {
      this.#end();
      return this.#set("idle");
    }
    if (this.#isPaused) return this.#set("paused");
    if (this.#lent) {
      if (this.#session === this.#lent) return this.#hear();
      this.#end();
      this.#isLent = true;
      return this.#follow(this.#lent);
    }
    const server = this.#given ? "" : readServer(this.getAttribute("server"), this.ownerDocument.baseURI, import.meta.url);
    const wanted = `${server} ${this.camera}`;
    // It was moved: what plays in it has been stopped by that.
    if (this.#made === wanted) return this.#hear();
    this.#end();
    if (!this.camera) return this.#set("idle");
    if (server === null) return this.#set("refused", "no-server", this.#view.word("embed.no-server"));
    this.#made = wanted;
    return this.#begin(server);
  }

  /** @param {string} server */
  async #begin(server) {
    const turn = ++this.#turn;
    this.#set("connecting");
    await this.#view.speak(this.#languages());
    if (turn !== this.#turn) return;
    this.#show();
    if (this.#given) return this.#watch(this.#given);
    const first = this.#tokens.first(server, this.camera);
    const token = typeof first === "string" ? first : await first;
    if (turn !== this.#turn || (!token && this.#tokens.isProvided)) return;
    this.#connect(server, token);
  }

  /** @param {string} server @param {string} token */
  #connect(server, token) {
    // With a token it is that token's viewer, whoever is signed in at the server besides.
    const cookies = token ? false : undefined;
    const client = (this.#client = new PortholeClient(server, /** @type {any} */ ({ __proto__: null, ...NATIVES, token, cookies })));
    client.addEventListener("state", () => {
      if (client.state === "refused" && OF_TOKENS.includes(client.code)) this.#tokens.refused();
    }, { signal: this.#heard.signal });
    client.connect();
    this.#watch(client);
  }

  /** The next token. @param {string} token */
  #present(token) {
    const [server] = this.#made.split(" ");
    if (!this.#client) return server && this.#connect(server, token);
    this.#client.login(token);
    // The right of the token before has ended; this one has its own.
    if (this.#session?.code === "lease-ended") this.#session.retry();
  }

  /** @param {PortholeClient} client */
  #watch(client) {
    const { camera } = this;
    const named = () => this.#view.name(isolated(client.cameras.get(camera)?.name ?? camera));
    client.addEventListener("cameras", named, { signal: this.#heard.signal });
    named();
    this.#follow(client.watch(camera));
  }

  /** @param {Session} session */
  #follow(session) {
    this.#session = session;
    const listen = (/** @type {string} */ name, /** @type {(event: any) => void} */ hear) => session.addEventListener(name, hear, { signal: this.#heard.signal });
    listen("state", () => this.#heardState());
    listen("tracks", () => this.#show());
    listen("latency", ({ detail }) => this.#tell("latency", detail));
    listen("statistics", () => this.#tell("statistics", this.statistics));
    listen("terms", ({ detail }) => {
      this.#tokens.lasts(session.terms?.until ?? null);
      this.#tell("terms", detail);
    });
    session.attach(this.video);
    // It takes a row of pixels: a page says whether it wants that of a session of its own.
    if (!this.#isLent) session.measureLatency();
    this.#heardState();
  }

  #heardState() {
    const session = this.#session;
    if (!session) return;
    const { state, code, message } = session;
    this.#set(/** @type {CameraState} */ (state), code, message);
    if (state === "live") this.#hear();
    if (code === "lease-ended") this.#tokens.refused();
  }

  #end() {
    this.#turn += 1;
    this.#made = "";
    this.#tokens.end();
    this.#heard.abort();
    this.#heard = new AbortController();
    if (!this.#isLent) this.#session?.close();
    this.#isLent = false;
    this.#client?.close();
    this.#session = this.#client = null;
    this.video.srcObject = null;
  }

  // -- on the screen ------------------------------------------------------------------------------

  /** @param {CameraState} state @param {string} [code] @param {string} [message] */
  #set(state, code = "", message = "") {
    const isOther = state !== this.state || code !== this.code || message !== this.message;
    Object.assign(this, { state, code, message });
    this.#show();
    if (isOther) this.#tell("state", { state, code, message });
    const isThere = state === "live";
    if (!isThere && !isOver(state)) return;
    for (const { done, fail } of this.#waiting.splice(0)) isThere ? done() : fail(new DOMException(message || state, "AbortError"));
  }

  /** @param {string} name @param {any} detail */
  #tell(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }

  #show() {
    const { video } = this;
    const { key, words } = lineFor(this.state, this.code, this.message);
    video.muted = this.muted || this.#isSilenced;
    // Who brings a session says how it stands.
    this.#view.say(this.#lent ? "" : this.#view.reason(key, words));
    this.#view.fit(this.fit);
    this.#view.show(this.controls, {
      isPlaying: !isOver(this.state), isMuted: video.muted, hasSound: Boolean(this.#session?.stream.getAudioTracks().length),
      isFull: this.ownerDocument.fullscreenElement === this,
    });
  }

  /** The browser lets no sound begin before a click: the picture comes without. */
  #isSilenced = false;

  /** Has the video play, with sound where that may be. */
  async #hear() {
    const { video } = this;
    try {
      await video.play();
    } catch (error) {
      if (/** @type {any} */ (error)?.name !== "NotAllowedError" || video.muted) return;
      this.#isSilenced = true;
      this.#show();
      await video.play().catch(() => {});
    }
  }

  async #fullScreen() {
    if (this.ownerDocument.fullscreenElement === this) await this.ownerDocument.exitFullscreen();
    else if (this.requestFullscreen) await this.requestFullscreen().catch(() => {});
    else /** @type {any} */ (this.#view.video).webkitEnterFullscreen?.();
    this.#show();
  }

  /** The language of its place in the page, then those of the browser. */
  #languages() {
    const place = /** @type {HTMLElement|null} */ (this.closest("[lang]"))?.lang;
    return [...(place ? [place] : []), ...navigator.languages];
  }
}

if (globalThis.customElements && !customElements.get("porthole-camera")) customElements.define("porthole-camera", PortholeCamera);
