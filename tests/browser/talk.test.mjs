// SPDX-License-Identifier: MPL-2.0
// The viewer's voice at the robot: Chromium's fake microphone plays a tone, and what comes out of the pad `talk` is measured.
// Runs alone: sound is made, heard and judged in real time.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, openSync, readSync, closeSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { browser, enrolled, PATIENCE_MS, scene, Server, visitor, watch } from "./lib.mjs";

const RATE = 48_000;
const TONE_HZ = 440;
/** The tone swells and fades as syllables do: a steady one is noise to a browser, and suppressed within seconds. */
const SYLLABLES_HZ = 4;
/** Of one window of sound: 20 ms, in which the tone has almost nine periods. */
const WINDOW = RATE / 50;
/** A tone of this share of full scale is heard; silence is well below. */
const HEARD = 0.05;
const SILENT = 0.002;
/**
 * From the end of a permission to silence in the file. The promise is 100 ms: proven under a clock of its own in
 * src/talk/stage_tests.rs, and counted in tests/talk.rs.
 */
const CUT_MS = 1_000;
const ALL = ["--perms", "view,listen,talk,control"];

let chromium, folder;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "porthole-talk-"));
  const tone = join(folder, "tone.wav");
  writeFileSync(tone, wave(10));
  chromium = await browser({}, undefined, ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", `--use-file-for-fake-audio-capture=${tone}`]);
});
after(async () => {
  await chromium.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A WAV file with so many seconds of the tone, at half of full scale where it is loudest. */
function wave(seconds) {
  const swell = (i) => 0.55 - 0.45 * Math.cos((2 * Math.PI * SYLLABLES_HZ * i) / RATE);
  const samples = Int16Array.from({ length: RATE * seconds }, (_, i) => Math.round(16_384 * swell(i) * Math.sin((2 * Math.PI * TONE_HZ * i) / RATE)));
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + samples.byteLength, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(RATE, 24);
  head.writeUInt32LE(RATE * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36);
  head.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([head, Buffer.from(samples.buffer)]);
}

/** The pipeline writes what comes out of `talk` to a file, raw, as it comes. */
class Ear {
  constructor() {
    this.file = join(mkdtempSync(join(folder, "ear-")), "talk.raw");
    const source = "portholesrc name=cam camera=test idle-timeout=0 ! videoscale ! video/x-raw,width=320,height=180 ! portholesink name=out gateway=127.0.0.1:0";
    this.pipeline = `${source} out.talk ! audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=${RATE},channels=1 ! filesink async=false buffer-mode=unbuffered location=${this.file}`;
  }

  /** Samples so far. */
  get length() { try { return Math.floor(statSync(this.file).size / 2); } catch { return 0; } }

  /** Samples from number `from` on. */
  read(from, count = this.length - from) {
    const bytes = Buffer.alloc(Math.max(0, count) * 2);
    const file = openSync(this.file, "r");
    const size = readSync(file, bytes, 0, bytes.length, from * 2);
    closeSync(file);
    return new Int16Array(bytes.buffer, bytes.byteOffset, size >> 1);
  }

  /** Waits until the last so many samples fit. */
  async until(fits, count, what) {
    const end = performance.now() + PATIENCE_MS;
    while (this.length < count || !fits(loudest(this.read(this.length - count, count)))) {
      if (performance.now() > end) throw new Error(`${what}, after ${this.length} samples`);
      await new Promise((done) => { setTimeout(done, 10); });
    }
  }

  heard() { return this.until((level) => level > HEARD, WINDOW, "it is not heard"); }

  /** Sound has come, and for a whole second nothing is heard in it. */
  async silent(from = this.length) {
    await this.until((level) => this.length >= from + RATE && level < SILENT, RATE, "it is still heard, or nothing comes");
  }

  /** How long after sample `from` the last sound was, in ms; to be asked when it is silent. */
  lasted(from) {
    const last = windows(this.read(from)).findLastIndex((each) => rms(each) > SILENT);
    return ((last + 1) * WINDOW * 1_000) / RATE;
  }
}

const rms = (samples) => Math.sqrt(samples.reduce((sum, each) => sum + (each / 32_768) ** 2, 0) / Math.max(1, samples.length));
const windows = (samples) => Array.from({ length: Math.floor(samples.length / WINDOW) }, (_, i) => samples.subarray(i * WINDOW, (i + 1) * WINDOW));
const loudest = (samples) => Math.max(0, ...windows(samples).map(rms));

/** The power at one frequency, by Goertzel's algorithm. */
function power(samples, hertz) {
  const turn = 2 * Math.cos((2 * Math.PI * Math.round((samples.length * hertz) / RATE)) / samples.length);
  let [one, two] = [0, 0];
  for (const sample of samples) [one, two] = [sample / 32_768 + turn * one - two, one];
  return (2 * (one * one + two * two - turn * one * two)) / samples.length ** 2;
}

/** The share of the power of one second that is the tone's and its swelling's, which is a few hertz to both sides. */
function purity(second) {
  const near = Array.from({ length: 8 * SYLLABLES_HZ + 1 }, (_, i) => TONE_HZ - 4 * SYLLABLES_HZ + i);
  return near.reduce((sum, hertz) => sum + power(second, hertz), 0) / rms(second) ** 2;
}

async function robot(keep, { viewer = ALL, bob = ALL } = {}) {
  const server = await keep(Server.start({ viewer, bob }));
  const ear = new Ear();
  await keep(enrolled(server, ear.pipeline));
  return { server, ear };
}

async function person(link) {
  const page = await visitor(chromium, link);
  await watch(page, "front");
  await page.getByTestId("talk-front").waitFor();
  return page;
}

const says = (page, words) => page.getByTestId("talk-words-front").filter({ hasText: words }).waitFor();

async function press(page) {
  await page.getByTestId("hold-front").hover();
  await page.mouse.down();
}

test("who holds the button is heard as the tone that the microphone hears, sees so, and is not heard before or after", () => scene(async (keep) => {
  const { server, ear } = await robot(keep);
  const page = await person(server.link);
  const sections = await page.evaluate(() => window.peers.at(-1).localDescription.sdp);
  await ear.silent();
  await press(page);
  await says(page, "The robot hears you.");
  await ear.heard();
  const from = ear.length;
  // The browser's own level control settles first.
  await ear.until(() => ear.length >= from + RATE * 4, WINDOW, "no sound comes");
  const sound = ear.read(from + RATE * 3, RATE);
  const share = purity(sound);
  console.log(`level ${rms(sound).toFixed(3)}, ${(share * 100).toFixed(1)} % of it at ${TONE_HZ} Hz`);
  assert.ok(rms(sound) > HEARD, `a level of ${rms(sound)}`);
  assert.ok(share > 0.8, `${share} of the power is the tone's`);

  const before = ear.length;
  await page.mouse.up();
  await ear.silent();
  const ms = ear.lasted(before);
  console.log(`silent ${ms} ms after the button`);
  assert.ok(ms < CUT_MS, `${ms} ms`);
  assert.equal(await page.evaluate(() => window.peers.at(-1).localDescription.sdp), sections, "something was negotiated");
  assert.equal(await page.evaluate(() => window.peers.length), 1);
  assert.deepEqual(page.problems, []);
}));

test("the space bar does the same, again and again", () => scene(async (keep) => {
  const { server, ear } = await robot(keep);
  const page = await person(server.link);
  await page.evaluate(() => document.activeElement?.blur());
  for (let i = 0; i < 3; i += 1) {
    await page.keyboard.down("Space");
    await ear.heard();
    await page.keyboard.up("Space");
    await ear.silent();
  }
}));

test("one speaks, the next sees who does and waits, and is heard then", () => scene(async (keep) => {
  const { server, ear } = await robot(keep);
  const [ann, bob] = [await person(server.link), await person(server.bob)];
  await press(ann);
  await says(ann, "The robot hears you.");
  await says(bob, /alice.* is speaking/);
  await press(bob);
  await says(bob, /alice.* is speaking, you are next/);
  await ann.mouse.up();
  await says(bob, "The robot hears you.");
  await ear.heard();
  await says(ann, /bob.* is speaking/);
  await bob.mouse.up();
  await ear.silent();
}));

test("a permission that is taken while one speaks cuts it at once", () => scene(async (keep) => {
  const { server, ear } = await robot(keep);
  const page = await person(server.link);
  await press(page);
  await ear.heard();
  server.edit("alice", "perms", ["view", "listen"]);
  await server.reload();
  await page.talk.message("server", "grantUpdate");
  const before = ear.length;
  await ear.silent();
  const ms = ear.lasted(before);
  console.log(`silent ${ms} ms after the permission went`);
  assert.ok(ms < CUT_MS, `${ms} ms`);
  await says(page, "You may not talk through this robot.");
  assert.equal(await page.getByTestId("hold-front").getAttribute("aria-pressed"), "false");
  await ear.silent();
}));

test("without the permission nothing is heard, whatever the page does", () => scene(async (keep) => {
  const { server, ear } = await robot(keep, { viewer: ["--perms", "view"] });
  const page = await person(server.link);
  await says(page, "You may not talk through this robot.");
  assert.ok(await page.getByTestId("hold-front").isDisabled());
  const forced = await page.evaluate(async () => {
    const { getAudioTracks } = MediaStream.prototype;
    const [track] = getAudioTracks.call(await navigator.mediaDevices.getUserMedia({ audio: true }));
    const lines = window.peers.at(-1).getTransceivers().filter(({ sender, direction }) => sender && direction === "sendonly");
    for (const { sender } of lines) await sender.replaceTrack(track);
    return lines.length;
  });
  if (forced) {
    await page.waitForFunction(async () => {
      const stats = await window.peers.at(-1).getStats();
      return [...stats.values()].some((each) => each.type === "outbound-rtp" && each.kind === "audio" && each.packetsSent > 100);
    }, null, { timeout: PATIENCE_MS });
  }
  await ear.silent();
}));
