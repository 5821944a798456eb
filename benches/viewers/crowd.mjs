// SPDX-License-Identifier: MPL-2.0
// What each further viewer costs the camera's process. The viewers are webrtcsrcs in processes of their own: they receive,
// report and answer as browsers do, but decode nothing, so that sixteen of them fit on the machine beside the camera.

import { Stock } from "../../tests/browser/lib.mjs";
import { own } from "../own.mjs";
import { pause } from "../peers/peers.mjs";
import { cpuDuring, held, ownMb, residentMb } from "../process.mjs";

/** From the start of a process until it is idle. */
const SETTLE_IDLE_MS = 3_000;
/** Until a viewer that came has its picture, and the estimates have settled. */
const SETTLE_MS = 6_000;
/** After the last one left: sessions have been taken apart, the camera is closed (idle-timeout is 5 s). */
const SETTLE_LEFT_MS = 9_000;
const PROGRESS = /element "(progressreport\d+)" \(element\): progress, current=\(gint64\)(\d+)/;
const SIZE = /fakesink\d+\.GstPad:sink: caps = .*?height=\(int\)(\d+)/;

/** Viewers of one peer that come in groups, each a process. */
export class Crowd {
  #stock = new Stock(); #programs = [];
  size = 0;

  constructor(peer) {
    this.peer = peer;
  }

  /** More viewers until there are `size`; each has a picture then. */
  async grow(size) {
    const words = Array.from({ length: size - this.size }, () => this.peer.receiver).flat();
    if (words.length === 0) return;
    const program = own(this.#stock.launch(["-v", ...words]));
    this.#programs.push(program);
    for (let i = 0; i < size - this.size; i++) await program.line(new RegExp(`"progressreport${i}".*progress, current=\\(gint64\\)[1-9]`));
    this.size = size;
  }

  /** Frames that each viewer has got so far. */
  #frames() {
    return this.#programs.flatMap(({ lines }, n) => {
      const last = new Map();
      for (const line of lines) {
        const match = line.match(PROGRESS);
        if (match) last.set(`${n} ${match[1]}`, Number(match[2]));
      }
      return [...last];
    });
  }

  /** Heights of the pictures, as the last caps of each viewer say. */
  get heights() {
    return this.#programs.flatMap(({ lines }) => {
      const last = new Map();
      for (const line of lines) {
        const match = line.match(SIZE);
        if (match) last.set(line.match(/fakesink\d+/)[0], Number(match[1]));
      }
      return [...last.values()];
    });
  }

  /** Frames a second that each viewer gets while `body` runs, and what `body` gives. */
  async paced(body) {
    const [before, start] = [new Map(this.#frames()), performance.now()];
    const value = await body();
    const seconds = (performance.now() - start) / 1_000;
    return { value, fps: this.#frames().map(([name, frames]) => (frames - (before.get(name) ?? 0)) / seconds) };
  }

  async stop() {
    for (const program of this.#programs.splice(0)) await program.stop();
    this.#stock.stop();
    this.size = 0;
  }
}

/**
 * CPU and memory of the camera's process with each number of viewers, and after they have left. Gives
 * `{points: [{viewers, cpu, resident, own, fps, heights}], before, after}`, memory in MB.
 */
export async function crowded(peer, sizes, windowMs) {
  const crowd = new Crowd(peer);
  try {
    const { process: { pid } } = await peer.start();
    await pause(SETTLE_IDLE_MS);
    const before = { resident: residentMb(pid), own: ownMb(pid), ...held(pid) };
    const points = [];
    for (const viewers of sizes) {
      await crowd.grow(viewers);
      await pause(SETTLE_MS);
      const { percent, value: { fps } } = await cpuDuring(pid, () => crowd.paced(() => pause(windowMs)));
      points.push({ viewers, cpu: percent, resident: residentMb(pid), own: ownMb(pid), fps, heights: crowd.heights });
    }
    await crowd.stop();
    await pause(SETTLE_LEFT_MS);
    return { points, before, after: { resident: residentMb(pid), own: ownMb(pid), ...held(pid) } };
  } finally {
    await crowd.stop();
    await peer.stop();
  }
}
