// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * What the browser runs while no page is open: it shows who rings, and opens the page. It keeps no copy of any page, which would be an
 * old one some day; without the server there is a sentence. It is a script and not a module, which Firefox does not start here.
 */
"use strict";

/** Of what the server says by push. */
const PUSH_VERSION = 1;
/** Text that someone else wrote, in characters, and the payload as a whole: RFC 8291 has 4 kB. */
const MAX_NOTICE_TEXT = 300;
const MAX_PAYLOAD = 4_096;
/** For the picture of the press to be there: the camera opens, and sends it. It rings before. */
const SNAPSHOT_MS = 4_000;
/** Between two questions for a picture that is not there yet. */
const SNAPSHOT_RETRY_MS = 300;
/** As the server bounds it. */
const MAX_SNAPSHOT = 100_000;
/** For any other answer of the server. Browsers let a click open a window for some seconds only. */
const SERVER_MS = 2_000;
/** Calls that are known to be over: pushes may overtake each other. */
const MAX_OVER = 32;
const CALL_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const ICON = "icons/icon-192.png";
/** As the bell of the page: two long ones, and a pause. */
const BUZZ = [600, 200, 600, 1_000, 600, 200, 600];

const OFFLINE = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="dark light"><link rel="icon" href="data:,"><title>Porthole</title><h1>Porthole</h1>
<p>The server cannot be reached from here. Look whether this device has a network, and <a href="">try again</a>.</p></html>`;

/** Why a call is over. */
const OVER = {
  "no-answer": "Nobody answered.",
  "declined": "Nobody came.",
  "nobody-home": "The visitor has been told that nobody is at home.",
  "hung-up-at-door": "The visitor has hung up.",
  "busy": "The camera had no place for another viewer.",
  "camera-gone": "The camera went away.",
};

const worker = /** @type {any} */ (self);
/** @type {Set<string>} */
const over = new Set();

// -- what is said -------------------------------------------------------------------------------

/** A name amid other words ends where it ends, whatever its direction. @param {string} name */
const apart = (name) => `\u2068${name.replace(/[\u202a-\u202e\u2066-\u2069]/g, "")}\u2069`;
/** @param {unknown} value */
const short = (value) => (typeof value === "string" ? value.slice(0, MAX_NOTICE_TEXT) : "");
/** @param {unknown} value */
const moment = (value) => (typeof value === "string" ? Date.parse(value) : NaN);

/**
 * What a link opens, without its origin: whatever is told, it is this server's page that opens, under the address that is known here.
 * @param {unknown} address
 */
function fragmentOf(address) {
  const at = typeof address === "string" ? address.indexOf("#") : -1;
  return at < 0 ? "" : String(address).slice(at);
}

/** What was pushed, or null if this version cannot read it. @param {unknown} payload */
function readPush(payload) {
  if (typeof payload !== "string" || payload.length > MAX_PAYLOAD) return null;
  let told;
  try { told = JSON.parse(payload); } catch { return null; }
  if (told?.v !== PUSH_VERSION || typeof told.call !== "string" || !CALL_ID.test(told.call)) return null;
  const { kind, call } = told;
  if (kind === "answered" || kind === "ended") return { kind, call, by: short(told.by), reason: short(told.reason) };
  const [rang, until, camera] = [moment(told.rang), moment(told.until), short(told.camera)];
  if (kind !== "ring" || !camera || Number.isNaN(rang) || Number.isNaN(until)) return null;
  return { kind, call, camera, name: short(told.name) || camera, rang, until, link: fragmentOf(told.link) };
}

/** @param {any} ring @param {boolean} quiet whether a page rings already, which somebody looks at */
function ringing(ring, quiet) {
  const { call, camera, name, link, rang } = ring;
  return {
    title: apart(name),
    options: {
      body: "Somebody is at the door.", tag: call, icon: ICON, timestamp: rang, requireInteraction: true, renotify: true,
      ...(quiet ? { silent: true } : { vibrate: BUZZ }),
      data: { kind: "ring", call, camera, name, link },
      actions: [{ action: "answer", title: "Answer" }, { action: "decline", title: "Decline" }],
    },
  };
}

/** @param {any} ring one that comes too late */
function missed({ call, name, rang }) {
  const at = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "short" }).format(rang);
  return {
    title: apart(name),
    options: { body: `Somebody was at the door: ${at}.`, tag: call, icon: ICON, timestamp: rang, silent: true, data: { kind: "over", call, name } },
  };
}

/** @param {any} told @param {string} name of the camera, if it is known */
function isOver({ kind, call, by, reason }, name) {
  const words = kind === "answered" ? `${by ? apart(by) : "Somebody"} has answered.` : Object.hasOwn(OVER, reason) ? OVER[reason] : "The call is over.";
  return { title: name ? apart(name) : "Doorbell", options: { body: words, tag: call, icon: ICON, silent: true, data: { kind: "over", call, name } } };
}

/** What this version cannot read is no reason to be silent: browsers take the permission away from who is. */
const unknown = () => ({ title: "Doorbell", options: { body: "Something is at the door. Open Porthole to see it.", tag: "porthole", icon: ICON, data: { kind: "unknown" } } });

// -- by push ------------------------------------------------------------------------------------

/** @param {string} path below the server's folder @param {object} [more] @param {number} [ms] */
const ask = (path, more = {}, ms = SERVER_MS) =>
  fetch(new URL(path, worker.registration.scope).href, { cache: "no-store", credentials: "same-origin", redirect: "error", signal: AbortSignal.timeout(ms), ...more });

/** @param {{title: string, options: any}} notification */
const show = ({ title, options }) => worker.registration.showNotification(title, options);
/** @param {string} call @returns {Promise<any>} what is shown of it */
const shownOf = async (call) => (await worker.registration.getNotifications({ tag: call }))[0];

/** @param {string} call */
function isKnownOver(call) {
  over.add(call);
  if (over.size > MAX_OVER) over.delete([...over][0]);
}

/** @param {unknown} payload */
async function pushed(payload) {
  const told = readPush(payload);
  if (!told) return show(unknown());
  const shown = await shownOf(told.call);
  if (told.kind !== "ring") {
    isKnownOver(told.call);
    return show(isOver(told, shown?.data?.name ?? ""));
  }
  if (over.has(told.call) || shown?.data?.kind === "over" || told.until <= Date.now()) return show(missed(told));
  const notification = ringing(told, (await pages()).some(({ focused }) => focused));
  await show(notification);
  if (!("image" in (globalThis.Notification?.prototype ?? {}))) return;
  const image = await snapshot(told.call, Date.now() + SNAPSHOT_MS);
  // Somebody may have answered meanwhile, or wiped it away.
  if (!image || over.has(told.call) || (await shownOf(told.call))?.data?.kind !== "ring") return;
  await show({ title: notification.title, options: { ...notification.options, renotify: false, image } });
}

/** The picture of the press, for whoever is signed in; nothing if it does not come in time. @param {string} call @param {number} until */
async function snapshot(call, until) {
  for (let left; (left = until - Date.now()) > 0;) {
    try {
      const answer = await ask(`api/v1/calls/${call}/snapshot`, {}, left);
      if (answer.ok) {
        const bytes = new Uint8Array(await answer.arrayBuffer());
        if (answer.headers.get("content-type") !== "image/jpeg" || bytes.length > MAX_SNAPSHOT) return "";
        return `data:image/jpeg;base64,${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))}`;
      }
      if (answer.status !== 404) return "";
    } catch {
      return "";
    }
    await new Promise((done) => { setTimeout(done, SNAPSHOT_RETRY_MS); });
  }
  return "";
}

// -- by a touch ---------------------------------------------------------------------------------

/** Pages with the cameras; others, such as the administrator's, answer nothing. @returns {Promise<any[]>} */
async function pages() {
  const { pathname } = new URL(worker.registration.scope);
  const all = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  return all.filter((/** @type {any} */ { url }) => new URL(url).pathname === pathname);
}

/** @param {any} data of the notification @param {boolean} answers */
async function openPage({ call, camera, link }, answers) {
  const asked = { porthole: "call", call, camera, answers };
  const all = await pages();
  const there = all.find(({ focused }) => focused) ?? all[0];
  if (there) {
    // A browser may refuse the focus; the page is there all the same.
    const focused = await there.focus().catch(() => there);
    return (focused ?? there).postMessage(asked);
  }
  // Who is signed in keeps the link, which is good once, for a device on which that is not so.
  const config = link ? await ask("api/config").then((answer) => answer.json()).catch(() => null) : null;
  const where = config?.authenticated === false ? link : `#camera=${encodeURIComponent(camera)}&call=${call}`;
  const opened = await worker.clients.openWindow(new URL(where, worker.registration.scope).href);
  opened?.postMessage(asked);
}

/** @param {any} data */
async function decline({ call, name, ...rest }) {
  const answer = await ask(`api/v1/calls/${call}/decline`, { method: "POST" }).catch(() => null);
  if (answer?.ok || answer?.status === 404) return;
  const words = answer?.status === 401 ? "You are not signed in here. Open it to decline." : "The server did not hear that. Open it to decline.";
  await show({ title: apart(name), options: { body: words, tag: call, icon: ICON, data: { kind: "ring", call, name, ...rest } } });
}

/** @param {any} data @param {string} action */
function touched(data, action) {
  if (data?.kind === "ring") return action === "decline" ? decline(data) : openPage(data, action === "answer");
  return worker.clients.openWindow(new URL(data?.kind === "over" ? "calls" : "", worker.registration.scope).href);
}

/** The browser has changed the address under which it is reached. @param {any} event */
async function moved({ oldSubscription, newSubscription }) {
  const fresh = newSubscription ?? (oldSubscription && await worker.registration.pushManager.subscribe(oldSubscription.options));
  const send = (/** @type {string} */ method, /** @type {object} */ body) =>
    ask("api/v1/me/push", { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  if (fresh) await send("POST", fresh.toJSON());
  if (oldSubscription && oldSubscription.endpoint !== fresh?.endpoint) await send("DELETE", { endpoint: oldSubscription.endpoint });
}

// -- the browser's events -----------------------------------------------------------------------

worker.addEventListener("install", () => worker.skipWaiting());
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener("push", (/** @type {any} */ event) => {
  let payload = "";
  try { payload = event.data?.text() ?? ""; } catch { /* It is as good as none. */ }
  event.waitUntil(pushed(payload));
});
worker.addEventListener("notificationclick", (/** @type {any} */ event) => {
  event.notification.close();
  event.waitUntil(touched(event.notification.data, event.action));
});
worker.addEventListener("pushsubscriptionchange", (/** @type {any} */ event) => event.waitUntil(moved(event).catch(() => {})));
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { pathname } = new URL(worker.registration.scope);
  const shells = [pathname, `${pathname}calls`];
  if (event.request.mode !== "navigate" || !shells.includes(new URL(event.request.url).pathname)) return;
  const headers = { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": "default-src 'none'; img-src data:" };
  event.respondWith(fetch(event.request).catch(() => new Response(OFFLINE, { status: 503, headers })));
});
