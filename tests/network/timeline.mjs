// SPDX-License-Identifier: MPL-2.0
// What a viewer saw over time: the frames as they were presented, each `{at, width, height}`, and what the browser's
// statistics said, each `{at, bytes, freezes, frozenSeconds, lost}`. Times are ms of `Date.now()`. Pure, but for the two that
// speak to a page.

/** How often the statistics are read: each shows up in the figures as so many ms of uncertainty. */
const STATS_MS = 250;

/** Begins the record of the video under this test id, in a page that has its peer connections in `window.peers`. */
export function follow(page, testId) {
  return page.evaluate(([testId, every]) => {
    const video = document.querySelector(`[data-testid="${testId}"]`);
    const timeline = (window.timeline = { frames: [], stats: [] });
    const frame = (_, { presentationTime, width, height }) => {
      timeline.frames.push({ at: performance.timeOrigin + presentationTime, width, height });
      video.requestVideoFrameCallback(frame);
    };
    video.requestVideoFrameCallback(frame);
    const look = async () => {
      const report = [...(await window.peers.at(-1).getStats()).values()].find(({ type, kind }) => type === "inbound-rtp" && kind === "video");
      if (report) {
        const { bytesReceived, freezeCount, totalFreezesDuration, packetsLost } = report;
        timeline.stats.push({ at: Date.now(), bytes: bytesReceived, freezes: freezeCount, frozenSeconds: totalFreezesDuration, lost: packetsLost });
      }
      setTimeout(look, every);
    };
    look();
  }, [testId, STATS_MS]);
}

/** All that was recorded so far, and the time at which this was asked. */
export const soFar = (page) => page.evaluate(() => ({ ...window.timeline, now: Date.now() }));

const within = (list, from, to) => list.filter(({ at }) => at >= from && at <= to);

/** The longest time in ms without a new frame from `from` to `to`; a picture that stands still at either end counts. */
export function longestGap(frames, from, to) {
  const times = [from, ...within(frames, from, to).map(({ at }) => at), to];
  return times.slice(1).reduce((most, at, i) => Math.max(most, at - times[i]), 0);
}

/** Frames presented a second. */
export const rate = (frames, from, to) => (1_000 * within(frames, from, to).length) / (to - from);

/** The sizes of the frames, each once, in the order in which they came first. */
export const sizes = (frames, from, to) => [...new Set(within(frames, from, to).map(({ width, height }) => `${width}x${height}`))];

/** Mean bit/s that came from `from` to `to`, by the first and the last look at the statistics in between. */
export function bitrate(stats, from, to) {
  const seen = within(stats, from, to);
  if (seen.length < 2) return NaN;
  const [first, last] = [seen[0], seen.at(-1)];
  return (8_000 * (last.bytes - first.bytes)) / (last.at - first.at);
}

/** Seconds that the browser itself calls frozen. */
export function frozen(stats, from, to) {
  const seen = within(stats, from, to);
  return seen.length < 2 ? NaN : seen.at(-1).frozenSeconds - seen[0].frozenSeconds;
}

/**
 * Milliseconds from `from` until the picture flows and goes on flowing: the first moment after which `hold` ms have no gap
 * of more than `gap` ms. `null` if there is none before `to`.
 */
export function flowsAfter(frames, from, to, { gap, hold }) {
  let since = from;
  let last = from;
  for (const { at } of within(frames, from, to)) {
    if (at - last > gap) since = at;
    last = at;
    if (at - since >= hold) return since - from;
  }
  return null;
}

/** Milliseconds from `from` until a window of `span` ms has this bitrate; `null` if none before `to` has. */
export function reaches(stats, from, to, { bitsPerSecond, span }) {
  for (const { at } of within(stats, from, to - span)) {
    if (bitrate(stats, at, at + span) >= bitsPerSecond) return at - from;
  }
  return null;
}
