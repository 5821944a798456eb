// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** Who watches now, with how it goes, and a button that ends it. */
import { segment } from "../parts/api.js";
import { $, cloned, fill, quote, say } from "../parts/dom.js";
import { list, text } from "../client/rules.js";
import { readTime } from "../client/when.js";
import { t } from "../words/words.js";
import { Bulk } from "./bulk.js";
import { confirm } from "./forms.js";
import { eachOf } from "./selection.js";
import { tell } from "./undo.js";
import { numbersInWords, permsInWords, problemInWords, sessionInWords } from "./words.js";

export class SessionList {
  #api; #directory; #section; #bulk; #done; #withCamera;

  /**
   * @param {import("../parts/api.js").Api} api @param {import("./directory.js").Directory} directory
   * @param {any} section with `.bulk`, `.sessions` and `.none` @param {() => void} done @param {boolean} withCamera whether it says which camera
   */
  constructor(api, directory, section, done, withCamera) {
    this.#api = api;
    this.#directory = directory;
    this.#section = section;
    this.#done = done;
    this.#withCamera = withCamera;
    this.#bulk = new Bulk($(".bulk", section), (/** @type {any} */ session) => session.id, [
      { words: t("admin.end"), danger: true, testid: "end-selected", act: (chosen) => this.#endAll(chosen) },
    ]);
  }

  /** @param {any[]} sessions as the server tells them */
  async show(sessions) {
    await this.#directory.lookAtGuests(sessions).catch(() => {});
    const now = Date.now();
    const known = sessions.filter((each) => typeof each?.id === "string");
    const section = this.#section;
    const own = $(".sessions", section).parentElement;
    $(".none", own).hidden = known.length > 0;
    fill($(".sessions", section), known, ({ id }) => id, (session) => this.#newRow(session), (row, session) => {
      const who = this.#whoIs(session);
      this.#bulk.box(row, session.id, who);
      quote($(".name", row), who);
      const at = $(".at", row);
      at.hidden = !this.#withCamera;
      at.href = `#camera/${segment(text(session.camera))}`;
      quote(at, this.#directory.nameOf(text(session.camera)));
      const times = { started: readTime(session.started), until: readTime(session.until), connected: session.connected !== false };
      say($(".when", row), `${permsInWords(list(session.perms).map(text))}, ${sessionInWords(times, now)}`);
      say($(".numbers", row), numbersInWords(session));
    });
    this.#bulk.update(known);
  }

  /** @param {any} session */
  #whoIs({ user, called }) { return this.#directory.whoIs(text(user), text(called)); }

  /** @param {any} session */
  #newRow(session) {
    const row = cloned("#session-row");
    const end = $(".end", row);
    end.dataset.testid = `end-${session.id}`;
    // It may be asked for again as long as the booking lasts: it is no loss, and nobody is asked twice.
    end.addEventListener("click", async () => {
      end.disabled = true;
      await this.#end([session]);
      end.disabled = false;
    });
    return row;
  }

  /** @param {any[]} chosen */
  #endAll(chosen) {
    confirm({
      title: t("admin.end-sessions", { count: chosen.length }), words: t("admin.end-words"), yes: t("admin.end-yes"),
      names: chosen.map((session) => `${this.#whoIs(session)} · ${this.#directory.nameOf(text(session.camera))}`),
    }, () => this.#end(chosen));
  }

  /** @param {any[]} sessions */
  async #end(sessions) {
    const { done, failed } = await eachOf(sessions, ({ id }) => this.#api.delete(`sessions/${segment(id)}`));
    // One that is not there any more has ended.
    const bad = failed.filter(({ problem }) => problem.status !== 404);
    const error = this.#section.querySelector(".error") ?? this.#section.closest(".view")?.querySelector(".error");
    if (error) say(error, bad.length ? problemInWords(bad[0].problem, Date.now()).words : "");
    if (done.length) tell(t("admin.ended", { count: done.length }), done.map(({ item }) => this.#whoIs(item)).join(", "));
    this.#bulk.clear();
    this.#done();
  }
}
