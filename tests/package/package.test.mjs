// SPDX-License-Identifier: MPL-2.0
// What `scripts/package` made, in roots of Debian 12 and 13: installed as a person would, and booted. Run by scripts/test-package, which
// says in PORTHOLE_ARCHITECTURES for which architectures.

import assert from "node:assert/strict";
import { test } from "node:test";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const PACKAGES = join(ROOT, "target/packages");
const architectures = (process.env.PORTHOLE_ARCHITECTURES ?? "amd64").split(" ");
const suites = ["12", "13"];
const BOUND = { timeout: 20 * 60_000 };
const NATIVE = { x64: "amd64", arm64: "arm64" }[process.arch];
/** An emulated machine takes ten times as long for each package, so that it gets what is needed, and the encoder that is tried. */
const LEAN = ["--no-install-recommends", "gstreamer1.0-plugins-ugly"];
/** Of a machine that is emulated. */
const SLOWLY = { timeout: 60 * 60_000 };

/** Runs a program, and gives what it printed; its failure is the test's. */
function run(program, args, options) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8", ...options });
  assert.equal(status, 0, `${program} ${args.join(" ")}\n${stdout}\n${stderr}`);
  return stdout;
}

/** Runs a script of this folder in a root of the suite. */
const inRoot = (suite, arch, [script, ...words], options = []) => run(join(ROOT, "packaging/root"), [
  "--bind", `${PACKAGES}:/packages`, "--bind", `${join(ROOT, "packaging")}:/packaging`, "--bind", `${import.meta.dirname}:/tests`,
  ...options, suite, arch, "bash", `/tests/${script}`, ...words]);

/** A folder that is gone after the test. */
function folder(t) {
  const path = mkdtempSync(join(tmpdir(), "porthole-package-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("a root that is told to end ends with all that runs in it, and leaves nothing", BOUND, async () => {
  const words = join(tmpdir(), `porthole-root-${process.pid}`);
  // Process 1 of a namespace hears of no signal but those it asks for.
  const root = spawn(join(ROOT, "packaging/root"), ["12", NATIVE, "sh", "-c", `echo ${words}; exec sleep 86400`]);
  await new Promise((done) => root.stdout.once("data", done));
  root.kill("SIGTERM");
  const [code] = await once(root, "close");
  assert.notEqual(code, 0);
  assert.equal(spawnSync("pgrep", ["-f", words]).status, 1);
});

const named = (arch) => readdirSync(PACKAGES).filter((name) => name.endsWith(`_${arch}.deb`));

/** The same packages under a version that is newer. */
function newer(into, arch) {
  for (const name of named(arch)) {
    const unpacked = join(into, "unpacked");
    run("dpkg-deb", ["-R", join(PACKAGES, name), unpacked]);
    const control = join(unpacked, "DEBIAN/control");
    writeFileSync(control, readFileSync(control, "utf8").replace(/^Version: .*/m, "$&.1"));
    run("dpkg-deb", ["-Zgzip", "-z1", "-b", unpacked, into]);
    rmSync(unpacked, { recursive: true });
  }
}

for (const arch of architectures) {
  test(`${arch}: file names say package, version and architecture, and the index lists both`, () => {
    const version = /^version = "(.*)"/m.exec(readFileSync(join(ROOT, "Cargo.toml"), "utf8"))[1];
    const names = named(arch).sort();
    // Debian's way: what follows the hyphen is scripts/package's --revision.
    assert.deepEqual(names.map((name) => name.replace(/-[^-_]+_(?=[^_]*$)/, "_")),
      [`gstreamer1.0-porthole_${version}_${arch}.deb`, `porthole-signaling_${version}_${arch}.deb`]);
    const index = readFileSync(join(PACKAGES, "Packages"), "utf8");
    const listed = Array.from(index.matchAll(/^Filename: (?:\.\/)?(.*)$/gm), ([, name]) => name);
    for (const name of names) assert.ok(listed.includes(name), `${name} is not among ${listed}`);
  });

  const isEmulated = arch !== NATIVE;
  for (const suite of suites) {
    test(`${arch} on ${suite}: apt installs the plugin, which takes a picture and says where to look`, isEmulated ? SLOWLY : BOUND, (t) => {
      const said = inRoot(suite, arch, ["install.sh", ...(isEmulated ? LEAN : [])]);
      t.diagnostic(said.trim().replaceAll("\n", "; "));
      assert.match(said, /the plugin works/);
    });

    test(`${arch} on ${suite}: apt installs the server, which answers`, isEmulated ? SLOWLY : BOUND, (t) => {
      const said = inRoot(suite, arch, ["server.sh"]);
      t.diagnostic(said.trim().replaceAll("\n", "; "));
      assert.match(said, /the server works/);
    });
  }
}

for (const suite of architectures.includes("amd64") ? suites : []) {
  test(`a machine with ${suite}: server and camera run, come back, are upgraded and removed, and nothing of one's own is lost`, BOUND, (t) => {
    const state = folder(t);
    const second = join(folder(t), "newer");
    mkdirSync(second);
    newer(second, "amd64");
    inRoot(suite, "amd64", ["prepare.sh"], ["--state", state]);
    const said = inRoot(suite, "amd64", ["machine.sh"], ["--state", state, "--bind", `${second}:/newer`, "--boot"]);
    t.diagnostic(said.trim().replaceAll("\n", "; "));
    assert.match(said, /the units work/);
  });
}

test("the image's root runs the server and a camera", { ...BOUND, skip: !architectures.includes("amd64") }, () => {
  assert.match(inRoot("12", "amd64", ["image.sh"]), /the image works/);
});
