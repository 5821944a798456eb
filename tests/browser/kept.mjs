// SPDX-License-Identifier: MPL-2.0
// Pictures of a page compared with kept ones, as a person does: in a browser, small, so that neither the edges of letters nor a few pixels count.
//
// A picture is kept at a quarter of its size or less, all sizes of a view on one sheet. A pixel differs when neither it nor its neighbours are
// alike on the other picture; what counts is how many do within a window (HOW), at the worst place.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { visitor } from "./lib.mjs";

/**
 * Pixels on a sheet: how far one may have been moved, how far (of 255) colours may be from each other and be alike, the side of the window, and
 * the edge of a picture that does not count: colours run over it, by how much depends on what else is on the sheet.
 */
const HOW = { shift: 1, alike: 24, window: 12, edge: 3 };
/**
 * So many pixels of a window, of 144, may differ. Measured with Debian 13's browsers and DejaVu, on two cores with a load of ten:
 *
 *     the same again                                                            0 to 4, also with a load of 20
 *     all text in DejaVu Serif in the place of DejaVu Sans                      0 to 13
 *     Firefox and Chromium, 26 views: 20 of them 0 to 9, the others up to 144, which is why Firefox has pictures of its own
 *     one button among the icons over a picture dropped                         16 to 25 (on the large screen 4 to 10)
 *     one button with words dropped                                             20 to 144
 *     the bar of buttons hidden                                                 39 to 45
 *     the header 8 or 16 pixels away                                            50 to 73
 *     text a tenth larger                                                       47 to 144
 *     another accent colour, where it is on a surface                           144
 *     a style sheet away: the view's own, or that of all                        78 to 144
 */
export const MOST = 10;
/** Between the pictures of a sheet. */
const GAP = 4;
const WIDTH = 640;
const QUALITY = 0.8;

/** Where each of these sizes lies on a sheet: rows from the left to the right, each picture a quarter as large, or what there is room for. */
export function places(sizes) {
  let [x, y, row] = [0, 0, 0];
  return sizes.map((size) => {
    const scale = Math.min(0.25, 512 / size.width);
    const [width, height] = [size.width, size.height].map((length) => Math.round(length * scale));
    if (x + width > WIDTH) [x, y, row] = [0, y + row + GAP, 0];
    const place = { x, y, width, height };
    x += width + GAP;
    row = Math.max(row, height);
    return place;
  });
}

/** Runs in the page: what is done with pictures there, which are data URLs. */
function tools() {
  const loaded = async (url) => createImageBitmap(await (await fetch(url)).blob());
  const canvasOf = (width, height) => {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    return [canvas, canvas.getContext("2d", { willReadFrequently: true })];
  };

  /** A picture, `width` by `height`. */
  const scaled = async (url, { width, height }) => {
    const [canvas, context] = canvasOf(width, height);
    context.drawImage(await createImageBitmap(await (await fetch(url)).blob(), { resizeWidth: width, resizeHeight: height, resizeQuality: "high" }), 0, 0);
    return canvas;
  };
  const cut = (image, { x, y, width, height }) => {
    const [canvas, context] = canvasOf(width, height);
    context.drawImage(image, -x, -y);
    return canvas;
  };

  /** The mean of each pixel and those around it. */
  const blurred = (canvas) => {
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    const out = new Float32Array(width * height * 3);
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        for (let c = 0; c < 3; c += 1) {
          let [sum, count] = [0, 0];
          for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v += 1) {
            for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u += 1) {
              sum += data[4 * (v * width + u) + c];
              count += 1;
            }
          }
          out[3 * (y * width + x) + c] = sum / count;
        }
      }
    }
    return out;
  };

  /** How far each pixel of one is from the most alike of those around it on the other, 0 to 255. */
  const distance = (one, other, width, height, shift) => {
    const out = new Float32Array(width * height);
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        let best = 255;
        const at = 3 * (y * width + x);
        for (let v = Math.max(0, y - shift); v <= Math.min(height - 1, y + shift); v += 1) {
          for (let u = Math.max(0, x - shift); u <= Math.min(width - 1, x + shift); u += 1) {
            const to = 3 * (v * width + u);
            const far = Math.max(Math.abs(one[at] - other[to]), Math.abs(one[at + 1] - other[to + 1]), Math.abs(one[at + 2] - other[to + 2]));
            if (far < best) best = far;
          }
        }
        out[y * width + x] = best;
      }
    }
    return out;
  };

  window.tools = {
    /** The sheet of pictures, each in its place. */
    async sheet(pictures, places, type, quality) {
      const [canvas, context] = canvasOf(Math.max(...places.map(({ x, width }) => x + width)), Math.max(...places.map(({ y, height }) => y + height)));
      context.fillStyle = "#808080";
      context.fillRect(0, 0, canvas.width, canvas.height);
      for (const [n, url] of pictures.entries()) context.drawImage(await scaled(url, places[n]), places[n].x, places[n].y);
      return canvas.toDataURL(type, quality);
    },
    /** How much a picture differs from that in its place on a kept sheet; see {@link Desk.compare}. */
    async compare(kept, place, url, { shift, alike, window: side, edge }, type, quality) {
      const { width, height } = place;
      const sheet = await loaded(kept);
      // What came goes the same way as what was kept: colours run a little over edges there.
      const [again, over] = canvasOf(sheet.width, sheet.height);
      over.fillStyle = "#808080";
      over.fillRect(0, 0, again.width, again.height);
      over.drawImage(await scaled(url, place), place.x, place.y);
      const [was, is] = [sheet, await loaded(again.toDataURL(type, quality))].map((image) => blurred(cut(image, place)));
      const [there, back] = [distance(was, is, width, height, shift), distance(is, was, width, height, shift)];
      const isEdge = (n) => Math.min(n % width, width - 1 - (n % width)) < edge || Math.min(Math.floor(n / width), height - 1 - Math.floor(n / width)) < edge;
      const far = there.map((value, n) => (isEdge(n) ? 0 : Math.max(value, back[n])));
      // How many differ above and to the left of each pixel, and with that in any window.
      const sums = new Uint32Array((width + 1) * (height + 1));
      for (let y = 0; y < height; y += 1) {
        for (let x = 0; x < width; x += 1) {
          sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + sums[(y + 1) * (width + 1) + x] - sums[y * (width + 1) + x] + (far[y * width + x] > alike);
        }
      }
      let [most, at] = [0, [0, 0]];
      for (let y = 0; y <= height - side; y += 1) {
        for (let x = 0; x <= width - side; x += 1) {
          const count = sums[(y + side) * (width + 1) + x + side] - sums[y * (width + 1) + x + side] - sums[(y + side) * (width + 1) + x] + sums[y * (width + 1) + x];
          if (count > most) [most, at] = [count, [x, y]];
        }
      }
      const [canvas, context] = canvasOf(width, height);
      const image = context.createImageData(width, height);
      far.forEach((value, n) => image.data.set([value > alike ? 255 : value, value, value, 255], 4 * n));
      context.putImageData(image, 0, 0);
      return { most, at: at.map((c) => c + side / 2), all: sums.at(-1) / (width * height), difference: canvas.toDataURL() };
    },
  };
}

const url = (bytes, type) => `data:image/${type};base64,${Buffer.from(bytes).toString("base64")}`;
const bytes = (url) => Buffer.from(url.split(",")[1], "base64");

/** A page on which pictures are scaled and compared. */
export class Desk {
  /** @param {import("playwright-core").Browser} chromium */
  static async open(chromium) {
    const desk = new Desk();
    desk.page = await visitor(chromium, "about:blank");
    await desk.page.evaluate(tools);
    return desk;
  }

  /** Writes the sheet of these pictures (PNG), or of what there is of them. */
  async write(path, pictures, sizes, type = /** @type {"png"|"webp"} */ ("webp")) {
    const there = pictures.map((picture) => url(picture, "png"));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes(await this.page.evaluate(([there, places, type, quality]) => window.tools.sheet(there, places, `image/${type}`, quality), [there, places(sizes), type, QUALITY])));
  }

  /**
   * How much a picture (PNG) differs from number `n` on the sheet at `path`: the `most` pixels that do within a window, the window's middle
   * (`at`), the share of `all`, and a picture of the `difference`.
   */
  async compare(path, n, picture, sizes, how = HOW) {
    const result = await this.page.evaluate(([kept, place, url, how, quality]) => window.tools.compare(kept, place, url, how, "image/webp", quality), [url(readFileSync(path), "webp"), places(sizes)[n], url(picture, "png"), how, QUALITY]);
    return { ...result, difference: bytes(result.difference) };
  }

  close() { return this.page.context().close(); }
}
