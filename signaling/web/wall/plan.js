// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** Which tiles have a session, and since when one that nobody sees has had it for nothing. Pure: time is an argument. */

/** A page that is only leafed through starts nothing. */
export const SETTLE_MS = 300;
/** A tile that nobody sees keeps its session for so long: whoever comes back at once finds its picture. */
export const GONE_MS = 5_000;
/** Sessions that are being connected at once: each is an offer, candidates and a key unit on the same network. */
export const MAX_STARTS = 4;

export class Plan {
  /** Since when what has a session is not seen. @type {Map<string, number>} */ #unseen = new Map();
  #settles = 0;

  /** Another page is shown. @param {number} now in ms */
  turned(now) { this.#settles = now + SETTLE_MS; }

  /**
   * What is to be done now, and when to ask again (null: when something changes).
   * @param {{seen: string[], open: Map<string, boolean>, most: number}} wall `seen`: whose picture somebody sees and who can have one, in
   *   their order; `open`: those that have a session, and whether it is still being connected; `most` sessions that there may be
   * @param {number} now in ms
   * @returns {{start: string[], stop: string[], again: number|null}}
   */
  next({ seen, open, most }, now) {
    const wanted = new Set(seen);
    for (const id of [...this.#unseen.keys()]) if (wanted.has(id) || !open.has(id)) this.#unseen.delete(id);
    for (const id of open.keys()) if (!wanted.has(id) && !this.#unseen.has(id)) this.#unseen.set(id, now);

    const unseen = [...this.#unseen].sort(([, a], [, b]) => a - b);
    const stop = unseen.filter(([, since]) => now - since >= GONE_MS).map(([id]) => id);
    const settled = now >= this.#settles;
    const missing = settled ? seen.filter((id) => !open.has(id)) : [];
    // Whatever is seen needs the place.
    const room = () => most - (open.size - stop.length);
    for (const [id] of unseen.slice(stop.length)) {
      if (room() >= missing.length) break;
      stop.push(id);
    }
    const connecting = [...open].filter(([id, is]) => is && !stop.includes(id)).length;
    const start = missing.slice(0, Math.max(0, Math.min(MAX_STARTS - connecting, room())));

    const waits = unseen.filter(([id]) => !stop.includes(id)).map(([, since]) => since + GONE_MS - now);
    if (!settled) waits.push(this.#settles - now);
    return { start, stop, again: waits.length ? Math.max(1, Math.min(...waits)) : null };
  }
}
