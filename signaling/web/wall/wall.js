// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** Many cameras at once: pages of tiles, of which those have a session that somebody sees. */
import { fill, made, say } from "../parts/dom.js";
import { isolated } from "../client/rules.js";
import { t } from "../words/words.js";
import { CHOICES, layout, pageWithin, pages, readChoice, step, swipe, turn } from "./layout.js";
import { arrange, keep, moved, read } from "./order.js";
import { Plan } from "./plan.js";
import { Tile, iconButton } from "./tile.js";
import { Dragging } from "./dragging.js";

/** @typedef {import("./tile.js").Camera} Camera */
/** @typedef {import("../client/session.js").Session} Session */

const TICK_MS = 1_000;
/** Beyond the edge of the screen by this much is still on it: the picture is there when it is scrolled to. */
const NEAR = "10%";

export class Wall {
  #root; #on; #plan = new Plan(); #kept = read(() => localStorage); #timer = /** @type {any} */ (undefined); #ticks;
  /** All that hang, in their order. @type {Camera[]} */ #cameras = [];
  /** Those that were shown, with what they last showed. @type {Map<string, Tile>} */ #tiles = new Map();
  #layout = { columns: 1, rows: 1, tiles: 1 }; #page = 0;
  /** @type {string|null} */ #large = null;
  #arranging = false; #ending = new AbortController(); #resized; #near;
  /** Tiles of this page that one would have to scroll to. @type {Set<string>} */ #far = new Set();

  /**
   * @param {any} root an empty element @param {{watch: (id: string) => Session, open: (id: string, session: Session|null) => void, close: () => void}} on
   *   `open`: all there is of one camera, which may take the session over
   */
  constructor(root, on) {
    this.#root = root;
    this.#on = on;
    this.#build();
    const { signal } = this.#ending;
    root.addEventListener("keydown", (/** @type {any} */ event) => this.#key(event), { signal });
    document.addEventListener("visibilitychange", () => this.#apply(), { signal });
    this.#swipes(signal);
    this.#resized = new ResizeObserver(() => this.#arrange());
    this.#resized.observe(this.grid);
    addEventListener("resize", () => this.#arrange(), { signal });
    this.#near = new IntersectionObserver((seen) => this.#scrolled(seen), { rootMargin: NEAR });
    this.dragging = new Dragging(this.grid, () => this.#arranging, (id, before) => this.#place(id, this.#cameras.findIndex((each) => each.id === before)));
    this.#ticks = setInterval(() => this.#tick(), TICK_MS);
  }

  /** @param {Camera[]} cameras that may be watched now @param {boolean} isWhole whether those are among them that are not connected */
  show(cameras, isWhole) {
    const listed = new Set(cameras.map(({ id }) => id));
    // Where nobody says what one may watch, a session that waits for its camera does.
    const waiting = isWhole ? [] : this.#cameras.filter(({ id }) => !listed.has(id) && this.#tiles.get(id)?.session && this.#tiles.get(id)?.isWanted);
    this.#put([...cameras, ...waiting.map((camera) => ({ ...camera, online: false }))]);
  }

  /** @param {Camera[]} cameras */
  #put(cameras) {
    const before = new Set(this.#cameras.map(({ id }) => id));
    this.#cameras = arrange(cameras, this.#kept.order);
    const now = new Set(this.#cameras.map(({ id }) => id));
    for (const id of before) if (!now.has(id)) this.#gone(id);
    for (const camera of this.#cameras) this.#tiles.get(camera.id)?.show(camera);
    this.#arrange();
  }

  /** Sessions that still run, for the page that comes after this one. @returns {Map<string, any>} */
  proofs() {
    const proofs = new Map();
    for (const [id, { session }] of this.#tiles) if (session?.proof) proofs.set(id, session.proof);
    return proofs;
  }

  /** Nothing is left of it, neither session nor picture. */
  end() {
    clearTimeout(this.#timer);
    clearInterval(this.#ticks);
    this.#ending.abort();
    this.#resized.disconnect();
    this.#near.disconnect();
    this.dragging.end();
    for (const tile of this.#tiles.values()) tile.forget();
    this.#tiles.clear();
    this.#root.replaceChildren();
  }

  /** The keyboard begins here. */
  focus() { (this.#tileAt(this.#page * this.#layout.tiles)?.cover ?? this.title).focus(); }

  #build() {
    const bar = made("div", "", { className: "wall-bar" });
    this.title = made("h2", t("wall.title"), { tabIndex: -1 });
    const choices = made("div", "", { className: "choices" });
    choices.setAttribute("role", "group");
    choices.setAttribute("aria-label", t("wall.layout"));
    for (const choice of CHOICES) {
      const button = made("button", choice === "auto" ? t("wall.auto") : t("wall.at-once", { count: Number(choice) }), { type: "button" });
      button.dataset.testid = `layout-${choice}`;
      button.dataset.choice = choice;
      button.addEventListener("click", () => this.#choose(choice));
      choices.append(button);
    }
    this.choices = choices;
    this.arrangeButton = made("button", t("wall.arrange"), { type: "button" });
    this.arrangeButton.dataset.testid = "arrange";
    this.arrangeButton.addEventListener("click", () => this.#setArranging(!this.#arranging));
    this.before = iconButton("chevron-left", t("wall.page-before"), () => this.#turnTo(this.#page - 1));
    this.after = iconButton("chevron-right", t("wall.page-after"), () => this.#turnTo(this.#page + 1));
    this.before.dataset.testid = "page-before";
    this.after.dataset.testid = "page-after";
    this.where = made("span", "", { className: "where" });
    this.where.setAttribute("role", "status");
    this.where.dataset.testid = "wall-page";
    const leave = iconButton("close", t("wall.leave"), () => this.#on.close());
    leave.dataset.testid = "wall-close";
    bar.append(this.title, choices, this.arrangeButton, this.before, this.where, this.after, leave);
    this.grid = made("div", "", { className: "tiles" });
    this.grid.dataset.testid = "tiles";
    this.none = made("p", t("wall.none"), { className: "note", hidden: true });
    this.told = made("p", "", { className: "told" });
    this.told.setAttribute("role", "status");
    this.told.dataset.testid = "wall-told";
    this.#root.append(bar, this.none, this.grid, this.told);
    this.#setArranging(false);
  }

  // -- what is shown ------------------------------------------------------------------------------

  get #pages() { return pages(this.#cameras.length, this.#layout.tiles); }
  get #onPage() { return this.#cameras.slice(this.#page * this.#layout.tiles, (this.#page + 1) * this.#layout.tiles); }
  get #isRtl() { return getComputedStyle(this.grid).direction === "rtl"; }

  /** @param {number} place */
  #tileAt(place) {
    const camera = this.#cameras[place];
    return camera && this.#tiles.get(camera.id);
  }

  /** Puts the tiles of this page where they belong. */
  #arrange() {
    const { width, top } = this.grid.getBoundingClientRect();
    // Not the grid's own height, which is what becomes of it.
    const height = innerHeight - (top + scrollY);
    const first = this.#cameras[this.#page * this.#layout.tiles]?.id;
    const before = this.#layout.tiles;
    this.#layout = layout(this.#kept.choice, this.#cameras.length, width, height);
    // Another number of tiles on a page: what was looked at stays.
    if (before !== this.#layout.tiles) this.#page = Math.floor(Math.max(0, this.#cameras.findIndex(({ id }) => id === first)) / this.#layout.tiles);
    this.#page = pageWithin(this.#page, this.#cameras.length, this.#layout.tiles);
    this.grid.style.setProperty("--columns", String(this.#layout.columns));
    this.grid.style.setProperty("--rows", String(this.#layout.rows));
    this.none.hidden = this.#cameras.length > 0;
    // In place, for a video that is taken out of the page stops.
    fill(this.grid, this.#onPage, ({ id }) => id, (camera) => this.#tile(camera).element, () => {});
    for (const button of this.choices.children) button.setAttribute("aria-pressed", String(button.dataset.choice === this.#kept.choice));
    this.before.disabled = this.#page === 0;
    this.after.disabled = this.#page >= this.#pages - 1;
    for (const each of [this.before, this.after, this.where]) each.hidden = this.#pages === 1;
    say(this.where, this.#pages === 1 ? "" : t("wall.page", { page: this.#page + 1, pages: this.#pages }));
    this.#apply();
  }

  /** @param {Camera} camera */
  #tile(camera) {
    const there = this.#tiles.get(camera.id);
    if (there) return there;
    const tile = new Tile(camera, {
      enlarge: ({ id }) => this.#enlarge(this.#large === id ? null : id),
      shrink: () => this.#enlarge(null),
      move: ({ id }, by) => this.#moveBy(id, by),
      open: ({ id }) => this.#open(id),
      changed: () => this.#later(0),
    });
    this.#tiles.set(camera.id, tile);
    this.#near.observe(tile.element);
    return tile;
  }

  /** @param {string} id */
  #gone(id) {
    if (this.#large === id) this.#enlarge(null);
    const tile = this.#tiles.get(id);
    if (tile) this.#near.unobserve(tile.element);
    tile?.forget();
    this.#tiles.delete(id);
    this.#far.delete(id);
  }

  // -- which of them have a session ---------------------------------------------------------------

  #seen() {
    if (document.hidden) return [...this.#tiles.values()].filter((tile) => tile.isHeard).map(({ id }) => id);
    if (this.#large !== null) return [this.#large];
    return this.#onPage.map(({ id }) => id).filter((id) => !this.#far.has(id));
  }

  /** @param {any[]} seen */
  #scrolled(seen) {
    for (const { target, isIntersecting } of seen) {
      // What is not in the page is not far, but elsewhere.
      if (isIntersecting || !target.isConnected) this.#far.delete(target.dataset.id);
      else this.#far.add(target.dataset.id);
    }
    this.#apply();
  }

  #apply() {
    const tiles = [...this.#tiles.values()];
    // One that is over for good is not asked for again by itself: its time would have no end.
    const open = new Map(tiles.filter((tile) => tile.session && !tile.isOver).map((tile) => [tile.id, tile.isConnecting]));
    const seen = this.#seen().filter((id) => this.#tiles.get(id)?.isWanted);
    const { start, stop, again } = this.#plan.next({ seen, open, most: this.#layout.tiles }, Date.now());
    for (const id of stop) this.#tiles.get(id)?.end();
    for (const id of start) this.#tiles.get(id)?.begin(this.#on.watch(id));
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (again !== null) this.#later(again);
  }

  /** @param {number} ms */
  #later(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#apply(), ms);
  }

  #tick() { for (const tile of this.#tiles.values()) tile.tick(); }

  // -- pages, and one that is large ---------------------------------------------------------------

  /** @param {number} page */
  #turnTo(page) {
    const to = pageWithin(page, this.#cameras.length, this.#layout.tiles);
    if (to === this.#page) return;
    this.#enlarge(null);
    this.#page = to;
    this.#plan.turned(Date.now());
    this.#arrange();
  }

  /** @param {string|null} id */
  #enlarge(id) {
    const before = this.#large;
    if (before === id) return;
    this.#large = id;
    if (id) this.grid.dataset.large = "true";
    else delete this.grid.dataset.large;
    if (before) this.#tiles.get(before)?.enlarge(false);
    if (id) this.#tiles.get(id)?.enlarge(true);
    // What had the focus may be hidden now.
    this.#tiles.get(id ?? before ?? "")?.cover.focus();
    this.#apply();
  }

  /** All there is of one camera, in the same session. @param {string} id */
  #open(id) {
    const tile = this.#tiles.get(id);
    const session = tile && !tile.isOver ? tile.release() : null;
    this.#on.open(id, session);
  }

  // -- keys and fingers ---------------------------------------------------------------------------

  /** @param {any} event */
  #key(event) {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const id = target.closest(".tile")?.dataset.id;
    const place = this.#cameras.findIndex((each) => each.id === id);
    const did = () => { event.preventDefault(); event.stopPropagation(); };
    if (key === "Escape") {
      if (this.#large !== null) this.#enlarge(null);
      else if (this.#arranging) this.#setArranging(false);
      else return;
      return did();
    }
    const page = turn(key, this.#page, this.#pages);
    if (page !== null && this.#large === null) {
      this.#turnTo(page);
      this.focus();
      return did();
    }
    if (place < 0) return;
    const to = step(key, place, this.#cameras.length, this.#large === null ? this.#layout : { columns: 1, rows: 1, tiles: 1 }, this.#isRtl);
    if (to === null) return;
    did();
    if (event.shiftKey) {
      this.#place(id, to);
      this.#tiles.get(id)?.cover.focus();
    } else if (this.#large !== null) {
      this.#goTo(to);
      this.#enlarge(this.#cameras[to].id);
    } else {
      this.#goTo(to);
      this.#tileAt(to)?.cover.focus();
    }
  }

  /** Turns to the page of a place. @param {number} place */
  #goTo(place) {
    const page = Math.floor(place / this.#layout.tiles);
    if (page === this.#page) return;
    this.#page = page;
    this.#plan.turned(Date.now());
    this.#arrange();
  }

  /** @param {AbortSignal} signal */
  #swipes(signal) {
    let from = /** @type {any} */ (null);
    this.grid.addEventListener("pointerdown", (/** @type {any} */ event) => {
      from = event.pointerType === "touch" && event.isPrimary && !this.#arranging && this.#large === null ? event : null;
    }, { signal });
    this.grid.addEventListener("pointerup", (/** @type {any} */ event) => {
      if (from?.pointerId !== event.pointerId) return;
      const by = swipe(event.clientX - from.clientX, event.clientY - from.clientY, this.#isRtl);
      from = null;
      if (by) this.#turnTo(this.#page + by);
    }, { signal });
    this.grid.addEventListener("pointercancel", () => { from = null; }, { signal });
  }

  // -- order and layout ---------------------------------------------------------------------------

  /** @param {string} choice */
  #choose(choice) {
    this.#kept.choice = readChoice(choice);
    keep(() => localStorage, this.#kept);
    this.#enlarge(null);
    this.#plan.turned(Date.now());
    this.#arrange();
  }

  /** @param {boolean} on */
  #setArranging(on) {
    this.#arranging = on;
    if (on) this.#enlarge(null);
    this.#root.dataset.arranging = String(on);
    this.arrangeButton.setAttribute("aria-pressed", String(on));
    say(this.told, on ? t("wall.how-to-arrange") : "");
  }

  /** @param {string} id @param {number} by */
  #moveBy(id, by) {
    const place = this.#cameras.findIndex((each) => each.id === id);
    this.#place(id, place + by);
    const tile = this.#tiles.get(id);
    (by < 0 ? tile?.earlier : tile?.later)?.focus();
  }

  /** @param {string} id @param {number} to its place among all */
  #place(id, to) {
    const place = Math.min(Math.max(0, to), this.#cameras.length - 1);
    this.#kept.order = moved(this.#kept.order, this.#cameras.map((each) => each.id), id, place);
    keep(() => localStorage, this.#kept);
    this.#cameras = arrange(this.#cameras, this.#kept.order);
    this.#goTo(place);
    this.#arrange();
    const { name } = this.#cameras[place];
    say(this.told, t("wall.moved", { name: isolated(name), place: place + 1, all: this.#cameras.length }));
  }
}
