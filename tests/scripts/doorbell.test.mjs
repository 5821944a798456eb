// SPDX-License-Identifier: MPL-2.0
// scripts/doorbell: a button that rings, before a gateway of the test's own and with a gpiomon of its own, of either version.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { freePort, Program, ROOT, scene } from "../browser/lib.mjs";
import { FakeGateway } from "./programs.mjs";

const DOORBELL = join(ROOT, "scripts/doorbell");
const RING = "porthole ring {}";
const DOOR = join(ROOT, "examples/gateway/door.py");
const isRing = (text) => text === RING;
const rings = (gateway) => gateway.heard.filter(isRing).length;
/** Waits for so many rings in all. */
const nth = async (gateway, count) => {
  for (let from = 0; rings(gateway) < count; from = gateway.heard.length) await gateway.text(isRing, from);
};

/** A folder with programs in place of gpiod's: `edges` is what gpiomon prints. */
async function gpio(keep, version, edges, chips = "gpiochip0 [pinctrl-bcm2711] (58 lines)\ngpiochip1 [raspberrypi-exp-gpio] (8 lines)", relay = "") {
  const folder = mkdtempSync(join(tmpdir(), "porthole-gpio-"));
  await keep({ stop: () => rmSync(folder, { recursive: true, force: true }) });
  const program = (name, text) => writeFileSync(join(folder, name), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
  program("gpiodetect", `echo "${chips}"`);
  program("gpiomon", `
    if [ "$1" = --version ]; then echo "gpiomon (libgpiod) v${version}"; exit; fi
    printf '%s\\n' "$*" >>${join(folder, "asked")}
    ${edges}
    exec sleep 600`);
  program("gpioset", `
    if [ "$1" = --version ]; then echo "gpioset (libgpiod) v${version}"; exit; fi
    printf '%s\\n' "$*" >>${join(folder, "set")}
    ${relay}`);
  const read = (name) => readFileSync(join(folder, name), "utf8").trim();
  return { env: { PATH: `${folder}:${process.env.PATH}` }, asked: () => read("asked"), set: () => read("set").split("\n") };
}

const start = (keep, gateway, env = {}, args = [], input = "ignore") => keep(new Program(DOORBELL, args, { GATEWAY: gateway.url, ...env }, input));

test("Enter rings, and what becomes of it is said", () => scene(async (keep) => {
  const gateway = await keep(await FakeGateway.start());
  const doorbell = await start(keep, gateway, {}, ["--key"], "pipe");
  await doorbell.line(/connected/);
  doorbell.process.stdin.write("\n");
  await nth(gateway, 1);
  await doorbell.line(/^doorbell: rung/);
  assert.deepEqual(gateway.paths, ["/doorbell"]);
  gateway.say('porthole call {"id":"c","ringId":"r","state":"ringing"}');
  gateway.say('porthole call {"id":"c","ringId":"r","state":"answered","by":"al\\nice"}');
  gateway.say('porthole call {"id":"c","ringId":"r","state":"ended","reason":"no-answer"}');
  await doorbell.line(/^doorbell: answered by al ice$/);
  await doorbell.line(/^doorbell: ended \(no-answer\)$/);
  gateway.say('porthole error {"code":"bad-word","message":"the words are"}');
  await doorbell.line(/^doorbell: the words are$/);
}));

test("a press while the gateway is away rings when it is back", () => scene(async (keep) => {
  const port = await freePort();
  const doorbell = await start(keep, { url: `ws://127.0.0.1:${port}` }, {}, ["--key"], "pipe");
  await doorbell.line(/trying again/);
  doorbell.process.stdin.write("\n");
  const gateway = await keep(await FakeGateway.start(port));
  await nth(gateway, 1);
  gateway.cut();
  await doorbell.line(/trying again/, { from: doorbell.lines.length });
  doorbell.process.stdin.write("\n");
  await nth(gateway, 2);
  assert.equal(rings(gateway), 2);
}));

test("--once rings once and ends with the call", () => scene(async (keep) => {
  const gateway = await keep(await FakeGateway.start());
  const doorbell = await start(keep, gateway, { PORTHOLE_GATEWAY_TOKEN: "a b" }, ["--once"]);
  await nth(gateway, 1);
  assert.deepEqual(gateway.paths, ["/doorbell?token=a%20b"]);
  gateway.say('porthole call {"id":"c","ringId":"r","state":"ended","reason":"declined"}');
  assert.equal(await doorbell.exit, 0, doorbell.lines.join("\n"));
  assert.equal(rings(gateway), 1);
}));

// A contact that bounces when it is pressed and let go, a spark of 1 ms, and a press that is held.
const BOUNCING = `
  sleep 0.3
  echo 0; echo 1; echo 0; sleep 0.2
  echo 1; echo 0; echo 1; sleep 0.2
  echo 0; sleep 0.001; echo 1; sleep 0.2
  echo 0`;

test("gpiomon 1.6: two presses of a contact that bounces ring twice, and a spark does not", () => scene(async (keep) => {
  const gateway = await keep(await FakeGateway.start());
  const button = await gpio(keep, "1.6.3", BOUNCING);
  const doorbell = await start(keep, gateway, { ...button.env, BOUNCE_MS: "50" });
  await doorbell.line(/line 17 of gpiochip0, active low/);
  await nth(gateway, 2);
  assert.equal(button.asked(), "-B pull-up -F %e gpiochip0 17");
  assert.equal(rings(gateway), 2);
}));

test("gpiomon 1.6: a button to 3.3 V rings when the line rises", () => scene(async (keep) => {
  const gateway = await keep(await FakeGateway.start());
  const button = await gpio(keep, "1.6.3", "echo 0; sleep 0.2; echo 1");
  await start(keep, gateway, { ...button.env, ACTIVE: "high", LINE: "4" });
  await nth(gateway, 1);
  assert.equal(button.asked(), "-B pull-down -F %e gpiochip0 4");
}));

test("gpiomon 2: the kernel debounces, and each line is a press", () => scene(async (keep) => {
  const gateway = await keep(await FakeGateway.start());
  const button = await gpio(keep, "2.2", "sleep 0.3; echo press; sleep 0.3; echo press", "gpiochip0 [pinctrl-rp1] (54 lines)\ngpiochip10 [gpio-brcmstb@107d508500] (32 lines)");
  await start(keep, gateway, button.env);
  await nth(gateway, 2);
  assert.equal(button.asked(), "-c gpiochip0 -b pull-up -e falling -p 20ms -F press 17");
}));

// A gpioset that holds the line until its time is over, which is when it is told.
const HOLDS = 'case "$*" in *=1) exec sleep 2 ;; esac';
const relay = (keep, gateway, gpioset, env = {}) =>
  keep(new Program("/usr/bin/python3", [DOOR, gateway.url], { ...gpioset.env, DOOR_LINE: "27", DOOR_SECONDS: "2", ...env }));
const open = (id, more = {}) => `porthole open ${JSON.stringify({ id, user: "al\nice", for: 1500, ...more })}`;
const answered = (gateway, id, from) => gateway.text((text) => /^porthole (opened|refused)/.test(text) && JSON.parse(text.split(" ").slice(2).join(" ")).id === id, from);

for (const [version, rest, closed] of [
  ["1.6.3", "gpiochip0 27=0", "-m time -s 2 gpiochip0 27=1"], ["2.2", "-c gpiochip0 -t 0 27=0", "-c gpiochip0 -t 2s,0 27=1"],
]) {
  test(`door.py with gpioset ${version}: the relay closes for its time, and the line is at rest before and after`, () => scene(async (keep) => {
    const gateway = await keep(await FakeGateway.start());
    const gpioset = await gpio(keep, version, "", undefined, HOLDS);
    const door = await relay(keep, gateway, gpioset);
    await gateway.text((text) => text === "closed");
    assert.deepEqual([gateway.paths, gpioset.set()], [["/door"], [rest]]);
    gateway.say(open(3));
    assert.equal(await answered(gateway, 3), 'porthole opened {"id": 3}');
    await door.line(/^door: opened for al ice$/);
    const from = gateway.heard.length;
    // It is open: who asks again meanwhile has what it asked for.
    gateway.say(open(4));
    assert.match(await answered(gateway, 4), /^porthole opened/);
    await gateway.text((text) => text === "closed", from);
    assert.deepEqual(gpioset.set(), [rest, closed, rest]);
    gateway.say(open(5));
    await answered(gateway, 5);
    assert.equal(await door.stop(), 0);
    assert.deepEqual(gpioset.set().slice(-2), [closed, rest], "it closes with its program");
  }));
}

test("door.py opens nothing that comes too late, also when it was frozen itself", () => scene(async (keep) => {
  const gateway = await keep(await FakeGateway.start());
  const gpioset = await gpio(keep, "2.2", "", undefined, HOLDS);
  const door = await relay(keep, gateway, gpioset, { DOOR_ACTIVE: "low" });
  await gateway.text((text) => text === "closed");
  // Its clock is this machine's.
  const now = () => Number(process.hrtime.bigint()) / 1e9;
  gateway.say(open(1, { until: now() - 0.001 }));
  assert.match(await answered(gateway, 1), /^porthole refused .*too late/);
  door.process.kill("SIGSTOP");
  gateway.say(open(2, { for: 100, until: now() + 0.1 }));
  // Until it is over: that is what is tested, and no wait for anything.
  await new Promise((done) => { setTimeout(done, 150); });
  door.process.kill("SIGCONT");
  assert.match(await answered(gateway, 2), /^porthole refused .*too late/);
  assert.deepEqual(gpioset.set(), ["-l -c gpiochip0 -t 0 27=0"]);
  gateway.say(open(3, { until: now() + 1 }));
  assert.match(await answered(gateway, 3), /^porthole opened/);
}));

test("door.py says why a line cannot be set, and what is wrong with a value", () => scene(async (keep) => {
  const gateway = await keep(await FakeGateway.start());
  const gpioset = await gpio(keep, "2.2", "", undefined, 'case "$*" in *=1) echo "gpioset: device or resource busy" >&2; exit 1 ;; esac');
  const door = await relay(keep, gateway, gpioset);
  await gateway.text((text) => text === "closed");
  gateway.say(open(1));
  assert.match(await answered(gateway, 1), /^porthole refused .*resource busy/);
  await door.line(/not opened for al ice: gpioset: device or resource busy/);
  for (const [env, words] of [[{ DOOR_LINE: "GPIO27" }, /DOOR_LINE=GPIO27/], [{ DOOR_SECONDS: "0" }, /DOOR_SECONDS=0/], [{ DOOR_ACTIVE: "up" }, /DOOR_ACTIVE=up/]]) {
    const wrong = await relay(keep, gateway, gpioset, env);
    assert.notEqual(await wrong.exit, 0);
    assert.match(wrong.lines.join("\n"), words);
  }
  const broken = await gpio(keep, "2.2", "", undefined, "exit 1");
  const none = await relay(keep, gateway, broken);
  assert.notEqual(await none.exit, 0);
  assert.match(none.lines.join("\n"), /line 27 of gpiochip0 cannot be set; see that this user is in the group gpio/);
}));

test("with DOOR_LINE the button's script opens the door as well, on the same chip, and ends with it", () => scene(async (keep) => {
  const gateway = await keep(await FakeGateway.start());
  const button = await gpio(keep, "2.2", "", "gpiochip0 [other] (8 lines)\ngpiochip4 [pinctrl-rp1] (54 lines)", HOLDS);
  const doorbell = await start(keep, gateway, { ...button.env, DOOR_LINE: "27" });
  await gateway.text((text) => text === "closed");
  await doorbell.line(/^doorbell: connected/);
  await doorbell.line(/^door: connected/);
  assert.deepEqual([...gateway.paths].sort(), ["/door", "/doorbell"]);
  assert.deepEqual(button.set(), ["-c gpiochip4 -t 0 27=0"]);
  await doorbell.stop();
  for (const [env, words] of [[{ DOOR_LINE: "17" }, /that is the button's line/], [{ DOOR_LINE: "27", DOOR_SECONDS: "90" }, /DOOR_SECONDS=90/], [{ DOOR_LINE: "x" }, /DOOR_LINE=x/]]) {
    const wrong = await start(keep, gateway, { ...button.env, ...env });
    assert.equal(await wrong.exit, 2);
    assert.match(wrong.lines.join("\n"), words);
  }
}));

test("what is wrong is said in words", () => scene(async (keep) => {
  const run = async (args, env = {}) => {
    const program = await keep(new Program(DOORBELL, args, env));
    return [await program.exit, program.lines.join("\n")];
  };
  const [status, help] = await run(["--help"]);
  assert.equal(status, 0);
  assert.match(help, /LINE=17/);
  for (const [args, env, words] of [
    [["--ring"], {}, /unknown option/], [["--key", "--once"], {}, /one option/], [[], { LINE: "GPIO17" }, /LINE=GPIO17/],
    [[], { ACTIVE: "up" }, /ACTIVE=up/], [[], { BOUNCE_MS: "1;rm" }, /BOUNCE_MS/],
  ]) {
    const [status, said] = await run(args, env);
    assert.equal(status, 2, said);
    assert.match(said, words);
  }
  const gateway = await keep(await FakeGateway.start());
  const other = await gpio(keep, "2.2", "", "gpiochip0 [a] (1 lines)\ngpiochip1 [b] (1 lines)");
  const [ended, said] = await run([], { ...other.env, GATEWAY: gateway.url });
  assert.notEqual(ended, 0);
  assert.match(said, /choose one: gpiochip0 \[a\]/);
  gateway.status = 409;
  const refused = await start(keep, gateway, {}, ["--key"], "pipe");
  await refused.line(/another program serves doorbell/);
}));
