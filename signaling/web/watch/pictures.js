// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * The pictures that are open. A session begins at once, and what shows it is fetched meanwhile, so that the first picture is not later for
 * it. Pure; `main.js` fetches it, and puts pictures into the page.
 *
 * @typedef {import("../client/session.js").Session} Session
 * @typedef {import("../client/types.js").Proof} Proof
 * @typedef {import("./picture.js").Picture} Picture
 */

/** One of them, from when it is asked for. */
export class Opened {
  /** Null as long as it is not on the screen. @type {Picture|null} */ picture = null;
  /** Resolves to the picture when it is on the screen, and to null if it is closed before or cannot be shown. @type {Promise<Picture|null>} */
  shown = Promise.resolve(null);
  #isHeard = false;

  /** @param {Session} session */
  constructor(session) {
    this.session = session;
  }

  /** Lets its sound be heard: somebody has clicked something, perhaps before it is on the screen. */
  hear() {
    this.#isHeard = true;
    this.picture?.hear();
  }

  /** @param {Picture} picture */
  show(picture) {
    this.picture = picture;
    if (this.#isHeard) picture.hear();
    return picture;
  }
}

export class Pictures {
  #fetch; #on;
  /** By camera. @type {Map<string, Opened>} */ #open = new Map();

  /**
   * @param {() => Promise<(session: Session, camera: string) => Picture>} fetch resolves to what puts a picture on the screen
   * @param {{changed: () => void, failed: (camera: string, why: unknown) => void}} on `changed`: another one is open, on the screen, or closed.
   *   `failed`: one cannot be shown, and its session is over
   */
  constructor(fetch, on) {
    this.#fetch = fetch;
    this.#on = on;
  }

  get cameras() { return [...this.#open.keys()]; }
  /** Those on the screen, by camera. @returns {Map<string, Picture>} */
  get shown() { return new Map([...this.#open].flatMap(([camera, { picture }]) => (picture ? [[camera, picture]] : []))); }
  /** What proves to the server whose sessions they are. @returns {Map<string, Proof>} */
  get proofs() { return new Map([...this.#open].flatMap(([camera, { session }]) => (session.proof ? [[camera, session.proof]] : []))); }

  /** @param {string} camera */
  has(camera) { return this.#open.has(camera); }
  /** @param {string} camera */
  get(camera) { return this.#open.get(camera); }

  /** Opens one, unless it is open. @param {string} camera @param {() => Session} begin */
  open(camera, begin) {
    const there = this.#open.get(camera);
    if (there) return there;
    const opened = new Opened(begin());
    this.#open.set(camera, opened);
    opened.shown = this.#show(camera, opened);
    this.#on.changed();
    return opened;
  }

  /** @param {string} camera @param {Opened} opened */
  async #show(camera, opened) {
    // Whoever closes it and opens it again meanwhile has another one.
    const isOpen = () => this.#open.get(camera) === opened;
    try {
      const put = await this.#fetch();
      if (!isOpen()) return null;
      const picture = opened.show(put(opened.session, camera));
      this.#on.changed();
      return picture;
    } catch (why) {
      if (!isOpen()) return null;
      this.close(camera);
      this.#on.failed(camera, why);
      return null;
    }
  }

  /** @param {string} camera */
  close(camera) {
    const opened = this.#open.get(camera);
    if (!opened) return;
    this.#open.delete(camera);
    if (opened.picture) opened.picture.end();
    else opened.session.close();
    this.#on.changed();
  }
}
