// SPDX-License-Identifier: MPL-2.0
// What a person in Chromium sees: how soon the first frame is there, and how old frames are.

import { browser, PATIENCE_MS } from "../../tests/browser/lib.mjs";
import { BrowserAlone, pause } from "../peers/peers.mjs";
import { quantile } from "../table.mjs";
import { Crowd } from "./crowd.mjs";

/** From the start of a process until it is idle: it probes its encoders first. */
const SETTLE_IDLE_MS = 3_000;
/** From the first frame until the estimate has found its bitrate, and a changed jitter buffer has run empty. */
const SETTLE_MS = 6_000;

const click = (page) => page.evaluate((patience) => bench.click(patience), PATIENCE_MS);

/** Milliseconds to the first frame in a new browser, and what `then` gives, which gets the page. */
async function fresh(peer, then = () => {}) {
  const chromium = await browser();
  try {
    const page = await peer.viewer(chromium);
    const { picture } = await click(page);
    const more = await then(page);
    // A browser that only vanishes is waited for: its network may come back.
    await page.evaluate(() => bench.close());
    return [picture, more];
  } finally {
    await chromium.close();
  }
}

async function ages(peer, page, frames) {
  const { ages, unreadable } = await page.evaluate((args) => bench.latency(...args), [frames, PATIENCE_MS]);
  if (unreadable > frames / 10) console.error(`${peer.name}: ${unreadable} frames without a readable clock`);
  return { median: quantile(ages, 0.5), p95: quantile(ages, 0.95) };
}

/**
 * `clicks` in new browsers and again in their pages, with nobody else there; then the age of `frames` frames alone and with
 * as many others as make `crowd` viewers, and the first frames of new browsers beside them. The browser alone has no others.
 */
export async function glass(peer, { clicks, frames, crowd: size }) {
  const seen = { firstFrameMs: [], firstFrameAgainMs: [], firstFrameJoiningMs: [] };
  const others = peer instanceof BrowserAlone ? null : new Crowd(peer);
  try {
    await peer.start();
    await pause(SETTLE_IDLE_MS);
    for (let n = 0; n < clicks; n++) {
      await peer.leave(async () => {
        const [first, again] = await fresh(peer, async (page) => {
          await peer.leave(() => page.evaluate(() => bench.close()));
          return (await click(page)).picture;
        });
        seen.firstFrameMs.push(first);
        seen.firstFrameAgainMs.push(again);
      });
    }
    await fresh(peer, async (page) => {
      await peer.unbuffer(page);
      await pause(SETTLE_MS);
      seen.alone = await ages(peer, page, frames);
      if (!others) return;
      await others.grow(size - 1);
      await pause(SETTLE_MS);
      seen.crowded = await ages(peer, page, frames);
      for (let n = 0; n < clicks; n++) {
        const [joined] = await fresh(peer);
        seen.firstFrameJoiningMs.push(joined);
      }
    });
    return seen;
  } finally {
    await others?.stop();
    await peer.stop();
  }
}
