// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What viewers may book themselves: rules, each for some people, some cameras and so much of a week. */
import { segment } from "../parts/api.js";
import { $, cloned, fill, quote, say } from "../parts/dom.js";
import { list, text } from "../client/rules.js";
import { spanInWords } from "../words/when.js";
import { t } from "../words/words.js";
import { FormDialog, choices, confirm, permsOf } from "./forms.js";
import { permsInWords } from "./words.js";

const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;

/** What is chosen in a list of several. @param {any} select */
const chosen = (select) => [...select.selectedOptions].map((option) => option.value);

export class SelfBooking {
  #api; #directory; #section; #dialog = new FormDialog("#rule-dialog");

  /** @param {import("../parts/api.js").Api} api @param {import("./directory.js").Directory} directory @param {any} section */
  constructor(api, directory, section) {
    this.#api = api;
    this.#directory = directory;
    this.#section = section;
    $(".add-rule", section).addEventListener("click", () => this.#edit(null));
  }

  async refresh() {
    const rules = list((await this.#api.get("self-booking"))?.items).filter((rule) => typeof rule?.id === "string");
    $(".no-rules", this.#section).hidden = rules.length > 0;
    fill($(".rules", this.#section), rules, ({ id }) => id, () => cloned("#rule-row"), (row, rule) => {
      row.dataset.testid = `rule-${rule.id}`;
      const [users, cameras] = [rule.users ? list(rule.users).map(text) : null, rule.cameras ? list(rule.cameras).map(text) : null];
      quote($(".name", row), users ? users.join(", ") : t("admin.everybody"));
      quote($(".at", row), cameras ? cameras.map((id) => this.#directory.nameOf(id)).join(", ") : t("admin.every-camera"));
      const span = (/** @type {unknown} */ seconds) => spanInWords(Number(seconds) * 1_000 || 0);
      say($(".what", row), [t("admin.rule-spans", { ahead: span(rule.ahead), week: span(rule.week), longest: span(rule.longest) }), permsInWords(list(rule.perms).map(text))].join(" · "));
      $(".open", row).onclick = () => this.#edit(rule);
      $(".remove", row).onclick = () => confirm(
        { title: t("admin.remove-rule-title"), names: users ?? [t("admin.everybody")], words: t("admin.remove-rule-words"), yes: t("admin.remove") },
        async () => { await this.#api.delete(`self-booking/${segment(rule.id)}`); await this.refresh(); },
      );
    });
  }

  /** @param {any} rule null for a new one */
  #edit(rule) {
    say($("h2", this.#dialog.element), rule ? t("admin.rule-change") : t("admin.rule-new"));
    this.#dialog.open((fields) => {
      choices(fields.users, this.#directory.userChoices);
      choices(fields.cameras, this.#directory.cameraChoices);
      for (const name of ["users", "cameras"]) {
        for (const option of fields[name].options) option.selected = list(rule?.[name]).includes(option.value);
      }
      if (!rule) return;
      Object.assign(fields.ahead, { value: rule.ahead / DAY_S });
      Object.assign(fields.week, { value: rule.week / HOUR_S });
      Object.assign(fields.longest, { value: rule.longest / HOUR_S });
      for (const perm of ["listen", "talk", "control", "door"]) fields[perm].checked = list(rule.perms).includes(perm);
      fields.saving.checked = rule.saving !== false;
    }, async (fields) => {
      const [users, cameras] = [chosen(fields.users), chosen(fields.cameras)];
      const body = {
        ...(users.length && { users }), ...(cameras.length && { cameras }), perms: permsOf(fields), saving: fields.saving.checked,
        ahead: Math.round(Number(fields.ahead.value) * DAY_S), week: Math.round(Number(fields.week.value) * HOUR_S), longest: Math.round(Number(fields.longest.value) * HOUR_S),
        zone: rule?.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
      };
      if (rule) await this.#api.put(`self-booking/${segment(rule.id)}`, body);
      else await this.#api.post("self-booking", body);
      await this.refresh();
    });
  }
}
