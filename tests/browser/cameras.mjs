// SPDX-License-Identifier: MPL-2.0
// Cameras that fail on command, for a camera process: each a file whose text says what it does. See tests/fake-camera.

import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUILT, PATIENCE_MS, PLUGINS } from "./lib.mjs";

/** How often a file is looked at. */
const LOOK_MS = 5;

export class FakeCameras {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "porthole-cameras-"));
    this.devices = join(this.folder, "devices");
    const plugins = join(this.folder, "plugins");
    for (const folder of [this.devices, plugins]) mkdirSync(folder);
    symlinkSync(join(BUILT, "libgstfakecamera.so"), join(plugins, "libgstfakecamera.so"));
    /** What the camera's process needs to see them. */
    this.env = {
      FAKE_CAMERAS: this.devices,
      GST_PLUGIN_PATH: `${PLUGINS}:${plugins}`,
      // Where all others look for their plugins there must be no trace of this one.
      GST_REGISTRY: join(this.folder, "registry.bin"),
    };
  }

  /** Has a camera do as told, in a word of tests/fake-camera/src/behaviour.rs; plugs it in. Gives the moment before. */
  set(name, text = "ok") {
    const now = performance.now();
    const file = join(this.devices, name);
    // In one step, so that the camera reads no half of it.
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
    return now;
  }

  unplug(name) {
    const now = performance.now();
    unlinkSync(join(this.devices, name));
    return now;
  }

  /** Whether the device is open, and how often it has been opened. */
  opened(name) {
    let text = "";
    try { text = readFileSync(join(this.devices, `${name}.opened`), "utf8"); } catch { /* It never was. */ }
    const count = (key) => Number(text.match(new RegExp(`\\b${key}=(\\d+)`))?.[1] ?? 0);
    return { open: count("open") === 1, opens: count("opens") };
  }

  /** Waits until the device is open, or released. */
  async wait(name, open) {
    const end = performance.now() + PATIENCE_MS;
    while (this.opened(name).open !== open) {
      if (performance.now() > end) throw new Error(`${name} never turned open=${open}`);
      await new Promise((done) => setTimeout(done, LOOK_MS));
    }
  }

  stop() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
