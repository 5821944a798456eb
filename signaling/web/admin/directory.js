// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * The cameras and users there are, for all parts of the administrator's page.
 *
 * @typedef {{id: string, name: string, online: boolean, lastSeen: number|null, inFile: boolean}} Camera
 * @typedef {{name: string, administrator: boolean, hasPassword: boolean, hasToken: boolean}} User
 */
import { isolated, text } from "../client/rules.js";
import { readTime } from "../client/when.js";
import { t } from "../words/words.js";
import { whoInWords } from "./words.js";

const byName = (/** @type {{name: string}} */ a, /** @type {{name: string}} */ b) => a.name.localeCompare(b.name);

/** Ids and names are kept as they are, since they stand in requests; {@link quote} bounds what is shown. @param {any} told @returns {Camera[]} */
function readCamera(told) {
  if (typeof told?.id !== "string") return [];
  const name = typeof told.name === "string" && told.name ? told.name : told.id;
  return [{ id: told.id, name, online: told.online === true, lastSeen: readTime(told.lastSeen), inFile: told.inFile === true }];
}

/** @param {any} told @returns {User[]} */
const readUser = (told) => (typeof told?.name === "string"
  ? [{ name: told.name, administrator: told.role === "administrator", hasPassword: told.hasPassword === true, hasToken: told.hasToken === true }] : []);

/** The ids of other cameras of the same name, which viewers could not tell apart. @param {Camera[]} cameras @param {string} name @param {string} own */
export function sameName(cameras, name, own) {
  const plain = (/** @type {string} */ words) => words.normalize("NFC").trim().toLowerCase();
  return cameras.filter((camera) => camera.id !== own && plain(camera.name) === plain(name)).map(({ id }) => id);
}

/** The id of the link by which somebody watches; empty of who has an account. @param {string} user */
const linkOf = (user) => (user.startsWith("share:") ? user.slice("share:".length) : "");

export class Directory {
  /** @type {Camera[]} */
  cameras = [];
  /** @type {User[]} */
  users = [];
  #api;
  /** What was noted of each link. @type {Map<string, string>} */
  #notes = new Map();

  /** @param {import("../parts/api.js").Api} api */
  constructor(api) {
    this.#api = api;
  }

  /** Has the notes of the links by which guests of these sessions watch. @param {any[]} sessions as the server tells them */
  async lookAtGuests(sessions) {
    const ids = sessions.map((session) => linkOf(text(session?.user))).filter((id) => id && !this.#notes.has(id));
    if (!ids.length) return;
    const shares = await this.#api.all("shares");
    // What is not found is not looked for again.
    this.#notes = new Map([...ids.map((id) => /** @type {[string, string]} */ ([id, ""])), ...shares.map((share) => /** @type {[string, string]} */ ([text(share?.id), text(share?.note)]))]);
  }

  /**
   * Who it is: of a guest the name that was said and what was noted of the link, so that two are told apart.
   * @param {string} user @param {string} [called]
   */
  whoIs(user, called = "") {
    const note = this.#notes.get(linkOf(user));
    const link = note ? `${isolated(note)} (${whoInWords(user)})` : whoInWords(user);
    return called ? t("admin.guest-called", { name: isolated(called), link }) : link;
  }

  async lookAtCameras() {
    this.cameras = (await this.#api.all("cameras")).flatMap(readCamera).sort(byName);
  }

  async lookAtUsers() {
    this.users = (await this.#api.all("users")).flatMap(readUser).sort(byName);
  }

  async look() {
    await Promise.all([this.lookAtCameras(), this.lookAtUsers()]);
  }

  /** A camera's name, or its id where that is all that is left of it. @param {string} id */
  nameOf(id) {
    return this.cameras.find((camera) => camera.id === id)?.name ?? text(id);
  }

  get cameraChoices() { return this.cameras.map(({ id, name }) => ({ value: id, words: name === id ? id : `${isolated(name)} (${id})` })); }
  get userChoices() { return this.users.map(({ name }) => ({ value: name, words: name })); }
}
