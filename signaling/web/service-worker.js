// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * What the browser runs while no page is open: it shows who rings, and opens the page. It keeps no copy of any page, which would be an
 * old one some day; without the server there is a sentence. It is a script and not a module, which Firefox does not start here: what it says
 * in other languages than English it is told by the pages (parts/worker.js), and that alone is kept.
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

/** English, as in the catalogue (words/en.js; a test compares them): until a page has told another language. @type {Record<string, string>} */
const ENGLISH = {
  "worker.doorbell": "Doorbell",
  "worker.door": "Somebody is at the door.",
  "worker.answer": "Answer",
  "worker.decline": "Decline",
  "worker.missed": "Somebody was at the door: {time}.",
  "worker.answered": "{name} has answered.",
  "worker.somebody": "Somebody",
  "worker.unknown": "Something is at the door. Open Porthole to see it.",
  "worker.not-signed-in": "You are not signed in here. Open it to decline.",
  "worker.not-heard": "The server did not hear that. Open it to decline.",
  "worker.offline": "The server cannot be reached from here.",
  "worker.offline-hint": "Look whether this device has a network. This page goes on by itself as soon as the server answers.",
  "worker.try-again": "Try again",
  "reason.call.no-answer": "Nobody answered.",
  "reason.call.declined": "Nobody will come.",
  "reason.call.nobody-home": "The visitor has been told that nobody is at home.",
  "reason.call.hung-up": "The call is over.",
  "reason.call.hung-up-at-door": "The visitor has hung up.",
  "reason.call.no-media": "The picture was lost, and the call with it.",
  "reason.call.busy": "The camera has no place for another viewer.",
  "reason.call.camera-gone": "The camera went away.",
  "reason.call.expired": "The call has lasted as long as calls may.",
  "reason.call.nobody": "There was nobody to ring.",
  "reason.call.revoked": "Who had answered may no longer.",
};
/** Where another language is kept, in browsers that keep things, and the longest sentence of one. */
const KEPT = "porthole-words";
const KEPT_AT = "kept-words";
const MAX_SENTENCE = 500;

/** Pages of the server: beside the worker, and no files. */
const SHELL = /^[a-z-]*$/;
/** Goes on when the server is back, also on a screen at a wall that nobody touches. */
const LOOKS = `const look = () => fetch("api/config", { cache: "no-store" }).then(({ ok }) => { if (ok) location.reload(); }, () => {});
addEventListener("online", look); setInterval(look, 10_000);`;
const STYLE = `:root { color-scheme: dark light; font: 1rem/1.45 system-ui, sans-serif } body { display: grid; place-content: center; min-height: 90vh; margin: 0; padding: 1rem }
main { max-width: 30rem } a { display: inline-block; padding: 0.7rem 1.2rem; border: 1px solid; border-radius: 0.5rem; color: inherit }`;

const worker = /** @type {any} */ (self);
/** @type {Set<string>} */
const over = new Set();

// -- in which language --------------------------------------------------------------------------

/** @typedef {{locale: string|undefined, dir: string, words: Record<string, string>}} Language */
/** @type {Language} */
const PLAIN = { locale: undefined, dir: "ltr", words: ENGLISH };
/** What was told or read; a worker is started anew for each event, as the browser likes. @type {Language|null} */
let spoken = null;

/** What a page told, if it makes sense. @param {any} told @returns {Language|null} */
function readLanguage(told) {
  if (told?.porthole !== "words" || typeof told.locale !== "string" || typeof told.words !== "object") return null;
  const words = { ...ENGLISH };
  for (const key of Object.keys(ENGLISH)) {
    const sentence = told.words?.[key];
    if (typeof sentence === "string" && sentence && sentence.length <= MAX_SENTENCE) words[key] = sentence;
  }
  try {
    return { locale: Intl.getCanonicalLocales(told.locale)[0], dir: told.dir === "rtl" ? "rtl" : "ltr", words };
  } catch {
    return null;
  }
}

/** @param {any} told by a page */
async function keepLanguage(told) {
  const language = readLanguage(told);
  if (!language) return;
  spoken = language;
  const kept = JSON.stringify({ porthole: "words", ...language });
  const cache = await caches.open(KEPT);
  const before = await cache.match(KEPT_AT);
  if (before && await before.text() === kept) return;
  await cache.put(KEPT_AT, new Response(kept));
}

/** @returns {Promise<Language>} */
async function language() {
  if (spoken) return spoken;
  try {
    const kept = await (await caches.open(KEPT)).match(KEPT_AT);
    spoken = kept ? readLanguage(await kept.json()) : null;
  } catch { /* It is English. */ }
  return spoken ?? PLAIN;
}

/** @param {Language} language @param {string} key @param {Record<string, string>} [values] */
const sentence = ({ words }, key, values = {}) => words[key].replace(/\{(\w+)\}/g, (place, name) => (Object.hasOwn(values, name) ? values[name] : place));

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

/** What was pushed, or null if this version cannot read it. @param {unknown} payload @returns {any} */
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

/** @param {Language} language @param {any} ring @param {boolean} quiet whether a page rings already, which somebody looks at */
function ringing(language, ring, quiet) {
  const { call, camera, name, link, rang } = ring;
  return {
    title: apart(name),
    options: {
      body: sentence(language, "worker.door"), tag: call, icon: ICON, timestamp: rang, requireInteraction: true, renotify: true,
      ...(quiet ? { silent: true } : { vibrate: BUZZ }),
      data: { kind: "ring", call, camera, name, link },
      actions: [{ action: "answer", title: sentence(language, "worker.answer") }, { action: "decline", title: sentence(language, "worker.decline") }],
    },
  };
}

/** @param {Language} language @param {any} ring one that comes too late */
function missed(language, { call, name, rang }) {
  const time = new Intl.DateTimeFormat(language.locale, { dateStyle: "short", timeStyle: "short" }).format(rang);
  return {
    title: apart(name),
    options: { body: sentence(language, "worker.missed", { time }), tag: call, icon: ICON, timestamp: rang, silent: true, data: { kind: "over", call, name } },
  };
}

/** @param {Language} language @param {any} told @param {string} name of the camera, if it is known */
function isOver(language, { kind, call, by, reason }, name) {
  const why = Object.hasOwn(ENGLISH, `reason.call.${reason}`) ? `reason.call.${reason}` : "reason.call.hung-up";
  const body = kind === "answered" ? sentence(language, "worker.answered", { name: by ? apart(by) : sentence(language, "worker.somebody") }) : sentence(language, why);
  return { title: name ? apart(name) : sentence(language, "worker.doorbell"), options: { body, tag: call, icon: ICON, silent: true, data: { kind: "over", call, name } } };
}

/** What this version cannot read is no reason to be silent: browsers take the permission away from who is. @param {Language} language */
const unknown = (language) =>
  ({ title: sentence(language, "worker.doorbell"), options: { body: sentence(language, "worker.unknown"), tag: "porthole", icon: ICON, data: { kind: "unknown" } } });

/** @param {string} text */
const escaped = (text) => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);

/** What stands in the place of a page while there is no server. */
async function offline() {
  const spoken = await language();
  const say = (/** @type {string} */ key) => escaped(sentence(spoken, key));
  const html = `<!doctype html><html lang="${escaped(spoken.locale ?? "en")}" dir="${spoken.dir}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="dark light"><link rel="icon" href="data:,"><title>Porthole</title><style>${STYLE}</style>
<main><h1>Porthole</h1><p role="status">${say("worker.offline")} ${say("worker.offline-hint")}</p><p><a href="">${say("worker.try-again")}</a></p></main><script>${LOOKS}</script></html>`;
  const digest = async (/** @type {string} */ text) => `'sha256-${btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)))))}'`;
  const policy = `default-src 'none'; img-src data:; connect-src 'self'; style-src ${await digest(STYLE)}; script-src ${await digest(LOOKS)}; base-uri 'none'; frame-ancestors 'none'`;
  return new Response(html, { status: 503, headers: { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy } });
}

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
  const [told, spoken] = [readPush(payload), await language()];
  if (!told) return show(unknown(spoken));
  const shown = await shownOf(told.call);
  if (told.kind !== "ring") {
    isKnownOver(told.call);
    return show(isOver(spoken, told, shown?.data?.name ?? ""));
  }
  if (over.has(told.call) || shown?.data?.kind === "over" || Number(told.until) <= Date.now()) return show(missed(spoken, told));
  const notification = ringing(spoken, told, (await pages()).some(({ focused }) => focused));
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
  const words = sentence(await language(), answer?.status === 401 ? "worker.not-signed-in" : "worker.not-heard");
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
worker.addEventListener("message", (/** @type {any} */ event) => event.waitUntil(keepLanguage(event.data).catch(() => {})));
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { pathname } = new URL(worker.registration.scope);
  const asked = new URL(event.request.url).pathname;
  if (event.request.mode !== "navigate" || !asked.startsWith(pathname) || !SHELL.test(asked.slice(pathname.length))) return;
  event.respondWith(fetch(event.request).catch(offline));
});
