// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What the page has to do with the service worker: it starts it, and tells it the language, which it has no other way to know. */
import en from "../words/en.js";
import { LANGUAGES } from "../words/languages.js";
import { language, locale, t } from "../words/words.js";

/** For the browser to start it. One that never does so gives no error. */
const READY_MS = 10_000;
/** What it says. */
const ITS_WORDS = ["worker.", "reason.call."];

/** What it is told. */
export function workerWords() {
  const keys = Object.keys(en).filter((key) => ITS_WORDS.some((room) => key.startsWith(room)));
  return { porthole: "words", locale: locale(), dir: LANGUAGES[language()].dir, words: Object.fromEntries(keys.map((key) => [key, t(key)])) };
}

/** Tells it, if there is one. @param {string|URL} base the server's folder */
export async function tellWorker(base) {
  const registration = await globalThis.navigator?.serviceWorker?.getRegistration(base).catch(() => null);
  registration?.active?.postMessage(workerWords());
}

/** Starts it, for who is signed in, or has the page as an app. @param {string|URL} base the server's folder @returns {Promise<any>} */
export async function startWorker(base) {
  const workers = navigator.serviceWorker;
  await workers.register(new URL("service-worker.js", base), { scope: new URL(base).pathname, updateViaCache: "none" });
  /** @type {number|undefined} */ let timer;
  const late = new Promise((_, fail) => { timer = setTimeout(() => fail(new Error(t("parts.push-late"))), READY_MS); });
  const registration = await Promise.race([workers.ready, late]).finally(() => clearTimeout(timer));
  registration.active?.postMessage(workerWords());
  return registration;
}
