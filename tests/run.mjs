// SPDX-License-Identifier: MPL-2.0
// Runs node's tests of whole systems: files side by side, those that measure time alone. What fails is tried once more, by
// itself, when nothing else runs; that it passed then is no secret: it is listed.

import { spawn } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDERS = ["browser", "network", "scripts"];
const REPORTER = new URL("report.mjs", import.meta.url).href;
/** A line with the reason, in a file that wants the machine for itself. */
const ALONE = /^\/\/ Runs alone: /m;
/** Each scene has a deadline of its own, and says where it stood; this is for what cannot even do that. */
const FILE_MS = 15 * 60_000;
/** From being told to end to being ended. */
const KILL_MS = 10_000;
/** More than this is no accident. */
const MAX_AGAIN = 10;

const USAGE = `Usage: node tests/run.mjs [--jobs N] [--only alone|beside] [--flaky FILE] [FILE...]

Runs these test files, or all of ${FOLDERS.map((folder) => `tests/${folder}`).join(", ")}.
  --jobs N      so many files side by side; as many as there are processors and one if not told otherwise
  --only WHICH  those files alone that run alone, or those that run beside others
  --flaky FILE  adds a line to this file for each test that passed at the second try only
`;

function options() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { jobs: { type: "string" }, only: { type: "string" }, flaky: { type: "string" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  const jobs = Number(values.jobs ?? availableParallelism() + 1);
  if (!Number.isInteger(jobs) || jobs < 1) throw new Error(`--jobs ${values.jobs}: give a number of files`);
  if (![undefined, "alone", "beside"].includes(values.only)) throw new Error(`--only ${values.only}: give alone or beside`);
  return { ...values, jobs, files: positionals.length ? positionals : everything() };
}

function everything() {
  const folders = FOLDERS.map((folder) => join(ROOT, "tests", folder));
  return folders.flatMap((folder) => readdirSync(folder).filter((name) => name.endsWith(".test.mjs")).sort().map((name) => join(folder, name)));
}

const folder = mkdtempSync(join(tmpdir(), "porthole-tests-"));
let runs = 0;
/** What runs, each the leader of a group. */
const running = new Set();

function signal(child, name) {
  try { process.kill(-child.pid, name); } catch { /* It has ended. */ }
}

/** Runs a file, or one test of it; its output is shown when it is over, so that files do not talk at once. */
async function run(file, only) {
  const report = join(folder, `${runs++}.jsonl`);
  const args = [
    "--test-reporter=spec", "--test-reporter-destination=stdout", `--test-reporter=${REPORTER}`, `--test-reporter-destination=${report}`,
    ...(only ? [`--test-name-pattern=^${only.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")}$`] : []), file,
  ];
  const start = performance.now();
  // A group of its own, so that what it has started can be ended with it.
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => output.push(bytes));
  running.add(child);
  const late = [setTimeout(() => signal(child, "SIGTERM"), FILE_MS), setTimeout(() => signal(child, "SIGKILL"), FILE_MS + KILL_MS)];
  const code = await new Promise((done) => child.once("close", (code, by) => done(code ?? by)));
  late.forEach(clearTimeout);
  running.delete(child);
  signal(child, "SIGKILL"); // Programs of tests that have failed.
  let tests = [];
  try { tests = readFileSync(report, "utf8").trim().split("\n").filter(Boolean).map((line) => JSON.parse(line)); } catch { /* It died before the first. */ }
  const seconds = (performance.now() - start) / 1000;
  const name = relative(ROOT, file);
  const failed = tests.filter(({ ok }) => !ok);
  console.log(`\n-- ${name}${only ? `: ${only}` : ""} (${seconds.toFixed(0)} s)`);
  process.stdout.write(Buffer.concat(output));
  if (code !== 0 && !failed.length) failed.push({ name: null, words: `it ended with ${code}` });
  if (only && !tests.length) failed.push({ name: only, words: "there is no such test" });
  return { file, name, seconds, tests, failed };
}

async function sideBySide(files, jobs) {
  const waiting = [...files];
  const results = [];
  await Promise.all(Array.from({ length: jobs }, async () => {
    for (let file; (file = waiting.shift());) results.push(await run(file));
  }));
  return results;
}

async function main({ files, jobs, only, flaky: list }) {
  const isAlone = (file) => ALONE.test(readFileSync(file, "utf8"));
  const alone = only === "beside" ? [] : files.filter(isAlone);
  const beside = only === "alone" ? [] : files.filter((file) => !isAlone(file));
  const results = [...await sideBySide(beside, jobs), ...await sideBySide(alone, 1)];

  const [flaky, failed] = [[], []];
  for (const { file, name, failed: tests } of results) {
    for (const test of tests) {
      const passes = flaky.length + failed.length < MAX_AGAIN && !(await run(file, test.name)).failed.length;
      (passes ? flaky : failed).push(`${name}: ${test.name ?? "the file as a whole"}`);
    }
  }

  const all = results.flatMap(({ name, tests }) => tests.map((test) => ({ ...test, file: name })));
  console.log("\nThe slowest:");
  for (const { file, name, ms } of [...all].sort((a, b) => b.ms - a.ms).slice(0, 15)) {
    console.log(`${(ms / 1000).toFixed(1).padStart(7)} s  ${file}: ${name}`);
  }
  console.log("\nFiles:");
  for (const { name, seconds, tests } of [...results].sort((a, b) => b.seconds - a.seconds)) {
    console.log(`${seconds.toFixed(0).padStart(5)} s  ${String(tests.length).padStart(3)} tests  ${name}${alone.some((file) => file.endsWith(name)) ? " (alone)" : ""}`);
  }
  for (const { file, name } of all.filter(({ skip }) => skip)) console.log(`skipped: ${file}: ${name}`);
  for (const name of flaky) console.log(`flaky: ${name}`);
  for (const name of failed) console.log(`FAILED: ${name}`);
  console.log(`${all.length} tests, ${flaky.length} flaky, ${failed.length} failed`);
  if (list) for (const name of flaky) appendFileSync(list, `${name}\n`);
  return failed.length || !all.length ? 1 : 0;
}

let chosen;
try { chosen = options(); } catch ({ message }) {
  console.error(`${message}\n\n${USAGE}`);
  process.exit(2);
}
for (const told of ["SIGINT", "SIGTERM"]) {
  process.on(told, () => {
    for (const child of running) signal(child, "SIGTERM");
    rmSync(folder, { recursive: true, force: true });
    process.exit(130);
  });
}
try { process.exitCode = await main(chosen); } finally { rmSync(folder, { recursive: true, force: true }); }
