// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * The cameras and users there are, for all parts of the administrator's page.
 *
 * @typedef {{id: string, name: string, online: boolean, lastSeen: number|null, inFile: boolean}} Camera
 * @typedef {{name: string, administrator: boolean, hasPassword: boolean, hasToken: boolean}} User
 */
import { isolated, text } from "../rules.js";
import { readTime } from "../when.js";

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

export class Directory {
  /** @type {Camera[]} */
  cameras = [];
  /** @type {User[]} */
  users = [];
  #api;

  /** @param {import("../api.js").Api} api */
  constructor(api) {
    this.#api = api;
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
