// SPDX-License-Identifier: MPL-2.0
// What it takes to have Porthole: from a clone to a picture, from a package to a picture, megabytes on the disk and in memory. The
// last line of stdout is JSON; progress goes to stderr.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { browser, Program, ROOT, visitor, watch } from "../../tests/browser/lib.mjs";
import { endedSeconds } from "../process.mjs";
import { row, table } from "../rows.mjs";
import { idle, after } from "./memory.mjs";

const USAGE = `Usage: scripts/bench install [--new COMMIT] [--old COMMIT] [--only PART,...] [--packages DIR]

  --new COMMIT     what is built from source (this one if not told otherwise; none to leave it out)
  --old COMMIT     what is built from source beside it, for the ratio (e676364 if not told otherwise; none to leave it out)
  --only PART,...  some of: source, package, size, memory
  --packages DIR   folder with the two .deb files of this architecture (target/packages/debs/ARCH)
`;
const PARTS = ["source", "package", "size", "memory"];
/** Before compile times and packages were looked at. */
const OLD = "e676364";
const SUITES = ["12", "13"];
const ARCH = execFileSync("dpkg", ["--print-architecture"]).toString().trim();
/** Longest from a clone to a picture on a slow machine, or one that has other work. */
const BUILD_MS = 120 * 60_000;
/** Longest from a link to a picture. */
const PICTURE_MS = 5 * 60_000;
/** Longest for a button that opens a camera: it may go away as the page opens the camera by itself. */
const CLICK_MS = 5_000;
const VIEWERS = 60;
const RUST = [".cargo", ".rustup"].map((folder) => join(homedir(), folder)).filter(existsSync);

const { values } = parseArgs({
  options: { new: { type: "string", default: "HEAD" }, old: { type: "string", default: OLD }, only: { type: "string" }, packages: { type: "string" }, help: { type: "boolean", short: "h" } },
});
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const chosen = values.only?.split(",") ?? PARTS;
for (const part of chosen) {
  if (!PARTS.includes(part)) {
    console.error(`bench: there is no part ${part}\n\n${USAGE}`);
    process.exit(2);
  }
}
const packages = values.packages ?? join(ROOT, "target/package/debs", ARCH);
const folder = mkdtempSync(join(tmpdir(), "porthole-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]]) process.on(signal, () => process.exit(code));

const chromium = await browser();

/**
 * Runs a command in a fresh root of that Debian, which has its base system and nothing more; gives the seconds until a viewer has a picture,
 * and those of the processor.
 */
async function untilPicture(suite, binds, command, patience) {
  // It is made before the clock starts.
  execFileSync(join(ROOT, "packaging/root"), [suite, ARCH, "true"], { stdio: ["ignore", "ignore", "inherit"] });
  const [start, before] = [performance.now(), endedSeconds()];
  const args = binds.flatMap((bind) => ["--bind", bind]);
  const program = new Program(join(ROOT, "packaging/root"), [...args, suite, ARCH, ...command]);
  let seconds;
  try {
    const [, link] = await program.line(/porthole: watch at (http:\/\/127\.\S+)/, { patience });
    const page = await visitor(chromium, link);
    // A page with one camera opens it by itself; older ones waited for a click.
    const live = page.locator('[data-state="live"]').first();
    const button = page.locator('[data-testid^="camera-"]:enabled').first();
    await live.or(button).first().waitFor({ timeout: PICTURE_MS });
    if (!(await live.isVisible())) await button.click({ timeout: CLICK_MS }).catch(() => undefined);
    await live.waitFor({ timeout: PICTURE_MS });
    seconds = (performance.now() - start) / 1000;
    await page.context().close();
  } finally {
    await program.stop("SIGTERM");
  }
  return { seconds, cpu: endedSeconds() - before };
}

/** A clone of `commit` in a folder of its own, built and run by the README's first command. */
async function fromSource(commit) {
  const clone = mkdtempSync(join(folder, "clone-"));
  execFileSync("git", ["clone", "--quiet", "--no-checkout", ROOT, clone]);
  execFileSync("git", ["-C", clone, "checkout", "--quiet", commit]);
  // Before the clock starts: the root has no way to a registry of one's own.
  execFileSync("cargo", ["fetch", "--quiet", "--locked"], { cwd: clone, stdio: ["ignore", "ignore", "inherit"] });
  console.error(`from a clone of ${commit} to a picture`);
  const line = ["portholesrc", "camera=test", "!", "portholeoverlay", "!", "portholesink", "listen=127.0.0.1:0"];
  const env = ["env", "-u", "RUSTC_WRAPPER", `--chdir=${clone}`, `PATH=${join(homedir(), ".cargo/bin")}:/usr/sbin:/usr/bin:/sbin:/bin`, `HOME=${homedir()}`];
  const taken = await untilPicture("12", [clone, ...RUST], [...env, "scripts/run", ...line], BUILD_MS);
  rmSync(clone, { recursive: true, force: true });
  return taken;
}

const found = (name) => existsSync(packages) && readdirSync(packages).find((file) => file.startsWith(`${name}_`) && file.endsWith(".deb"));
const missing = (name) => console.error(`no ${name}_*.deb in ${packages}: scripts/package makes it`);

/** From apt to a picture. */
async function fromPackage(suite) {
  const file = found("gstreamer1.0-porthole");
  if (!file) return missing("gstreamer1.0-porthole");
  console.error(`from ${file} to a picture on Debian ${suite}`);
  const script = `apt-get update -qq && apt-get install -y -qq /packages/${file} >/dev/null && exec gst-launch-1.0 portholesrc camera=test ! portholeoverlay ! portholesink listen=127.0.0.1:0`;
  return untilPicture(suite, [`${packages}:/packages`], ["sh", "-c", script], BUILD_MS);
}

/** Megabytes of a file in a package. */
function packed(name, pattern) {
  const file = found(name);
  if (!file) return missing(name);
  const at = mkdtempSync(join(folder, "deb-"));
  execFileSync("dpkg-deb", ["--extract", join(packages, file), at]);
  const path = execFileSync("find", [at, "-type", "f", "-name", pattern]).toString().trim();
  return statSync(path).size / 1e6;
}

/** The plugin that users have: the package's if there is one. */
function plugins() {
  const file = found("gstreamer1.0-porthole");
  const at = join(folder, "plugins");
  mkdirSync(at, { recursive: true });
  if (file) {
    execFileSync("dpkg-deb", ["--extract", join(packages, file), join(folder, "plugin")]);
    const path = execFileSync("find", [join(folder, "plugin"), "-name", "libgstporthole.so"]).toString().trim();
    symlinkSync(path, join(at, basename(path)));
  } else {
    missing("gstreamer1.0-porthole");
    console.error("memory is that of target/release");
    symlinkSync(join(ROOT, "target/release/libgstporthole.so"), join(at, "libgstporthole.so"));
  }
  return at;
}

const rows = [];
const add = (label, unit, value, target) => {
  if (value !== undefined) rows.push(row({ key: label, label, unit, samples: [value], target }));
};
const started = performance.now();
if (chosen.includes("source")) {
  const now = values.new !== "none" && await fromSource(execFileSync("git", ["-C", ROOT, "rev-parse", values.new]).toString().trim());
  if (now) {
    add("clone to picture from source", "s", now.seconds);
    add("processor: clone to picture", "s", now.cpu);
  }
  const old = values.old !== "none" && await fromSource(values.old);
  if (old) {
    add(`the same of ${values.old}`, "s", old.seconds);
    add(`processor: the same of ${values.old}`, "s", old.cpu);
  }
  if (now && old) {
    add("ratio", "", now.seconds / old.seconds, 0.4);
    add("processor: ratio", "", now.cpu / old.cpu);
  }
}
if (chosen.includes("package")) {
  for (const suite of SUITES) add(`apt install to picture, Debian ${suite}`, "s", (await fromPackage(suite))?.seconds, 60);
}
if (chosen.includes("size")) {
  add("plugin in its package", "MB", packed("gstreamer1.0-porthole", "libgstporthole.so"), 20);
  add("server in its package", "MB", packed("porthole-signaling", "porthole-signaling"), 14);
}
if (chosen.includes("memory")) {
  const at = plugins();
  console.error("memory before anyone looks");
  const before = await idle({ plugins: at });
  add("resident before anyone looks", "MB", before.resident, 50);
  add("of it in no file", "MB", before.anonymous);
  console.error(`memory after ${VIEWERS} viewers`);
  const then = await after(VIEWERS, chromium, { plugins: at });
  add(`resident again after ${VIEWERS} viewers`, "MB", then.resident, 70);
  add("of that in no file", "MB", then.anonymous);
}
await chromium.close();
if (!rows.length) {
  console.error("bench: nothing was measured");
  process.exit(1);
}
const judged = rows.filter(({ pass }) => pass !== null);
const kept = judged.filter(({ pass }) => pass).length;
console.log(`
Installing and holding: ${Math.round((performance.now() - started) / 1000)} s

${table(rows)}

From source: in a fresh root of Debian 12 with Rust and the crates' sources there already, by scripts/run, which installs Debian's packages and
compiles; to a picture in Chromium. The processor's time is what can be compared where the machine has other work. From a package: in a fresh root, by apt. Memory: resident, MB of 10^6 bytes, of a bare gst-launch-1.0 with the
packaged plugin if there is a package.
${kept} of ${judged.length} targets are kept.
`);
console.log(JSON.stringify({ benchmark: "install", arch: ARCH, rows: Object.fromEntries(rows.map(({ key, unit, median, target, pass }) => [key, { unit, value: median, target, pass }])) }));
