// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The administrator's page: who is here, and which part of the page is shown and kept up to date. */
import { Api } from "../api.js";
import { $, quote, say, whileVisible } from "../dom.js";
import { readEntrance, readOpenid, text, webAddress } from "../rules.js";
import { readRecoveryCodes, readSecond, showRecoveryCodes } from "../second-factor.js";
import { SignIn } from "../sign-in.js";
import { Audit } from "./audit.js";
import { Bookings } from "./bookings.js";
import { Cameras } from "./cameras.js";
import { Directory } from "./directory.js";
import { Shares } from "./shares.js";
import { Users } from "./users.js";

/** Who watches is to be seen as it changes; the rest changes when someone changes it. */
const LIVE_MS = 3_000;
const QUIET_ROUNDS = 5;
/** The page's parts, by the fragment of its address. */
const PARTS = ["cameras", "bookings", "users", "shares", "audit"];

const api = new Api(new URL(".", location.href));
const directory = new Directory(api);
/** @type {Record<string, {refresh: () => Promise<void>}>} */
const parts = {
  cameras: new Cameras(api, directory), bookings: new Bookings(api, directory), users: new Users(api, directory),
  shares: new Shares(api, directory), audit: new Audit(api, directory),
};
const signIn = new SignIn($("#sign-in"), enter);
/** Whether the server has accounts. */
let passwords = false;
/** Its identity provider. @type {import("../rules.js").Openid|null} */
let openid = null;
let inside = false;
let shown = "";
let round = 0;
let busy = false;

// -- who is here --------------------------------------------------------------------------------

/** @param {import("../porthole-client.js").Credential} credential */
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
    say($("#connection"), `${problem.message} It is tried again by itself.`);
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
  $("#tabs").hidden = !administrator;
  if (administrator) turn();
}

/** Nobody is signed in any more. */
function leave() {
  inside = false;
  shown = "";
  for (const element of document.querySelectorAll(".view, #tabs, #user, #logout, #no-administrator")) /** @type {HTMLElement} */ (element).hidden = true;
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
  const name = PARTS.find((part) => location.hash === `#${part}`) ?? PARTS[0];
  const before = shown;
  shown = name;
  for (const part of PARTS) $(`#${part}`).hidden = part !== name;
  for (const link of $("#tabs").children) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (before && before !== name) {
    scrollTo(0, 0);
    $(`#${name}-title`).focus({ preventScroll: true });
  }
  refresh();
}

async function refresh() {
  if (!inside || busy) return;
  const part = shown;
  busy = true;
  try {
    await parts[part].refresh();
    say($("#connection"), "");
  } catch (/** @type {any} */ problem) {
    if (problem.status === 401) leave();
    else if (part === shown) say($("#connection"), `${problem.message} It is tried again by itself.`);
  } finally {
    busy = false;
  }
  if (part !== shown) refresh();
}

addEventListener("hashchange", turn);
whileVisible(() => {
  round += 1;
  if (shown === "cameras" || round % QUIET_ROUNDS === 0) refresh();
}, LIVE_MS);

begin();
