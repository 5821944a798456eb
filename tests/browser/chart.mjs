// SPDX-License-Identifier: MPL-2.0
// A chart of colours: what the fake camera sees of it (tests/fake-camera/src/chart.rs), and what a page shows.

/** Red, green and blue of each patch, row by row. */
export const PATCHES = [
  [235, 235, 235], [191, 191, 20], [20, 180, 180], [40, 160, 60], [180, 40, 170], [200, 40, 30], [30, 50, 190], [24, 24, 24],
];
const [COLUMNS, ROWS] = [4, 2];

/** What a camera says of itself, the mode that it is asked for, and what the case is called. */
export const CASES = [
  { name: "raw BT.601", behaviour: "chart=bt601", mode: "width=640 height=480" },
  { name: "raw BT.709", behaviour: "chart=bt709", mode: "width=640 height=480" },
  { name: "raw full range", behaviour: "chart=full", mode: "width=640 height=480" },
  { name: "MJPEG", behaviour: "chart=full modes=usb", mode: "width=1280 height=720" },
];

/** The mean colour in the middle of each patch of the next picture, as a canvas has it. */
function seen(page, id) {
  return page.getByTestId(`video-${id}`).evaluate(async (video, [columns, rows]) => {
    await new Promise((done) => video.requestVideoFrameCallback(done));
    const { videoWidth: width, videoHeight: height } = video;
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    context.drawImage(video, 0, 0);
    const side = Math.round(height / 10);
    return Array.from({ length: columns * rows }, (_, i) => {
      const [x, y] = [((i % columns) + 0.5) * (width / columns), (Math.floor(i / columns) + 0.5) * (height / rows)];
      const { data } = context.getImageData(Math.round(x - side / 2), Math.round(y - side / 2), side, side);
      const sums = [0, 0, 0];
      for (let at = 0; at < data.length; at += 4) for (let c = 0; c < 3; c++) sums[c] += data[at + c];
      return sums.map((sum) => sum / (side * side));
    });
  }, [COLUMNS, ROWS]);
}

/** How far each channel is from what the camera saw, at the most. */
export const error = (colours) => Math.max(...colours.flatMap((colour, i) => colour.map((value, c) => Math.abs(value - PATCHES[i][c]))));

/**
 * What the page shows of the chart, as soon as it is the chart: the slate is black, and the first pictures of a busy machine may be
 * coarse.
 */
export async function chart(page, id, patience) {
  const end = performance.now() + patience;
  const isChart = ([white, , , , , red]) => white[0] > 150 && red[0] > 120 && red[2] < 110;
  let [best, pictures] = [undefined, 0];
  while (performance.now() < end && pictures < 12) {
    const colours = await seen(page, id);
    if (!isChart(colours)) continue;
    pictures += 1;
    if (!best || error(colours) < error(best)) best = colours;
  }
  if (!best) throw new Error("the page does not show the chart");
  return best;
}

/** Patches in words, for whoever reads why a test has failed. */
export const told = (colours) => colours.map((colour, i) => `${PATCHES[i]} -> ${colour.map((value) => value.toFixed(1))}`).join("\n");
