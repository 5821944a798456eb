// SPDX-License-Identifier: MPL-2.0
// The figures for which everything is a process of its own: gst-launch, Chromium, and programs in Python.

import { spawnSync } from "node:child_process";
import { browser, camera, enrolled, freePort, PATIENCE_MS, Program, ROOT, Server, state, visitor, watch } from "../../tests/browser/lib.mjs";
import { example, Freezer, gatewayOf, Robot } from "../../tests/browser/programs.mjs";
import { Network, refusal } from "../../tests/network/links.mjs";
import { equip, NAMES } from "../peers/page.mjs";
import { cpuDuring } from "../process.mjs";
import { round } from "../table.mjs";

const SOURCE = "portholesrc name=cam camera=test idle-timeout=0 ! videoscale ! video/x-raw,width=320,height=180";
const sink = (host, name) => `portholesink listen=${host}:0 camera-name=${name} gateway=127.0.0.1:0`;
const direct = (host) => `${SOURCE} ! ${sink(host, "front")}`;
/** With a clock in the picture. */
const CLOCKED = `${SOURCE} ! portholeoverlay latency-clock=true ! ${sink("127.0.0.1", NAMES.camera)}`;
const [SERVICES, RATE, VIEWERS] = [10, 100, 8];
/** Of the test picture. */
const FPS = 30;
/** Commands a second. */
const TRIP_RATE = 100;
const LOSS = 0.2;
/** Control-timeout and target. */
const WORTH_TELLING_MS = 550;
/** How long a key is held, and how long it is let go, at least. */
const [HELD_MS, LET_GO_MS] = [300, 300];
/** The gate may take a moment to let each in, and the encoder to find its rate. */
const SETTLE_MS = 5_000;
/** What is compared is measured in turns, and the machine has a moment after each change. */
const [ROUNDS, TURN_MS] = [4, 1_500];
/** The scene has a deadline of its own, which is shorter. */
const SCENE_MS = 120_000;
const SCENE = "commands get there";

/** Milliseconds of CLOCK_MONOTONIC, as programs have them. */
const now = () => Number(process.hrtime.bigint()) / 1e6;

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

async function person(chromium, link, name = "front", options = {}) {
  const page = await visitor(chromium, link, options);
  await watch(page, name);
  return page;
}

/** Takes the wheel; again where it is lost before it is seen here, since the machine is too busy for heartbeats. */
async function drive(page) {
  const words = page.getByTestId("drive-words-front");
  do {
    await page.getByTestId("wheel-front").click();
    await words.filter({ hasText: /You drive\.|heard nothing from this page/ }).waitFor();
  } while (!(await words.textContent()).includes("You drive."));
}

/**
 * Holds the key until `ahead` is so. False if `lost` was first: on a machine that is too busy for heartbeats a driver loses the wheel.
 * @param {any} page @param {Promise<any>} ahead @param {Promise<any>} lost
 */
async function hold(page, ahead, lost) {
  const ways = [ahead.then(() => true), lost.then(() => false)];
  for (const way of ways) way.catch(() => {}); // The one that does not come is of no interest.
  await page.keyboard.down("ArrowUp");
  if (await Promise.race(ways)) return true;
  console.error("gateway: the driver was not heard for the control-timeout; once more");
  await page.keyboard.up("ArrowUp");
  await page.getByTestId("drive-words-front").filter({ hasText: "heard nothing from this page" }).waitFor();
  return false;
}

/** Takes the wheel and holds the key until `ahead` is so. @param {any} page @param {() => Promise<any>} ahead @param {() => Promise<any>} lost */
async function driveAhead(page, ahead, lost) {
  do await drive(page); while (!(await hold(page, ahead(), lost())));
}

/** The same with drive.py, of which the page says how fast it is. */
async function driveRobot(page, robot) {
  const speed = (wanted) => page.getByTestId("service-drive").filter({ hasText: new RegExp(`speed\\s*${wanted}\\s*$`) }).waitFor();
  await speed("0");
  await driveAhead(page, () => speed("1"), () => robot.line(/released .*stalled|nothing more was heard/, { from: robot.lines.length }));
}

/** Milliseconds from the stop of the camera's process to that of the robot. */
export const stopped = (trials) => kept(async (keep) => {
  const chromium = await keep(browser());
  const front = await keep(camera(direct("127.0.0.1")));
  const robot = await keep(example("drive.py", await gatewayOf(front)));
  const page = await person(chromium, front.link);
  const times = [];
  for (let trial = 0; trial < trials; trial += 1) {
    await driveRobot(page, robot);
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

/** Milliseconds from the death of the camera's process (SIGKILL) to the moment at which the robot has stopped; each time it is started anew. */
export const killed = (trials) => kept(async (keep) => {
  const chromium = await keep(browser());
  const server = await keep(Server.start({ viewer: ["--perms", "view,control"] }));
  const page = await visitor(chromium, server.link);
  const port = await freePort();
  const line = `${SOURCE} ! portholesink gateway=127.0.0.1:${port}`;
  const robot = await keep(example("drive.py", `ws://127.0.0.1:${port}`, false));
  const times = [];
  for (let trial = 0; trial < trials; trial += 1) {
    const connected = robot.lines.length;
    const front = await keep(enrolled(server, line));
    await robot.line(/^drive: connected/, { from: connected });
    if (trial === 0) await page.getByTestId("camera-front").click();
    await state(page, "front", "live");
    await driveRobot(page, robot);
    const from = robot.lines.length;
    const start = performance.now();
    front.process.kill("SIGKILL");
    // By then it has stopped, whichever it is.
    await robot.line(/trying again|nothing more was heard; stopped/, { from });
    times.push(performance.now() - start);
    await page.keyboard.up("ArrowUp");
  }
  return times;
});

/**
 * Milliseconds from when `lose` has been done to the driver's browser to when a program reads "released", by its own clock. A browser
 * has many processes, which stop one after the other; the one that drives is not the first. With `beside`, the program that speaks as
 * ten, these and eight more viewers are beside it.
 */
const lost = (trials, { lose, back, link, within = [], own, beside = null }) => kept(async (keep) => {
  const front = await keep(camera(direct(link ? "0.0.0.0" : "127.0.0.1"), {}, within));
  const url = await gatewayOf(front);
  const arm = await keep(Robot.start(url, "arm", undefined, within, ["clock"]));
  arm.describe({ kind: "json", drive: true });
  const page = await person((await own(keep)), link ? front.link.replace("127.0.0.1", link) : front.link);
  if (beside) {
    const chromium = await keep(browser());
    for (let viewer = 0; viewer < VIEWERS; viewer += 1) await person(chromium, front.link);
    await keep(speaking(beside, url));
  }
  const times = [];
  for (let trial = 0; trial < trials; trial += 1) {
    await driveAhead(page, () => arm.line(/"y\\":1/, arm.now), () => arm.word("released", ["stalled"], arm.now));
    const from = arm.now;
    const start = now();
    lose();
    const isLost = now();
    try {
      const { input } = await arm.word("released", ["stalled"], from);
      const [read, seen] = [JSON.parse(input).at, now()];
      times.push(read - isLost);
      // Where it is the machine that is late, it is seen here.
      if (seen - start > WORTH_TELLING_MS) console.error(`gateway: trial ${trial}: lost after ${round(isLost - start)}, released ${round(read - isLost)} later, seen here ${round(seen - read)} later`);
    } finally {
      back();
    }
    await page.keyboard.up("ArrowUp");
    await page.getByTestId("drive-words-front").filter({ hasText: "heard nothing from this page" }).waitFor();
  }
  return times;
});

/** Of a browser that is stopped (SIGSTOP). */
export const frozenBrowser = (trials, beside = null) => kept(async (keep) => {
  const freezer = await keep(Freezer.start());
  return lost(trials, { lose: () => freezer.freeze(), back: () => freezer.thaw(), own: () => freezer.browser, beside });
});

/** Of a browser whose network is cut; null without namespaces. */
export const cut = async (trials) => (refusal() ? null : kept(async (keep) => {
  const network = await keep(new Network());
  const link = network.link("viewer");
  const own = (keep) => keep(browser({}, link.chromium));
  return lost(trials, { lose: () => link.cut(), back: () => link.heal(), link: link.camera, within: network.camera.within, own });
}));

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
    const isLost = robot.word("released", ["stalled"], from);
    if (!(await hold(page, robot.line(/"y\\":1/, from), isLost))) {
      trial -= 1;
      await drive(page);
      continue;
    }
    await pause(HELD_MS);
    const held = robot.now;
    const came = robot.line(/"x\\":0,\\"y\\":0/, held).then(() => Date.now());
    await page.keyboard.up("ArrowUp");
    times.push(await came - await page.evaluate(() => window.letGo));
    await pause(LET_GO_MS);
  }
  return times;
}));

/** Ten programs that speak to the gateway at `url`, or to somebody else where that is empty. */
async function speaking(measurements, url) {
  const programs = new Program(measurements, ["tell", url, String(SERVICES), String(RATE)]);
  await programs.line(/^connected$/);
  return programs;
}

/**
 * Eight viewers in Chromium without telemetry, with programs that speak to somebody else, and with telemetry: percent of a core that
 * the camera's process takes, and the ages of frames at the one that shows it; and how old the telemetry is there.
 * `{alone: {cpu, picture}, elsewhere: {cpu, picture}, beside: {cpu, picture}, telemetry}`.
 */
export const load = (measurements, seconds) => kept(async (keep) => {
  const chromium = await keep(browser());
  const front = await keep(camera(CLOCKED));
  const url = await gatewayOf(front);
  const page = await person(chromium, front.link, NAMES.camera);
  await equip(page);
  // The others take the same, and show nothing: eight pages on one machine would take the processor from each other.
  for (let viewer = 1; viewer < VIEWERS; viewer += 1) {
    const other = await visitor(chromium, front.link);
    await other.locator('#connection[data-state="online"]').waitFor({ state: "attached" });
    await other.goto(new URL("porthole-client.js", front.link).href);
    await other.evaluate(look, NAMES.camera);
  }
  await pause(SETTLE_MS);
  // In turns, since a machine is not the same for a minute. What programs take by speaking at all shows where somebody else listens.
  const seen = { alone: [], elsewhere: [], beside: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [way, to] of [["alone", null], ["elsewhere", ""], ["beside", url]]) {
      const programs = to === null ? null : await speaking(measurements, to);
      try {
        await pause(TURN_MS);
        const frames = (FPS * seconds) / ROUNDS;
        seen[way].push(await cpuDuring(front.process.pid, () =>
          page.evaluate((args) => bench.latency(...args), [frames, (1_000 * frames) / FPS + PATIENCE_MS])));
      } finally {
        await programs?.stop();
      }
    }
  }
  await keep(speaking(measurements, url));
  const told = Object.entries(seen).map(([way, rounds]) => [way, {
    cpu: rounds.reduce((sum, { percent }) => sum + percent, 0) / ROUNDS, picture: rounds.flatMap(({ value }) => value.ages),
  }]);
  return { ...Object.fromEntries(told), telemetry: await page.evaluate(telemetry, [NAMES.camera, 1_000 * seconds]) };
});

/** In a page: a session without a picture to look at. */
async function look(camera) {
  const { PortholeClient } = await import("/porthole-client.js");
  const client = new PortholeClient();
  client.connect();
  const session = client.watch(camera);
  if (!session.hello) await new Promise((done) => session.addEventListener("hello", done, { once: true }));
}

/** In the page: how old the words of services are as they come, in milliseconds. */
async function telemetry([camera, time]) {
  const { PortholeClient } = await import("/porthole-client.js");
  const client = new PortholeClient();
  client.connect();
  const session = client.watch(camera);
  if (!session.hello) await new Promise((done) => session.addEventListener("hello", done, { once: true }));
  const ages = [];
  for (let number = 0; number < 10; number += 1) {
    session.service(`service${number}`).addEventListener("message", ({ detail }) => ages.push(Math.max(0, Date.now() - Number(detail))));
  }
  await new Promise((done) => setTimeout(done, time));
  session.close();
  client.close();
  return ages;
}

/**
 * Milliseconds from a page of Chromium to a program and back, through the gateway and through a relay: the same page, the same
 * program, in turns of a second; and from that page to another one and back, by a data channel between the two. `{trip, relay, pages}`.
 */
export const trips = (measurements, seconds) => kept(async (keep) => {
  const chromium = await keep(browser());
  const front = await keep(camera(direct("127.0.0.1")));
  const echo = await keep(new Program(measurements, ["echo", `${await gatewayOf(front)}/`]));
  await echo.line(/^connected$/);
  const behind = await keep(new Program(measurements, ["relay"]));
  const [, port] = await behind.line(/^relay at (\d+)$/);
  // The page may speak to its own server alone. With the cookie of the link it leaves for where nothing opens a session by itself.
  const page = await visitor(chromium, front.link, { bypassCSP: true });
  await page.locator('#connection[data-state="online"]').waitFor({ state: "attached" });
  await page.goto(new URL("porthole-client.js", front.link).href);
  await page.evaluate(openBoth, [`ws://127.0.0.1:${port}/`, TRIP_RATE]);
  const other = await visitor(chromium, front.link, { bypassCSP: true });
  await other.goto(new URL("porthole-client.js", front.link).href);
  const answer = await other.evaluate(echoPage, await page.evaluate(offerPages));
  await page.evaluate(openPages, answer);
  const all = { trip: [], relay: [], pages: [] };
  for (let turn = 0; turn < seconds; turn += 1) {
    for (const way of ["trip", "relay", "pages"]) all[way].push(...(await page.evaluate((way) => trip(way), way)));
  }
  return all;
});

/** In the page: both ways, and `trip`, which sends the time for a second over one of them and notes how old each is that comes back. */
async function openBoth([relay, rate]) {
  const { PortholeClient } = await import("/porthole-client.js");
  const client = new PortholeClient();
  client.connect();
  const session = client.watch("front");
  if (!session.hello) await new Promise((done) => session.addEventListener("hello", done, { once: true }));
  const service = session.service("echo");
  if (!service.here) await new Promise((done) => service.addEventListener("state", () => service.here && done()));
  const drive = session.drive();
  if (drive.state !== "driving") {
    await new Promise((done) => drive.addEventListener("state", () => { if (drive.state === "driving") done(); }));
  }
  const socket = new WebSocket(relay);
  await new Promise((done, fail) => { [socket.onopen, socket.onerror] = [done, fail]; });
  let heard = () => {};
  service.addEventListener("message", ({ detail }) => heard(detail));
  socket.onmessage = ({ data }) => heard(data);
  const ways = window.ways = { trip: (text) => drive.send(service, text), relay: (text) => socket.send(text) };
  window.hear = (text) => heard(text);
  window.trip = (way) => new Promise((done, fail) => {
    const ages = [];
    heard = (text) => {
      ages.push(performance.now() - Number(text));
      if (ages.length === rate) done(ages);
    };
    let left = rate;
    const timer = setInterval(() => {
      Promise.resolve(ways[way](String(performance.now()))).catch(fail);
      if (--left === 0) clearInterval(timer);
    }, 1_000 / rate);
    setTimeout(() => fail(new Error(`${ages.length} of ${rate} came back`)), 10_000);
  });
}

/** In the page: a connection to another page, with a picture as the camera's, as its offer. */
async function offerPages() {
  const peer = window.peer = new RTCPeerConnection();
  peer.addTransceiver("video", { direction: "recvonly" });
  window.channel = peer.createDataChannel("pages");
  await peer.setLocalDescription();
  while (peer.iceGatheringState !== "complete") await new Promise((done) => { peer.onicegatheringstatechange = done; });
  return peer.localDescription.sdp;
}

/** In the other page: a picture, and it says what it hears; its answer. */
async function echoPage(sdp) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
  const paint = canvas.getContext("2d");
  let frame = 0;
  setInterval(() => { paint.fillStyle = `hsl(${(frame += 1) % 360} 80% 50%)`; paint.fillRect(frame % 320, frame % 180, 32, 32); }, 33);
  const peer = window.peer = new RTCPeerConnection();
  peer.ondatachannel = ({ channel }) => { channel.onmessage = ({ data }) => channel.send(data); };
  await peer.setRemoteDescription({ type: "offer", sdp });
  const [track] = canvas.captureStream(30).getVideoTracks();
  await peer.getTransceivers()[0].sender.replaceTrack(track);
  peer.getTransceivers()[0].direction = "sendonly";
  await peer.setLocalDescription();
  while (peer.iceGatheringState !== "complete") await new Promise((done) => { peer.onicegatheringstatechange = done; });
  return peer.localDescription.sdp;
}

/** In the page again: `ways.pages`. */
async function openPages(sdp) {
  const { peer, channel } = window;
  await peer.setRemoteDescription({ type: "answer", sdp });
  if (channel.readyState !== "open") await new Promise((done) => { channel.onopen = done; });
  channel.onmessage = ({ data }) => window.hear(data);
  window.ways.pages = (text) => channel.send(text);
}

/** How many runs of the scene did not end well, each in a process of its own. */
export function hangs(runs) {
  let failed = 0;
  for (let run = 0; run < runs; run += 1) {
    const test = ["--test", `--test-name-pattern=${SCENE}`, "tests/browser/gateway.test.mjs"];
    const { status, stdout } = spawnSync(process.execPath, test, { cwd: ROOT, timeout: SCENE_MS + PATIENCE_MS, encoding: "utf8" });
    if (status === 0) continue;
    failed += 1;
    console.error(`gateway: run ${run} ${status === null ? "did not end" : "failed"}:\n${stdout.slice(stdout.indexOf("not ok")).split("\n").slice(0, 40).join("\n")}`);
  }
  return failed;
}
