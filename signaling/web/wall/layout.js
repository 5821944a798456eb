// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * How many pictures stand on a page of the wall, in how many columns, and where one comes to from there. Pure.
 *
 * @typedef {"auto"|"1"|"4"|"9"} Choice
 * @typedef {{columns: number, rows: number, tiles: number}} Layout `tiles` on a page
 */

/** Most tiles of a page: each is a session, of which a client has sixteen, and a doorbell that rings needs one. */
export const MAX_TILES = 12;
export const CHOICES = /** @type {const} */ (["auto", "1", "4", "9"]);
/** What most cameras have. A picture of another form stands in its tile with bars. */
const ASPECT = 16 / 9;
/** A picture of fewer CSS pixels across shows nobody who it is; half a telephone has more. */
const LEAST_WIDTH = 150;

/** Whatever was kept or asked for. @param {unknown} value @returns {Choice} */
export const readChoice = (value) => /** @type {Choice} */ (CHOICES.includes(/** @type {any} */ (value)) ? value : "auto");

/** How wide the pictures are. @param {number} columns @param {number} rows @param {number} width @param {number} height */
const pictureWidth = (columns, rows, width, height) => Math.min(width / columns, (height / rows) * ASPECT);

/** As large as each other: what is less than a pixel nobody sees. */
const SAME_PX = 1;

/**
 * The columns that make so many pictures the largest; of equals those that leave the fewest places empty, and then the most, side by side.
 * @param {number} tiles @param {number} width of the room for all, in CSS pixels @param {number} height
 * @returns {Layout}
 */
export function grid(tiles, width, height) {
  let best = { columns: 1, rows: tiles, tiles };
  for (let columns = 2; columns <= tiles; columns += 1) {
    const rows = Math.ceil(tiles / columns);
    const more = pictureWidth(columns, rows, width, height) - pictureWidth(best.columns, best.rows, width, height);
    const isFuller = columns * rows <= best.columns * best.rows;
    if (more >= SAME_PX || (more > -SAME_PX && isFuller)) best = { columns, rows, tiles };
  }
  return best;
}

/**
 * @param {Choice} choice @param {number} cameras @param {number} width of the room for all, in CSS pixels @param {number} height
 * @returns {Layout}
 */
export function layout(choice, cameras, width, height) {
  if (choice !== "auto") return grid(Number(choice), width, height);
  for (let tiles = Math.min(MAX_TILES, Math.max(1, cameras)); tiles > 1; tiles -= 1) {
    const found = grid(tiles, width, height);
    // A page that is not full looks best full: fewer pages do not make the last place another size.
    if (pictureWidth(found.columns, found.rows, width, height) >= LEAST_WIDTH) return found;
  }
  return { columns: 1, rows: 1, tiles: 1 };
}

/** @param {number} cameras @param {number} tiles on a page */
export const pages = (cameras, tiles) => Math.max(1, Math.ceil(cameras / tiles));

/** A page that there is. @param {number} page from 0 @param {number} cameras @param {number} tiles */
export const pageWithin = (page, cameras, tiles) => Math.min(Math.max(0, page), pages(cameras, tiles) - 1);

/**
 * The place that a key leads to from another, or null where it leads nowhere.
 * @param {string} key @param {number} place from 0, of all cameras @param {number} cameras
 * @param {Layout} layout @param {boolean} rtl whether the text goes to the left
 * @returns {number|null}
 */
export function step(key, place, cameras, { columns, tiles }, rtl) {
  const by = { ArrowRight: rtl ? -1 : 1, ArrowLeft: rtl ? 1 : -1, ArrowDown: columns, ArrowUp: -columns }[key];
  if (by === undefined) return null;
  const to = place + by;
  if (to < 0 || to >= cameras) return null;
  // Up and down stay on the page; beside its edge lies the next one.
  const leaves = Math.floor(to / tiles) !== Math.floor(place / tiles);
  return leaves && Math.abs(by) !== 1 ? null : to;
}

/**
 * The page that a key leads to, or null.
 * @param {string} key @param {number} page @param {number} count of pages
 */
export function turn(key, page, count) {
  const to = { PageDown: page + 1, PageUp: page - 1, Home: 0, End: count - 1 }[key];
  return to === undefined || to < 0 || to >= count || to === page ? null : to;
}

/** A finger that went so far across, in CSS pixels, and less up or down, has turned the page. */
const SWIPE = 60;
/**
 * Where a finger leads: 1 to the next page, -1 to the one before, 0 nowhere.
 * @param {number} across in CSS pixels, to the right @param {number} down @param {boolean} rtl
 */
export function swipe(across, down, rtl) {
  if (Math.abs(across) < SWIPE || Math.abs(across) < 2 * Math.abs(down)) return 0;
  return (across < 0) !== rtl ? 1 : -1;
}
