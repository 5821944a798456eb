// SPDX-License-Identifier: MPL-2.0
// Reads the clock that `portholeoverlay latency-clock=true` paints; src/overlay/clock.rs describes it.

/**
 * All of it in one function that uses nothing outside itself, so that its text can be sent into a page.
 */
export function latencyClock() {
  const BLOCKS = 42;
  const MIN_CONTRAST = 64;

  /** Side and upper edge of the blocks in a picture of this size, or null where there is no clock. */
  function geometry(width, height) {
    const even = (n) => Math.floor(n) & ~1;
    const side = width >= BLOCKS * 8 ? Math.max(8, even(width / 80)) : even(width / BLOCKS);
    return side >= 2 && side <= height ? { side, top: even(height - side) } : null;
  }

  /** CRC-8 of the four bytes, most significant first. */
  function checksum(ms) {
    let crc = 0xff;
    for (const shift of [24, 16, 8, 0]) {
      crc ^= (ms >>> shift) & 0xff;
      for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : crc << 1;
    }
    return crc;
  }

  /** Milliseconds modulo 2^32 from the brightness of the blocks, or null if this is no clock. */
  function decode(luma) {
    if (luma[0] - luma[1] < MIN_CONTRAST) return null;
    const threshold = (luma[0] + luma[1]) / 2;
    const number = (from, to) => luma.slice(from, to).reduce((sum, value) => sum * 2 + (value > threshold ? 1 : 0), 0);
    const ms = number(2, 34);
    return checksum(ms) === number(34, 42) ? ms : null;
  }

  /**
   * A function that gives the time in the picture that a video shows. `width` and `height` are those of the
   * picture when the clock was painted: a sender short of bandwidth scales the blocks with the rest.
   */
  function reader(width, height) {
    const { side, top } = geometry(width, height);
    const row = side * BLOCKS;
    const context = new OffscreenCanvas(row, side).getContext("2d", { willReadFrequently: true });
    return (video) => {
      const [x, y] = [video.videoWidth / width, video.videoHeight / height];
      context.drawImage(video, 0, top * y, row * x, side * y, 0, 0, row, side);
      const pixels = context.getImageData(0, side / 2, row, 1).data;
      // The blocks are grey, so that any colour is the brightness.
      return decode(Array.from({ length: BLOCKS }, (_, i) => pixels[4 * (i * side + side / 2) + 1]));
    };
  }

  return { geometry, checksum, decode, reader };
}
