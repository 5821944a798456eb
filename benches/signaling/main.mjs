// SPDX-License-Identifier: MPL-2.0
// The signaling server's figures. The last line of stdout is JSON; progress goes to stderr.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { machineDuring } from "../process.mjs";
import { table } from "../rows.mjs";
import { others } from "../table.mjs";
import { buildStock, connections } from "./connections.mjs";
import { population, servers } from "./population.mjs";
import { store } from "./store.mjs";

const ROOT = join(import.meta.dirname, "../..");
/** Seconds for each measurement, and connections. */
const THOROUGH = { store: 8, connections: 10_000, trips: 10, population: [100_000, 100_000, 10_000, 10_000, 1_000] };
const QUICK = { store: 3, connections: 2_000, trips: 3, population: [10_000, 10_000, 1_000, 1_000, 200] };
/** Revocations from one server to another: as many as a 99th percentile needs. */
const ROUNDS = 100;
/** How long the machine is watched, before each part, while nothing of this runs. */
const IDLE_MS = 2_000;

const NOTES = `(1) What the disk takes for the least that can be on it, one after the other: no change can be quicker, unless several share it.
(2) Bookings with "control", each with its window and its entry in the audit log in one transaction, which is on disk when it
    is acknowledged (SQLite: WAL, synchronous=FULL; PostgreSQL: fsync and synchronous_commit as they are unless changed, a
    server of Debian's on the same disk, through a socket). Writers take turns at 8 cameras.
(3) Resident memory that came with them. Ours know who each is, by a token from the database; all are on loopback, plain HTTP.
(4) 100 viewers, 10 at each of 10 cameras that send back what they get: two ways through the server each.
(5) People with a password and a link each, a booking each of which every tenth recurs weekly for a year, cameras of which as many are
    connected as there are sessions, SQLite. While sessions start, 100 viewers and their cameras pass 1,000 messages a second.
(6) A description of 8 KiB has passed from a viewer to its camera and back.
(7) Until the camera is told, which enforces it at once; both are processes of their own on one PostgreSQL.`;

const { effort, quick } = options();
let child;
process.on("exit", () => child?.kill("SIGTERM"));
for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]]) process.on(signal, () => process.exit(code));

console.error("building");
const program = await build();
await buildStock(output);
const started = performance.now();
const strange = [];
const rows = [];
const parts = [
  () => store(measure, effort.store),
  () => connections(measure, effort.connections, effort.trips),
  () => population(measure, effort.population, effort.trips),
  () => servers(measure, ROUNDS),
];
for (const part of parts) {
  strange.push(await machineDuring(() => new Promise((done) => setTimeout(done, IDLE_MS))));
  rows.push(...await part());
}
const seconds = Math.round((performance.now() - started) / 1000);
const judged = rows.filter(({ pass }) => pass !== null);
const kept = judged.filter(({ pass }) => pass).length;
const { sentence, median, max, busy } = others(strange);
console.log(`
The signaling server; ${seconds} s

${table(rows)}

${NOTES}
${kept} of ${judged.length} targets are kept.
${sentence}
`);
const report = { bench: "signaling", quick, seconds, busy, othersPercent: { median, max }, kept, targets: judged.length, rows };
// The callback: a pipe may not have taken the line yet.
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));

/** The program that measures. */
async function build() {
  const bench = ["bench", "--quiet", "--locked", "-p", "porthole-signaling", "--bench", "signaling", "--no-run", "--message-format=json"];
  const made = (await output("cargo", bench)).map((line) => JSON.parse(line));
  return made.find(({ executable, target }) => executable && target.name === "signaling").executable;
}

/** What the program says of one of its measurements. */
async function measure(...words) {
  console.error(words.join(" "));
  return JSON.parse((await output(program, words)).at(-1));
}

/** The lines of a program's stdout. */
async function output(command, args) {
  child = spawn(command, args, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  const chunks = [];
  child.stdout.on("data", (chunk) => chunks.push(chunk));
  const code = await new Promise((done, fail) => child.on("error", fail).on("close", done));
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: exit code ${code}`);
  return Buffer.concat(chunks).toString().trim().split("\n");
}

function options() {
  try {
    const { values: { quick } } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
    return { effort: quick ? QUICK : THOROUGH, quick };
  } catch (error) {
    console.error(`bench signaling: ${error.message}; see scripts/bench --help`);
    process.exit(2);
  }
}
