// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The cameras: which are online, and who watches them. */
import { segment } from "../parts/api.js";
import { $, cloned, fill, quote, say } from "../parts/dom.js";
import { list, text } from "../client/rules.js";
import { readTime } from "../client/when.js";
import { t } from "../words/words.js";
import { confirm } from "./forms.js";
import { permsInWords, seenInWords, sessionInWords } from "./words.js";

/** @typedef {import("./directory.js").Camera} Camera */

export class Cameras {
  #api; #directory; #actions; #section = $("#cameras");
  /** By camera. @type {Map<string, any[]>} */
  #sessions = new Map();

  /**
   * @param {import("../parts/api.js").Api} api @param {import("./directory.js").Directory} directory
   * @param {import("./camera-actions.js").CameraActions} actions
   */
  constructor(api, directory, actions) {
    this.#api = api;
    this.#directory = directory;
    this.#actions = actions;
    $(".add", this.#section).addEventListener("click", () => actions.add());
  }

  async refresh() {
    const [sessions] = await Promise.all([this.#api.all("sessions"), this.#directory.lookAtCameras()]);
    await this.#directory.lookAtGuests(sessions).catch(() => {});
    this.#sessions = Map.groupBy(sessions.filter((each) => typeof each?.id === "string"), ({ camera }) => text(camera));
    this.#show();
  }

  #show() {
    const { cameras } = this.#directory;
    $(".none", this.#section).hidden = cameras.length > 0;
    fill($(".items", this.#section), cameras, ({ id }) => id, (camera) => this.#newItem(camera), (item, camera) => {
      const now = Date.now();
      quote($(".name a", item), camera.name);
      quote($(".id", item), camera.id);
      item.dataset.online = String(camera.online);
      say($(".seen", item), seenInWords(camera, now));
      $(".in-file", item).hidden = !camera.inFile;
      $(".menu", item).hidden = camera.inFile;
      fill($(".watchers", item), list(this.#sessions.get(camera.id)), ({ id }) => id, (session) => this.#newWatcher(session), (line, session) => {
        quote($(".name", line), this.#directory.whoIs(text(session.user), text(session.called)));
        const times = { started: readTime(session.started), until: readTime(session.until), connected: session.connected !== false };
        say($(".when", line), `${permsInWords(list(session.perms).map(text))}, ${sessionInWords(times, now)}`);
      });
    });
  }

  /** @param {Camera} camera */
  #newItem({ id }) {
    const item = cloned("#camera-item");
    item.dataset.testid = `camera-${id}`;
    $(".name a", item).href = `#camera/${segment(id)}`;
    $(".watch", item).href = `.#camera=${segment(id)}`;
    $(".buttons", item).append(this.#actions.menu(() => this.#directory.cameras.find((each) => each.id === id)));
    return item;
  }

  /** @param {any} session */
  #newWatcher({ id, user }) {
    const line = cloned("#watcher");
    const end = $(".end", line);
    end.dataset.testid = `end-${id}`;
    end.addEventListener("click", () => confirm(
      { title: t("admin.end-sessions", { count: 1 }), names: [this.#directory.whoIs(text(user))], words: t("admin.end-words"), yes: t("admin.end-yes") },
      async () => {
        await this.#api.delete(`sessions/${segment(id)}`);
        await this.refresh().catch(() => {});
      },
    ));
    return line;
  }
}
