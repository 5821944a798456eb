// SPDX-License-Identifier: MPL-2.0
// `porthole-signaling key rotate` while people watch: the server signs with other keys, and no picture stops.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Accounts } from "./accounts.mjs";
import { browser, BUILT, enrolled, GAP_MS, Program, scene, state } from "./lib.mjs";
import { longestGap, presented, record } from "./record.mjs";
import { join } from "node:path";

const CAMERA = "portholesrc camera=test idle-timeout=0 ! videoscale ! video/x-raw,width=320,height=180 ! portholesink";

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium?.close());

async function rotate(accounts) {
  const program = new Program(join(BUILT, "porthole-signaling"), ["key", "rotate", "--data-dir", accounts.data]);
  assert.equal(await program.exit, 0, program.lines.join("\n"));
}

/** Someone who watches, with a record of it. */
async function spectator(keep, accounts, { name, password }) {
  const page = await keep(accounts.signedIn(chromium, name, password));
  await state(page, "front", "live");
  await record(page, "front");
  await presented(page, 5);
  return page;
}

test("keys rotate under a picture that goes on, and cameras of every age follow", () => scene(async (keep) => {
  const accounts = await keep(Accounts.start());
  const people = [];
  for (const name of ["alice", "bob", "carol"]) {
    const { password } = await accounts.user(name);
    people.push({ name, password });
  }
  const key = await accounts.camera("Front", "front");
  for (const { name } of people) await accounts.book("front", name, -1_000, 600_000);
  const front = await keep(enrolled(key, CAMERA));
  const alice = await spectator(keep, accounts, people[0]);

  await rotate(accounts);
  const bob = await spectator(keep, accounts, people[1]);
  await rotate(accounts);

  // The server forgets everything but its keys: the camera's sessions are known by their signatures.
  await accounts.program.stop("SIGKILL");
  const from = alice.talk.messages.length;
  await accounts.serve();
  await alice.talk.message("server", "sessionResumed", from);
  for (const page of [alice, bob]) {
    await presented(page, 5);
    const gap = await longestGap(page);
    assert.ok(gap < GAP_MS, `${gap} ms without a new frame`);
    assert.equal(page.talk.count("page", "startSession"), 1);
  }
  assert.ok(!front.lines.some((line) => /porthole\/viewer-(left|refused)/.test(line)));

  // A camera that starts again knows nothing but the key it was enrolled with.
  await front.stop();
  await keep(enrolled(key, CAMERA));
  await spectator(keep, accounts, people[2]);
  assert.deepEqual([alice, bob].flatMap(({ problems }) => problems), []);
}));
