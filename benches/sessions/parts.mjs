// SPDX-License-Identifier: MPL-2.0
// What is measured with a real server, a real camera and Chromium. Each part gives samples in ms, and leaves nothing running.

import { launch, scene, Server } from "../../tests/browser/lib.mjs";
import { own } from "../own.mjs";
import { lastPacket, viewer } from "./page.mjs";

const FRAMES_PER_SECOND = 30;
export const FRAME_MS = 1000 / FRAMES_PER_SECOND;
/** A hole that a person sees. */
export const LONG_GAP_MS = 500;
/** After so long without a packet none will come. */
const QUIET_MS = 1_500;
/** How long a server that was killed stays away, in ms. */
const DOWN_MS = [200, 5_000];
/** From when all are back to the next kill. */
const UP_MS = [500, 3_000];
/** From the first frame until the stream is steady. */
const SETTLE_MS = 5_000;
/** Each revocation comes at another moment between the pings of a camera with this `orphan-timeout`. */
export const ORPHAN_SECONDS = 5;
const PING_MS = 1_250;
const PATIENCE_MS = 30_000;

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const between = ([low, high]) => low + Math.random() * (high - low);

/** A camera of `server`, online. */
async function camera(server, properties = "") {
  const program = own(launch(
    `videotestsrc is-live=true ! video/x-raw,format=I420,width=640,height=360,framerate=${FRAMES_PER_SECOND}/1 ! portholesink ${properties}`,
    { PORTHOLE_CAMERA_KEY: server.key },
  ));
  await program.line(/porthole\/server, state=\(string\)online/);
  return program;
}

/** Kills the server and starts it again, `rounds` times, while someone watches. */
export async function restarts(chromium, rounds, undisturbedMs) {
  const [camerasBack, pagesBack] = [[], []];
  let undisturbed, watched;
  await scene(async (keep) => {
    const server = await keep(Server.start().then(own));
    const front = await keep(camera(server));
    const page = await viewer(chromium, server.link);
    await keep({ stop: () => page.context().close() });
    await page.evaluate(() => bench.watchFrames());
    await pause(SETTLE_MS);
    await page.evaluate(() => bench.take());
    await pause(undisturbedMs);
    undisturbed = await page.evaluate(() => bench.take());
    const parts = [];
    for (let round = 1; round <= rounds; round++) {
      const from = front.lines.length;
      await server.kill();
      const down = between(DOWN_MS);
      await pause(down);
      await server.serve();
      const [listening, listeningAt] = [performance.now(), Date.now()];
      await front.line(/porthole\/server, state=\(string\)online/, { from });
      camerasBack.push(performance.now() - listening);
      await page.waitForFunction(() => bench.resumed.length > 0);
      const part = await page.evaluate(() => bench.take());
      pagesBack.push(part.resumed[0] - listeningAt);
      console.error(`restarts: ${round}/${rounds}: down ${ms(down)}, camera back in ${ms(camerasBack.at(-1))}, page in ${ms(pagesBack.at(-1))}`);
      parts.push(part);
      await pause(between(UP_MS));
    }
    parts.push(await page.evaluate(() => bench.take()));
    // Each part but the first begins with the last frame of the one before.
    const all = (key) => parts.flatMap((part, i) => part[key].slice(i === 0 ? 0 : 1));
    watched = { frames: all("frames"), states: all("states"), now: parts.at(-1).now };
  }, Infinity);
  return { camerasBack, pagesBack, undisturbed, watched };
}

/** From the reload of a file without the viewer to its last packet. The viewer's page holds on to its picture. */
export async function revocations(chromium, trials) {
  const samples = [];
  await scene(async (keep) => {
    const server = await keep(Server.start().then(own));
    await keep(camera(server));
    for (let trial = 1; trial <= trials; trial++) {
      const name = `viewer-${trial}`;
      const link = await server.run("viewer", "add", name, "--url", server.url);
      await reload(server);
      const page = await viewer(chromium, link, { holdOn: true });
      await pause(between([SETTLE_MS / 5, SETTLE_MS / 2]));
      await server.run("viewer", "remove", name);
      const start = Date.now();
      server.program.process.kill("SIGHUP");
      const end = await lastPacket(page, { quiet: QUIET_MS, patience: PATIENCE_MS });
      samples.push(Math.max(0, latest(end) - start));
      console.error(`revoked: ${trial}/${trials}: last packet after ${ms(samples.at(-1))}`);
      await page.context().close();
    }
  }, Infinity);
  return samples;
}

/** From the moment when the server falls silent (its process is stopped, its connections stay) to the last packet. */
export async function cuts(chromium, trials) {
  const samples = [];
  for (let trial = 1; trial <= trials; trial++) {
    await scene(async (keep) => {
      const server = await keep(Server.start().then(own));
      // A stopped process hears of no other signal.
      await keep({ stop: () => server.program.process.kill("SIGCONT") });
      await keep(camera(server, `orphan-timeout=${ORPHAN_SECONDS}`));
      const page = await viewer(chromium, server.link, { holdOn: true });
      await keep({ stop: () => page.context().close() });
      await pause(SETTLE_MS / 2 + between([0, PING_MS]));
      const start = Date.now();
      server.program.process.kill("SIGSTOP");
      await server.run("viewer", "remove", "alice");
      const end = await lastPacket(page, { quiet: QUIET_MS, patience: PATIENCE_MS });
      samples.push(Math.max(0, latest(end) - start));
      console.error(`cut off: ${trial}/${trials}: last packet after ${ms(samples.at(-1))}`);
    }, Infinity);
  }
  return samples;
}

/** The server reads its file again, and has done so. */
export async function reload(server) {
  const from = server.program.lines.length;
  server.program.process.kill("SIGHUP");
  await server.program.line(/read the configuration again/, { from });
}

/** The browser's own time of the packet, where it fits that of the look that found it. */
function latest({ last, precise }) {
  return precise > last - 200 && precise <= last ? precise : last;
}

const ms = (value) => `${value.toFixed(0)} ms`;