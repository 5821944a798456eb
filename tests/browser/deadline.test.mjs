// SPDX-License-Identifier: MPL-2.0
// A scene that hangs says where, and leaves nothing behind.

import assert from "node:assert/strict";
import { test } from "node:test";
import { within } from "./deadline.mjs";
import { Program, scene } from "./lib.mjs";

const never = new Promise(() => {});

test("a scene that waits for what never comes ends, says what it waited for, and stops what it started", async () => {
  let program;
  await assert.rejects(scene(async (keep) => {
    program = await keep(new Program("cat", [], {}, "pipe"));
    await program.line(/never said/);
  }, 200), /not over within 0.2 s; it stood at: waiting for cat to say \/never said\/ \(for 0\.\d s\)/);
  assert.notEqual(await program.exit, undefined);
});

test("a scene that waits for something without a name says what it waited for last", async () => {
  await assert.rejects(scene(async (keep) => {
    const program = await keep(new Program("echo", ["yes"]));
    await program.line(/yes/);
    await never;
  }, 200), /nothing that has a name; the last wait that ended was for echo to say \/yes\//);
});

test("a wait with a bound of its own fails by itself", async () => {
  await assert.rejects(within(50, "the end of days", never), /not within 50 ms: the end of days/);
});

test("what a scene gets to keep after its end is stopped at once", async () => {
  let given, stopped;
  const late = new Promise((done) => { given = done; });
  const gone = new Promise((done) => { stopped = done; });
  await assert.rejects(scene(async (keep) => { await keep(late); }, 50), /stood at/);
  given({ stop: stopped });
  await gone;
});
