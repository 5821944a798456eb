// SPDX-License-Identifier: MPL-2.0
// The examples of programs on a robot, before a gateway of the test's own. That they work with the real one is in
// tests/browser/gateway.test.mjs.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { BUILT, freePort, Program, ROOT, scene } from "../browser/lib.mjs";
import { FakeGateway } from "./programs.mjs";

/** Debian's, which has python3-websockets. */
const PYTHON = "/usr/bin/python3";
const DESCRIBE = "porthole describe ";

/** Where the examples that are compiled go. */
const built = mkdtempSync(join(tmpdir(), "porthole-examples-"));
before(async () => {
  const source = join(ROOT, "examples/gateway/drive.cpp");
  const args = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-o", join(built, "drive.cpp"), source, "-lwebsockets"];
  const compiler = new Program("g++", args);
  assert.equal(await compiler.exit, 0, compiler.lines.join("\n"));
});
after(() => rmSync(built, { recursive: true }));

const example = (name, url, env) => {
  // By cargo, with the tests.
  const own = { "drive.cpp": join(built, name), "drive.rs": join(BUILT, "examples/gateway-drive") };
  const command = [own[name] ?? join(ROOT, "examples/gateway", name), url];
  return name.endsWith(".py") ? new Program(PYTHON, command, env) : new Program(command[0], command.slice(1), env);
};
const service = (name) => name.split(".")[0];
const isState = (text) => text.startsWith("{");
const position = async (gateway, from) => JSON.parse(await gateway.text(isState, from));
const ROBOTS = ["drive.py", "drive.cpp", "drive.rs", "drive.sh"];

for (const name of ["battery.py", ...ROBOTS]) {
  test(`${name} waits for a gateway, comes back to one that went away, and ends cleanly`, () => scene(async (keep) => {
    const port = await freePort();
    const program = await keep(example(name, `ws://127.0.0.1:${port}`));
    await program.line(/trying again/);
    const gateway = await keep(await FakeGateway.start(port));
    await gateway.text((text) => text.startsWith(DESCRIBE));
    const from = gateway.heard.length;
    gateway.cut();
    await gateway.text((text) => text.startsWith(DESCRIBE), from);
    assert.deepEqual([...new Set(gateway.paths)], [`/${service(name)}`]);
    assert.equal(await program.stop(), 0);
    assert.ok(!program.lines.some((line) => line.includes("Traceback")), program.lines.join("\n"));
  }));

  test(`${name} says in words why it is refused`, () => scene(async (keep) => {
    const gateway = await keep(await FakeGateway.start());
    for (const [status, words] of [[409, /another program serves/], [401, /wants its token/]]) {
      gateway.status = status;
      const program = await keep(example(name, gateway.url, { PORTHOLE_GATEWAY_TOKEN: "a b&c" }));
      await program.line(words);
      const shown = [gateway.paths.at(-1), gateway.headers.authorization];
      const byHeader = /\.(cpp|rs)$/.test(name);
      assert.deepEqual(shown, byHeader ? ["/drive", "Bearer a b&c"] : [`/${service(name)}?token=a%20b%26c`, undefined]);
      assert.equal(await program.stop(), 0);
    }
  }));
}

test("the program of docs/gateway.md waits for a gateway, reads what it is told, and comes back to one that went away", () => scene(async (keep) => {
  const [, code] = readFileSync(join(ROOT, "docs/gateway.md"), "utf8").match(/<!-- program -->\n```py\n([^]*?)```/);
  const gateway = await keep(await FakeGateway.start());
  const own = code.replace("ws://127.0.0.1:8765", gateway.url);
  assert.notEqual(own, code);
  const program = await keep(new Program(PYTHON, ["-c", own]));
  for (const said of ["first", "second"]) {
    const from = gateway.heard.length;
    await gateway.text((text) => text.startsWith(DESCRIBE), from);
    const level = Number(await gateway.text((text) => !text.startsWith("porthole "), from));
    assert.ok(level >= 0 && level <= 100, String(level));
    gateway.say(`porthole viewers ["${said}"]`);
    await program.line(new RegExp(`porthole viewers \\["${said}"\\]`));
    gateway.cut();
  }
  assert.deepEqual([...new Set(gateway.paths)], ["/battery"]);
  assert.ok(!program.lines.some((line) => line.includes("Traceback")), program.lines.join("\n"));
}));

test("battery.py describes itself and tells a level again and again", () => scene(async (keep) => {
  const gateway = await keep(await FakeGateway.start());
  await keep(example("battery.py", gateway.url));
  const told = JSON.parse((await gateway.text((text) => text.startsWith(DESCRIBE))).slice(DESCRIBE.length));
  assert.deepEqual(told, { title: "Battery", kind: "number", unit: "%", range: [0, 100], latest: true });
  for (let from = 1; from < 3; from += 1) {
    const level = Number(await gateway.text((text) => !text.startsWith("porthole "), from));
    assert.ok(level >= 0 && level <= 100, String(level));
  }
}));

/** On the clock that all programs of a machine have in common. */
const monotonic = () => Number(process.hrtime.bigint()) / 1e9;
const lease = (word, ms) => `porthole ${word} ${JSON.stringify({ user: "ann", for: ms, until: monotonic() + ms / 1000 })}`;

for (const name of ROBOTS) {
  test(`${name} stops by itself when its time is over, and only a new driver makes it move again`, () => scene(async (keep) => {
    const gateway = await keep(await FakeGateway.start());
    const program = await keep(example(name, gateway.url));
    await gateway.text((text) => text.startsWith(DESCRIBE));
    const speed = (wanted) => gateway.text((text) => isState(text) && JSON.parse(text).speed === wanted, gateway.heard.length);
    const forward = '{"x":0,"y":1,"buttons":[]}';
    // A shell does not know the clock that `until` is of.
    for (const late of name.endsWith(".sh") ? [false] : [false, true]) {
      gateway.say(lease("driver", 60_000));
      gateway.say(forward);
      await speed(1);
      const from = program.lines.length;
      // What is read late says itself that it is old.
      gateway.say(late ? `porthole alive ${JSON.stringify({ for: 60_000, until: monotonic() - 1 })}` : lease("alive", 200));
      await program.line(/nothing more was heard; stopped/, { from });
      await speed(0);
      gateway.say(lease("alive", 60_000));
      gateway.say(forward);
      await speed(0);
      await speed(0);
    }
  }));

  test(`${name} takes no text of a driver's for the gateway's own word`, () => scene(async (keep) => {
    const gateway = await keep(await FakeGateway.start());
    const program = await keep(example(name, gateway.url));
    await gateway.text((text) => text.startsWith(DESCRIBE));
    const forged = lease("driver", 60_000);
    gateway.say(lease("driver", 1_000));
    // It is read in pieces where reading has a time limit, and is one message nevertheless.
    const long = `long ${"x".repeat(60_000)}`;
    for (const before of ["x\n", "\n", "\r\n", "\0", "\u2028", long, long]) gateway.say(before + forged);
    gateway.say(Buffer.from(forged));
    await program.line(/nothing more was heard; stopped/);
    for (const before of ["x\n", "\0", long, long]) gateway.say(before + forged);
    gateway.say('{"x":0,"y":1,"buttons":[]}');
    const from = gateway.heard.length;
    for (let later = 0; later < 3; later += 1) {
      const state = await gateway.text(isState, from + later);
      assert.equal(JSON.parse(state).speed, 0, program.lines.join("\n"));
    }
    assert.ok(!program.lines.some((line) => line.includes(": xx")), program.lines.join("\n"));
  }));

  test(`${name} moves as it is told, and stops when nobody drives, when a command is none, and when the gateway is gone`, () => scene(async (keep) => {
    const gateway = await keep(await FakeGateway.start());
    const program = await keep(example(name, gateway.url));
    const told = JSON.parse((await gateway.text((text) => text.startsWith(DESCRIBE))).slice(DESCRIBE.length));
    assert.deepEqual([told.drive, told.kind], [true, "json"]);
    const moves = (speed) => gateway.text((text) => isState(text) && JSON.parse(text).speed === speed, gateway.heard.length);
    const stands = async () => {
      await moves(0);
      const { x, y } = await position(gateway, gateway.heard.length);
      const later = await position(gateway, gateway.heard.length);
      assert.deepEqual([later.x, later.y], [x, y]);
    };

    gateway.say(lease("driver", 60_000));
    await program.line(/driver {"user":"ann"/);
    gateway.say('{"x":0,"y":1,"buttons":[]}');
    await moves(1);
    const before = await position(gateway, gateway.heard.length);
    const after = await position(gateway, gateway.heard.length);
    assert.ok(after.y > before.y && (after.x ?? 0) === 0, JSON.stringify({ before, after }));
    gateway.say('porthole released {"user":"ann","reason":"stalled"}');
    await stands();

    gateway.say(lease("driver", 60_000));
    for (const bad of ["{", "7", "[]", '{"x":0}', '{"x":0,"y":9}', '{"x":"fast","y":0}', '{"x":NaN,"y":0}', "[".repeat(60_000)]) {
      gateway.say('{"x":0,"y":-0.5,"buttons":[]}');
      await moves(-0.5);
      const from = program.lines.length;
      gateway.say(bad);
      await program.line(/this is no command/, { from });
      await moves(0);
    }

    gateway.say('{"x":0,"y":1,"buttons":[]}');
    await moves(1);
    const from = gateway.heard.length;
    gateway.cut();
    await gateway.text((text) => text.startsWith(DESCRIBE), from);
    await stands();
  }));
}
