// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What the pages say, in the viewer's language. It imports none of the pages: each of them may use it. */
import en from "./en.js";
import { LANGUAGES } from "./languages.js";

/** Under which a browser keeps the choice. */
export const LANGUAGE_KEY = "porthole-language";
/** Languages that a browser is asked for; people have two or three. */
const MAX_WANTED = 20;
/** Whoever reads no English at home reads 24 hours, and days before months. */
const PLAIN_ENGLISH = "en-GB";
/** What is written in HTML: the attribute that has the key, and what becomes of it; text if it is empty. */
const ATTRIBUTES = Object.entries({ "data-t": "", "data-t-label": "aria-label", "data-t-title": "title", "data-t-placeholder": "placeholder", "data-t-alt": "alt" });

/** @typedef {Record<string, string|number>} Values what stands in the places of a sentence; names by `isolated()` of the client */

/** English, with that of the page's own. @type {Record<string, string>} */
let english = en;
let current = { code: "en", locale: PLAIN_ENGLISH, words: english };

/** The language that is spoken, as `de`. */
export const language = () => current.code;
/** The same with what the viewer says of the region, as `de-AT`: for Intl. */
export const locale = () => current.locale;

/**
 * A sentence. Numbers are written as the language has them; with a `count`, the sentence is the one for as many: `key.one`, `key.other`.
 * @param {string} key @param {Values} [values]
 */
export const t = (key, values) => sentence(current, key, values);

/** Whether there is such a sentence. @param {string} key */
export const has = (key) => Object.hasOwn(english, key);

/**
 * @param {{locale: string, words: Record<string, string>}} language @param {string} key @param {Values} [values]
 */
export function sentence({ locale, words }, key, values = {}) {
  const written = (/** @type {string} */ key) => (Object.hasOwn(words, key) ? words[key] : Object.hasOwn(english, key) ? english[key] : undefined);
  const form = typeof values.count === "number" ? written(`${key}.${new Intl.PluralRules(locale).select(values.count)}`) ?? written(`${key}.other`) : undefined;
  // A key is better than nothing: a page goes on without a sentence.
  const text = form ?? written(key) ?? key;
  return text.replace(/\{(\w+)\}/g, (/** @type {string} */ place, /** @type {string} */ name) => {
    const value = Object.hasOwn(values, name) ? values[name] : place;
    return typeof value === "number" ? new Intl.NumberFormat(locale).format(value) : value;
  });
}

/**
 * Which of the languages there are is wanted most, and as which locale; English if none is.
 * @param {readonly unknown[]} wanted the most wanted first @param {string[]} known
 */
export function pick(wanted, known) {
  for (const each of wanted.slice(0, MAX_WANTED)) {
    if (typeof each !== "string") continue;
    const code = each.split("-")[0].toLowerCase();
    if (!known.includes(code)) continue;
    try {
      return { code, locale: Intl.getCanonicalLocales(each === "en" ? PLAIN_ENGLISH : each)[0] };
    } catch { /* It is no language tag. */ }
  }
  return { code: "en", locale: PLAIN_ENGLISH };
}

/** What was chosen on this device, or "" for whatever the browser says. */
export function chosenLanguage() {
  try { return localStorage.getItem(LANGUAGE_KEY) ?? ""; } catch { return ""; }
}

/** @param {string} code "" for whatever the browser says */
export function chooseLanguage(code) {
  try {
    if (code) localStorage.setItem(LANGUAGE_KEY, code);
    else localStorage.removeItem(LANGUAGE_KEY);
  } catch { /* Without storage it is as the browser says. */ }
}

/**
 * Speaks a language from now on: what is wanted, what was chosen, or what the browser says, in this order. It never fails: if the words do
 * not come, it is English.
 * @param {string} [wanted] @param {import("./languages.js").Catalogue} [own] what this page alone says
 */
export async function useLanguage(wanted, own) {
  if (own) english = { ...en, ...own.en() };
  const languages = [...(globalThis.navigator?.languages ?? [])];
  const first = [wanted, chosenLanguage()].filter(Boolean);
  // Of the chosen language, the browser knows the region.
  const region = first.map((code) => languages.find((each) => each.split("-")[0] === code) ?? code);
  let { code, locale } = pick([...region, ...languages], Object.keys(LANGUAGES));
  let words = english;
  try {
    const parts = await Promise.all([LANGUAGES[code].load(), own?.[code]?.()]);
    words = { ...parts[0], ...parts[1] };
  } catch {
    [code, locale] = ["en", PLAIN_ENGLISH];
  }
  current = { code, locale, words };
  const root = globalThis.document?.documentElement;
  if (root) Object.assign(root, { lang: code, dir: LANGUAGES[code].dir });
  return code;
}

/** Writes the sentences that HTML asks for by key, in its templates as well. @param {any} [root] */
export function fillWords(root = globalThis.document) {
  for (const [asked, attribute] of ATTRIBUTES) {
    for (const element of root.querySelectorAll(`[${asked}]`)) {
      const words = t(element.getAttribute(asked));
      if (attribute) element.setAttribute(attribute, words);
      else if (element.textContent !== words) element.textContent = words;
    }
  }
  for (const template of root.querySelectorAll("template")) fillWords(template.content);
}
