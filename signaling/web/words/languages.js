// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * The languages of the pages: another one is a file beside this one, and a line here (docs/pages.md). English is with the page, and is what
 * is shown where a file does not come.
 *
 * @typedef {Record<string, string>} Words sentences by key
 * @typedef {{name: string, dir: "ltr"|"rtl", load: () => Words|Promise<Words>}} Language its name as those call it who speak it
 * @typedef {Record<string, () => Words|Promise<Words>> & {en: () => Words}} Catalogue what one page alone says, by the code of the language
 */
import en from "./en.js";

/** By BCP 47's primary subtag. @type {Record<string, Language>} */
export const LANGUAGES = {
  en: { name: "English", dir: "ltr", load: () => en },
  de: { name: "Deutsch", dir: "ltr", load: async () => (await import("./de.js")).default },
  fr: { name: "Français", dir: "ltr", load: async () => (await import("./fr.js")).default },
};
