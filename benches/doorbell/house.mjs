// SPDX-License-Identifier: MPL-2.0
// One door, one person, one page of Chromium: what lies between a press and the rest.

import { person, door, press, rule } from "../../tests/browser/house.mjs";
import { PATIENCE_MS } from "../../tests/browser/lib.mjs";
import { Ear, power, WINDOW, windows } from "../../tests/browser/voice.mjs";
import { own } from "../own.mjs";
import { Hook, serverWith } from "./hook.mjs";
import { Listener } from "./verdict.mjs";

/** Presses before a bell counts as rung too often; a server that is started anew has forgotten them. */
export const PRESSES = 4;
/** Far from what the door says by itself, and no multiple of it. */
export const VOICE_HZ = 2_300;
/** Beside it, where a tone of the door's that begins or ends is as loud as at the voice's. */
const BESIDE_HZ = 300;
const LOUDER = 4;
/** Windows after the first, half of which are the voice's too. */
const GOES_ON = 10;
/** Power of a voice that is heard: its syllables begin at a tenth of half of full scale, and a browser turns it down at first. */
const VOICE_POWER = 2e-5;
/** Between two looks at the file of what the loudspeaker is given. */
const LOOK_MS = 2;
/** Presses within a second are one. */
const BETWEEN_MS = 1_500;
/** From the first picture to the answer: somebody looks who it is. */
const LOOK_WHO_MS = 1_000;

const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });
/** The clock of this process as that of the page: both are this machine's. */
const now = () => performance.timeOrigin + performance.now();

/** Notes in the page when it first rings, first shows a frame, and hears its bell. */
function watchPage() {
  const clock = () => performance.timeOrigin + performance.now();
  window.noted = {};
  const note = (name) => { window.noted[name] ??= clock(); };
  const native = AudioContext.prototype.createOscillator;
  AudioContext.prototype.createOscillator = function made() {
    note("bell");
    return native.call(this);
  };
  const look = () => {
    if (document.querySelector('.call[data-state="ringing"]')) note("panel");
    const video = document.querySelector("#pictures video");
    if (video && video !== window.watched) {
      window.watched = video;
      video.requestVideoFrameCallback(() => note("frame"));
    }
  };
  document.addEventListener("DOMContentLoaded", () => new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true }));
}

/** Whether a window of sound is the voice's. @param {Int16Array} samples */
function isVoice(samples) {
  const [below, voice, above] = [-BESIDE_HZ, 0, BESIDE_HZ].map((beside) => power(samples, VOICE_HZ + beside));
  return voice > VOICE_POWER && voice > LOUDER * Math.max(below, above);
}

/** When the voice is first given to the loudspeaker, after sample `from`: what goes on is no click. @param {Ear} ear @param {number} from */
async function voiceAt(ear, from) {
  const end = performance.now() + PATIENCE_MS;
  const until = async (/** @type {() => boolean} */ there) => {
    while (!there()) {
      if (performance.now() > end) throw new Error("no voice comes");
      await pause(LOOK_MS);
    }
  };
  for (let start = from; ; start += WINDOW) {
    const listener = new Listener(start, WINDOW, isVoice);
    await until(() => ear.length >= listener.next + WINDOW && listener.take(ear.read(listener.next)));
    const at = now();
    start = listener.found;
    await until(() => ear.length >= start + (1 + GOES_ON) * WINDOW);
    const rest = windows(ear.read(start + WINDOW, GOES_ON * WINDOW));
    if (rest.filter(isVoice).length >= GOES_ON / 2) return at;
  }
}

/** @param {any} chromium @param {number} count */
export async function rounds(chromium, count) {
  const samples = { rings: [], plain: [], picture: [], firstFrame: [], answerPicture: [], answerVoice: [] };
  const hook = await Hook.start();
  const started = [hook];
  const keep = async (thing) => {
    const value = await thing;
    started.push(value);
    return value;
  };
  try {
    const { accounts, notifies } = await serverWith(rule("front", ["alice"]), hook.table("none") + hook.table("inline"));
    started.push(accounts);
    const ear = new Ear(process.env.TMPDIR);
    const { camera, button } = await door(keep, accounts, "front", "Front door", ear.pipeline);
    own(camera);
    const { password } = await accounts.user("alice");
    const page = await person(keep, accounts, chromium, "alice", password);
    await page.addInitScript(watchPage);
    for (let round = 0; round < count; round += 1) {
      if (round > 0) await anew(accounts, camera);
      await page.reload();
      await page.locator('#connection[data-state="online"]').waitFor({ state: "attached" });
      for (let n = 0; n < PRESSES; n += 1) {
        await one({ page, button, ear, hook, camera, notifies, samples });
        console.error(`${round * PRESSES + n + 1}/${count * PRESSES}: rings ${samples.rings.at(-1).toFixed(0)} ms, voice ${samples.answerVoice.at(-1).toFixed(0)} ms`);
        await pause(BETWEEN_MS);
      }
    }
  } finally {
    for (const thing of started.reverse()) await thing.stop();
  }
  return samples;
}

async function anew(accounts, camera) {
  const from = camera.lines.length;
  await accounts.program.stop();
  await accounts.serve();
  await camera.line(/porthole\/server, state=\(string\)online/, { from });
}

async function one({ page, button, ear, hook, camera, notifies, samples }) {
  await page.evaluate(() => { window.noted = {}; window.watched = null; });
  const [closed, lines, words] = [camera.lines.length, button.now, page.talk.messages.length];
  const pressed = [now(), performance.now()];
  press(button);
  const { call } = await page.talk.message("server", "call", words);
  await page.waitForFunction(() => window.noted.panel && window.noted.bell && window.noted.frame, null, { polling: 20 });
  const noted = await page.evaluate(() => window.noted);
  samples.rings.push(Math.max(noted.panel, noted.bell) - pressed[0]);
  samples.firstFrame.push(noted.frame - pressed[0]);
  if (notifies) {
    for (const [path, key] of [["none", "plain"], ["inline", "picture"]]) {
      const at = await hook.of(path, call.id);
      // One that never came is worse than any that did.
      samples[key].push((at ?? pressed[1] + 10_000) - pressed[1]);
    }
  }
  await pause(LOOK_WHO_MS);

  const from = ear.length;
  const voice = voiceAt(ear, from);
  const answered = await page.evaluate(() => new Promise((done) => {
    const clock = () => performance.timeOrigin + performance.now();
    const start = clock();
    document.querySelector("#pictures video").requestVideoFrameCallback(() => done({ start, frame: clock() }));
    document.querySelector('.call[data-state="ringing"] .answer').click();
  }));
  samples.answerPicture.push(answered.frame - answered.start);
  samples.answerVoice.push(await voice - answered.start);
  // The one before is shown for a while longer.
  await page.locator('.call:not([data-state="ended"]) .hang-up').click();
  await button.word("call", ["ended", "hung-up"], lines);
  await page.locator("#pictures video").waitFor({ state: "detached" });
  await camera.line(/porthole\/camera, .*state=\(string\)closed/, { from: closed });
}
