// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The viewer's page: what {@link PortholeClient} says, on the screen. */
import { Agenda } from "./agenda.js";
import { Api } from "../parts/api.js";
import { BookLink } from "../calendar/offer.js";
import { cards, toOpen } from "./bookings.js";
import { hasPasskeys } from "../parts/ceremony.js";
import { CallPanel } from "./call-panel.js";
import { $, cloned, fill, quote, say } from "../parts/dom.js";
import { storedName } from "../parts/guest.js";
import { later, styleSheet, whenIdle } from "../parts/later.js";
import { connectionInWords, keepSessions, readLink, takeSessions } from "./page.js";
import { Pictures } from "./pictures.js";
import { PortholeClient } from "../client/porthole-client.js";
import { PushPanel } from "../parts/push-panel.js";
import { readAsked } from "../parts/push.js";
import { showRecoveryCodes } from "../parts/second-factor.js";
import { Shell } from "./shell.js";
import { SignIn } from "../parts/sign-in.js";
import { onWorker, startPage } from "../parts/start.js";
import { WallDoor, leadsToWall } from "../wall/door.js";
import { timeInWords } from "../words/when.js";
import { t } from "../words/words.js";

/** @typedef {import("../client/types.js").Credential} Credential */

const first = takeLink();
const storage = () => sessionStorage;
/** Sessions of the page before it was loaded again, which the next ones take the place of. */
const leftBehind = takeSessions(storage);

/** What the page does not begin with. */
const sheets = (/** @type {string[]} */ ...names) => names.map((name) => styleSheet(new URL(name, import.meta.url).href));
const [pictureSheets, diagnosisSheets] = [sheets("style.css", "panels.css", "../drive/style.css"), sheets("diagnosis.css")];
const fetchPicture = later(async () => {
  const [{ Picture }] = await Promise.all([import("./picture.js"), ...pictureSheets.map((fetch) => fetch())]);
  return Picture;
});
const fetchDiagnosis = later(async () => {
  const [{ DiagnosisPanel }] = await Promise.all([import("./diagnosis-panel.js"), ...diagnosisSheets.map((fetch) => fetch())]);
  return new DiagnosisPanel($("#diagnosis"), client, api, base, () => agenda.me?.ahead ?? null);
});
const fetchPassword = later(async () => {
  const { passwordDialog } = await import("../parts/password.js");
  return passwordDialog($("#password-dialog"), api, () => say($("#done"), t("parts.password-changed")));
});
const fetchGuest = later(async () => {
  const { guestDialog } = await import("../parts/guest-dialog.js");
  return guestDialog($("#guest-dialog"), (name) => {
    client.callMe(name);
    say($("#done"), t("parts.guest-done"));
  });
});
const fetchPasskeys = later(async () => {
  const { passkeysDialog } = await import("../parts/passkeys.js");
  return passkeysDialog($("#passkeys-dialog"), api, showRecoveryCodes);
});
/** Fetches what is likely to be needed. If it does not come, whoever needs it is told. */
const ahead = (/** @type {(() => Promise<any>)[]} */ ...parts) => { for (const fetch of parts) fetch().catch(() => {}); };
// Who comes by a link, or was here just now, is about to see a picture.
if (first.camera || first.share || first.token || leftBehind.size) ahead(fetchPicture);

await startPage();

/** Whether a credential was presented, so that a refusal is about that one. */
let presented = first.token !== undefined || first.share !== undefined;
const base = new URL(".", location.href);
const client = new PortholeClient(base, first);
const called = storedName();
if (called) client.callMe(called);
const api = new Api(base);
const agenda = new Agenda(api, $("#bookings-section"));
const book = new BookLink(api, $("#book"));
const signIn = new SignIn($("#sign-in"), present);
const push = new PushPanel($("#doorbell-section"), api, base);
const shell = new Shell();
/** What is wrong with a picture, or with the connection. @param {import("./picture.js").Picture|null} picture */
const diagnose = (picture) => fetchDiagnosis().then((diagnosis) => diagnosis.open(picture), () => {
  const words = t("watch.missing");
  if (picture) picture.notice(words);
  else say($("#done"), words);
});
$("#test").addEventListener("click", () => diagnose(null));

/** Many cameras at once. */
const wall = new WallDoor($("#wall"), $("#to-wall"), {
  watch: (id) => watch(id),
  open: (id, session) => open(id, session),
  entered: () => { for (const id of pictures.cameras) close(id); },
});

/** The link's fields. The fragment is removed: a secret must not stay in the address bar, in the history or in a screenshot. */
function takeLink() {
  const link = readLink(location.hash);
  if (location.hash) history.replaceState(null, "", location.pathname + location.search + (leadsToWall(location.hash) ? "#wall" : ""));
  return link;
}

// -- the connection -----------------------------------------------------------------------------

function showConnection() {
  const { words, signIn: offered } = connectionInWords(client, Date.now());
  const line = $("#connection");
  line.dataset.state = client.state;
  line.dataset.code = client.code;
  say(line, words);

  const told = presented || client.code !== "unauthorized";
  signIn.offer(client.openid, first.camera ? `#camera=${encodeURIComponent(first.camera)}` : "");
  signIn.show(offered, client.passwords, offered && told ? client.message : "", client.second);

  const signedIn = client.state === "online" && client.authenticated;
  if (signedIn) {
    signIn.forget();
    showRecoveryCodes(client.takeRecoveryCodes());
  }
  $("#logout").hidden = !signedIn;
  $("#user").hidden = !(signedIn && client.user) || agenda.me?.shared === true;
  quote($("#user"), client.user);
  showMe();
  showCameras();
}

/** @param {Credential} credential */
function present(credential) {
  presented = true;
  client.login(credential);
}

$("#logout").addEventListener("click", async () => {
  presented = false;
  for (const id of pictures.cameras) close(id);
  missing.clear();
  showMissing();
  await push.forget();
  agenda.forget();
  const elsewhere = await client.logout();
  if (elsewhere) location.assign(elsewhere);
});

// -- who is here, and what may be watched ---------------------------------------------------------

function showMe() {
  const online = client.state === "online";
  $("#guest").hidden = !(online && agenda.me?.shared);
  $("#password").hidden = !(online && client.passwords && agenda.me && !agenda.me.shared);
  $("#passkeys").hidden = !(online && agenda.me?.passkeys && hasPasskeys());
  $("#administration").hidden = !(online && agenda.me?.administrator);
  // While the server is away, who is here stays who it was.
  if (online || client.state === "refused") {
    const user = online && agenda.me && !agenda.me.shared ? agenda.me.user : "";
    push.show(user);
    book.show(user);
  }
}

for (const [button, fetch] of /** @type {const} */ ([["#guest", fetchGuest], ["#password", fetchPassword], ["#passkeys", fetchPasskeys]])) {
  $(button).addEventListener("click", () => {
    say($("#done"), "");
    fetch().then((show) => show(), () => say($("#done"), t("watch.missing")));
  });
}

agenda.addEventListener("change", (/** @type {any} */ { detail: { before, me } }) => {
  showConnection();
  if (!wall.isOpen) for (const id of toOpen(before, me)) open(id);
});

// -- the list -----------------------------------------------------------------------------------

function showCameras() {
  const shown = client.state !== "refused" && (client.state === "online" || client.cameras.size > 0);
  const cameras = cards(client.cameras.values(), agenda.me);
  // To who came by a link to one camera, a list of it says nothing.
  const isGuest = agenda.me?.shared === true && cameras.length < 2;
  $("#camera-section").hidden = !shown || (isGuest && pictures.cameras.length > 0);
  shell.show(pictures.shown, isGuest);
  $("#no-cameras").hidden = cameras.length > 0;
  wall.show(shown ? cameras : [], agenda.me !== null || !shown);
  fill($("#cameras"), cameras, ({ id }) => id, newCard, (item, { id, name, online, until }) => {
    quote($(".name", item), name);
    const hint = t(`watch.card.${pictures.has(id) ? "open" : online ? "watch" : "away"}`);
    say($(".hint", item), until === null ? hint : t("watch.card.until", { hint, time: timeInWords(until) }));
    item.dataset.open = String(pictures.has(id));
    item.dataset.online = String(online);
    pictures.get(id)?.picture?.name(name);
  });
}

/** @param {ReturnType<typeof cards>[number]} camera */
function newCard({ id }) {
  const item = cloned("#camera-card");
  const button = $("button", item);
  button.dataset.testid = `camera-${id}`;
  button.addEventListener("click", async () => {
    const picture = await open(id).shown;
    // The keys are the picture's now, and the next stop of Tab is its first button; unless somebody has gone elsewhere meanwhile.
    if ([button, document.body].includes(document.activeElement)) picture?.element.focus({ preventScroll: true });
  });
  return item;
}

// -- the pictures -------------------------------------------------------------------------------

/** @param {string} id */
function watch(id) {
  const session = client.watch(id, { replaces: leftBehind.get(id) });
  leftBehind.delete(id);
  return session;
}

const pictures = new Pictures(async () => {
  const Picture = await fetchPicture();
  return (session, id) => {
    const picture = new Picture(session, nameOf(id), () => close(id), { menu: (button) => shell.menu(button), help: diagnose });
    $("#pictures").append(picture.element);
    picture.begin();
    return picture;
  };
}, { changed: showCameras, failed: (id) => { missing.add(id); showMissing(); } });

/** @param {string} id */
const nameOf = (id) => cards(client.cameras.values(), agenda.me).find((camera) => camera.id === id)?.name ?? id;

/** @param {string} id @param {import("../client/session.js").Session|null} [running] a session of it that is there already */
function open(id, running = null) {
  wall.go(false);
  missing.delete(id);
  const isThere = pictures.has(id);
  const opened = pictures.open(id, () => running ?? watch(id));
  if (isThere && ["refused", "ended"].includes(opened.session.state)) opened.session.retry();
  opened.shown.then((picture) => picture?.element.scrollIntoView({ block: "nearest" }));
  showMissing();
  return opened;
}

/** @param {string} id */
function close(id) {
  const hadFocus = pictures.get(id)?.picture?.element.contains(document.activeElement);
  pictures.close(id);
  if (hadFocus) [...$("#cameras").children].find((item) => item.dataset.key === id)?.querySelector("button").focus();
}

/** Cameras whose picture cannot be shown: what shows it did not come. @type {Set<string>} */
const missing = new Set();

function showMissing() {
  $("#missing").hidden = missing.size === 0;
  say($("#missing .error"), missing.size ? t("watch.missing") : "");
}

$("#missing button").addEventListener("click", () => { for (const id of [...missing]) open(id); });

// -- doorbells ----------------------------------------------------------------------------------

const calls = new CallPanel($("#calls"), base, {
  open,
  close,
  isOpen: (camera) => pictures.has(camera),
  say: (word, id) => client.sayToCall(word, id),
});
client.addEventListener("call", (/** @type {any} */ { detail }) => {
  calls.hear(detail);
  push.rang();
  // What somebody is rung for comes before other pictures.
  pictures.get(detail?.camera)?.shown.then((picture) => {
    if (picture) picture.element.dataset.call = String(detail.state !== "ended");
  });
});

// Somebody has touched a notification.
onWorker(({ data }) => {
  const asked = readAsked(data);
  if (asked?.answers) calls.answer(asked.call);
});

/** Opens what a link leads to. @param {{camera?: string, call?: string}} link */
function follow({ camera, call }) {
  if (!camera) return;
  if (call && !pictures.has(camera)) calls.opened(camera);
  open(camera);
}

// -- start --------------------------------------------------------------------------------------

client.addEventListener("state", () => {
  showConnection();
  if (client.state !== "online") calls.offline();
  // Also what says what is wrong: when something is, it may be too late.
  else whenIdle(() => ahead(fetchPicture, fetchDiagnosis));
  if (client.state === "online" && client.authenticated) agenda.look();
});
client.addEventListener("cameras", showCameras);
client.addEventListener("access", () => agenda.look());

// A link pasted into the open page changes only the fragment, and the page is not loaded again.
addEventListener("hashchange", () => {
  const link = takeLink();
  if (link.share) present({ share: link.share });
  else if (link.token) present({ token: link.token });
  wall.go(leadsToWall(location.hash));
  follow(link);
});

setInterval(() => {
  for (const picture of pictures.shown.values()) {
    picture.tick();
    picture.takeTurn(Date.now() + (agenda.me?.ahead ?? 0));
  }
  agenda.tick();
  calls.title = shell.title;
  calls.tick();
}, 1_000);

// Leaving frees the viewer's place at the camera at once, or at the next beginning where the server cannot be told
// now. Coming back by the Back button starts anew.
addEventListener("pagehide", () => {
  const proofs = new Map(leftBehind);
  for (const [id, proof] of [...pictures.proofs, ...wall.proofs()]) proofs.set(id, proof);
  keepSessions(storage, proofs);
  client.close();
});
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

client.connect();
showConnection();
wall.go(leadsToWall(location.hash));
follow(first);
// What was open before the page was loaded again is open again; a wall takes up its own.
if (!wall.isOpen) for (const id of [...leftBehind.keys()]) open(id);
