// SPDX-License-Identifier: MPL-2.0
// What is measured inside a viewer's page. The same code runs in Porthole's own page, in the one for the stock element and
// in that of the browser alone: each has a button, a video and a button to close it under the same test ids.

import { CAMERA } from "./pipelines.mjs";

export const NAMES = { camera: CAMERA, button: `camera-${CAMERA}`, video: `video-${CAMERA}`, close: `close-${CAMERA}` };

/** Uses nothing outside its arguments: its text is sent into the page. */
function toolbox(names, clock) {
  const find = (name) => document.querySelector(`[data-testid="${name}"]`);
  // The first decoder error, timeout or refusal must not hang the benchmark.
  const within = (ms, what, body) => new Promise((done, fail) => {
    setTimeout(() => fail(new Error(`${what}: not within ${ms} ms`)), ms);
    body(done);
  });

  /** The second bar of the test pattern is yellow; a slate, shown while a camera opens, is not. */
  const dot = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  function isPattern(video) {
    dot.drawImage(video, video.videoWidth * 0.214, video.videoHeight * 0.3, 1, 1, 0, 0, 1, 1);
    const [red, green, blue] = dot.getImageData(0, 0, 1, 1).data;
    return red > 120 && green > 120 && blue < 90;
  }

  /** Milliseconds from the click to the first frame, and to the first that is the camera's picture, or is `any`. */
  const click = (patience, any = false) => within(patience, "no picture", (done) => {
    const start = performance.now();
    find(names.button).click();
    let video, first;
    const look = () => {
      const now = performance.now() - start;
      first ??= now;
      if (any || isPattern(video)) done({ first, picture: now });
      else video.requestVideoFrameCallback(look);
    };
    // A page may fetch what shows a picture after the click.
    const begin = () => {
      video = find(names.video);
      if (video) video.requestVideoFrameCallback(look);
      else setTimeout(begin, 0);
    };
    begin();
  });

  /** Milliseconds from the overlay to here, of `count` frames. */
  const latency = (count, patience) => within(patience, `not ${count} readable frames`, (done) => {
    const video = find(names.video);
    const read = clock.clockReader();
    const ages = [];
    let unreadable = 0;
    const look = () => {
      const now = Date.now();
      const ms = read(video);
      if (ms === null) unreadable += 1;
      else ages.push(clock.age(ms, now));
      if (ages.length === count) done({ ages, unreadable });
      else video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  });

  /** Frames so far, and the size of the picture. */
  function progress() {
    const video = find(names.video);
    const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
    return { frames: totalVideoFrames, dropped: droppedVideoFrames, height: video.videoHeight, at: performance.now() };
  }

  return { click, latency, progress, close: () => find(names.close).click() };
}

/** Puts `bench` into the page. Each server has the module that reads the clock. */
export function equip(page) {
  return page.evaluate(`import("/client/latency-clock.js").then((clock) => {
    globalThis.bench = (${toolbox})(${JSON.stringify(NAMES)}, clock);
  })`);
}
