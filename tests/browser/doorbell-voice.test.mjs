// SPDX-License-Identifier: MPL-2.0
// A call in which both sides are heard: the tone of a telephone's microphone at the door's loudspeaker, and that of the door's
// microphone at the page.
// Runs alone: sound is made, heard and judged in real time.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { house, PHONE, press, says } from "./house.mjs";
import { browser, PATIENCE_MS, scene } from "./lib.mjs";
import { Ear, HEARD, RATE, TONE_HZ, WINDOW, purity, rms, speaking, wave } from "./voice.mjs";

/** What the door's microphone hears: no multiple of what the page's does. */
const DOOR_HZ = 1_000;
/** A tone is this much louder than all else that is heard. */
const CLEAR_DB = 20;
/** The share of the sound's power that is the tone's. */
const PURE = 0.8;

let chromium, folder;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "porthole-voice-"));
  const tone = join(folder, "tone.wav");
  writeFileSync(tone, wave(10));
  chromium = await browser({}, undefined, speaking(tone));
});
after(async () => {
  await chromium.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Waits until the page plays a tone alone; its frequency, how loud it is beside all others, in dB, and whether anybody hears it. */
const heardAtPage = (page) => page.getByTestId("video-front").evaluate((video, [clear, patience]) => new Promise((done, fail) => {
  const context = new AudioContext();
  const analyser = Object.assign(context.createAnalyser(), { fftSize: 8_192, smoothingTimeConstant: 0 });
  context.createMediaStreamSource(video.srcObject).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  const late = setTimeout(() => fail(new Error(`nothing is heard, ${JSON.stringify({ muted: video.muted, loudest: Math.max(...bins) })}`)), patience);
  const timer = setInterval(() => {
    analyser.getFloatFrequencyData(bins);
    const loudest = Math.max(...bins);
    const at = bins.indexOf(loudest);
    const above = loudest - Math.max(...bins.filter((_, i) => Math.abs(i - at) > 8));
    // Silence is -Infinity, and noise far below. At first the browser stretches the sound until it has enough of it.
    if (!(loudest > -50 && above > clear)) return;
    clearTimeout(late);
    clearInterval(timer);
    done({ hertz: (at * context.sampleRate) / analyser.fftSize, above, muted: video.muted });
  }, 50);
}), [CLEAR_DB, PATIENCE_MS]);

test("in a call the visitor hears who has answered, and that one the visitor, until somebody hangs up", () => scene(async (keep) => {
  const ear = new Ear(folder, ` audiotestsrc is-live=true freq=${DOOR_HZ} volume=0.3 ! audio/x-raw,rate=48000,channels=1 ! out.audio`);
  const { front, button, alice } = await house(keep, chromium, { people: ["alice"], pipeline: ear.pipeline, options: PHONE });
  press(button);
  await alice.getByTestId("call-answer").tap();
  await says(alice, "You are connected.");
  await alice.getByTestId("call-mute").filter({ hasText: "Mute" }).waitFor();
  const { hertz, above, muted } = await heardAtPage(alice);
  console.log(`at the page: ${hertz.toFixed(0)} Hz, ${above.toFixed(0)} dB above all else`);
  assert.ok(Math.abs(hertz - DOOR_HZ) < 10, `${hertz} Hz`);
  assert.equal(muted, false);

  // What the door says by itself is over, and the browser's own level control has settled.
  await ear.heard();
  const from = ear.length;
  await ear.until(() => ear.length >= from + RATE * 4, WINDOW, "no sound comes");
  const sound = ear.read(from + RATE * 3, RATE);
  const share = purity(sound);
  console.log(`at the door: level ${rms(sound).toFixed(3)}, ${(share * 100).toFixed(1)} % of it at ${TONE_HZ} Hz`);
  assert.ok(rms(sound) > HEARD && share > PURE, `a level of ${rms(sound)}, ${share} of it the tone`);

  // Mute is silence at the door, and the call goes on.
  await alice.getByTestId("call-mute").tap();
  await ear.silent();
  await alice.getByTestId("call-mute").filter({ hasText: "Speak" }).tap();
  await ear.heard();
  const lines = front.lines.length;
  await alice.getByTestId("call-hang-up").tap();
  await button.word("call", ["ended", "hung-up"]);
  await front.line(/porthole\/viewer-left/, { from: lines });
  await ear.silent();

  // The next one is heard as the first was.
  const next = button.now;
  press(button);
  await alice.locator('.call[data-state="ringing"]').getByTestId("call-answer").tap();
  await button.word("call", ["talking", "alice"], next);
  await ear.heard();
  await alice.getByTestId("call-mute").filter({ hasText: "Mute" }).waitFor();
  assert.deepEqual(alice.problems, []);
}));
