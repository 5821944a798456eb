// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What each page begins with. */
import { fillIcons } from "./icons.js";
import { preferencesButton } from "./preferences.js";
import { tellWorker } from "./worker.js";
import { fillWords, useLanguage } from "../words/words.js";

/** Messages of the service worker that came before the page was ready; it sends one at a touch. @type {MessageEvent[]} */
const early = [];
const MAX_EARLY = 10;
/** @type {(event: MessageEvent) => void} */
let take = (event) => { if (early.length < MAX_EARLY) early.push(event); };
// A browser delivers them once the page is read, whether its words are there or not.
globalThis.navigator?.serviceWorker?.addEventListener("message", (event) => take(event));

/** Calls with what the service worker says, and has said. @param {(event: MessageEvent) => void} call */
export function onWorker(call) {
  take = call;
  early.splice(0).forEach(call);
}

/**
 * The page in the viewer's language, with its icons. Sentences that are made when a module is read would still be English.
 * @param {import("../words/languages.js").Catalogue} [own] what this page alone says
 */
export async function startPage(own) {
  await useLanguage(undefined, own);
  fillWords();
  fillIcons();
  // Where a page has no place of its own for it, it is at the end of the header.
  (document.querySelector("[data-preferences]") ?? document.querySelector("header"))?.append(preferencesButton());
  tellWorker(new URL(".", location.href));
}
