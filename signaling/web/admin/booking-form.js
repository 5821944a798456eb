// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The form in which a booking is made or changed: all that the calendar can do, for those who do not drag. */
import { Problem, segment } from "../parts/api.js";
import { $, say } from "../parts/dom.js";
import { list, text } from "../client/rules.js";
import { readTime } from "../client/when.js";
import { t } from "../words/words.js";
import { removeBookings } from "./booking-rows.js";
import { fromField, toField } from "./calendar.js";
import { FormDialog, choices, permsOf } from "./forms.js";
import { readRule, toRule } from "./recurrence.js";

/** @typedef {{camera: string|null, start: number, end: number}} Wanted */

const EVERY_PERM = ["listen", "talk", "control", "door"];

export class BookingForm {
  /** The note as the field took it, which leaves out the ends of lines. */
  #note = "";
  #api; #directory; #saved; #dialog = new FormDialog("#booking-dialog");

  /** @param {import("../parts/api.js").Api} api @param {import("./directory.js").Directory} directory @param {() => Promise<void>} saved */
  constructor(api, directory, saved) {
    this.#api = api;
    this.#directory = directory;
    this.#saved = saved;
    this.#dialog.fields.repeat.addEventListener("change", () => this.#layOut());
    const { start, end } = this.#dialog.fields;
    let length = 0;
    start.addEventListener("focus", () => { length = Date.parse(end.value) - Date.parse(start.value); });
    start.addEventListener("change", () => {
      // Who moves the beginning moves the whole.
      if (length > 0 && start.value) end.value = toField(Date.parse(start.value) + length);
    });
  }

  /** @param {Wanted} wanted */
  add({ camera, start, end }) {
    this.#begin(t("admin.new-booking"), (fields) => {
      if (camera !== null) fields.camera.value = camera;
      // Nobody is meant before somebody is chosen: the first by name may be the administrator.
      const nobody = new Option(t("admin.choose-who"), "", true, true);
      nobody.disabled = true;
      fields.user.prepend(nobody);
      fields.user.value = "";
      fields.start.value = toField(start);
      fields.end.value = toField(end);
    }, async (fields) => {
      const recurrence = this.#recurrence();
      if (!recurrence && Date.parse(fields.end.value) <= Date.now()) {
        throw new Problem(422, { code: "bad-window", own: true, detail: t("admin.in-the-past") });
      }
      await this.#api.post("bookings", {
        camera: fields.camera.value, user: fields.user.value, start: fromField(fields.start.value), end: fromField(fields.end.value),
        perms: permsOf(fields), saving: fields.saving.checked, note: fields.note.value.trim(), ...(recurrence && { recurrence }),
      });
      await this.#saved();
    });
    $(".remove", this.#dialog.element).hidden = true;
  }

  /** @param {any} booking as the server tells it */
  change(booking) {
    const path = `bookings/${segment(text(booking?.id))}`;
    const perms = list(booking.perms);
    const fields = this.#dialog.fields;
    const asked = () => this.#changes(booking);
    this.#begin(t("admin.booking"), () => {
      // Of a camera or user that is gone there is nothing to choose, but this one.
      for (const name of ["camera", "user"]) {
        if (![...fields[name].options].some(({ value }) => value === booking[name])) choices(fields[name], [{ value: booking[name], words: booking[name] }]);
        fields[name].value = booking[name];
        fields[name].disabled = true;
      }
      fields.start.value = toField(readTime(booking.start) ?? 0);
      fields.end.value = toField(readTime(booking.end) ?? 0);
      for (const perm of EVERY_PERM) fields[perm].checked = perms.includes(perm);
      fields.saving.checked = booking.saving !== false;
      const { repeat, times, other } = readRule(booking.recurrence?.rule);
      Object.assign(fields.repeat, { value: repeat });
      if (times) fields.times.value = times;
      fields.other.value = other;
      fields.note.value = String(booking.note ?? "");
      this.#note = fields.note.value;
    }, async () => {
      const changes = asked();
      if (Object.keys(changes).length) await this.#api.patch(path, changes);
      await this.#saved();
    });
    const remove = $(".remove", this.#dialog.element);
    remove.hidden = false;
    say(remove, booking.recurrence ? t("admin.remove-all") : t("admin.remove"));
    remove.onclick = () => this.#dialog.attempt(async () => {
      await removeBookings(this.#api, [booking], this.#saved);
    });
  }

  /** Only what was changed: a field shows minutes, and a booking may have seconds. @param {any} booking */
  #changes(booking) {
    const { fields } = this.#dialog;
    const changes = /** @type {Record<string, any>} */ ({});
    for (const edge of ["start", "end"]) {
      if (fields[edge].value !== toField(readTime(booking[edge]) ?? 0)) changes[edge] = fromField(fields[edge].value);
    }
    const perms = permsOf(fields);
    if ([...perms].sort().join() !== list(booking.perms).toSorted().join()) changes.perms = perms;
    if (fields.saving.checked !== (booking.saving !== false)) changes.saving = fields.saving.checked;
    if (fields.note.value !== this.#note) changes.note = fields.note.value.trim();
    const recurrence = this.#recurrence(booking.recurrence?.zone);
    if ((recurrence?.rule ?? "") !== (booking.recurrence?.rule ?? "")) changes.recurrence = recurrence;
    return changes;
  }

  /** @param {string} [zone] in which it recurs already */
  #recurrence(zone = Intl.DateTimeFormat().resolvedOptions().timeZone) {
    const { repeat, times, other } = this.#dialog.fields;
    const rule = toRule(repeat.value, Number(times.value), other.value);
    return rule ? { rule, zone } : null;
  }

  /** @param {string} title @param {(fields: any) => void} fillIn @param {(fields: any) => Promise<void>} send */
  #begin(title, fillIn, send) {
    say($("h2", this.#dialog.element), title);
    this.#dialog.open((fields) => {
      choices(fields.camera, this.#directory.cameraChoices);
      choices(fields.user, this.#directory.userChoices);
      fields.camera.disabled = fields.user.disabled = false;
      fillIn(fields);
      this.#layOut();
    }, send);
  }

  #layOut() {
    const { repeat, times, other } = this.#dialog.fields;
    const [isRule, isTimes] = [repeat.value === "other", !["other", "none"].includes(repeat.value)];
    $(".of-rule", this.#dialog.element).hidden = !isRule;
    $(".of-times", this.#dialog.element).hidden = !isTimes;
    other.required = isRule;
    times.disabled = !isTimes;
  }
}
