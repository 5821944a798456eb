// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The dialog in which one adds and removes one's own passkeys. */
import { segment } from "./api.js";
import { create, whyNot } from "./ceremony.js";
import { $, fill, made, quote, say } from "./dom.js";
import { list, text } from "../client/rules.js";
import { readCeremony, readRecoveryCodes } from "../client/second-factor.js";
import { readTime } from "../client/when.js";
import { serverInWords } from "../words/reasons.js";
import { momentInWords } from "../words/when.js";
import { t } from "../words/words.js";

/** Devices shown; the server has eight at most. */
const MAX_PASSKEYS = 32;

/** What the server did not take, in words. @param {any} problem */
const refused = (problem) => {
  if (problem.code === "wrong-credentials") return t("parts.wrong-password");
  return serverInWords(problem);
};

/** @param {unknown} told @param {string} key */
const whenInWords = (told, key) => {
  const at = readTime(told);
  return at === null ? "" : t(key, { time: momentInWords(at, Date.now()) });
};

/**
 * @param {any} dialog @param {import("./api.js").Api} api @param {(codes: string[]) => void} showCodes of the recovery codes that come
 *   with the first passkey
 */
export function passkeysDialog(dialog, api, showCodes) {
  const [form, items, error] = [$("form", dialog), $("ul", dialog), $(".error", dialog)];
  const attempt = async (/** @type {() => Promise<void>} */ act) => {
    say(error, "");
    try {
      await act();
    } catch (/** @type {any} */ problem) {
      say(error, whyNot(problem) || refused(problem));
    }
  };
  const look = async () => {
    const known = list((await api.get("me/passkeys"))?.items).slice(0, MAX_PASSKEYS);
    $(".none", dialog).hidden = known.length > 0;
    fill(items, known, ({ id }) => text(id), ({ id }) => item(text(id)), (element, { name, created, used }) => {
      const field = $("input", element);
      if (document.activeElement !== field) field.value = text(name);
      quote($(".when", element), [whenInWords(created, "parts.passkey-added"), whenInWords(used, "parts.passkey-used")].filter(Boolean).join(", "));
    });
  };

  /** @param {string} id */
  function item(id) {
    const element = made("li");
    const name = made("input", "", { maxLength: 64, required: true });
    name.setAttribute("aria-label", t("parts.name"));
    const remove = made("button", t("parts.remove"), { type: "button" });
    let asked = false;
    const ask = (/** @type {boolean} */ sure) => {
      asked = sure;
      say(remove, t(sure ? "parts.remove-sure" : "parts.remove"));
    };
    name.addEventListener("change", () => attempt(async () => {
      if (name.value.trim()) await api.patch(`me/passkeys/${segment(id)}`, { name: name.value.trim() });
      await look();
    }));
    // Two presses: there is no way back.
    remove.addEventListener("click", () => attempt(async () => {
      if (!asked) return ask(true);
      ask(false);
      await api.delete(`me/passkeys/${segment(id)}`);
      await look();
    }));
    remove.addEventListener("blur", () => ask(false));
    element.append(name, made("span", "", { className: "when note" }), remove);
    return element;
  }

  $(".cancel", dialog).addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    form.reset();
    say(error, "");
  });
  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    const { password, called } = form.elements;
    const typed = password.value;
    password.value = "";
    attempt(async () => {
      const ceremony = readCeremony(await api.post("me/passkeys/challenge", { password: typed }));
      if (!ceremony) throw new Error(t("parts.server-asks-unknown"));
      const name = called.value.trim();
      const answer = await api.post("me/passkeys", { ...await create(ceremony), ...(name && { name }) });
      form.reset();
      await look();
      showCodes(readRecoveryCodes(answer));
    });
  });
  return () => {
    dialog.showModal();
    attempt(look);
  };
}
