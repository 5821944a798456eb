// SPDX-License-Identifier: MPL-2.0
// What rings while no page is open, in a browser of the test's own: notifications and windows are kept, time and the server are the test's.
import test from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import vm from "node:vm";
import en from "./words/en.js";
import de from "./words/de.js";
import { workerWords } from "./parts/worker.js";
import { useLanguage } from "./words/words.js";

const SOURCE = readFileSync(new URL("service-worker.js", import.meta.url), "utf8");
const SCOPE = "https://door.example/look/";
const CALL = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e01";
const NOW = Date.parse("2026-12-01T10:00:01Z");
const ring = (more = {}) => ({
  v: 1, kind: "ring", call: CALL, camera: "front", name: "Front door", rang: "2026-12-01T10:00:00Z", until: "2026-12-01T10:15:00Z",
  page: `https://door.example/look/#camera=front&call=${CALL}`, link: `https://door.example/look/#share=secret&camera=front&call=${CALL}`, ...more,
});

/** A browser with a service worker. `server` answers what it asks. */
class Browser {
  shown = []; asked = []; opened = []; told = []; windows = []; now = NOW;
  #handlers = {};

  /** `kept` is what the browser keeps of one. */
  constructor({ server = () => new Response("", { status: 404 }), image = true, windows = [], kept = new Map() } = {}) {
    const browser = this;
    this.windows = windows;
    const Notification = image ? class { get image() { return ""; } } : class {};
    const Now = class extends Date { static now() { return browser.now; } };
    const self = {
      addEventListener: (name, handle) => { this.#handlers[name] = handle; },
      skipWaiting() {},
      registration: {
        scope: SCOPE,
        // As browsers have it.
        async showNotification(title, options) {
          if (options.silent && options.vibrate) throw new TypeError("silent and vibrate");
          if (options.renotify && !options.tag) throw new TypeError("renotify without a tag");
          browser.shown = browser.shown.filter(({ tag }) => tag !== options.tag);
          browser.shown.push({ title, ...options, close() { browser.shown = browser.shown.filter((each) => each !== this); } });
          browser.count = (browser.count ?? 0) + 1;
        },
        getNotifications: async ({ tag }) => browser.shown.filter((each) => each.tag === tag),
        pushManager: { subscribe: async () => ({ endpoint: "https://push.example/2", toJSON: () => ({ endpoint: "https://push.example/2" }) }) },
      },
      clients: {
        claim() {},
        matchAll: async () => browser.windows,
        openWindow: async (url) => { browser.opened.push(url); return { postMessage: (told) => browser.told.push(told) }; },
      },
    };
    const fetch = async (url, options = {}) => {
      this.asked.push({ url: typeof url === "string" ? url : url.url, ...options });
      // Time passes while one waits.
      this.now += 100;
      return server(typeof url === "string" ? url : url.url, options, this);
    };
    const setTimeout = (done, ms) => { this.now += ms; queueMicrotask(done); };
    this.kept = kept;
    const caches = {
      open: async (name) => ({
        put: async (at, answer) => kept.set(`${name} ${at}`, await answer.text()),
        match: async (at) => (kept.has(`${name} ${at}`) ? new Response(kept.get(`${name} ${at}`)) : undefined),
      }),
    };
    this.context = vm.createContext({ self, caches, crypto, TextEncoder, fetch, Notification, Date: Now, setTimeout, URL, Response, Uint8Array, AbortSignal, Intl, btoa, console });
    vm.runInContext(SOURCE, this.context);
  }

  async #send(name, event) {
    const waits = [];
    this.#handlers[name]({ waitUntil: (promise) => waits.push(promise), respondWith: (promise) => waits.push(promise), ...event });
    return (await Promise.all(waits))[0];
  }

  push(payload) {
    const text = typeof payload === "string" ? payload : JSON.stringify(payload);
    return this.#send("push", { data: { text: () => text } });
  }
  pushNothing() { return this.#send("push", { data: null }); }
  touch(notification, action = "") { return this.#send("notificationclick", { notification, action }); }
  moved(event) { return this.#send("pushsubscriptionchange", event); }
  tell(data) { return this.#send("message", { data }); }
  navigate(url, mode = "navigate") { return this.#send("fetch", { request: { url, mode } }); }
  window(url, focused = false) {
    const made = { url, focused, focus: async () => { made.focused = true; return made; }, postMessage: (told) => this.told.push(told) };
    this.windows.push(made);
    return made;
  }
}

const jpeg = () => new Response(new Uint8Array([0xff, 0xd8, 0xff, 0xd9]), { headers: { "content-type": "image/jpeg" } });
/** What was made in the other context, as it is here. */
const plain = (value) => JSON.parse(JSON.stringify(value));

test("a ring is shown until somebody does something about it, with both answers", async () => {
  const browser = new Browser();
  await browser.push(ring());
  const [shown] = browser.shown;
  assert.equal(shown.title, "\u2068Front door\u2069");
  assert.deepEqual([shown.tag, shown.requireInteraction, shown.renotify], [CALL, true, true]);
  assert.ok(shown.vibrate.length > 0);
  assert.deepEqual(plain(shown.actions), [{ action: "answer", title: "Answer" }, { action: "decline", title: "Decline" }]);
});

test("the picture of the press comes behind the ring, and is asked for as whoever is signed in", async () => {
  let times = 0;
  const browser = new Browser({ server: () => (++times < 3 ? new Response("", { status: 404 }) : jpeg()) });
  await browser.push(ring());
  assert.equal(browser.shown.length, 1);
  assert.equal(browser.shown[0].image, "data:image/jpeg;base64,/9j/2Q==");
  assert.equal(browser.shown[0].renotify, false, "it does not ring twice");
  assert.equal(browser.count, 2);
  assert.equal(browser.asked[0].url, `${SCOPE}api/v1/calls/${CALL}/snapshot`);
  assert.equal(browser.asked[0].credentials, "same-origin");
});

test("a picture that does not come, is none, or is too large holds nothing up", async () => {
  const answers = [
    () => new Response("", { status: 404 }), () => new Response("", { status: 401 }), () => { throw new TypeError("network"); },
    () => new Response("<html>", { headers: { "content-type": "text/html" } }),
    () => new Response(new Uint8Array(100_001), { headers: { "content-type": "image/jpeg" } }),
  ];
  for (const server of answers) {
    const browser = new Browser({ server });
    await browser.push(ring());
    assert.equal(browser.count, 1);
    assert.ok(browser.now - NOW < 5_000, "it is not waited for without end");
  }
});

test("a browser that shows no pictures is not sent for one", async () => {
  const browser = new Browser({ image: false });
  await browser.push(ring());
  assert.equal(browser.asked.length, 0);
});

test("whoever answers, or wipes it away, while the picture comes sees no ring again", async () => {
  const answered = new Browser({ server: async (_url, _options, self) => { await self.push({ v: 1, kind: "answered", call: CALL, by: "bob" }); return jpeg(); } });
  await answered.push(ring());
  assert.match(answered.shown[0].body, /bob.* has answered/);
  const wiped = new Browser({ server: (_url, _options, self) => { self.shown = []; return jpeg(); } });
  await wiped.push(ring());
  assert.equal(wiped.shown.length, 0);
});

test("an answer and an end take the ring's place, in silence", async () => {
  const browser = new Browser();
  await browser.push(ring());
  await browser.push({ v: 1, kind: "answered", call: CALL, by: "bob" });
  assert.equal(browser.shown.length, 1);
  const [shown] = browser.shown;
  assert.equal(shown.title, "\u2068Front door\u2069");
  assert.deepEqual([shown.silent, shown.requireInteraction], [true, undefined]);
  for (const [reason, words] of [["no-answer", /Nobody answered/], ["hung-up", /over/], ["moon-full", /over/], ["__proto__", /over/]]) {
    await browser.push({ v: 1, kind: "ended", call: CALL, reason });
    assert.match(browser.shown[0].body, words);
  }
  assert.equal(browser.shown.length, 1);
});

test("what is junk, of another version or empty is shown, breaks nothing, and rings nobody", async () => {
  const odd = [
    "", "{", "null", "7", "[]", '"x"', "x".repeat(9_999), {}, ring({ v: 2 }), ring({ v: "1" }), ring({ kind: "moon" }), ring({ call: "1" }), ring({ call: `${CALL}/../x` }),
    ring({ camera: "" }), ring({ camera: 7 }), ring({ rang: "now" }), ring({ until: null }), ring({ until: 7 }), { v: 1, kind: "answered" }, { v: 1, kind: "ended", call: {} },
  ];
  for (const payload of odd) {
    const browser = new Browser();
    await browser.push(payload);
    assert.equal(browser.shown.length, 1, JSON.stringify(payload));
    assert.equal(browser.shown[0].requireInteraction, undefined);
    assert.deepEqual(plain(browser.shown[0].data), { kind: "unknown" });
  }
  const browser = new Browser();
  await browser.pushNothing();
  assert.equal(browser.shown.length, 1);
});

test("a ring that comes late tells of itself and does not ring", async () => {
  const browser = new Browser();
  browser.now = Date.parse("2026-12-01T10:15:00Z");
  await browser.push(ring());
  assert.match(browser.shown[0].body, /Somebody was at the door/);
  assert.deepEqual([browser.shown[0].silent, browser.shown[0].actions], [true, undefined]);
});

test("a ring that its own end has overtaken does not ring", async () => {
  const browser = new Browser();
  await browser.push({ v: 1, kind: "ended", call: CALL, reason: "no-answer" });
  browser.shown = [];
  await browser.push(ring());
  assert.equal(browser.shown[0].silent, true);
  const another = new Browser();
  await another.push({ v: 1, kind: "answered", call: CALL });
  vm.runInContext("over.clear()", another.context); // The browser has started it anew.
  await another.push(ring());
  assert.equal(another.shown[0].silent, true);
});

test("a name that turns the words around does so in its own place alone", async () => {
  const browser = new Browser();
  await browser.push(ring({ name: "\u202eevil\u2069".repeat(99) }));
  assert.ok(!/[\u202e]/.test(browser.shown[0].title) && browser.shown[0].title.length < 310);
});

test("while somebody looks at a page that rings, the notification is silent", async () => {
  const browser = new Browser();
  browser.window(SCOPE, true);
  await browser.push(ring());
  assert.deepEqual([browser.shown[0].silent, browser.shown[0].vibrate], [true, undefined]);
});

test("a touch focuses the page that is open, and tells it to answer if that was touched", async () => {
  for (const [action, answers] of [["", false], ["answer", true]]) {
    const browser = new Browser();
    browser.window(`${SCOPE}admin`);
    const page = browser.window(`${SCOPE}#x`);
    await browser.push(ring());
    const [shown] = browser.shown;
    await browser.touch(shown, action);
    assert.equal(browser.shown.length, 0);
    assert.ok(page.focused);
    assert.deepEqual(plain(browser.told), [{ porthole: "call", call: CALL, camera: "front", answers }]);
    assert.equal(browser.opened.length, 0);
  }
});

test("without a page one is opened: by the log-in where there is one, by the link elsewhere, and always at this server", async () => {
  const open = async (authenticated, more = {}) => {
    const config = () => (authenticated === null ? new Response("", { status: 500 }) : Response.json({ authenticated }));
    const browser = new Browser({ image: false, server: config });
    await browser.push(ring(more));
    await browser.touch(browser.shown[0], "answer");
    assert.deepEqual(plain(browser.told), [{ porthole: "call", call: CALL, camera: "front", answers: true }]);
    return browser.opened[0];
  };
  const [page, link] = [`${SCOPE}#camera=front&call=${CALL}`, `${SCOPE}#share=secret&camera=front&call=${CALL}`];
  assert.equal(await open(true), page);
  assert.equal(await open(false), link);
  assert.equal(await open(null), page, "a link is good once, and is not spent on a guess");
  assert.equal(await open(false, { link: null }), page);
  assert.equal(await open(false, { link: "https://evil.example/#camera=x" }), `${SCOPE}#camera=x`);
  assert.equal(await open(false, { link: "javascript:alert(1)" }), page);
  assert.equal(await open(true, { page: "https://evil.example/#camera=x" }), page);
});

test("a call is declined without any page, and said if that did not work", async () => {
  const browser = new Browser({ image: false, server: () => new Response(null, { status: 204 }) });
  await browser.push(ring());
  await browser.touch(browser.shown[0], "decline");
  assert.deepEqual([browser.asked[0].url, browser.asked[0].method], [`${SCOPE}api/v1/calls/${CALL}/decline`, "POST"]);
  assert.deepEqual([browser.opened.length, browser.shown.length], [0, 0]);
  for (const [server, words] of [[() => new Response("", { status: 401 }), /not signed in/], [() => { throw new TypeError("network"); }, /did not hear/]]) {
    const deaf = new Browser({ image: false, server });
    await deaf.push(ring());
    await deaf.touch(deaf.shown[0], "decline");
    assert.match(deaf.shown[0].body, words);
    await deaf.touch(deaf.shown[0]);
    assert.equal(deaf.opened.length, 1);
  }
  const late = new Browser({ image: false });
  await late.push(ring());
  await late.touch(late.shown[0], "decline");
  assert.equal(late.shown.length, 0, "it is over, and there is nothing to decline");
});

test("a touch of what is over leads to who rang, and of what is unknown to the page", async () => {
  const browser = new Browser();
  await browser.push({ v: 1, kind: "ended", call: CALL });
  await browser.touch(browser.shown[0]);
  await browser.push("junk");
  await browser.touch(browser.shown[0]);
  await browser.touch({ close() {}, data: null });
  assert.deepEqual(browser.opened, [`${SCOPE}calls`, SCOPE, SCOPE]);
});

test("an address that the browser has changed is told to the server", async () => {
  const browser = new Browser({ server: () => new Response(null, { status: 204 }) });
  await browser.moved({ oldSubscription: { endpoint: "https://push.example/1", options: {} } });
  assert.deepEqual(browser.asked.map(({ method, body }) => [method, JSON.parse(body).endpoint]), [["POST", "https://push.example/2"], ["DELETE", "https://push.example/1"]]);
  await browser.moved({});
});

const broken = () => { throw new TypeError("network"); };

test("without the server there is a sentence; no page is kept, and nothing else is touched", async () => {
  const browser = new Browser({ server: broken });
  const answer = await browser.navigate(`${SCOPE}#x`);
  assert.equal(answer.status, 503);
  assert.match(await answer.text(), /cannot be reached/);
  for (const page of ["calls", "admin"]) assert.ok(await browser.navigate(SCOPE + page));
  const others = [[`${SCOPE}api/openid/callback?code=1`], [`${SCOPE}app.js`, "cors"], [`${SCOPE}app.js`], ["https://door.example/elsewhere"]];
  for (const other of others) assert.equal(await browser.navigate(...other), undefined);
  const online = new Browser({ server: () => new Response("<p>The page</p>") });
  assert.equal(await (await online.navigate(SCOPE)).text(), "<p>The page</p>");
  assert.deepEqual([browser.kept.size, online.kept.size], [0, 0]);
});

test("the sentence runs what is its own alone", async () => {
  const answer = await new Browser({ server: broken }).navigate(SCOPE);
  const [html, policy] = [await answer.text(), answer.headers.get("content-security-policy")];
  for (const [, kind, text] of html.matchAll(/<(script|style)>([^]*?)<\/\1>/g)) {
    assert.ok(policy.includes(`${kind}-src 'sha256-${createHash("sha256").update(text).digest("base64")}'`), kind);
  }
  assert.ok(policy.startsWith("default-src 'none'") && !policy.includes("unsafe"));
});

test("the sentence makes room for the page as soon as the server answers, and not before", async () => {
  const html = await (await new Browser({ server: broken }).navigate(SCOPE)).text();
  const [, script] = html.match(/<script>([^]*?)<\/script>/);
  let [loaded, look, ms] = [0, () => {}, 0];
  const heard = {};
  const answers = [() => { throw new TypeError("network"); }, () => ({ ok: false }), () => ({ ok: true }), () => ({ ok: true })];
  vm.runInNewContext(script, {
    fetch: async () => answers.shift()(), location: { reload: () => { loaded += 1; } },
    addEventListener: (name, call) => { heard[name] = call; }, setInterval: (call, every) => { [look, ms] = [call, every]; },
  });
  assert.equal(ms, 10_000);
  for (const [call, expected] of [[look, 0], [look, 0], [look, 1], [heard.online, 2]]) {
    call();
    await new Promise(setImmediate);
    assert.equal(loaded, expected);
  }
});

test("its English is the catalogue's", () => {
  const { context } = new Browser();
  const own = plain(vm.runInContext("ENGLISH", context));
  assert.deepEqual(own, workerWords().words);
  for (const [key, text] of Object.entries(own)) assert.equal(text, en[key]);
});

test("it speaks the language that a page has told, also after it was started anew", async (context) => {
  context.after(() => useLanguage("en"));
  await useLanguage("de");
  const browser = new Browser({ server: broken, image: false });
  await browser.tell(workerWords());
  const later = new Browser({ server: broken, image: false, kept: browser.kept });
  for (const each of [browser, later]) {
    await each.push(ring());
    assert.equal(each.shown[0].body, de["worker.door"]);
    assert.deepEqual(plain(each.shown[0].actions).map(({ title }) => title), ["Annehmen", "Ablehnen"]);
    await each.push({ v: 1, kind: "ended", call: CALL, reason: "no-answer" });
    assert.equal(each.shown[0].body, de["reason.call.no-answer"]);
    const html = await (await each.navigate(SCOPE)).text();
    assert.match(html, /<html lang="de" dir="ltr">/);
    assert.ok(html.includes(de["worker.offline"]));
  }
  assert.equal(browser.kept.size, 1);
});

test("what is told is read as text, and what makes no sense is not kept", async () => {
  const browser = new Browser({ server: broken, image: false });
  const odd = [null, 7, {}, { porthole: "words" }, { porthole: "words", locale: "de", words: null }, { porthole: "words", locale: "no such\u0000", words: {} }];
  for (const each of odd) await browser.tell(each);
  await browser.push(ring());
  assert.equal(browser.shown[0].body, en["worker.door"]);
  await browser.tell({ porthole: "words", locale: "de", dir: "\" onload=", words: { "worker.offline": "<script>alert(1)</script>", "worker.door": "x".repeat(501), "worker.answer": 7, "other": "y" } });
  const html = await (await browser.navigate(SCOPE)).text();
  assert.ok(!html.includes("alert(1)</script>") && html.includes("&#60;script&#62;") && html.includes('dir="ltr"'));
  await browser.push(ring());
  assert.equal(browser.shown[0].body, en["worker.door"]);
  assert.ok(![...browser.kept.values()].join().includes('"other"'));
});

test("without a place to keep things it is English", async () => {
  const kept = { has: broken, get: broken, set: broken };
  const browser = new Browser({ image: false, kept });
  await browser.push(ring());
  assert.equal(browser.shown[0].body, en["worker.door"]);
  await browser.tell({ porthole: "words", locale: "de", words: {} });
});
