// SPDX-License-Identifier: MPL-2.0
// A tone that a browser's fake microphone plays, and what of it comes out of the pad `talk`, measured.

import { mkdtempSync, statSync, openSync, readSync, closeSync } from "node:fs";
import { join } from "node:path";
import { PATIENCE_MS } from "./lib.mjs";

export const RATE = 48_000;
export const TONE_HZ = 440;
/** The tone swells and fades as syllables do: a steady one is noise to a browser, and suppressed within seconds. */
const SYLLABLES_HZ = 4;
/** Of one window of sound: 20 ms, in which the tone has almost nine periods. */
export const WINDOW = RATE / 50;
/** A tone of this share of full scale is heard; silence is well below. */
export const HEARD = 0.05;
const SILENT = 0.002;

/** A WAV file with so many seconds of a tone, at half of full scale where it is loudest. */
export function wave(seconds, hertz = TONE_HZ) {
  const swell = (i) => 0.55 - 0.45 * Math.cos((2 * Math.PI * SYLLABLES_HZ * i) / RATE);
  const samples = Int16Array.from({ length: RATE * seconds }, (_, i) => Math.round(16_384 * swell(i) * Math.sin((2 * Math.PI * hertz * i) / RATE)));
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

/** What starts a Chromium whose microphone hears this file. @param {string} file */
export const speaking = (file) => ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", `--use-file-for-fake-audio-capture=${file}`];

/** The pipeline writes what comes out of `talk` to a file, raw, as it comes. */
export class Ear {
  /** In this folder; `more` is what else is in the pipeline. @param {string} folder */
  constructor(folder, more = "") {
    this.file = join(mkdtempSync(join(folder, "ear-")), "talk.raw");
    const source = "portholesrc name=cam camera=test idle-timeout=0 ! videoscale ! video/x-raw,width=320,height=180 ! portholesink name=out gateway=127.0.0.1:0";
    this.pipeline = `${source} out.talk ! audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=${RATE},channels=1 ! filesink async=false buffer-mode=unbuffered location=${this.file}${more}`;
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

export const rms = (samples) => Math.sqrt(samples.reduce((sum, each) => sum + (each / 32_768) ** 2, 0) / Math.max(1, samples.length));
export const windows = (samples) => Array.from({ length: Math.floor(samples.length / WINDOW) }, (_, i) => samples.subarray(i * WINDOW, (i + 1) * WINDOW));
const loudest = (samples) => Math.max(0, ...windows(samples).map(rms));

/** The power at one frequency, by Goertzel's algorithm. */
export function power(samples, hertz) {
  const turn = 2 * Math.cos((2 * Math.PI * Math.round((samples.length * hertz) / RATE)) / samples.length);
  let [one, two] = [0, 0];
  for (const sample of samples) [one, two] = [sample / 32_768 + turn * one - two, one];
  return (2 * (one * one + two * two - turn * one * two)) / samples.length ** 2;
}

/** The share of the power of one second that is the tone's and its swelling's, which is a few hertz to both sides. */
export function purity(second) {
  const near = Array.from({ length: 8 * SYLLABLES_HZ + 1 }, (_, i) => TONE_HZ - 4 * SYLLABLES_HZ + i);
  return near.reduce((sum, hertz) => sum + power(second, hertz), 0) / rms(second) ** 2;
}
