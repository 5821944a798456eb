// SPDX-License-Identifier: MPL-2.0
// What it costs the first viewer that the encoder was stopped because nobody looked.

import { browser, PATIENCE_MS } from "../../tests/browser/lib.mjs";
import { pause } from "../peers/peers.mjs";

/** From the start of a process until its encoders were tried, and what was tried was stopped. */
const SETTLE_IDLE_MS = 15_000;
/** A sink keeps an encoder for 10 s after its last viewer, and gives its memory back 12 s later. */
const STOPPED_MS = 25_000;
/** The camera has been closed by then, and the encoder is still kept. */
const KEPT_MS = 1_000;

/**
 * Milliseconds from the click to the first frame and to the camera's own, in turns: `kept`, with an encoder that the last viewer left a
 * moment ago, as all were before encoders were stopped, and `stopped`. One page of one browser, with nobody else there.
 */
export async function encoders(peer, { clicks }) {
  const seen = { kept: [], stopped: [], keptPicture: [], stoppedPicture: [] };
  let chromium;
  try {
    await peer.start();
    chromium = await browser();
    const page = await peer.viewer(chromium);
    const look = () => page.evaluate((patience) => bench.click(patience), PATIENCE_MS);
    const leave = () => peer.leave(() => page.evaluate(() => bench.close()));
    await pause(SETTLE_IDLE_MS);
    // The first click in a page is another matter: the browser begins with WebRTC.
    await look();
    await leave();
    for (let n = 0; n < clicks; n++) {
      for (const [name, rest] of [["stopped", STOPPED_MS], ["kept", KEPT_MS]]) {
        await pause(rest);
        const { first, picture } = await look();
        seen[name].push(first);
        seen[`${name}Picture`].push(picture);
        await leave();
      }
    }
    return seen;
  } finally {
    await chromium?.close();
    await peer.stop();
  }
}
