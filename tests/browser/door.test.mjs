// SPDX-License-Identifier: MPL-2.0
// The door of a doorbell: whoever has answered holds a button, and a program at the camera opens.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Accounts } from "./accounts.mjs";
import { browser, enrolled, scene } from "./lib.mjs";
import { gatewayOf, Robot } from "./programs.mjs";

const SOURCE = "portholesrc name=cam camera=test idle-timeout=0 ! videoscale ! video/x-raw,width=320,height=180";
const DOOR = `${SOURCE} ! portholesink name=out gateway=127.0.0.1:0 out.talk ! fakesink async=false`;
const RULE = '\n[[doorbell]]\ncamera = "front"\nring = ["alice", "bob"]\ndoor = ["alice"]\n';
/** A telephone. */
const PHONE = { width: 390, height: 844 };

let chromium;
before(async () => { chromium = await browser({}, undefined, ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]); });
after(() => chromium.close());

async function house(keep) {
  const accounts = await keep(Accounts.start({ configured: (url) => `url = "${url}/"\n${RULE}` }));
  const key = await accounts.camera("Front door", "front");
  const people = [];
  for (const name of ["alice", "bob"]) {
    const { password } = await accounts.user(name);
    const page = await accounts.signedIn(chromium, name, password);
    await page.setViewportSize(PHONE);
    await keep({ stop: () => page.context().close() });
    await page.locator('#connection[data-state="online"]').waitFor({ state: "attached" });
    people.push(page);
  }
  const front = await keep(enrolled(key, DOOR));
  const gateway = await gatewayOf(front);
  const button = await keep(Robot.start(gateway, "button"));
  const door = await keep(Robot.start(gateway, "door"));
  return { accounts, front, button, door, alice: people[0], bob: people[1] };
}

const says = (page, words) => page.locator("#calls .door-words").filter({ hasText: words }).first().waitFor();
const opens = (door) => door.words.filter(([word]) => word === "open");

/** Holds the button with the mouse, until something. */
async function hold(page, until) {
  const box = await page.getByTestId("open-door").boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await until();
  await page.mouse.up();
}

test("whoever has answered holds the button and the door opens; others have none, and a touch in passing opens nothing", () => scene(async (keep) => {
  const { accounts, button, door, alice, bob } = await house(keep);
  button.say({ text: "porthole ring {}" });
  await alice.getByTestId("call-answer").click();
  const open = alice.getByTestId("open-door");
  await open.waitFor();
  const { width, height } = await open.boundingBox();
  assert.ok(width > 200 && height >= 60, `${width} x ${height} is for a thumb`);
  assert.equal(await bob.getByTestId("open-door").isVisible(), false);

  await hold(alice, () => alice.locator('.door[data-state="holding"]').waitFor());
  await says(alice, "Hold the button until it is full.");
  assert.equal(opens(door).length, 0);

  await hold(alice, () => door.word("open", ["alice"]));
  const [, { id }] = opens(door).at(-1);
  door.say({ text: `porthole opened {"id":${id}}` });
  await says(alice, "The door is open.");

  // By the keyboard, and the door says no.
  await open.focus();
  const from = door.now;
  await alice.keyboard.down("Space");
  await door.word("open", ["alice"], from);
  await alice.keyboard.up("Space");
  const [, second] = opens(door).at(-1);
  door.say({ text: `porthole refused {"id":${second.id},"reason":"It is bolted."}` });
  await says(alice, "It is bolted.");

  await alice.getByTestId("call-hang-up").click();
  await button.word("call", ["ended", "hung-up"]);
  await open.waitFor({ state: "hidden" });
  const { items } = await accounts.ask("GET", "calls");
  assert.ok(Date.parse(items[0].doorOpened) > 0, JSON.stringify(items[0]));
  const log = (await accounts.ask("GET", "audit")).items.map(({ action, user }) => [action, user]);
  for (const action of ["door.opened", "door.refused"]) assert.ok(log.some(([did, user]) => did === action && user === "alice"), JSON.stringify(log));
}));

test("a program that is not there, and a right that is taken while the button is held, are said", () => scene(async (keep) => {
  const { button, door, alice } = await house(keep);
  button.say({ text: "porthole ring {}" });
  await alice.getByTestId("call-answer").click();
  await alice.getByTestId("open-door").waitFor();
  // The visitor goes while she holds it.
  await hold(alice, async () => {
    await alice.locator('.door[data-state="holding"]').waitFor();
    button.say({ text: "porthole hang-up {}" });
    await button.word("call", ["ended", "hung-up-at-door"]);
    await alice.getByTestId("open-door").waitFor({ state: "hidden" });
  });
  assert.equal(opens(door).length, 0);
  await door.stop();
  await alice.locator("#calls li").first().waitFor({ state: "detached", timeout: 15_000 });
  const from = button.now;
  button.say({ text: "porthole ring {}" });
  await button.word("call", ["ringing"], from);
  await alice.getByTestId("call-answer").last().click();
  await says(alice, "No program at the camera opens the door now.");
  assert.equal(await alice.getByTestId("open-door").last().isDisabled(), true);
}));
