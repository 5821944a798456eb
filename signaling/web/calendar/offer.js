// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The way from the cameras to this page, for those who may book any. */
import { readOffer } from "./slots.js";

export class BookLink {
  #api; #link; #user = "";

  /** @param {import("../parts/api.js").Api} api @param {any} link hidden until it is of use */
  constructor(api, link) {
    this.#api = api;
    this.#link = link;
  }

  /** @param {string} user who is signed in; nobody, if that is empty */
  async show(user) {
    if (user === this.#user) return;
    this.#user = user;
    this.#link.hidden = true;
    if (!user) return;
    const told = await this.#api.get("me/self-booking").catch(() => null);
    if (user === this.#user) this.#link.hidden = readOffer(told).length === 0;
  }
}
