// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What the administrator's page says besides, in the languages of the pages: viewers do not fetch it. */
import en from "./en.js";

/** By the code of the language, as in `../languages.js`. @type {import("../languages.js").Catalogue} */
export const ADMIN = {
  en: () => en,
  de: async () => (await import("./de.js")).default,
  fr: async () => (await import("./fr.js")).default,
};
