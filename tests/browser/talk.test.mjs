// SPDX-License-Identifier: MPL-2.0
// The viewer's voice at the robot: Chromium's fake microphone plays a tone, and what comes out of the pad `talk` is measured.
// Runs alone: sound is made, heard and judged in real time.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { browser, enrolled, PATIENCE_MS, scene, Server, visitor, watch } from "./lib.mjs";
import { Ear, HEARD, RATE, TONE_HZ, WINDOW, purity, rms, speaking, wave } from "./voice.mjs";

/**
 * From the end of a permission to silence in the file. The promise is 100 ms: proven under a clock of its own in
 * src/talk/stage_tests.rs, and counted in tests/elements/talk.rs.
 */
const CUT_MS = 1_000;
const ALL = ["--perms", "view,listen,talk,control"];

let chromium, folder;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "porthole-talk-"));
  const tone = join(folder, "tone.wav");
  writeFileSync(tone, wave(10));
  chromium = await browser({}, undefined, speaking(tone));
});
after(async () => {
  await chromium.close();
  rmSync(folder, { recursive: true, force: true });
});

async function robot(keep, { viewer = ALL, bob = ALL } = {}) {
  const server = await keep(Server.start({ viewer, bob }));
  const ear = new Ear(folder);
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
  await page.getByTestId("talk-front").waitFor({ state: "hidden" });
  await page.getByTestId("notice-front").filter({ hasText: "You may no longer talk." }).waitFor();
  assert.equal(await page.getByTestId("hold-front").getAttribute("aria-pressed"), "false");
  await ear.silent();
}));

test("without the permission nothing is heard, whatever the page does", () => scene(async (keep) => {
  const { server, ear } = await robot(keep, { viewer: ["--perms", "view"] });
  const page = await visitor(chromium, server.link);
  await watch(page, "front");
  assert.ok(await page.getByTestId("hold-front").isDisabled());
  assert.equal(await page.getByTestId("talk-front").isVisible(), false);
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
