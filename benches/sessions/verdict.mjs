// SPDX-License-Identifier: MPL-2.0
// From samples to rows with a target and a verdict, and from frames to what was missed.

import { layout, quantile, round } from "../table.mjs";

/** RTP counts video's time in 1/90000 s (RFC 3551), with 32 bits. */
const RTP_RATE = 90_000;
const RTP_RANGE = 2 ** 32;

/** How many samples there must be for each percentile that is shown. */
const P99_SAMPLES = 100;

/**
 * A row: `samples` in `unit`, and the `target` that their `by` ("max" or "p99") must not exceed. A row without a target is
 * told, and not judged.
 */
export function row({ key, label, unit = "ms", samples, target = null, by = "max", remark = "" }) {
  if (samples.length === 0 || !samples.every(Number.isFinite)) throw new Error(`${label}: no figures, but ${JSON.stringify(samples)}`);
  const figures = {
    median: round(quantile(samples, 0.5)), p99: samples.length < P99_SAMPLES ? null : round(quantile(samples, 0.99)),
    max: round(Math.max(...samples)), samples: samples.length,
  };
  if (target !== null && figures[by] === null) throw new Error(`${label}: ${samples.length} samples have no ${by}`);
  return { key, label, unit, ...figures, target, by, pass: target === null ? null : figures[by] <= target, remark };
}

export function table(rows) {
  const lines = rows.map(({ label, unit, median, p99, max, samples, target, by, pass, remark }) => [
    label, unit, String(samples), median.toFixed(1), p99?.toFixed(1) ?? "-", max.toFixed(1),
    target === null ? "-" : `${by} <= ${target}`,
    [{ true: "kept", false: "MISSED", null: "" }[pass], remark].filter(Boolean).join("; "),
  ]);
  return layout([["", "unit", "n", "median", "p99", "max", "target", ""], ...lines], [2, 3, 4, 5]);
}

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
