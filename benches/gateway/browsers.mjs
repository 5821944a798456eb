// SPDX-License-Identifier: MPL-2.0
// The figures for which everything is a process of its own: gst-launch, Chromium, and programs in Python.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { browser, camera, PATIENCE_MS, Program, ROOT, visitor, watch } from "../../tests/browser/lib.mjs";
import { example, gatewayOf, Robot } from "../../tests/browser/programs.mjs";
import { Network, refusal } from "../../tests/network/links.mjs";
import { cpuDuring } from "../process.mjs";

const SOURCE = "portholesrc name=cam camera=test idle-timeout=0 ! videoscale ! video/x-raw,width=320,height=180";
const direct = (host) => `${SOURCE} ! portholesink listen=${host}:0 camera-name=front gateway=127.0.0.1:0`;
const PYTHON = "/usr/bin/python3";
const [SERVICES, RATE, VIEWERS] = [10, 100, 8];
const LOSS = 0.2;
/** How long a key is held, and how long it is let go, at least. */
const [HELD_MS, LET_GO_MS] = [300, 300];
/** The gate may take a moment to let each in, and the encoder to find its rate. */
const SETTLE_MS = 5_000;
/** The scene has a deadline of its own, which is shorter. */
const SCENE_MS = 120_000;
const SCENE = "commands get there";

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Ends what was started, the last first, whatever becomes of `body`. */
async function kept(body) {
  const started = [];
  const keep = async (thing) => {
    const value = await thing;
    started.push(value);
    return value;
  };
  try {
    return await body(keep);
  } finally {
    for (const thing of started.reverse()) await (thing.close?.() ?? thing.stop?.());
  }
}

async function person(chromium, link) {
  const page = await visitor(chromium, link);
  await watch(page, "front");
  return page;
}

async function drive(page) {
  await page.getByTestId("wheel-front").click();
  await page.getByTestId("drive-words-front").filter({ hasText: "You drive." }).waitFor();
}

/** Milliseconds from the stop of the camera's process to that of the robot. */
export const stopped = (trials) => kept(async (keep) => {
  const chromium = await keep(browser());
  const front = await keep(camera(direct("127.0.0.1")));
  const robot = await keep(example("drive", await gatewayOf(front)));
  const page = await person(chromium, front.link);
  const speed = (wanted) => page.getByTestId("service-drive").filter({ hasText: new RegExp(`speed\\s*${wanted}\\s*$`) }).waitFor();
  const times = [];
  for (let trial = 0; trial < trials; trial += 1) {
    await drive(page);
    await page.keyboard.down("ArrowUp");
    await speed("1");
    const from = robot.lines.length;
    const start = performance.now();
    front.process.kill("SIGSTOP");
    try {
      await robot.line(/nothing more was heard; stopped/, { from });
      times.push(performance.now() - start);
    } finally {
      front.process.kill("SIGCONT");
    }
    await robot.line(/porthole released .*stalled/, { from });
    await page.keyboard.up("ArrowUp");
    await page.getByTestId("drive-words-front").filter({ hasText: "heard nothing from this page" }).waitFor();
  }
  return times;
});

/** Milliseconds from a key's being let go to the zeros at the program, with this share of the packets lost both ways; null without namespaces. */
export const zeros = async (trials) => (refusal() ? null : kept(async (keep) => {
  const network = await keep(new Network());
  const link = network.link("viewer");
  const front = await keep(camera(direct("0.0.0.0"), {}, network.camera.within));
  const robot = await keep(Robot.start(await gatewayOf(front), "arm", undefined, network.camera.within));
  robot.describe({ kind: "json", drive: true });
  const chromium = await keep(browser({}, link.chromium));
  const page = await person(chromium, front.link.replace("127.0.0.1", link.camera));
  await page.evaluate(() => addEventListener("keyup", () => { window.letGo = Date.now(); }, true));
  await drive(page);
  link.lose(LOSS);
  link.loseToCamera(LOSS);
  const times = [];
  for (let trial = 0; trial < trials; trial += 1) {
    const from = robot.now;
    await page.keyboard.down("ArrowUp");
    await robot.line(/"y\\":1/, from);
    await pause(HELD_MS);
    const held = robot.now;
    const came = robot.line(/"x\\":0,\\"y\\":0/, held).then(() => Date.now());
    await page.keyboard.up("ArrowUp");
    times.push(await came - await page.evaluate(() => window.letGo));
    await pause(LET_GO_MS);
  }
  return times;
}));

/** Percent of a core that the camera's process takes, without telemetry and with it. */
export const cpu = (seconds) => kept(async (keep) => {
  const chromium = await keep(browser());
  const front = await keep(camera(direct("127.0.0.1")));
  const url = await gatewayOf(front);
  for (let viewer = 0; viewer < VIEWERS; viewer += 1) await person(chromium, front.link);
  const measured = async () => {
    await pause(SETTLE_MS);
    return (await cpuDuring(front.process.pid, () => pause(1_000 * seconds))).percent;
  };
  const alone = await measured();
  const programs = await keep(new Program(PYTHON, [join(ROOT, "benches/gateway/telemetry.py"), url, String(SERVICES), String(RATE)]));
  await programs.line(/^connected$/);
  return { alone, beside: await measured() };
});

/** How many runs of the scene did not end well, each in a process of its own. */
export function hangs(runs) {
  let failed = 0;
  for (let run = 0; run < runs; run += 1) {
    const test = ["--test", `--test-name-pattern=${SCENE}`, "tests/browser/gateway.test.mjs"];
    const { status } = spawnSync(process.execPath, test, { cwd: ROOT, timeout: SCENE_MS + PATIENCE_MS, stdio: "ignore" });
    if (status !== 0) failed += 1;
  }
  return failed;
}
