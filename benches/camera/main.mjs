// SPDX-License-Identifier: MPL-2.0
// portholesrc with a camera, beside that camera alone. The last line of stdout is JSON; progress goes to stderr.

import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { FakeCameras } from "../../tests/browser/cameras.mjs";
import { CASES, chart, error } from "../../tests/browser/chart.mjs";
import { apart, MEASURING, median as middle } from "../../tests/browser/flash.mjs";
import { browser, BUILT, camera, freePort, PATIENCE_MS, Stock, visitor, watch } from "../../tests/browser/lib.mjs";
import { build, output } from "../built.mjs";
import { own } from "../own.mjs";
import { cpuDuring, machineDuring } from "../process.mjs";
import { row, table } from "../rows.mjs";
import { others } from "../table.mjs";
import { added } from "./verdict.mjs";

const THOROUGH = { rounds: 20, windows: 5 };
const QUICK = { rounds: 4, windows: 2 };
/** How long a process is watched for its CPU time, and how long it is left alone before: it starts, and closes its camera. */
const WINDOW_MS = 10_000;
const SETTLE_MS = 8_000;
/** How long the machine is watched, before each part, while nothing of this runs. */
const IDLE_MS = 2_000;
const MODE = "video/x-raw,format=I420,width=1280,height=720,framerate=30/1";

/** Flashes in which a browser brings picture and sound together, and those that count then; longest wait for all. */
const SETTLE = 20;
const FLASHES = 12;
const FLASHES_MS = 90_000;
const COLOURS = { unit: "of 255", target: 6 };
const APART_MS = 40;

const NOTES = `(1) Percent of a core that the whole process of gst-launch-1.0 takes while no browser is connected: Porthole's with its server in the
    process, the camera closed and a slate a second; the stock line is the same camera into webrtcsink, which keeps capturing. The
    camera is the tests' fake one, 1280x720 in I420 at 30/s, which paints each frame: a real one's frames cost a copy or a DMA.
(2) From a frame's leaving the camera to the end of the pipeline, in one process: the camera alone, and through portholesrc, each with
    a portholeoverlay behind it that paints a mask in place.
(3) Frames whose pixels are not in the memory any more into which the camera wrote them.
(4) From the event by which a sink says that somebody watches, to the first frame that is no slate.
(5) From the device's going to the first slate, and from its return to the first frame. While it is away it is tried once a second.
(6) Of eight patches that the camera sees, by how much a channel is off at the most on a canvas in Chromium: a camera that writes
    BT.601, BT.709, the full range or MJPEG, carried by VP8 and by H.264.
(7) A flash and its beep in Chromium, the middle of ${FLASHES} of them: the fake camera and its microphone, which counts 100 ppm too slowly.
(8) A sound card whose crystal is off by 100 ppm, both ways, after an hour of a simulated clock.`;

const { effort, quick } = options();
// All that is written goes here: plugin lists, the cameras.
process.env.TMPDIR = mkdtempSync(join(tmpdir(), "porthole-bench-"));
process.env.GST_REGISTRY = join(process.env.TMPDIR, "registry.bin");
// Another copy of the plugin must not come in.
delete process.env.GST_PLUGIN_PATH;
process.on("exit", () => rmSync(process.env.TMPDIR, { recursive: true, force: true, maxRetries: 10 }));
for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]]) process.on(signal, () => process.exit(code));

console.error("building");
const measurements = await build("camera");
const started = performance.now();
const strange = [];
const rows = [...await idleCpu(), ...await inOneProcess(), ...await atTheViewer()];
const seconds = Math.round((performance.now() - started) / 1000);
const judged = rows.filter(({ pass }) => pass !== null);
const kept = judged.filter(({ pass }) => pass).length;
const { sentence, median, max, busy } = others(strange);
console.log(`
The camera: nobody watching, the way of a frame, coming and going; ${seconds} s

${table(rows)}

${NOTES}
${kept} of ${judged.length} targets are kept.
${sentence}
`);
const report = { bench: "camera", quick, ...effort, seconds, busy, othersPercent: { median, max }, kept, targets: judged.length, rows };
// The callback: a pipe may not have taken the line yet.
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));

/** What a process takes in each window, from some time after its start. */
async function idle(program) {
  await pause(SETTLE_MS);
  const percents = [];
  for (let i = 0; i < effort.windows; i++) {
    const { percent } = await cpuDuring(program.process.pid, () => pause(WINDOW_MS));
    percents.push(percent);
  }
  await program.stop();
  return percents;
}

async function idleCpu() {
  const [cameras, stock] = [new FakeCameras(), new Stock()];
  cameras.set("bench");
  symlinkSync(join(BUILT, "libgstfakecamera.so"), join(stock.folder, "libgstfakecamera.so"));
  process.env.FAKE_CAMERAS = cameras.devices;
  await quiet();
  console.error("camera: nobody watches, Porthole");
  const ours = own(await camera("portholesrc camera=bench idle-timeout=1 ! portholesink listen=127.0.0.1:0", cameras.env));
  const oursPercent = await idle(ours);
  if (cameras.opened("bench").open) throw new Error("Porthole's camera is open while nobody watches");
  await quiet();
  console.error("camera: nobody watches, stock");
  const port = await freePort();
  const theirs = own(stock.launch(`fakecamerasrc device=bench ! ${MODE} ! videoconvert ! webrtcsink stun-server=NULL run-signalling-server=true ` +
    `signalling-server-host=127.0.0.1 signalling-server-port=${port} signaller::uri=ws://127.0.0.1:${port}`));
  await cameras.wait("bench", true);
  const theirsPercent = await idle(theirs);
  stock.stop();
  cameras.stop();
  return [
    row({ key: "idleCpuPercent", label: "CPU, nobody watches (1)", unit: "% of a core", samples: oursPercent, target: 0.5 }),
    row({ key: "idleCpuStockPercent", label: "    stock line", unit: "% of a core", samples: theirsPercent }),
  ];
}

async function inOneProcess() {
  await quiet();
  const seen = JSON.parse((await output(measurements, [String(effort.rounds)])).at(-1));
  return [
    row({ key: "addedMs", label: "a frame's way, added at the median (2)", samples: [added(seen.portholeUs, seen.bareUs) / 1e3], target: 1 }),
    row({ key: "portholeUs", label: "  through portholesrc (2)", unit: "us", samples: seen.portholeUs }),
    row({ key: "bareUs", label: "  the camera alone (2)", unit: "us", samples: seen.bareUs }),
    row({ key: "copied", label: "frames copied (3)", unit: "frames", samples: [seen.copied], target: 0, remark: `of ${seen.frames}` }),
    row({ key: "driftMs", label: "sound against picture after an hour (8)", samples: seen.driftMs, target: APART_MS }),
    row({ key: "demandFakeMs", label: "demand to first frame, a device (4)", samples: seen.demandFakeMs, target: 300 }),
    row({ key: "demandTestMs", label: "  the test pattern (4)", samples: seen.demandTestMs, target: 300 }),
    row({ key: "slateMs", label: "unplugged, to the slate (5)", samples: seen.slateMs, target: 1_000 }),
    row({ key: "replugMs", label: "plugged in, to the first frame (5)", samples: seen.replugMs, target: 2_000 }),
  ];
}

/** A page of Chromium that shows the camera of these words. */
async function shown(chromium, cameras, behaviour, pipeline) {
  cameras.set("bench", behaviour);
  const front = own(await camera(pipeline, cameras.env));
  const page = await visitor(chromium, front.link, MEASURING);
  await watch(page, "bench");
  const stop = async () => { await page.context().close(); await front.stop(); };
  return { page, stop };
}

async function atTheViewer() {
  await quiet();
  const [cameras, chromium] = [new FakeCameras(), await browser()];
  const sink = "portholesink name=out listen=127.0.0.1:0 camera-name=bench";
  const errors = { vp8: [], h264: [] };
  for (const codec in errors) {
    for (const { name, behaviour, mode } of CASES) {
      console.error(`camera: colours, ${name} in ${codec}`);
      const { page, stop } = await shown(chromium, cameras, behaviour, `portholesrc camera=bench ${mode} ! ${sink} codec=${codec}`);
      errors[codec].push(error(await chart(page, "bench", PATIENCE_MS)));
      await stop();
    }
  }
  console.error("camera: a flash and its beep");
  const line = `portholesrc name=cam camera=bench width=640 height=480 ! ${sink} cam.audio ! out.audio`;
  const { page, stop } = await shown(chromium, cameras, "flash mic", line);
  const all = await apart(page, "bench", SETTLE + FLASHES, FLASHES_MS);
  await stop();
  await chromium.close();
  cameras.stop();
  return [
    row({ key: "colourVp8", label: "colours, VP8 (6)", samples: errors.vp8, ...COLOURS }),
    row({ key: "colourH264", label: "  H.264 (6)", samples: errors.h264, ...COLOURS }),
    row({ key: "apartMs", label: "picture and sound at the viewer (7)", samples: [Math.abs(middle(all.slice(SETTLE)))], target: APART_MS }),
  ];
}

function pause(ms) {
  return new Promise((done) => setTimeout(done, ms));
}

/** Looks at what others do to the machine while nothing of this runs. */
async function quiet() {
  strange.push(await machineDuring(() => pause(IDLE_MS)));
}

function options() {
  try {
    const { values } = parseArgs({ options: { rounds: { type: "string" }, quick: { type: "boolean", default: false } } });
    const effort = { ...(values.quick ? QUICK : THOROUGH) };
    if (values.rounds !== undefined) {
      if (!/^[1-9]\d?$/.test(values.rounds)) throw new Error(`--rounds ${values.rounds}: give a number from 1 to 99`);
      effort.rounds = Number(values.rounds);
    }
    return { effort, quick: values.quick };
  } catch (error) {
    console.error(`bench camera: ${error.message}; see scripts/bench --help`);
    process.exit(2);
  }
}
