// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The viewer's page: what {@link PortholeClient} says, on the screen. Text goes in as text, never as HTML. */
import { PortholeClient } from "./porthole-client.js";

/** @typedef {import("./porthole-client.js").Session} Session */
/** @typedef {{session: Session, element: HTMLElement, video: HTMLVideoElement}} Picture */

/** @param {string} selector @param {ParentNode} [root] @returns {any} */
const $ = (selector, root = document) => root.querySelector(selector);

/** Open pictures, by camera id. @type {Map<string, Picture>} */
const pictures = new Map();
/** Whether a token was presented, so that a refusal is about that token. */
let presented = false;

const first = takeLink();
presented = first.token !== undefined;
const client = new PortholeClient(location.origin, { token: first.token });

/**
 * The token and the camera of a link such as `#token=…&camera=front`. The fragment is removed: a secret
 * must not stay in the address bar, in the history or in a screenshot.
 * @returns {{token?: string, camera?: string}}
 */
function takeLink() {
  const fields = new URLSearchParams(location.hash.slice(1));
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  return { token: fields.get("token") ?? undefined, camera: fields.get("camera") ?? undefined };
}

// -- the connection -----------------------------------------------------------------------------

function showConnection() {
  const words = {
    connecting: "Connecting…",
    online: "Connected",
    reconnecting: "Reconnecting… The server does not answer. Open pictures go on if they can.",
    refused: "Not signed in",
  };
  const line = $("#connection");
  line.dataset.state = client.state;
  line.dataset.code = client.code;
  line.textContent = words[client.state];

  const refused = client.state === "refused";
  $("#token-form").hidden = !refused;
  $("#token-error").textContent = refused && presented ? client.message : "";
  if (refused && !document.activeElement?.matches("button, input")) $("#token").focus();

  const signedIn = client.state === "online" && !client.openAccess;
  $("#logout").hidden = !signedIn;
  $("#user").hidden = !(signedIn && client.user);
  $("#user").textContent = client.user;

  if (client.state === "online") {
    for (const { session } of pictures.values()) if (session.code === "unauthorized") session.retry();
  }
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
  const session = client.watch(id);
  const picture = { session, element, video };
  pictures.set(id, picture);

  const name = client.cameras.get(id)?.name ?? id;
  $("h3", element).textContent = name;
  video.muted = true; // A clone does not take over the attribute, and unmuted video may not autoplay.
  video.setAttribute("aria-label", `Picture of ${name}`);
  for (const [selector, hook] of [["video", "video"], [".state", "state"], [".latency", "latency"], [".sound", "sound"],
    [".close", "close"], [".retry", "retry"], [".full", "full"]]) {
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

  $("#pictures").append(element);
  session.attach(video);
  session.measureLatency();
  showState(picture);
  showSound(picture);
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

/** @param {string} state @param {string} message */
function stateInWords(state, message) {
  const inside = message.charAt(0).toLowerCase() + message.slice(1);
  switch (state) {
    case "live": return "Live";
    case "connecting": return `Connecting… ${message}`.trim();
    case "reconnecting": return `Reconnecting… ${message}`.trim();
    case "refused": return `Refused: ${inside}`;
    default: return `Ended: ${inside}`;
  }
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
  button.hidden = session.stream.getAudioTracks().length === 0;
  button.textContent = video.muted ? "Sound on" : "Sound off";
}

/** @param {Picture} picture */
function fullScreen({ element, video }) {
  if (document.fullscreenElement) return document.exitFullscreen();
  const screen = $(".screen", element);
  // A phone's Safari knows full screen for the video alone.
  if (screen.requestFullscreen) return screen.requestFullscreen().catch(() => {});
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

// Leaving frees the viewer's place at the camera at once; coming back by the Back button starts anew.
addEventListener("pagehide", () => client.close());
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

client.connect();
showConnection();
if (first.camera) open(first.camera);
