// SPDX-License-Identifier: MPL-2.0
// From frames to what was missed.

/** RTP counts video's time in 1/90000 s (RFC 3551), with 32 bits. */
const RTP_RATE = 90_000;
const RTP_RANGE = 2 ** 32;

/**
 * What a viewer missed. `frames` are those presented, in order: `at` in ms, `rtp` their RTP time, `presented` how many were
 * presented so far (the browser does not tell of each).
 */
export function missed(frames, frameMs, longMs) {
  let [longest, long, missing] = [0, 0, 0];
  for (const [i, now] of frames.entries()) {
    if (i === 0) continue;
    const before = frames[i - 1];
    const gap = now.at - before.at - frameMs;
    longest = Math.max(longest, gap);
    if (gap > longMs) long += 1;
    const sent = Math.round((1000 * ((now.rtp - before.rtp + RTP_RANGE) % RTP_RANGE)) / RTP_RATE / frameMs);
    missing += Math.max(0, sent - (now.presented - before.presented));
  }
  return { longest, long, missing, count: frames.length };
}

/** The longest time in ms without "live". `states` are the changes, in order, and it is `now`. */
export function longestNotLive(states, now) {
  let [longest, since] = [0, null];
  for (const { at, live } of [...states, { at: now, live: true }]) {
    if (!live) since ??= at;
    else if (since !== null) [longest, since] = [Math.max(longest, at - since), null];
  }
  return longest;
}
