// SPDX-License-Identifier: MPL-2.0
// A viewer in Chromium behind a link that narrows and widens: how soon the picture flows again, how much of the link it uses.

import { browser, PATIENCE_MS } from "../../tests/browser/lib.mjs";
import { Network } from "../../tests/network/links.mjs";
import { bitrate, flowsAfter, follow, longestGap, reaches, soFar } from "../../tests/network/timeline.mjs";
import { NAMES } from "../peers/page.mjs";
import { pause } from "../peers/peers.mjs";

const [WIDE, NARROW, NARROW_BPS] = ["5mbit", "500kbit", 500_000];
const [WIDE_MS, NARROW_MS, AGAIN_MS] = [15_000, 25_000, 40_000];
/** What a person calls flowing: no gap of more than a few frames, for so long. */
const FLOWS = { gap: 250, hold: 3_000 };
/** Recovered: nearly all of the bitrate that there was before. */
const RECOVERED = 0.8;
const SPAN_MS = 2_000;
/** Over which the share of the link is taken, at the end of its being narrow. */
const SHARE_MS = 10_000;

/** `make` gives a peer whose camera runs at `place`. What never came counts as the whole time that was waited. */
export async function squeezed(make) {
  const network = new Network();
  let peer, chromium;
  try {
    const link = network.link("viewer");
    link.narrow(WIDE);
    peer = make({ within: network.camera.within, host: "0.0.0.0" });
    await peer.start();
    chromium = await browser({}, link.chromium);
    const page = await peer.viewer(chromium, link.camera);
    await page.evaluate((patience) => bench.click(patience, true), PATIENCE_MS);
    await follow(page, NAMES.video);
    await pause(WIDE_MS);
    link.narrow(NARROW);
    const narrowed = Date.now();
    await pause(NARROW_MS);
    link.narrow(WIDE);
    const widened = Date.now();
    await pause(AGAIN_MS);
    const { frames, stats, now } = await soFar(page);
    const before = bitrate(stats, narrowed - SPAN_MS, narrowed);
    return {
      name: peer.name,
      downMs: flowsAfter(frames, narrowed, widened, FLOWS) ?? NARROW_MS,
      upMs: reaches(stats, widened, now, { bitsPerSecond: RECOVERED * before, span: SPAN_MS }) ?? AGAIN_MS,
      share: bitrate(stats, widened - SHARE_MS, widened) / NARROW_BPS,
      longestGapMs: longestGap(frames, narrowed, now),
    };
  } finally {
    await chromium?.close();
    await peer?.stop();
    network.stop();
  }
}
