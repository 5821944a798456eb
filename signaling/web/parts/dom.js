// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What both pages put things on the screen with. Text goes in as text, never as HTML. */
import { MAX_TEXT } from "../client/rules.js";

/** @param {string} selector @param {ParentNode} [root] @returns {any} */
export const $ = (selector, root = document) => root.querySelector(selector);

/** The content of a template, anew. @param {string} selector @returns {any} */
export const cloned = (selector) => document.importNode($(selector).content.firstElementChild, true);

/** An element with text. @param {string} tag @param {string} [words] @param {object} [properties] @returns {any} */
export const made = (tag, words = "", properties = {}) => Object.assign(document.createElement(tag), { textContent: words }, properties);

/** Changes the text only if it is another: a screen reader would read it again. @param {Element} element @param {string} words */
export function say(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

/**
 * Shows what someone else wrote, such as a name: bounded, and in a direction of its own, so that it cannot turn the words
 * around it.
 * @param {any} element @param {string} words
 */
export function quote(element, words) {
  if (element.dir !== "auto") element.dir = "auto";
  say(element, words.length > MAX_TEXT ? `${words.slice(0, MAX_TEXT)}…` : words);
}

/**
 * Makes the children of `parent` those of `items`, in place, so that the focus stays where it is.
 * @template T
 * @param {any} parent @param {T[]} items @param {(item: T) => string} key
 * @param {(item: T) => any} make an element @param {(element: any, item: T) => void} show
 */
export function fill(parent, items, key, make, show) {
  const there = new Map([...parent.children].map((element) => [element.dataset.key, element]));
  items.forEach((item, place) => {
    const element = there.get(key(item)) ?? make(item);
    element.dataset.key = key(item);
    there.delete(key(item));
    show(element, item);
    if (parent.children[place] !== element) parent.insertBefore(element, parent.children[place] ?? null);
  });
  for (const element of there.values()) element.remove();
}

/** Runs `call` now and every so often, while someone looks at the page. @param {() => void} call @param {number} ms */
export function whileVisible(call, ms) {
  const look = () => { if (!document.hidden) call(); };
  setInterval(look, ms);
  document.addEventListener("visibilitychange", look);
}
