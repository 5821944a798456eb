// SPDX-License-Identifier: MPL-2.0
// A doorbell from the press to the goodbye: a program at the camera, the server, and the pages of those who live there.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Accounts } from "./accounts.mjs";
import { browser, enrolled, scene, state } from "./lib.mjs";
import { gatewayOf, Robot } from "./programs.mjs";

const SOURCE = "portholesrc name=cam camera=test idle-timeout=0 ! videoscale ! video/x-raw,width=320,height=180";
const DOOR = `${SOURCE} ! portholesink name=out gateway=127.0.0.1:0 out.talk ! fakesink async=false`;
const RULE = '\n[[doorbell]]\ncamera = "front"\nring = ["alice", "bob"]\n';

let chromium;
before(async () => { chromium = await browser({}, undefined, ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]); });
after(() => chromium.close());

/** A house in which alice and bob have a page open, neither of whom has booked anything, and a button at the door. */
async function house(keep) {
  const accounts = await keep(Accounts.start({ configured: (url) => `url = "${url}/"\n${RULE}` }));
  const key = await accounts.camera("Front door", "front");
  const people = [];
  for (const name of ["alice", "bob"]) {
    const { password } = await accounts.user(name);
    const page = await accounts.signedIn(chromium, name, password);
    await keep({ stop: () => page.context().close() });
    await page.locator('#connection[data-state="online"]').waitFor({ state: "attached" });
    people.push(page);
  }
  const front = await keep(enrolled(key, DOOR));
  const button = await keep(Robot.start(await gatewayOf(front), "button"));
  return { accounts, front, button, alice: people[0], bob: people[1] };
}

const press = (button) => button.say({ text: "porthole ring {}" });
const says = (page, words) => page.locator("#calls .words").filter({ hasText: words }).first().waitFor();

test("a press rings open pages with a picture; who answers first has the call and talks, and when it is over nobody may look", () => scene(async (keep) => {
  const { front, button, alice, bob } = await house(keep);
  press(button);
  for (const page of [alice, bob]) await page.getByTestId("call-answer").waitFor();
  assert.match(await alice.title(), /Front door.? rings/);
  // Who stands there is seen before anybody answers, and there is a picture of the press to look back at.
  await state(alice, "front", "live");
  await alice.waitForFunction(() => [...document.querySelectorAll("img")].some((image) => image.src.includes("/snapshot") && image.naturalWidth > 0));

  await alice.getByTestId("call-answer").click();
  await says(bob, /alice.? has answered/);
  await alice.getByTestId("call-mute").filter({ hasText: "Mute" }).waitFor();
  await says(alice, "You are connected.");
  await button.word("call", ["talking", "alice"]);

  const from = front.lines.length;
  await alice.getByTestId("call-hang-up").click();
  await button.word("call", ["ended", "hung-up"]);
  await front.line(/porthole\/call, .*state=\(string\)ended/, { from });
  for (const page of [alice, bob]) await says(page, "The call is over.");
  // The right ended with it.
  assert.ok(front.lines.slice(from).some((line) => /porthole\/viewer-left/.test(line)) || await front.line(/porthole\/viewer-left/, { from }));
  await alice.getByTestId("camera-front").waitFor({ state: "detached" });
}));

test("one declines and it rings on for the other, who says that nobody is at home", () => scene(async (keep) => {
  const { button, alice, bob } = await house(keep);
  press(button);
  await bob.getByTestId("call-decline").click();
  await says(bob, "You have declined.");
  await alice.getByTestId("call-nobody").click();
  await button.word("call", ["ended", "nobody-home"]);
  await says(alice, "nobody is at home");
}));
