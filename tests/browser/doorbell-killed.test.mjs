// SPDX-License-Identifier: MPL-2.0
// A doorbell whose server is killed, without a goodbye, in each state of a call: the call goes on where it was.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { house, MICROPHONE, online, press, says, withoutPicture } from "./house.mjs";
import { browser, scene, state } from "./lib.mjs";

let chromium;
before(async () => { chromium = await browser({}, undefined, MICROPHONE); });
after(() => chromium.close());

/** Gone at once, and started again; both the page and the camera are back when it returns. */
async function restarted({ accounts, front, alice }) {
  const from = front.lines.length;
  await accounts.program.stop("SIGKILL");
  await alice.locator('#connection[data-state="reconnecting"]').waitFor({ state: "attached" });
  await accounts.serve();
  await front.line(/porthole\/server, state=\(string\)online/, { from });
  await online(alice);
}

const played = (page) => page.getByTestId("video-front").evaluate((video) => video.getVideoPlaybackQuality().totalVideoFrames);

test("a call outlives its server while it rings, when it is answered, and while people talk", () => scene(async (keep) => {
  const all = await house(keep, chromium, { people: ["alice"] });
  const { accounts, button, alice } = all;
  let release = await withoutPicture(alice);
  press(button);
  await alice.getByTestId("call-answer").waitFor();
  const { id } = (await alice.talk.message("server", "call")).call;

  await restarted(all);
  await says(alice, "Somebody is at the door.");
  await alice.getByTestId("call-answer").click();
  await button.word("call", ["answered", "alice"]);

  // Answered, and no picture yet.
  const heard = alice.talk.messages.length;
  await restarted(all);
  const told = await alice.talk.message("server", "call", heard);
  assert.deepEqual([told.call.id, told.call.state, told.call.you], [id, "answered", "answered"]);
  await release();
  await says(alice, "You are connected.");
  await button.word("call", ["talking", "alice"]);
  await alice.getByTestId("call-mute").filter({ hasText: "Mute" }).waitFor();

  // Talking: the picture does not stand still for it, and it is the same one.
  const [before, peers] = [await played(alice), await alice.evaluate(() => window.peers.length)];
  await restarted(all);
  await says(alice, "You are connected.");
  assert.ok(await played(alice) > before, "the picture stood still");
  assert.equal(await alice.evaluate(() => window.peers.length), peers, "it was connected anew");
  await state(alice, "front", "live");

  const from = button.now;
  await alice.getByTestId("call-hang-up").click();
  await button.word("call", ["ended", "hung-up"], from);
  await says(alice, "The call is over.");
  const { items } = await accounts.ask("GET", "calls");
  assert.deepEqual(items.map((call) => [call.id, call.state, call.answeredBy, call.reason]), [[id, "ended", "alice", "hung-up"]]);
  assert.deepEqual(alice.problems, []);
}));
