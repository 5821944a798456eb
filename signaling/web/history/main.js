// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The page of who rang: the newest first, older ones on demand. */
import { Api } from "../parts/api.js";
import { $, cloned, fill, quote, say, whileVisible } from "../parts/dom.js";
import { startPage } from "../parts/start.js";
import { t } from "../words/words.js";
import { serverInWords } from "../words/reasons.js";
import { MAX_SHOWN, STEP, byDay, keptInWords, pictureOf, readPage } from "./history.js";

/** @typedef {import("./history.js").Kept} Kept */

await startPage();

/** What rings now is to be seen soon; a call changes for some seconds. */
const LOOK_MS = 5_000;

const base = new URL(".", location.href);
const api = new Api(base);
/** @type {Map<string, Kept>} */
const calls = new Map();
let next = "";
let busy = false;

/** @param {string} [before] where the calls begin that are asked for; without, at the newest */
async function look(before) {
  if (busy) return;
  busy = true;
  try {
    const page = readPage(await api.get("v1/calls", { limit: STEP, before }));
    for (const call of page.calls) calls.set(call.id, call);
    // The newest ones again say nothing of where the oldest shown ends.
    if (before !== undefined || calls.size <= page.calls.length) next = page.next;
    show("");
  } catch (/** @type {any} */ problem) {
    show(problem.status === 401 ? t("history.not-signed-in") : serverInWords(problem));
  } finally {
    busy = false;
  }
}

/** @param {string} failed */
function show(failed) {
  const section = $("#history");
  const all = [...calls.values()].sort((a, b) => b.rang - a.rang || (a.id < b.id ? 1 : -1));
  say($(".said", section), failed || (all.length ? "" : t("history.none")));
  fill($(".days", section), byDay(all, Date.now()), ({ day }) => day, () => cloned("#day"), (element, { day, calls: those }) => {
    say($("h2", element), day);
    fill($("ul", element), those, ({ id }) => id, (call) => made(call), shown);
  });
  $(".more", section).hidden = !next || all.length >= MAX_SHOWN;
}

/** @param {Kept} call */
function made(call) {
  const item = cloned("#kept");
  item.dataset.testid = "kept";
  const time = $("time", item);
  time.dateTime = new Date(call.rang).toISOString();
  $("img", item).addEventListener("error", () => { $("a", item).hidden = true; });
  return item;
}

/** @param {any} item @param {Kept} call */
function shown(item, call) {
  const { when, outcome, door, whom, isMissed } = keptInWords(call);
  item.dataset.missed = String(isMissed);
  say($("time", item), when);
  quote($(".name", item), call.name);
  say($(".outcome", item), outcome);
  say($(".door", item), door);
  say($(".whom", item), whom);
  const [link, image] = [$("a", item), $("img", item)];
  if (!call.snapshot || link.href) return;
  link.hidden = false;
  link.href = image.src = new URL(pictureOf(call), base).href;
}

$(".more", $("#history")).addEventListener("click", () => look(next));
look();
whileVisible(() => look(), LOOK_MS);
