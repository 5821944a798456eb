// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What is chosen on this device for all pages: the language, and light or dark. */
import { made } from "./dom.js";
import { icon } from "./icons.js";
import { LANGUAGES } from "../words/languages.js";
import { chooseLanguage, chosenLanguage, t } from "../words/words.js";

/** Under which a browser keeps it; `theme.js` reads it before anything is drawn. */
export const THEME_KEY = "porthole-theme";
const THEMES = ["light", "dark"];

/** @typedef {() => Storage} Keeper which may throw */
const device = () => localStorage;

/** `light`, `dark`, or "" for what the device has. @param {Keeper} [storage] */
export function chosenTheme(storage = device) {
  try {
    const theme = storage().getItem(THEME_KEY) ?? "";
    return THEMES.includes(theme) ? theme : "";
  } catch {
    return "";
  }
}

/** @param {string} theme as `chosenTheme` gives it @param {Keeper} [storage] @param {any} [root] */
export function chooseTheme(theme, storage = device, root = document.documentElement) {
  const known = THEMES.includes(theme);
  if (known) root.dataset.theme = theme;
  else delete root.dataset.theme;
  try {
    if (known) storage().setItem(THEME_KEY, theme);
    else storage().removeItem(THEME_KEY);
  } catch { /* It is so until the page is loaded again. */ }
}

/** @param {string} id @param {string} label @param {[string, string][]} options values and words @param {string} chosen @param {(value: string) => void} choose */
function choice(id, label, options, chosen, choose) {
  const select = made("select", "", { id });
  for (const [value, words] of options) {
    const option = made("option", words, { value });
    if (id === "choose-language" && value) option.lang = value;
    select.append(option);
  }
  select.dataset.testid = id;
  select.value = options.some(([value]) => value === chosen) ? chosen : "";
  select.addEventListener("change", () => choose(select.value));
  return [made("label", label, { htmlFor: id }), select];
}

function dialog() {
  const own = made("dialog", "", { id: "preferences-dialog", className: "panel preferences" });
  own.setAttribute("aria-labelledby", "preferences-title");
  const form = made("form", "", { method: "dialog" });
  const languages = /** @type {[string, string][]} */ (Object.entries(LANGUAGES).map(([code, { name }]) => [code, name]));
  form.append(
    made("h2", t("parts.preferences"), { id: "preferences-title" }),
    // What is on the screen is said in the old language: it is loaded again, and pictures go on.
    ...choice("choose-language", t("parts.language"), [["", t("parts.language-auto")], ...languages], chosenLanguage(), (code) => {
      chooseLanguage(code);
      location.reload();
    }),
    ...choice("choose-theme", t("parts.theme"), [["", t("parts.theme-auto")], ["light", t("parts.theme-light")], ["dark", t("parts.theme-dark")]], chosenTheme(), chooseTheme),
    made("button", t("parts.close"), { className: "main" }),
  );
  own.append(form);
  document.body.append(own);
  return own;
}

/** The button that opens them, for the place that a page has for it. */
export function preferencesButton() {
  const button = made("button", "", { type: "button", className: "preferences-button plain", title: t("parts.preferences") });
  button.setAttribute("aria-label", t("parts.preferences"));
  button.dataset.testid = "preferences";
  button.append(icon("settings"));
  let own = /** @type {any} */ (null);
  button.addEventListener("click", () => (own ??= dialog()).showModal());
  return button;
}
