// SPDX-License-Identifier: MPL-2.0
// What a camera holds in memory while nobody looks, with nothing in its environment that would make it less.

import { camera, PATIENCE_MS, PLUGINS, visitor } from "../../tests/browser/lib.mjs";
import { memory } from "./smaps.mjs";

/** What the README has its readers type. */
const LINE = ["portholesrc", "camera=test", "!", "portholeoverlay", "text=%H:%M:%S", "!", "portholesink"];
/** From the start until encoders that were tried have been stopped, which takes 10 s, and what they held has gone back, 12 s later. */
const SETTLE_MS = 25_000;
/** Names in the environment by which glibc keeps less; a user has none of them. */
const TUNED = { MALLOC_TRIM_THRESHOLD_: undefined, MALLOC_ARENA_MAX: undefined, MALLOC_MMAP_THRESHOLD_: undefined, GLIBC_TUNABLES: undefined };

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * A camera before anyone looks: `{resident, own, threads, descriptors, parts}`, memory in MB (10^6 bytes).
 *
 * @param {{plugins?: string, settleMs?: number}} [options] `plugins` is the folder with libgstporthole.so
 */
export async function idle({ plugins = PLUGINS, settleMs = SETTLE_MS } = {}) {
  const program = await camera([...LINE, "listen=127.0.0.1:0"], { GST_PLUGIN_PATH: plugins, ...TUNED });
  try {
    await pause(settleMs);
    return memory(program.process.pid);
  } finally {
    await program.stop();
  }
}

/** At a time: what a small board's uplink carries, and a browser decodes. */
const AT_ONCE = 4;

/** The same after so many viewers have come and gone, four at a time. */
export async function after(viewers, chromium, { plugins = PLUGINS, settleMs = SETTLE_MS } = {}) {
  const line = [...LINE, "listen=127.0.0.1:0", "camera-name=front"];
  const program = await camera(line, { GST_PLUGIN_PATH: plugins, ...TUNED });
  try {
    for (let seen = 0; seen < viewers; seen += AT_ONCE) {
      const pages = await Promise.all(Array.from({ length: AT_ONCE }, () => visitor(chromium, program.link)));
      await Promise.all(pages.map(async (page) => {
        await page.getByTestId("camera-front").click();
        await page.getByTestId("video-front").evaluate((video) => new Promise((done) => video.requestVideoFrameCallback(done)), { timeout: PATIENCE_MS });
      }));
      // One that says goodbye: the place of who vanishes is kept for half a minute.
      await Promise.all(pages.map(async (page) => {
        await page.getByTestId("close-front").click();
        await page.context().close();
      }));
    }
    await pause(settleMs);
    return memory(program.process.pid);
  } finally {
    await program.stop();
  }
}
