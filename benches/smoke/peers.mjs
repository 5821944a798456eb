// SPDX-License-Identifier: MPL-2.0
// The two that are compared. Each gives: a running camera process, a viewer's page in which a click starts
// the picture, and a wait until a viewer's leaving is over, so that the next click starts from the same state.

import { readFileSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launch, ROOT, Stock, visitor } from "../../tests/browser/lib.mjs";
import { NAMES, equip } from "./page.mjs";

const SIZE = [1280, 720];
const SCRIPTS = {
  "/gstwebrtc-api.js": join(ROOT, "tests/browser/node_modules/gstwebrtc-api/dist/gstwebrtc-api-3.0.0.esm.js"),
  "/latency-clock.js": join(ROOT, "signaling/web/latency-clock.js"),
};
const PLUGIN = join(process.env.PORTHOLE_PLUGINS ?? join(ROOT, "target/gstreamer"), "libgstporthole.so");
/** After a stock viewer has left: time for the element to take its session's pipeline apart. */
const LEAVE_MS = 2_000;

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function page(chromium, link) {
  const opened = await visitor(chromium, link);
  await opened.locator(`[data-testid="${NAMES.button}"]:enabled`).waitFor();
  await equip(opened);
  return opened;
}

export class PortholePeer {
  name = "porthole";

  async start() {
    // Known before it is ready: what was started must be ended also when it never gets ready.
    this.program = launch(
      `portholesrc camera=test ! portholeoverlay latency-clock=true ! portholesink listen=127.0.0.1:0 camera-name=${NAMES.camera}`,
      // The user's own list of plugins stays as it is.
      { GST_REGISTRY: join(tmpdir(), "porthole-registry.bin") },
    );
    [, this.link] = await this.program.line(/porthole: watch at (http:\/\/127\.\S+)/);
    await this.program.line(/porthole\/server, state=\(string\)online/);
    return this.program;
  }

  viewer(chromium) {
    return page(chromium, this.link);
  }

  /** Ends a viewer with `end`; after that the camera is closed, so that the next click opens it again. */
  async leave(end) {
    const from = this.program.lines.length;
    await end();
    await this.program.line(/porthole\/camera, .*state=\(string\)closed/, { from });
  }

  /** Porthole's page asks for no jitter buffer by itself. */
  async unbuffer() {
    return false;
  }
}

export class StockPeer {
  name = "stock";

  /** Stock plugins in a folder of their own, with our overlay for the clock, and a server for the page. */
  static async create() {
    const peer = new StockPeer();
    peer.plugins = new Stock();
    symlinkSync(PLUGIN, join(peer.plugins.folder, "libgstporthole.so"));
    peer.files = createServer(({ url }, response) => {
      const script = SCRIPTS[url];
      response.setHeader("content-type", script ? "text/javascript" : "text/html");
      response.end(readFileSync(script ?? new URL("stock.html", import.meta.url)));
    });
    await new Promise((done) => peer.files.listen(0, "127.0.0.1", done));
    return peer;
  }

  async start() {
    const port = await freePort();
    this.signalling = `ws://127.0.0.1:${port}`;
    this.program = this.plugins.launch(
      `videotestsrc is-live=true ! video/x-raw,format=I420,width=${SIZE[0]},height=${SIZE[1]},framerate=30/1 ! ` +
      "portholeoverlay latency-clock=true ! webrtcsink video-caps=video/x-vp8 stun-server=NULL " +
      `run-signalling-server=true signalling-server-host=127.0.0.1 signalling-server-port=${port} signaller::uri=${this.signalling}`,
    );
    await this.program.line(/registered as \[Producer\]/);
    return this.program;
  }

  viewer(chromium) {
    return page(chromium, `http://127.0.0.1:${this.files.address().port}/?signalling=${this.signalling}`);
  }

  async leave(end) {
    await end();
    await pause(LEAVE_MS);
  }

  /** Does for the stock page what Porthole's page does by itself: no jitter buffer. */
  unbuffer(viewer) {
    return viewer.evaluate(() => {
      for (const receiver of connection().getReceivers()) receiver.jitterBufferTarget = 0;
      return true;
    });
  }
}

/** The stock server cannot be asked which port it took, so that one is chosen for it. */
function freePort() {
  return new Promise((done) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });
}
