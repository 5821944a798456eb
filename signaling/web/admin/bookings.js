// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The calendar of bookings: its model, on the screen. */
import { segment } from "../parts/api.js";
import { $, fill, made, quote, say } from "../parts/dom.js";
import { isolated } from "../client/rules.js";
import { timeInWords, windowInWords, zoneInWords } from "../words/when.js";
import { locale, t } from "../words/words.js";
import { BookingList } from "./booking-list.js";
import { DAY_MIN, DEFAULT_MIN, addDays, clicked, columnsOf, dayOf, dragged, minuteOf, momentOf, piecesOf, readCalendar } from "./calendar.js";
import { draggable } from "./drag.js";
import { choices } from "./forms.js";
import { SelfBooking } from "./self-booking.js";
import { problemInWords } from "./words.js";

/** @typedef {import("./calendar.js").Entry} Entry @typedef {import("./calendar.js").Column} Column */

/** Below this a week is too narrow to be read. */
const WEEK_PX = 760;
/** Below this a window has one line for all. */
const SHORT_MIN = 45;
/** The hour at the top when the calendar is first seen: an evening's is not where the morning's is. */
const FIRST_HOUR = 7;
const LAST_FIRST_HOUR = 14;
const HOURS = 24;

/** @param {Intl.DateTimeFormatOptions} options @param {number} at */
const dated = (options, at) => new Intl.DateTimeFormat(locale(), options).format(at);
/** @param {Entry} entry */
const keyOf = ({ booking, start }) => `${booking} ${start}`;

export class Bookings {
  #api; #directory; #form; #list; #rules; #section = $("#bookings"); #body = $(".body", this.#section);
  #view = /** @type {"day"|"week"|"list"} */ (innerWidth < WEEK_PX ? "day" : "week");
  #at = Date.now(); #columns = /** @type {Column[]} */ ([]); #entries = /** @type {Entry[]} */ ([]);
  #turn = 0; #dragging = false; #seen = false;

  /**
   * @param {import("../parts/api.js").Api} api @param {import("./directory.js").Directory} directory
   * @param {import("./booking-form.js").BookingForm} form
   */
  constructor(api, directory, form) {
    this.#api = api;
    this.#directory = directory;
    this.#form = form;
    this.#list = new BookingList(api, directory, this.#section, (booking) => this.open(booking), () => this.refresh());
    this.#rules = new SelfBooking(api, directory, $(".self-booking", this.#section));
    const on = (/** @type {string} */ selector, /** @type {() => void} */ act) => $(selector, this.#section).addEventListener("click", act);
    on(".add", () => this.#add(this.#nextHour(), null));
    on(".back", () => this.#go(addDays(this.#at, this.#view === "day" ? -1 : -7)));
    on(".on", () => this.#go(addDays(this.#at, this.#view === "day" ? 1 : 7)));
    on(".today", () => this.#go(Date.now()));
    for (const view of /** @type {const} */ (["day", "week", "list"])) on(`.${view}`, () => { this.#view = view; this.#go(this.#at); });
    for (const field of [".camera", ".search"]) $(field, this.#section).addEventListener("change", () => this.#go(this.#at));
    $(".hours", this.#section).append(...Array.from({ length: HOURS }, (_, hour) => made("span", timeInWords(momentOf(Date.now(), hour * 60)))));
    say($(".zone", this.#section), zoneInWords());
    draggable(this.#body, {
      grip: (target) => this.#grip(target),
      place: (x, y) => this.#place(x, y),
      show: (grip, from, to) => this.#showDraft(grip, from, to),
      drop: (grip, from, to) => this.#drop(grip, from, to),
      click: ({ column, minute }) => this.#add(clicked(this.#columns[column], minute), this.#columns[column].camera),
      leave: () => this.#leaveDraft(),
    });
  }

  /** @returns {Promise<void>} */
  async refresh() {
    await this.#directory.look();
    // What one of them cannot get keeps the other from nothing.
    await Promise.all([this.#rules.refresh(), this.#look()]);
  }

  async #look() {
    const select = $(".camera", this.#section);
    choices(select, [{ value: "", words: t("admin.every-camera") }, ...this.#directory.cameraChoices]);
    const camera = select.value || null;
    const isList = this.#view === "list";
    for (const part of this.#section.querySelectorAll(".of-list")) part.hidden = !isList;
    for (const part of this.#section.querySelectorAll(".of-calendar")) part.hidden = isList;
    for (const view of ["day", "week", "list"]) $(`.tools .${view}`, this.#section).setAttribute("aria-pressed", String(view === this.#view));
    const turn = ++this.#turn;
    if (this.#view === "list") {
      say($(".span", this.#section), t("admin.not-over"));
      return this.#list.refresh(camera ?? undefined, $(".search", this.#section).value.trim());
    }
    const { columns, from, to } = columnsOf(this.#view, this.#at, this.#directory.cameras.map(({ id }) => id), camera);
    const answer = await this.#api.get("calendar", {
      from: new Date(from).toISOString(), to: new Date(to).toISOString(), camera: camera ?? undefined, search: $(".search", this.#section).value.trim(),
    });
    // Someone has gone on, or holds a window in the hand.
    if (turn !== this.#turn || this.#dragging) return;
    this.#columns = columns;
    this.#entries = readCalendar(answer);
    $(".rest", this.#section).hidden = answer?.more !== true;
    this.#show();
  }

  /** @param {number} at */
  #go(at) {
    this.#at = at;
    this.refresh().catch((problem) => this.#complain(problem));
  }

  // -- on the screen ------------------------------------------------------------------------------

  #show() {
    const [first, last] = [this.#columns[0]?.day ?? this.#at, this.#columns.at(-1)?.day ?? this.#at];
    const long = { day: "numeric", month: "long", year: "numeric" };
    say($(".span", this.#section), this.#view === "day" ? dated({ weekday: "long", .../** @type {any} */ (long) }, first)
      : `${dated({ day: "numeric", month: "short" }, first)} – ${dated({ day: "numeric", month: "short", year: "numeric" }, last)}`);
    const calendar = $(".calendar", this.#section);
    calendar.style.setProperty("--columns", String(Math.max(1, this.#columns.length)));
    const keyed = this.#columns.map((column, index) => ({ ...column, index, key: `${column.day} ${column.camera ?? ""}` }));
    // The hours have a column too.
    const all = [{ key: "hours", index: -1, day: 0, camera: null }, ...keyed];
    fill($(".heads", this.#section), all, ({ key }) => key, () => made("div"), (head, column) => {
      if (column.index < 0) return;
      head.classList.toggle("today", this.#view === "week" && column.day === dayOf(Date.now()));
      quote(head, this.#title(column));
    });
    const hours = $(".hours", this.#body);
    hours.dataset.key = "hours";
    fill(this.#body, all, ({ key }) => key, () => this.#newColumn(), (element, column) => { if (column.index >= 0) this.#showColumn(element, column); });
    const hour = Math.min(LAST_FIRST_HOUR, Math.max(FIRST_HOUR, new Date().getHours() - 1));
    if (!this.#seen) calendar.scrollTop = (this.#body.scrollHeight * hour) / HOURS;
    this.#seen = true;
  }

  /** @param {Column} column */
  #title({ day, camera }) {
    return this.#view === "day" ? this.#directory.nameOf(camera ?? "") : dated({ weekday: "short", day: "numeric" }, day);
  }

  #newColumn() {
    const column = made("div", "", { className: "column" });
    column.setAttribute("role", "group");
    return column;
  }

  /** @param {any} element @param {Column & {index: number}} column */
  #showColumn(element, column) {
    element.dataset.index = String(column.index);
    element.dataset.testid = `column-${column.index}`;
    element.setAttribute("aria-label", `${this.#title(column)}, ${dated({ weekday: "long", day: "numeric", month: "long" }, column.day)}`);
    const today = column.day === dayOf(Date.now());
    const pieces = piecesOf(this.#entries, column).map((piece) => ({ piece, key: keyOf(piece.entry) }));
    fill(element, pieces, ({ key }) => key, () => this.#newWindow(), (button, { piece }) => this.#showWindow(button, piece));
    element.classList.toggle("today", today);
    element.style.setProperty("--now", `${(minuteOf(Date.now()) / DAY_MIN) * 100}%`);
  }

  #newWindow() {
    const button = made("button", "", { type: "button", className: "window" });
    button.append(made("span", "", { className: "edge" }), made("span", "", { className: "who" }), made("span", "", { className: "what" }), made("span", "", { className: "edge" }));
    button.addEventListener("click", () => this.#edit(button.dataset.key));
    return button;
  }

  /** @param {any} button @param {import("./calendar.js").Piece} piece */
  #showWindow(button, { entry, top, bottom, lane, lanes, first, last }) {
    const camera = this.#directory.nameOf(entry.camera);
    quote($(".who", button), entry.user);
    quote($(".what", button), `${timeInWords(entry.start)}${this.#view === "week" ? ` ${isolated(camera)}` : ""}${entry.recurring ? " ↻" : ""}`);
    const whole = [isolated(entry.user), isolated(camera), windowInWords(entry.start, entry.end, Date.now()), entry.recurring ? t("admin.recurs") : ""];
    const words = whole.filter(Boolean).join(", ");
    // What does not fit is read where one points, and by who hears the page.
    button.title = [words, entry.note].filter(Boolean).join("\n");
    button.dataset.short = String(bottom - top < SHORT_MIN);
    button.dataset.testid = `window-${entry.booking}`;
    button.dataset.control = String(entry.perms.includes("control"));
    button.dataset.recurring = String(entry.recurring);
    const [upper, lower] = button.querySelectorAll(".edge");
    upper.dataset.edge = first ? "start" : "";
    lower.dataset.edge = last ? "end" : "";
    this.#lay(button, top, bottom, lane, lanes);
  }

  /** Where something lies on its column. @param {any} element @param {number} top @param {number} bottom @param {number} [lane] @param {number} [lanes] */
  #lay(element, top, bottom, lane = 0, lanes = 1) {
    const { style } = element;
    for (const [name, part] of [["--top", top / DAY_MIN], ["--height", (bottom - top) / DAY_MIN], ["--left", lane / lanes], ["--width", 1 / lanes]]) {
      style.setProperty(/** @type {string} */ (name), `${/** @type {number} */ (part) * 100}%`);
    }
  }

  // -- dragging -----------------------------------------------------------------------------------

  /** @param {Element} target @returns {import("./drag.js").Grip|null} */
  #grip(target) {
    const window = /** @type {HTMLElement|null} */ (target.closest(".window"));
    if (!window) return target.closest(".column") ? { kind: "new", key: "" } : null;
    // One of many: what would be changed is all of them, and that is for the form.
    if (window.dataset.recurring === "true") return { kind: "fixed", key: window.dataset.key ?? "" };
    const edge = /** @type {HTMLElement|null} */ (target.closest(".edge"))?.dataset.edge;
    return { kind: edge === "start" || edge === "end" ? edge : "move", key: window.dataset.key ?? "" };
  }

  /** @param {number} x @param {number} y @returns {import("./calendar.js").Place|null} */
  #place(x, y) {
    const columns = [...this.#body.querySelectorAll(".column")];
    const found = columns.findIndex((column) => x < column.getBoundingClientRect().right);
    const column = columns[found < 0 ? columns.length - 1 : found];
    if (!column) return null;
    const { top, height } = column.getBoundingClientRect();
    return { column: Number(column.dataset.index), minute: Math.min(DAY_MIN, Math.max(0, ((y - top) / height) * DAY_MIN)) };
  }

  /** @param {string} key */
  #entry(key) {
    return this.#entries.find((entry) => keyOf(entry) === key);
  }

  /** @param {import("./drag.js").Grip} grip @param {import("./calendar.js").Place} from @param {import("./calendar.js").Place} to */
  #window({ kind, key }, from, to) {
    // On one day each column is a camera, and a booking stays with its own.
    return dragged(kind, from, this.#view === "day" ? { ...to, column: from.column } : to, this.#columns, this.#entry(key));
  }

  /** @param {import("./drag.js").Grip} grip @param {import("./calendar.js").Place} from @param {import("./calendar.js").Place} to */
  #showDraft(grip, from, to) {
    if (grip.kind === "fixed") return;
    this.#dragging = true;
    const window = this.#window(grip, from, to);
    const camera = this.#entry(grip.key)?.camera ?? this.#columns[from.column].camera;
    const entry = { booking: "", camera: camera ?? "", user: "", perms: [], recurring: false, note: "", ...window };
    for (const element of this.#body.querySelectorAll(".draft")) element.remove();
    for (const element of this.#body.querySelectorAll(".column")) {
      const column = this.#columns[Number(element.dataset.index)];
      if (this.#view === "day" && column.camera !== camera) continue;
      for (const { top, bottom } of piecesOf([entry], { day: column.day, camera: null })) {
        const draft = made("div", windowInWords(window.start, window.end, Date.now()), { className: "draft" });
        this.#lay(draft, top, bottom);
        element.append(draft);
      }
    }
  }

  #leaveDraft() {
    this.#dragging = false;
    for (const element of this.#body.querySelectorAll(".draft")) element.remove();
  }

  /** @param {import("./drag.js").Grip} grip @param {import("./calendar.js").Place} from @param {import("./calendar.js").Place} to */
  async #drop(grip, from, to) {
    if (grip.kind === "fixed") return say($("p.error", this.#section), t("admin.recurs-drag"));
    const window = this.#window(grip, from, to);
    if (grip.kind === "new") return this.#add(window, this.#columns[from.column].camera);
    const entry = this.#entry(grip.key);
    if (!entry || (entry.start === window.start && entry.end === window.end)) return;
    this.#complain(null);
    // It lies where it was dropped until the server says otherwise.
    Object.assign(entry, window);
    this.#show();
    try {
      await this.#api.patch(`bookings/${segment(entry.booking)}`, { start: new Date(window.start).toISOString(), end: new Date(window.end).toISOString() });
    } catch (problem) {
      this.#complain(problem);
    }
    await this.refresh().catch(() => {});
  }

  // -- the form -----------------------------------------------------------------------------------

  #nextHour() {
    const hour = DEFAULT_MIN * 60_000;
    const start = Math.ceil(Math.max(Date.now(), this.#view === "day" ? this.#at : 0) / hour) * hour;
    return { start, end: start + hour };
  }

  /** @param {{start: number, end: number}} window @param {string|null} camera */
  #add(window, camera) {
    this.#complain(null);
    this.#form.add({ ...window, camera: camera ?? ($(".camera", this.#section).value || null) });
  }

  /** @param {string} key */
  #edit(key) {
    const entry = this.#entry(key);
    return entry && this.open(entry.booking);
  }

  /** The form of a booking. @param {string} booking */
  async open(booking) {
    this.#complain(null);
    try {
      this.#form.change(await this.#api.get(`bookings/${segment(booking)}`));
    } catch (problem) {
      this.#complain(problem);
    }
  }

  /** @param {any} problem null where there is none any more */
  #complain(problem) {
    say($("p.error", this.#section), problem ? problemInWords(problem, Date.now()).words : "");
  }
}
