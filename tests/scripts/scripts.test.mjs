// SPDX-License-Identifier: MPL-2.0
// The commands people type: scripts/run, the pipelines, and an installation by meson.
// Runs alone: each builds as a user does, and puts its plugin where the other tests have theirs.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Program, ROOT, scene } from "../browser/lib.mjs";

const BUILD_MS = 15 * 60_000;
const run = (...args) => new Program(join(ROOT, "scripts/run"), args);
const link = (program) => program.line(/watch at (http:\S+\/)#token=\S+/, { patience: BUILD_MS });

async function health(url) {
  const response = await fetch(`${url}health`);
  return response.json();
}

test("scripts/run alone prints a link for each address, here those of a network of its own", () => scene(async (keep) => {
  const program = await keep(new Program("unshare", [
    "--net", "--map-root-user", "sh", "-c", 'ip link set lo up; ip addr add 192.0.2.7/32 dev lo; exec "$0"', join(ROOT, "scripts/run"),
  ]));
  await program.line(/watch at http:\/\/192\.0\.2\.7:8080\/#token=\S+/, { patience: BUILD_MS });
  await program.line(/watch at http:\/\/127\.0\.0\.1:8080\/#token=\S+/);
}, BUILD_MS));

test("scripts/run runs a pipeline typed after it", () => scene(async (keep) => {
  const program = await keep(run("portholesrc", "!", "portholesink", "listen=127.0.0.1:0"));
  const [, url] = await link(program);
  assert.equal((await health(url)).status, "ok");
}, BUILD_MS));

test("scripts/run --pipeline runs a file with its values changed", () => scene(async (keep) => {
  const program = await keep(run("--pipeline", join(ROOT, "pipelines/10-test.launch"), "LISTEN=127.0.0.1:0"));
  const [, url] = await link(program);
  assert.equal((await health(url)).status, "ok");
}, BUILD_MS));

test("scripts/run --pipeline takes an address with & and all else that means something to a shell", () => scene(async (keep) => {
  const folder = mkdtempSync(join(tmpdir(), "porthole-run-"));
  await keep({ stop: () => rmSync(folder, { recursive: true, force: true }) });
  // In its place one that says what it was given: a camera that is not there need not be waited for.
  writeFileSync(join(folder, "gst-launch-1.0"), '#!/bin/sh\nprintf "word %s\\n" "$@"\n', { mode: 0o755 });
  const url = "rtsp://admin@192.0.2.10/cam/realmonitor?channel=1&subtype=0&$x|;*'$LISTEN";
  const program = new Program(join(ROOT, "scripts/run"), ["--pipeline", join(ROOT, "pipelines/22-rtsp.launch"), `URL=${url}`], {
    PATH: `${folder}:${process.env.PATH}`,
  });
  assert.equal(await program.exit, 0, program.lines.join("\n"));
  assert.ok(program.lines.includes(`word camera=${url}`), program.lines.join("\n"));
}, BUILD_MS));

test("scripts/run refuses a value the pipeline does not have, and says which it has", async () => {
  const program = run("--pipeline", join(ROOT, "pipelines/10-test.launch"), "PORT=1");
  assert.equal(await program.exit, 2);
  assert.match(program.lines.join("\n"), /PORT=1.*LISTEN/);
});

test("scripts/run refuses a pipeline that is not there", async () => {
  assert.equal(await run("--pipeline", "no-such.launch").exit, 2);
});

test("meson installs a plugin that gst-inspect-1.0 finds, the server and the pipelines", () => scene(async (keep) => {
  const folder = mkdtempSync(join(tmpdir(), "porthole-meson-"));
  await keep({ stop: () => rmSync(folder, { recursive: true, force: true }) });
  const [build, prefix] = [join(folder, "build"), join(folder, "prefix")];
  const must = async (command, args, env) => {
    const program = new Program(command, args, env);
    assert.equal(await program.exit, 0, program.lines.join("\n"));
    return program.lines.join("\n");
  };
  await must("meson", ["setup", build, ROOT, "--prefix", prefix, "--libdir", "lib"]);
  await must("ninja", ["-C", build, "install"]);
  const shown = await must("gst-inspect-1.0", ["porthole"], {
    GST_PLUGIN_PATH: join(prefix, "lib/gstreamer-1.0"),
    GST_REGISTRY: join(folder, "registry.bin"),
  });
  for (const element of ["portholesrc", "portholeoverlay", "portholesink"]) assert.match(shown, new RegExp(element));
  assert.match(await must(join(prefix, "bin/porthole-signaling"), ["--help"]), /serve/);
  await must("test", ["-f", join(prefix, "share/porthole/pipelines/10-test.launch")]);
}, BUILD_MS));

const cameras = (...args) => new Program(join(ROOT, "scripts/cameras"), args);

test("scripts/cameras --json lists each camera with its modes and the line that shows it", async () => {
  const program = cameras("--json");
  assert.equal(await program.exit, 0, program.lines.join("\n"));
  // Libraries may have their say around it.
  const [first, last] = [/^\[\]?$/, /^\[?\]$/].map((end) => (line) => end.test(line));
  const { lines } = program;
  const found = JSON.parse(lines.slice(lines.findIndex(first), lines.findLastIndex(last) + 1).join("\n"));
  for (const { camera, name, modes, line } of found) {
    assert.ok(camera && name && modes.length > 0);
    assert.match(line, /^gst-launch-1\.0 portholesrc .*camera=.* ! portholeoverlay ! portholesink$/);
  }
});

test("scripts/cameras shows the line for each camera, or says what to check", async () => {
  const program = cameras();
  const code = await program.exit;
  const text = program.lines.join("\n");
  if (code === 0) assert.match(text, /gst-launch-1\.0 portholesrc/);
  else {
    assert.equal(code, 1, text);
    assert.match(text, /There is no camera\. What to check:/);
    assert.match(text, /lsusb|usermod -aG video|v4l2-ctl/);
  }
});

test("scripts/cameras refuses an option it does not have", async () => {
  assert.equal(await cameras("--yaml").exit, 2);
});
