// SPDX-License-Identifier: MPL-2.0
// The page as an app: it starts where there is no network, with a sentence in the viewer's language, and goes on by itself. What is
// chosen on the device stays.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CONFIG, person, served } from "./fake.mjs";
import { browser, scene } from "./lib.mjs";
import de from "../../signaling/web/words/de.js";
import fr from "../../signaling/web/words/fr.js";

const SIGNED_IN = { ...CONFIG, openAccess: false, authenticated: true, user: "alice" };
const ME = { user: "alice", role: "viewer", shared: false, now: new Date().toISOString(), bookings: [], cameras: [] };
const ALICE = { "GET api/config": SIGNED_IN, "GET api/me": ME };

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

const running = (page) => page.evaluate(() => navigator.serviceWorker.getRegistrations().then((all) => all.filter(({ active }) => active).length));
const kept = (page) => page.evaluate(async () => (await Promise.all((await caches.keys()).map(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname)))).flat());

/** Waits until the worker has heard in which language it is to speak. Of `waitForFunction` a promise would be true whatever becomes of it. */
const told = (page) => page.evaluate(async () => {
  while (!await caches.match("kept-words", { cacheName: "porthole-words" })) await new Promise((next) => requestAnimationFrame(next));
});

test("without a network the app starts with a sentence in the viewer's language, and goes on by itself when the server is back", () => scene(async (keep) => {
  let server = await served();
  await keep({ stop: () => server.close() });
  const page = await keep(person(chromium, server.link, { api: ALICE, locale: "de-DE" }));
  await told(page);
  assert.equal(await running(page), 1);
  assert.deepEqual(await kept(page), ["/look/kept-words"], "nothing of the page is kept, which would be an old one some day");
  server.close();
  for (const path of ["", "calls", "admin"]) {
    await page.goto(server.link + path, { waitUntil: "domcontentloaded" });
    assert.ok((await page.locator("main").textContent()).includes(de["worker.offline"]), path);
    assert.equal(await page.evaluate(() => document.documentElement.lang), "de-DE");
  }
  await page.goto(server.link, { waitUntil: "domcontentloaded" });
  server = await served(null, server.port);
  await page.locator("#camera-section").waitFor({ state: "attached" });
  assert.deepEqual(page.problems, []);
}));

test("who comes by a link without an account has nothing kept", () => scene(async (keep) => {
  const server = await served();
  await keep({ stop: () => server.close() });
  const page = await keep(person(chromium, server.link, { api: { "GET api/config": SIGNED_IN, "GET api/me": { ...ME, shared: true } } }));
  await page.locator("#camera-section:not([hidden])").waitFor();
  assert.equal(await running(page), 0);
}));

test("a language and colours that were chosen stay, on all pages", () => scene(async (keep) => {
  const server = await served();
  await keep({ stop: () => server.close() });
  const page = await keep(person(chromium, server.link, { api: { "GET api/v1/calls": { items: [] } }, locale: "de-DE", colorScheme: "light" }));
  const look = () => page.evaluate(() => [document.documentElement.lang, getComputedStyle(document.documentElement).colorScheme]);
  await page.getByTestId("preferences").click();
  assert.deepEqual(await look(), ["de", "light dark"]);
  await page.getByTestId("choose-theme").selectOption("dark");
  assert.deepEqual(await look(), ["de", "dark"]);
  await Promise.all([page.waitForEvent("load"), page.getByTestId("choose-language").selectOption("fr")]);
  await page.getByRole("button", { name: fr["parts.preferences"] }).waitFor();
  assert.deepEqual(await look(), ["fr", "dark"]);
  await page.goto(`${server.link}calls`);
  await page.getByText(fr["history.none"]).waitFor();
  assert.deepEqual(await look(), ["fr", "dark"]);
  await page.getByTestId("preferences").click();
  await Promise.all([page.waitForEvent("load"), page.getByTestId("choose-language").selectOption("")]);
  await page.getByText(de["history.none"]).waitFor();
  assert.deepEqual(page.problems, []);
}));
