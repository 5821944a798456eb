// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The cameras: which are online, who watches them, and their keys. */
import { segment } from "../api.js";
import { $, cloned, fill, quote, say } from "../dom.js";
import { list, text } from "../rules.js";
import { readTime } from "../when.js";
import { FormDialog, confirm, showSecret } from "./forms.js";
import { launchLines, permsInWords, seenInWords, sessionInWords, whoInWords } from "./words.js";

/** @typedef {import("./directory.js").Camera} Camera */

export class Cameras {
  #api; #directory; #section = $("#cameras"); #dialog = new FormDialog("#camera-dialog");
  /** By camera. @type {Map<string, any[]>} */
  #sessions = new Map();

  /** @param {import("../api.js").Api} api @param {import("./directory.js").Directory} directory */
  constructor(api, directory) {
    this.#api = api;
    this.#directory = directory;
    $(".add", this.#section).addEventListener("click", () => this.#add());
  }

  async refresh() {
    const [sessions] = await Promise.all([this.#api.all("sessions"), this.#directory.lookAtCameras()]);
    this.#sessions = Map.groupBy(sessions.filter((each) => typeof each?.id === "string"), ({ camera }) => text(camera));
    this.#show();
  }

  #show() {
    const { cameras } = this.#directory;
    $(".none", this.#section).hidden = cameras.length > 0;
    fill($(".items", this.#section), cameras, ({ id }) => id, (camera) => this.#newItem(camera), (item, camera) => {
      const now = Date.now();
      quote($(".name", item), camera.name);
      quote($(".id", item), camera.id);
      item.dataset.online = String(camera.online);
      say($(".seen", item), seenInWords(camera, now));
      $(".in-file", item).hidden = !camera.inFile;
      for (const change of [".rename", ".rotate", ".remove"]) $(change, item).hidden = camera.inFile;
      fill($(".watchers", item), list(this.#sessions.get(camera.id)), ({ id }) => id, (session) => this.#newWatcher(session), (line, session) => {
        quote($(".name", line), whoInWords(text(session.user)));
        const times = { started: readTime(session.started), until: readTime(session.until), connected: session.connected !== false };
        say($(".when", line), `${permsInWords(list(session.perms).map(text))}, ${sessionInWords(times, now)}`);
      });
    });
  }

  /** @param {Camera} camera */
  #newItem({ id }) {
    const item = cloned("#camera-item");
    item.dataset.testid = `camera-${id}`;
    const camera = () => /** @type {Camera} */ (this.#directory.cameras.find((each) => each.id === id));
    $(".watch", item).href = `.#camera=${segment(id)}`;
    $(".rename", item).addEventListener("click", () => this.#rename(camera()));
    $(".rotate", item).addEventListener("click", () => this.#rotate(camera()));
    $(".remove", item).addEventListener("click", () => this.#remove(camera()));
    return item;
  }

  /** @param {any} session */
  #newWatcher({ id, user }) {
    const line = cloned("#watcher");
    const end = $(".end", line);
    end.dataset.testid = `end-${id}`;
    end.addEventListener("click", () => confirm({
      title: "End this session?", name: whoInWords(text(user)), words: "The picture stops at once. It may be asked for again as long as the booking lasts.", yes: "End it",
    }, () => this.#done(this.#api.delete(`sessions/${segment(id)}`))));
    return line;
  }

  #add() {
    const dialog = this.#dialog;
    say($("h2", dialog.element), "Add a camera");
    $(".of-new", dialog.element).hidden = false;
    dialog.open(() => {}, async (fields) => {
      const id = fields.id.value.trim();
      const made = await this.#api.post("cameras", { name: fields.name.value.trim(), ...(id && { id }) });
      await this.#done();
      return () => this.#showKey("The camera is added", made);
    });
  }

  /** @param {Camera} camera */
  #rename({ id, name }) {
    const dialog = this.#dialog;
    say($("h2", dialog.element), "Rename the camera");
    $(".of-new", dialog.element).hidden = true;
    dialog.open((fields) => { fields.name.value = name; },
      (fields) => this.#done(this.#api.patch(`cameras/${segment(id)}`, { name: fields.name.value.trim() })));
  }

  /** @param {Camera} camera */
  #rotate({ id, name }) {
    confirm({ title: "Make a new key?", name, words: "The camera's old key is void at once, and its pictures end. Start it with the new one.", yes: "Make a new key" }, async () => {
      const made = await this.#api.post(`cameras/${segment(id)}/rotate`);
      await this.#done();
      return () => this.#showKey("The camera has a new key", made);
    });
  }

  /** @param {Camera} camera */
  #remove({ id, name }) {
    confirm({ title: "Remove this camera?", name, words: "Its pictures end, its key is void, and its bookings and share links are gone.", yes: "Remove it" },
      () => this.#done(this.#api.delete(`cameras/${segment(id)}`)));
  }

  /** @param {string} title @param {any} made */
  #showKey(title, made) {
    const key = String(made?.key ?? "");
    showSecret({ title, label: "Camera key", secret: key, lines: launchLines(text(made?.camera?.id), key) });
  }

  /** After a change. A list that cannot be had now is no failure of the change. @param {Promise<any>} [change] */
  async #done(change) {
    await change;
    await this.refresh().catch(() => {});
  }
}
