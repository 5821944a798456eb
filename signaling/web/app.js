// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The viewer's page: what {@link PortholeClient} says, on the screen. Text goes in as text, never as HTML. */
import {
  NOTICE_MS, changesInWords, connectionInWords, keepSessions, mayListen, readLink, stateInWords, takeSessions, timeLeft,
} from "./page.js";
import { PortholeClient } from "./porthole-client.js";

/** @typedef {import("./porthole-client.js").Session} Session */
/** @typedef {{session: Session, element: HTMLElement, video: HTMLVideoElement, noticeTimer?: any}} Picture */

/** @param {string} selector @param {ParentNode} [root] @returns {any} */
const $ = (selector, root = document) => root.querySelector(selector);

/** Open pictures, by camera id. @type {Map<string, Picture>} */
const pictures = new Map();
/** Whether a token was presented, so that a refusal is about that token. */
let presented = false;

const first = takeLink();
presented = first.token !== undefined;
const client = new PortholeClient(new URL(".", location.href), { token: first.token });
const storage = () => sessionStorage;
/** Sessions of the page before it was loaded again, which the next ones take the place of. */
const leftBehind = takeSessions(storage);

/** The link's fields. The fragment is removed: a secret must not stay in the address bar, in the history or in a screenshot. */
function takeLink() {
  const link = readLink(location.hash);
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  return link;
}

// -- the connection -----------------------------------------------------------------------------

function showConnection() {
  const { words, signIn } = connectionInWords(client);
  const line = $("#connection");
  line.dataset.state = client.state;
  line.dataset.code = client.code;
  line.textContent = words;

  $("#token-form").hidden = !signIn;
  $("#token-error").textContent = signIn && (presented || client.code !== "unauthorized") ? client.message : "";
  if (signIn && !document.activeElement?.matches("button, input")) $("#token").focus();

  const signedIn = client.state === "online" && !client.openAccess;
  $("#logout").hidden = !signedIn;
  $("#user").hidden = !(signedIn && client.user);
  $("#user").textContent = client.user;

  showCameras();
}

/** @param {string} token */
function present(token) {
  presented = true;
  client.login(token);
}

$("#token-form").addEventListener("submit", (/** @type {Event} */ event) => {
  event.preventDefault();
  const input = $("#token");
  const token = input.value.trim();
  input.value = "";
  if (token) present(token);
});

$("#logout").addEventListener("click", () => {
  presented = false;
  for (const id of [...pictures.keys()]) close(id);
  client.logout();
});

// -- the list -----------------------------------------------------------------------------------

/** Changes the list in place, so that the focus stays where it is. */
function showCameras() {
  const shown = client.state !== "refused" && (client.state === "online" || client.cameras.size > 0);
  $("#camera-section").hidden = !shown;
  $("#no-cameras").hidden = client.cameras.size > 0;

  const items = new Map([...$("#cameras").children].map((item) => [item.dataset.id, item]));
  const byName = [...client.cameras.values()].sort((a, b) => a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1));
  byName.forEach(({ id, name }, place) => {
    const item = items.get(id) ?? newCard(id);
    items.delete(id);
    $(".name", item).textContent = name;
    $(".hint", item).textContent = pictures.has(id) ? "Open" : "Watch";
    item.dataset.open = String(pictures.has(id));
    const there = $("#cameras").children[place];
    if (there !== item) $("#cameras").insertBefore(item, there ?? null);
    const picture = pictures.get(id);
    if (picture) $("h3", picture.element).textContent = name;
  });
  for (const item of items.values()) item.remove();
}

/** @param {string} id */
function newCard(id) {
  const item = $("#camera-card").content.firstElementChild.cloneNode(true);
  item.dataset.id = id;
  const button = $("button", item);
  button.dataset.testid = `camera-${id}`;
  button.addEventListener("click", () => open(id));
  return item;
}

// -- the pictures -------------------------------------------------------------------------------

/** @param {string} id */
function open(id) {
  const there = pictures.get(id);
  if (there) {
    if (["refused", "ended"].includes(there.session.state)) there.session.retry();
    there.element.scrollIntoView({ block: "nearest" });
    return;
  }
  const element = $("#picture").content.firstElementChild.cloneNode(true);
  const video = $("video", element);
  const session = client.watch(id, { replaces: leftBehind.get(id) });
  leftBehind.delete(id);
  const picture = { session, element, video };
  pictures.set(id, picture);

  const name = client.cameras.get(id)?.name ?? id;
  $("h3", element).textContent = name;
  video.muted = true; // A clone does not take over the attribute, and unmuted video may not autoplay.
  video.setAttribute("aria-label", `Picture of ${name}`);
  for (const [selector, hook] of [["video", "video"], [".state", "state"], [".latency", "latency"], [".left", "left"],
    [".warning", "warning"], [".notice", "notice"], [".sound", "sound"], [".close", "close"], [".retry", "retry"], [".full", "full"]]) {
    $(selector, element).dataset.testid = `${hook}-${id}`;
  }

  $(".close", element).addEventListener("click", () => close(id));
  $(".retry", element).addEventListener("click", () => session.retry());
  $(".full", element).addEventListener("click", () => fullScreen(picture));
  $(".sound", element).addEventListener("click", () => {
    video.muted = !video.muted;
    showSound(picture);
    video.play().catch(() => {});
  });
  session.addEventListener("state", () => showState(picture));
  session.addEventListener("tracks", () => showSound(picture));
  session.addEventListener("latency", () => showLatency(picture));
  session.addEventListener("terms", (/** @type {any} */ { detail }) => showTerms(picture, detail));

  $("#pictures").append(element);
  session.attach(video);
  session.measureLatency();
  showState(picture);
  showSound(picture);
  showTime(picture);
  showCameras();
  element.scrollIntoView({ block: "nearest" });
}

/** @param {string} id */
function close(id) {
  const picture = pictures.get(id);
  if (!picture) return;
  pictures.delete(id);
  picture.session.close();
  picture.video.srcObject = null;
  clearTimeout(picture.noticeTimer);
  const hadFocus = picture.element.contains(document.activeElement);
  picture.element.remove();
  showCameras();
  if (hadFocus) [...$("#cameras").children].find((/** @type {any} */ item) => item.dataset.id === id)?.querySelector("button").focus();
}

/** @param {Picture} picture */
function showState(picture) {
  const { session, element, video } = picture;
  const { state, code, message } = session;
  const line = $(".state", element);
  line.dataset.state = state;
  line.dataset.code = code;
  line.textContent = stateInWords(state, message);
  $(".retry", element).hidden = !["refused", "ended"].includes(state);
  element.dataset.state = state;
  showLatency(picture);
  if (state === "live" && video.paused) {
    // A browser may hold back a picture with sound that no click has started.
    video.play().catch(() => {
      video.muted = true;
      showSound(picture);
      video.play().catch(() => {});
    });
  }
}

/** @param {Picture} picture @param {{given: string[], taken: string[]}} changes */
function showTerms(picture, changes) {
  const words = changesInWords(changes);
  if (words) showNotice(picture, words);
  showSound(picture);
  showTime(picture);
}

/** For a short while. @param {Picture} picture @param {string} words */
function showNotice(picture, words) {
  const line = $(".notice", picture.element);
  line.textContent = words;
  clearTimeout(picture.noticeTimer);
  picture.noticeTimer = setTimeout(() => { line.textContent = ""; }, NOTICE_MS);
}

/** @param {Picture} picture */
function showTime({ session, element }) {
  const { countdown, warning } = timeLeft(session.terms, Date.now());
  const left = $(".left", element);
  left.hidden = !countdown;
  left.textContent = countdown;
  left.dataset.warning = String(warning !== "");
  // Only when it changes: a screen reader would read it again each second.
  const line = $(".warning", element);
  if (line.textContent !== warning) line.textContent = warning;
}

/** Nothing where the camera paints no clock. @param {Picture} picture */
function showLatency({ session, element }) {
  const { state, latency, latencyReason: reason } = session;
  const line = $(".latency", element);
  line.hidden = state !== "live" || (latency === null && reason !== "clocks-differ");
  line.textContent = latency === null ? "Latency unknown" : `Latency ${latency} ms`;
  line.title = latency === null
    ? "The camera's clock in the picture and this device's clock do not agree. Set both by NTP."
    : "From the camera to this screen, by the camera's clock in the picture and this device's clock. As exact as the two agree.";
}

/** @param {Picture} picture */
function showSound({ session, element, video }) {
  const button = $(".sound", element);
  button.hidden = session.stream.getAudioTracks().length === 0 || !mayListen(session.terms);
  button.textContent = video.muted ? "Sound on" : "Sound off";
}

/** @param {Picture} picture */
function fullScreen({ element, video }) {
  if (document.fullscreenElement) return document.exitFullscreen();
  const stage = $(".stage", element);
  // A phone's Safari knows full screen for the video alone.
  if (stage.requestFullscreen) return stage.requestFullscreen().catch(() => {});
  return /** @type {any} */ (video).webkitEnterFullscreen?.();
}

// -- start --------------------------------------------------------------------------------------

client.addEventListener("state", showConnection);
client.addEventListener("cameras", showCameras);

// A link pasted into the open page changes only the fragment, and the page is not loaded again.
addEventListener("hashchange", () => {
  const link = takeLink();
  if (link.token) present(link.token);
  if (link.camera) open(link.camera);
});

setInterval(() => { for (const picture of pictures.values()) showTime(picture); }, 1_000);

// Leaving frees the viewer's place at the camera at once, or at the next beginning where the server cannot be told
// now. Coming back by the Back button starts anew.
addEventListener("pagehide", () => {
  const proofs = new Map(leftBehind);
  for (const [id, { session }] of pictures) if (session.proof) proofs.set(id, session.proof);
  keepSessions(storage, proofs);
  client.close();
});
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

client.connect();
showConnection();
if (first.camera) open(first.camera);
