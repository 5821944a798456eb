// SPDX-License-Identifier: MPL-2.0
// Those that are compared. Each gives: a running camera process, a viewer's page in which a click starts the picture, and a
// wait until a viewer's leaving is over, so that the next click starts from the same state. The browser alone is one of
// them, with no camera process.

import { symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, launch, Program, ROOT, Stock, visitor } from "../../tests/browser/lib.mjs";
import { own } from "../own.mjs";
import { NAMES, equip } from "./page.mjs";
import { PATTERN, porthole, receiver, stock } from "./pipelines.mjs";

const PLUGIN = join(process.env.PORTHOLE_PLUGINS ?? join(ROOT, "target/gstreamer"), "libgstporthole.so");
const SERVER = join(import.meta.dirname, "serve.mjs");
/** After a stock viewer has left: time for the element to take its session's pipeline apart. */
const LEAVE_MS = 2_000;
/** This machine, and nobody else. A network namespace may give other words to start with, and another host. */
const HERE = { within: [], host: "127.0.0.1" };
const DEFAULT = { source: PATTERN, codec: "vp8", place: HERE };

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function page(chromium, link) {
  const opened = await visitor(chromium, link);
  await opened.locator(`[data-testid="${NAMES.button}"]:enabled`).waitFor();
  await equip(opened);
  return opened;
}

/** The pages of the stock element and of the browser alone. */
async function serve({ within, host }) {
  const [command, ...args] = [...within, process.execPath, SERVER, host];
  const program = own(new Program(command, args));
  const [, port] = await program.line(/^serving on (\d+)/);
  return { port, stop: () => program.stop() };
}

export class PortholePeer {
  name = "porthole";

  constructor(options) {
    Object.assign(this, { ...DEFAULT, ...options });
  }

  async start() {
    // Known before it is ready: what was started must be ended also when it never gets ready. The user's own list of
    // plugins stays as it is.
    const registry = { GST_REGISTRY: join(tmpdir(), "porthole-registry.bin") };
    this.program = own(launch(porthole({ ...this, host: this.place.host }), registry, this.place.within));
    [, this.link] = await this.program.line(/porthole: watch at (http:\/\/127\.\S+)/);
    await this.program.line(/porthole\/server, state=\(string\)online/);
    return this.program;
  }

  /** A viewer reaches it at `host`. */
  viewer(chromium, host = "127.0.0.1") {
    return page(chromium, this.link.replace("127.0.0.1", host));
  }

  get receiver() {
    const { origin, hash } = new URL(this.link);
    const token = new URLSearchParams(hash.slice(1)).get("token");
    const headers = [`signaller::headers=headers,authorization=(string)"Bearer\\ ${token}"`];
    return receiver({ codec: this.codec, uri: `${origin.replace("http", "ws")}/ws`, headers });
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

  async stop() {
    await this.program?.stop();
  }
}

export class StockPeer {
  name = "stock";

  constructor(options) {
    Object.assign(this, { ...DEFAULT, ...options });
    // Stock plugins in a folder of their own, with our overlay for the clock.
    this.plugins = new Stock();
    symlinkSync(PLUGIN, join(this.plugins.folder, "libgstporthole.so"));
  }

  async start() {
    const { within, host } = this.place;
    this.files ??= await serve(this.place);
    // The stock server cannot be asked which port it took, so that one is chosen for it.
    this.port = await freePort();
    this.program = own(this.plugins.launch(stock({ ...this, host }), within));
    await this.program.line(/registered as \[Producer\]/);
    return this.program;
  }

  viewer(chromium, host = "127.0.0.1") {
    return page(chromium, `http://${host}:${this.files.port}/stock.html?signalling=ws://${host}:${this.port}`);
  }

  get receiver() {
    return receiver({ codec: this.codec, uri: `ws://127.0.0.1:${this.port}` });
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

  async stop() {
    await this.program?.stop();
    await this.files?.stop();
    this.files = undefined;
  }
}

/** A canvas in the page, through WebRTC to the same page. */
export class BrowserAlone {
  name = "alone";

  constructor(options) {
    Object.assign(this, { ...DEFAULT, ...options });
  }

  async start() {
    this.files = await serve(this.place);
  }

  viewer(chromium) {
    return page(chromium, `http://127.0.0.1:${this.files.port}/alone.html?codec=${this.codec}`);
  }

  leave(end) {
    return end();
  }

  /** Its page asks for none. */
  async unbuffer() {
    return false;
  }

  async stop() {
    await this.files?.stop();
  }
}
