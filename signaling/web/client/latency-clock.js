// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * How old the picture is: reads the clock that `portholeoverlay latency-clock=true` paints into its bottom left
 * corner. The element's `src/overlay/painter/src/pixels/clock.rs` describes that clock.
 *
 * The age is this device's time of day minus the camera's, so that both must agree: let NTP set both. A difference
 * that no picture can have is reported as such; a smaller one goes into the result unnoticed.
 *
 * @typedef {""|"off"|"no-clock"|"clocks-differ"} LatencyReason
 */

const BLOCKS = 42;
/** How much brighter than black white is at least, of 255. */
const MIN_CONTRAST = 64;
/** Blocks of fewer pixels are not told apart. */
const MIN_SIDE = 2;
/**
 * Widths in which cameras paint, one for each ratio of block to width: a picture that was scaled after the painting
 * has that ratio still. 640, 1280, 1920 and every other multiple of 160 have that of 640.
 */
const PAINTED_WIDTHS = [640, 1296, 1640, 2304, 848, 1024, 864, 704, 720, 768, 600, 480, 352];

/** From one reading to the next: two a second cost next to nothing, and nobody reads figures faster. */
const READ_MS = 500;
/** The same while there is no clock. It may be switched on at any time, so that the search goes on. */
const SEARCH_MS = 2_000;
/** So many unreadable frames in a row (2.5 s) and the clock is gone; single ones are what lossy coding does. */
const MAX_MISSES = 5;
/** The median is taken of so many readings (4 s): it settles, and follows a change in 2 s. */
const MAX_READINGS = 9;
/** The age changes by less from one reading to the next. More is a clock that was set, or no clock. */
const MAX_JUMP_MS = 2_000;
/** No live picture is older. */
const MAX_AGE_MS = 60_000;

/**
 * Side and upper edge of the blocks in a picture of this size when it is painted, or null where they do not fit.
 * @param {number} width @param {number} height
 */
export function geometry(width, height) {
  const even = (/** @type {number} */ n) => Math.floor(n) & ~1;
  const side = width >= BLOCKS * 8 ? Math.max(8, even(width / 80)) : even(width / BLOCKS);
  return side >= 2 && side <= height ? { side, top: even(height - side) } : null;
}

/** CRC-8 of the four bytes, most significant first. @param {number} ms */
export function checksum(ms) {
  let crc = 0xff;
  for (const shift of [24, 16, 8, 0]) {
    crc ^= (ms >>> shift) & 0xff;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : crc << 1;
  }
  return crc;
}

/**
 * Milliseconds since 1970 modulo 2^32 from the brightness (0 to 255) of the 42 blocks, or null if this is no clock.
 * @param {number[]} luma @returns {number|null}
 */
export function decode(luma) {
  if (!(luma[0] - luma[1] >= MIN_CONTRAST)) return null;
  const threshold = (luma[0] + luma[1]) / 2;
  const number = (/** @type {number} */ from, /** @type {number} */ to) => luma.slice(from, to).reduce((sum, value) => sum * 2 + (value > threshold ? 1 : 0), 0);
  const ms = number(2, 34);
  return checksum(ms) === number(34, BLOCKS) ? ms : null;
}

/**
 * Milliseconds from a time that was read to `now`; below zero if that time is still to come.
 * @param {number} ms modulo 2^32 @param {number} now since 1970
 */
export function age(ms, now) {
  return (now - ms) | 0;
}

/**
 * The sides that blocks may have, in pixels of a picture of this size: first as if it was painted in this size,
 * then as if it was painted in another and scaled. The blocks scale with the picture, and so need not be whole.
 * @param {number} width @param {number} height @returns {number[]}
 */
export function sides(width, height) {
  const own = geometry(width, height)?.side ?? 0;
  const scaled = PAINTED_WIDTHS.map((painted) => ((geometry(painted, painted)?.side ?? 0) * width) / painted);
  return [...new Set([own, ...scaled])].filter((side) => side >= MIN_SIDE && side <= height);
}

/**
 * Gives a function that reads the clock in the frame which a video shows: milliseconds since 1970 modulo 2^32, or
 * null where there is no clock. It draws a single row of pixels.
 * @param {{OffscreenCanvas?: any}} [env] for tests
 * @returns {(video: HTMLVideoElement) => number|null}
 */
export function clockReader({ OffscreenCanvas = /** @type {any} */ (globalThis).OffscreenCanvas } = {}) {
  let width = 0, height = 0, y = 0, row = 0, context = /** @type {any} */ (null), tries = /** @type {number[]} */ ([]);
  return (video) => {
    if (!OffscreenCanvas) return null;
    if (video.videoWidth !== width || video.videoHeight !== height) {
      [width, height] = [video.videoWidth, video.videoHeight];
      tries = sides(width, height);
      // Every clock stands at the bottom, above one row at most, so that one row crosses the blocks of all sides.
      y = Math.min(Math.floor(height - Math.min(...tries) / 2), height - 2);
      row = Math.min(width, Math.ceil(BLOCKS * Math.max(...tries)));
      context = tries.length ? new OffscreenCanvas(row, 1).getContext("2d", { willReadFrequently: true }) : null;
    }
    if (!context) return null;
    context.drawImage(video, 0, y, row, 1, 0, 0, row, 1);
    const pixels = context.getImageData(0, 0, row, 1).data;
    // Blocks of a wrong side pass the checksum once in 256 times. Those of the right one have the clearest edges.
    let best = null, most = 0;
    for (const side of tries) {
      const luma = brightness(pixels, side);
      const ms = decode(luma);
      const clear = ms === null ? 0 : contrast(pixels, side, luma);
      if (clear > most) [best, most] = [ms, clear];
    }
    return best;
  };
}

/**
 * How much brighter the white blocks are than the black ones, from edge to edge.
 * @param {Uint8ClampedArray} pixels @param {number} side @param {number[]} luma
 */
function contrast(pixels, side, luma) {
  const sum = [0, 0], count = [0, 0];
  for (let x = 0; x < Math.floor(BLOCKS * side); x++) {
    const bit = luma[Math.floor((x + 0.5) / side)] > (luma[0] + luma[1]) / 2 ? 1 : 0;
    sum[bit] += pixels[4 * x + 1];
    count[bit] += 1;
  }
  return sum[1] / count[1] - sum[0] / count[0];
}

/** The mean of the middle half of each block: coding blurs the edges. @param {Uint8ClampedArray} pixels @param {number} side */
function brightness(pixels, side) {
  return Array.from({ length: BLOCKS }, (_, i) => {
    const from = Math.round((i + 0.25) * side);
    const to = Math.max(from + 1, Math.round((i + 0.75) * side));
    let sum = 0;
    // The blocks are grey, so that any colour is the brightness.
    for (let x = from; x < to; x++) sum += pixels[4 * x + 1];
    return sum / (to - from);
  });
}

/**
 * Makes a steady figure of readings. A checksum of eight bits lets one in 256 pictures of anything pass for a clock;
 * that it goes on by as much as ours from one reading to the next is what makes it one.
 */
export class LatencyHistory {
  /** In ms, the median of the last readings. @type {number|null} */
  latency = null;
  /** Why there is none. @type {LatencyReason} */
  reason = "no-clock";
  /** Frames in a row without a clock that runs. */
  misses = 0;
  #ages = /** @type {number[]} */ ([]);
  #last = /** @type {{ms: number, now: number}|null} */ (null);

  /** Whether to look again soon. */
  get eager() { return this.misses < MAX_MISSES; }

  /** What was read, and when. @param {number|null} ms @param {number} now */
  take(ms, now) {
    const last = this.#last;
    if (ms !== null) this.#last = { ms, now };
    const runs = ms !== null && last && ms !== last.ms && Math.abs(age(ms, now) - age(last.ms, last.now)) < MAX_JUMP_MS;
    if (!runs) {
      this.misses += 1;
      if (!this.eager) this.#lose("no-clock");
      return;
    }
    this.misses = 0;
    const latency = age(ms, now);
    if (latency < 0 || latency > MAX_AGE_MS) return this.#lose("clocks-differ");
    this.#ages = [...this.#ages, latency].slice(-MAX_READINGS);
    this.latency = [...this.#ages].sort((a, b) => a - b)[this.#ages.length >> 1];
    this.reason = "";
  }

  /** @param {LatencyReason} reason */
  #lose(reason) {
    this.#ages = [];
    this.latency = null;
    this.reason = reason;
  }
}

/** Reads the clock of a video now and then, from `start` to `stop`. */
export class LatencyMeter {
  #env; #report;
  /** @type {unknown} */ #timer;
  #history = /** @type {LatencyHistory|null} */ (null);

  /** @param {any} env @param {() => void} report called after each reading of a clock and each change of the reason */
  constructor(env, report) {
    this.#env = env;
    this.#report = report;
  }

  get latency() { return this.#history?.latency ?? null; }
  /** @returns {LatencyReason} */
  get reason() { return this.#history ? this.#history.reason : "off"; }

  /** @param {HTMLVideoElement} video */
  start(video) {
    this.stop();
    this.#history = new LatencyHistory();
    this.#next(video, clockReader(this.#env), this.#history);
    this.#report();
  }

  stop() {
    this.#env.clearTimeout(this.#timer);
    if (!this.#history) return;
    this.#history = null;
    this.#report();
  }

  /** @param {HTMLVideoElement} video @param {(video: HTMLVideoElement) => number|null} read @param {LatencyHistory} history */
  #next(video, read, history) {
    const look = () => {
      if (history !== this.#history) return;
      const before = history.reason;
      const now = this.#env.now();
      history.take(read(video), now);
      this.#next(video, read, history);
      if (history.latency !== null || history.reason !== before) this.#report();
    };
    this.#timer = this.#env.setTimeout(() => {
      if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(look);
      else look();
    }, history.eager ? READ_MS : SEARCH_MS);
  }
}
