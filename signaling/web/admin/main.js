// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The administrator's page: who is here, and which part of the page is shown and kept up to date. */
import { Api, segment } from "../parts/api.js";
import { $, quote, say, whileVisible } from "../parts/dom.js";
import { readEntrance, readOpenid, text, webAddress } from "../client/rules.js";
import { readRecoveryCodes, readSecond } from "../client/second-factor.js";
import { showRecoveryCodes } from "../parts/second-factor.js";
import { SignIn } from "../parts/sign-in.js";
import { startPage } from "../parts/start.js";
import { serverInWords } from "../words/reasons.js";
import { ADMIN } from "../words/admin/languages.js";
import { t } from "../words/words.js";
import { Audit } from "./audit.js";
import { BookingForm } from "./booking-form.js";
import { Bookings } from "./bookings.js";
import { CameraActions } from "./camera-actions.js";
import { CameraPage } from "./camera-page.js";
import { Cameras } from "./cameras.js";
import { Directory } from "./directory.js";
import { readAddress } from "./hits.js";
import { OverviewPage } from "./overview-page.js";
import { Search } from "./search.js";
import { Shares } from "./shares.js";
import { Users } from "./users.js";

await startPage(ADMIN);

/** Who watches is to be seen as it changes; the rest changes when someone changes it. */
const LIVE_MS = 3_000;
const QUIET_ROUNDS = 5;
/** The page's parts, by the fragment of its address. */
const PARTS = ["overview", "cameras", "camera", "bookings", "users", "shares", "audit", "search"];
/** Those in which one sees who watches. */
const LIVE = ["overview", "cameras", "camera"];
/** Under which tab a part is that has none of its own. @type {Record<string, string>} */
const UNDER = { camera: "cameras" };

const api = new Api(new URL(".", location.href));
const directory = new Directory(api);
// After a change the part that is shown is asked for anew.
const changed = async () => {
  parts[shown]?.begin?.(about);
  await parts[shown]?.refresh();
};
const form = new BookingForm(api, directory, changed);
const actions = new CameraActions(api, directory, changed);
/** @type {Record<string, {refresh: () => Promise<void>, begin?: (of: string) => void}>} */
const parts = {
  overview: new OverviewPage(api, directory, open, renew), cameras: new Cameras(api, directory, actions),
  camera: new CameraPage(api, directory, actions, open, renew), bookings: new Bookings(api, directory, form),
  users: new Users(api, directory), shares: new Shares(api, directory), audit: new Audit(api, directory), search: new Search(api, directory, open),
};
const signIn = new SignIn($("#sign-in"), enter);
/** Whether the server has accounts. */
let passwords = false;
/** Its identity provider. @type {import("../client/rules.js").Openid|null} */
let openid = null;
let inside = false;
let shown = "";
let about = "";
let round = 0;
let busy = false;

// -- who is here --------------------------------------------------------------------------------

/** @param {import("../client/types.js").Credential} credential */
async function enter(credential) {
  let codes = /** @type {string[]} */ ([]);
  try {
    if ("token" in credential) await api.post("session", undefined, { Authorization: `Bearer ${credential.token}` });
    else codes = readRecoveryCodes(await api.post("session", credential));
  } catch (/** @type {any} */ problem) {
    const refusal = problem.status === 0 ? problem : readEntrance(credential, problem.status, problem.body, problem.retryAfter, Date.now());
    // This page does not try again by itself, whatever it is that was wrong.
    return signIn.show(true, passwords, "password" in credential ? refusal.message : problem.message, readSecond(problem.body));
  }
  signIn.forget();
  await begin();
  showRecoveryCodes(codes);
}

/** Asks the server who is here, and shows what that one may see. */
async function begin() {
  try {
    const config = await api.get("config");
    passwords = config?.passwords === true;
    openid = readOpenid(config?.openid);
    const me = await api.get("me");
    show(text(me?.user), me?.role === "administrator");
  } catch (/** @type {any} */ problem) {
    if (problem.status === 401 || problem.status === 403) return leave();
    say($("#connection"), t("admin.tried-again", { problem: serverInWords(problem) }));
    setTimeout(begin, LIVE_MS);
  }
}

/** @param {string} user @param {boolean} administrator */
function show(user, administrator) {
  inside = administrator;
  signIn.show(false, passwords);
  say($("#connection"), "");
  quote($("#user"), user);
  quote($("#no-administrator .name"), user);
  $("#user").hidden = $("#logout").hidden = false;
  $("#no-administrator").hidden = administrator;
  $("#tabs").hidden = $("#search-form").hidden = !administrator;
  if (administrator) turn();
}

/** Nobody is signed in any more. */
function leave() {
  inside = false;
  shown = "";
  for (const element of document.querySelectorAll(".view, #tabs, #search-form, #user, #logout, #no-administrator")) /** @type {HTMLElement} */ (element).hidden = true;
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  signIn.offer(openid, `admin${location.hash}`);
  signIn.show(true, passwords);
}

$("#logout").addEventListener("click", async () => {
  const elsewhere = webAddress((await api.delete("session").catch(() => null))?.logOut);
  leave();
  if (elsewhere) location.assign(elsewhere);
});

// -- the parts ----------------------------------------------------------------------------------

/** Shows the part that the address names. */
function turn() {
  if (!inside) return;
  const { part: name, of } = readAddress(location.hash, PARTS);
  const before = shown;
  const isOther = before !== name || about !== of;
  [shown, about] = [name, of];
  for (const part of PARTS) $(`#${part}`).hidden = part !== name;
  for (const link of $("#tabs").children) {
    if (link.hash === `#${UNDER[name] ?? name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (isOther) parts[name].begin?.(of);
  if (before && isOther) {
    scrollTo(0, 0);
    $(`#${name}-title`).focus({ preventScroll: true });
  }
  refresh();
}

/** The form of a booking. @param {string} booking */
async function open(booking) {
  try {
    await directory.look();
    form.change(await api.get(`bookings/${segment(booking)}`));
  } catch (/** @type {any} */ problem) {
    say($("#connection"), serverInWords(problem));
  }
}

/** What was changed is shown at once. */
function renew() {
  parts[shown]?.begin?.(about);
  refresh();
}

async function refresh() {
  if (!inside || busy) return;
  const [part, of] = [shown, about];
  busy = true;
  try {
    await parts[part].refresh();
    say($("#connection"), "");
  } catch (/** @type {any} */ problem) {
    if (problem.status === 401) leave();
    else if (part === shown) say($("#connection"), t("admin.tried-again", { problem: serverInWords(problem) }));
  } finally {
    busy = false;
  }
  if (part !== shown || of !== about) refresh();
}

addEventListener("hashchange", turn);
whileVisible(() => {
  round += 1;
  if (LIVE.includes(shown) || round % QUIET_ROUNDS === 0) refresh();
}, LIVE_MS);

begin();
