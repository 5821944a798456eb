// SPDX-License-Identifier: MPL-2.0
// What time alone does to a call, at four doors at once: nobody answers; somebody answers and has no picture; a telephone dies in the
// middle of it; and whoever comes too late. Nearly all of it is waiting.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Accounts } from "./accounts.mjs";
import { door, MICROPHONE, person, press, rule, says, withoutPicture } from "./house.mjs";
import { browser, scene, state } from "./lib.mjs";
import { Freezer } from "./programs.mjs";

/** The server's, from signaling/src/room/calls/call.rs, with what a busy machine adds. */
const NO_ANSWER_MS = [45_000, 60_000];
const NO_MEDIA_MS = [20_000, 35_000];
/** The page may come back for half a minute, and the picture for ten seconds more. */
const NO_BYE_MS = [10_000, 60_000];
const PEOPLE = { silent: "alice", blind: "bob", dying: "carol" };

let chromium;
before(async () => { chromium = await browser({}, undefined, MICROPHONE); });
after(() => chromium.close());

/** Waits for the end of a call at a door; how long after `start` it came. */
async function ended(button, reason, start, [least, most]) {
  await button.program.line(new RegExp(`porthole call (?=.*\\bended\\b)(?=.*\\b${reason}\\b)`), { patience: most + 10_000 });
  const ms = performance.now() - start;
  console.log(`${reason} after ${(ms / 1000).toFixed(1)} s`);
  assert.ok(ms > least - 1_000 && ms < most, `${reason} after ${ms} ms`);
}

test("nobody answers, an answer without a picture and a telephone that dies each end the call by themselves, in their time", () => scene(async (keep) => {
  const rules = Object.entries(PEOPLE).map(([camera, name]) => rule(camera, [name])).join("");
  const accounts = await keep(Accounts.start({ configured: (url) => `url = "${url}/"\n${rules}` }));
  const mortal = await keep(Freezer.start(MICROPHONE));
  const scenes = Object.entries(PEOPLE).map(async ([camera, name]) => {
    const { password } = await accounts.user(name);
    const page = await person(keep, accounts, camera === "dying" ? mortal.browser : chromium, name, password);
    return { page, password, ...await door(keep, accounts, camera) };
  });
  const [silent, blind, dying] = await Promise.all(scenes);

  const nobody = async () => {
    const start = performance.now();
    press(silent.button);
    await silent.page.getByTestId("call-answer").waitFor();
    await ended(silent.button, "no-answer", start, NO_ANSWER_MS);
    await says(silent.page, "Nobody answered.");
    assert.doesNotMatch(await silent.page.title(), /rings/);
    // Nobody may look any more who was rung alone.
    await silent.page.getByTestId("camera-silent").waitFor({ state: "detached" });
  };
  const noPicture = async () => {
    await withoutPicture(blind.page);
    press(blind.button);
    await blind.page.getByTestId("call-answer").click();
    const start = performance.now();
    await ended(blind.button, "no-media", start, NO_MEDIA_MS);
    await says(blind.page, "The picture was lost");
  };
  const noGoodbye = async () => {
    press(dying.button);
    await dying.page.getByTestId("call-answer").click();
    await dying.button.word("call", ["talking", "carol"]);
    await state(dying.page, "dying", "live");
    const start = performance.now();
    await mortal.server.kill();
    await ended(dying.button, "no-media", start, NO_BYE_MS);
  };
  await Promise.all([nobody(), noPicture(), noGoodbye()]);
  const { items } = await accounts.ask("GET", "calls");
  const of = (camera) => items.filter((call) => call.camera === camera).map(({ state, reason, answeredBy }) => [state, reason, answeredBy]);
  assert.deepEqual(of("silent"), [["ended", "no-answer", undefined]]);
  assert.deepEqual(of("blind"), [["ended", "no-media", "bob"]]);
  assert.deepEqual(of("dying"), [["ended", "no-media", "carol"]]);
}));
