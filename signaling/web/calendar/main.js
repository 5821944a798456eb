// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The page on which a viewer books a camera: what is free, what it has booked, and its own calendar. */
import { Api, segment } from "../parts/api.js";
import { $, cloned, fill, made, quote, say, whileVisible } from "../parts/dom.js";
import { startPage } from "../parts/start.js";
import { isolated, list, text } from "../client/rules.js";
import { readTime } from "../client/when.js";
import { dayInWords, momentInWords, spanInWords, timeInWords, windowInWords } from "../words/when.js";
import { locale, t } from "../words/words.js";
import { Feed } from "./feed.js";
import { Reminders } from "./reminders-panel.js";
import { leftOf, lengthsOf, offers, readBusy, readOffer, slotsOf } from "./slots.js";

/** @typedef {import("./slots.js").Camera} Camera @typedef {import("./slots.js").Slot} Slot */

/** What others book is seen soon; the server decides in any case. */
const LOOK_MS = 15_000;
/** For someone to see that it was the wrong one. */
const UNDO_MS = 20_000;

await startPage();

const api = new Api(new URL(".", location.href));
const feed = new Feed(api, $("#feed"));
const reminders = new Reminders($("#own"));
const { camera: cameraField, control: controlField } = $(".wanted").elements;
// As a property of the form's elements this is how many there are.
const lengthField = $(".wanted [name=length]");
let offer = /** @type {Camera[]} */ ([]);
let day = new Date().setHours(0, 0, 0, 0);
let turn = 0;

/** @param {number} at @param {number} days */
function addDays(at, days) {
  const date = new Date(at);
  return date.setDate(date.getDate() + days);
}

const chosen = () => offer.find(({ id }) => id === cameraField.value) ?? offer[0];
const wanted = () => ({
  day: { start: day, end: addDays(day, 1) }, length: Number(lengthField.value), now: Date.now(),
  perms: controlField.checked ? ["view", "control"] : ["view"],
});

/** @param {any} problem null where there is none any more */
function complain(problem) { say($("main > .error"), problem ? problem.message : ""); }

async function look() {
  const mine = ++turn;
  try {
    const me = await api.get("me");
    offer = readOffer(await api.get("me/self-booking"));
    if (mine !== turn) return;
    say($("#connection"), "");
    show(me);
    await showSlots();
  } catch (/** @type {any} */ problem) {
    const words = problem.status === 401 ? t("calendar.sign-in") : problem.status === 403 ? t("calendar.not-you") : problem.message;
    if (problem.status === 401 || problem.status === 403) for (const part of ["#book", "#own", "#feed"]) $(part).hidden = true;
    say($("#nothing"), words);
    $("#nothing").hidden = false;
  }
}

/** @param {any} me */
function show(me) {
  const own = list(me?.bookings).flatMap((each) => {
    const [start, end] = [readTime(each?.start), readTime(each?.end)];
    return typeof each?.id !== "string" || start === null || end === null ? [] : [{ id: each.id, camera: text(each.camera), cameraName: text(each.cameraName), start, end, own: each.own === true }];
  });
  say($("#nothing"), t("calendar.nothing"));
  $("#nothing").hidden = offer.length > 0;
  $("#book").hidden = offer.length === 0;
  $("#own").hidden = $("#feed").hidden = false;
  choices(cameraField, offer.map(({ id, name }) => ({ value: id, words: name })));
  const camera = chosen();
  if (camera) {
    choices(lengthField, lengthsOf(camera).map((length) => ({ value: String(length), words: spanInWords(length) })));
    $(".of-control").hidden = !offers(camera, "control");
    if (!offers(camera, "control")) controlField.checked = false;
  }
  const now = Date.now();
  $("#own .none").hidden = own.length > 0;
  fill($("#own .bookings"), own, ({ id, start }) => `${id} ${start}`, (booking) => newOwn(booking.id), (item, booking) => {
    quote($(".name", item), booking.cameraName || booking.camera);
    say($(".when", item), windowInWords(booking.start, booking.end, now));
    const cancel = $(".cancel", item);
    cancel.hidden = !booking.own;
    cancel.setAttribute("aria-label", t("calendar.cancel-of", { camera: isolated(booking.cameraName), time: momentInWords(booking.start, now) }));
  });
  reminders.follow(own);
}

async function showSlots() {
  const camera = chosen();
  if (!camera) return;
  const mine = turn;
  const asked = wanted();
  const busy = readBusy(await api.get("me/free-busy", { camera: camera.id, from: new Date(asked.day.start).toISOString(), to: new Date(asked.day.end + asked.length).toISOString() }));
  if (mine !== turn) return;
  const now = Date.now();
  const { slots, why } = slotsOf(camera, busy, asked);
  say($(".day"), `${dayInWords(day, now)}, ${new Intl.DateTimeFormat(locale(), { day: "numeric", month: "long", year: "numeric" }).format(day)}`);
  $(".days .back").disabled = day <= new Date(now).setHours(0, 0, 0, 0);
  $(".days .on").disabled = !camera.rules.some(({ latest }) => latest > asked.day.end);
  say($(".left"), t("calendar.left", { span: spanInWords(leftOf(camera, Math.max(day, now))) }));
  fill($(".slots"), slots, ({ start }) => String(start), (slot) => newSlot(slot.start), (item, { start, end, state }) => {
    item.dataset.state = state;
    const button = $("button", item);
    say(button, `${timeInWords(start)}–${timeInWords(end)}`);
    button.setAttribute("aria-label", t(state === "shared" ? "calendar.book-shared" : "calendar.book", { window: windowInWords(start, end, now) }));
    button.title = state === "shared" ? t("calendar.shared") : "";
  });
  $("#book .none").hidden = slots.length > 0;
  say($("#book .none"), slots.length ? "" : t(`calendar.why-${why ?? "taken"}`));
}

/** @param {number} start */
function newSlot(start) {
  const item = cloned("#slot");
  const button = $("button", item);
  item.dataset.testid = `slot-${start}`;
  button.addEventListener("click", async () => {
    button.disabled = true;
    const { length, perms } = wanted();
    await attempt(() => api.post("me/bookings", {
      id: crypto.randomUUID(), camera: chosen().id, start: new Date(start).toISOString(), end: new Date(start + length).toISOString(), perms: [...perms, ...(offers(chosen(), "listen") ? ["listen"] : [])],
    }));
    button.disabled = false;
  });
  return item;
}

/** @param {string} id */
function newOwn(id) {
  const item = cloned("#own-booking");
  item.dataset.testid = `own-${id}`;
  $(".cancel", item).addEventListener("click", () => attempt(async () => {
    const name = text($(".name", item).textContent ?? "");
    const now = Date.now();
    const told = list((await api.get("me"))?.bookings).find((each) => each?.id === id);
    await api.delete(`me/bookings/${segment(id)}`);
    // Of one that has begun what was used stays: it cannot be put back as it was.
    if (told && (readTime(told.start) ?? 0) > now) offerUndo(told, name);
  }));
  return item;
}

/** @param {any} booking @param {string} name */
function offerUndo(booking, name) {
  const item = made("div");
  const [words, who, back] = [made("span", t("calendar.cancelled")), made("bdi"), made("button", t("calendar.undo"), { type: "button", className: "main" })];
  quote(who, name);
  back.dataset.testid = "put-back";
  back.addEventListener("click", () => {
    item.remove();
    attempt(() => api.post("me/bookings", { id: booking.id, camera: booking.camera, start: booking.start, end: booking.end, perms: booking.perms }));
  });
  item.append(words, who, back);
  setTimeout(function over() {
    if (item.matches(":hover, :focus-within")) setTimeout(over, UNDO_MS);
    else item.remove();
  }, UNDO_MS);
  $("#undo").replaceChildren(item);
}

/** @param {() => Promise<any>} act */
async function attempt(act) {
  complain(null);
  let failed = null;
  try {
    await act();
  } catch (problem) {
    failed = problem;
  }
  await look();
  complain(failed);
}

/** @param {any} select @param {{value: string, words: string}[]} options */
function choices(select, options) {
  const { value } = select;
  if ([...select.options].map((option) => option.value).join() === options.map((each) => each.value).join()) return;
  select.replaceChildren(...options.map((each) => {
    const option = new Option("", each.value);
    quote(option, each.words);
    return option;
  }));
  if (options.some((each) => each.value === value)) select.value = value;
}

/** @param {number} days */
function go(days) {
  day = days ? addDays(day, days) : day;
  turn += 1;
  complain(null);
  showSlots().catch(complain);
}

$(".days .back").addEventListener("click", () => go(-1));
$(".days .on").addEventListener("click", () => go(1));
$(".wanted").addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
lengthField.addEventListener("change", () => go(0));
controlField.addEventListener("change", () => go(0));
cameraField.addEventListener("change", look);
whileVisible(look, LOOK_MS);
look();
feed.look();
