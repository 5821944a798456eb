// SPDX-License-Identifier: MPL-2.0
// Clients of other systems beside our own. The last line of stdout is JSON; progress goes to stderr.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { machineDuring } from "../process.mjs";
import { row, table } from "../rows.mjs";
import { others } from "../table.mjs";

const ROOT = join(import.meta.dirname, "../..");
const KIB = 1024;
/** Connections of each kind, robots with a viewer each, and seconds. */
const THOROUGH = { connections: 2_000, pairs: 500, seconds: 10 };
const QUICK = { connections: 500, pairs: 500, seconds: 3 };
const IDLE_MS = 2_000;

const NOTES = `(1) Resident memory that came with each of so many viewers, of 50 connections a user, on loopback, plain HTTP.
(2) After a description of 8 KiB has come on it, which was refused.
(3) Candidates from as many viewers to a robot each, 1,000 a second in all, from when they are said to when they are heard, both of
    which the same process does.`;

const { effort, quick } = options();
let child;
process.on("exit", () => child?.kill("SIGTERM"));
for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]]) process.on(signal, () => process.exit(code));

console.error("building");
const program = await build();
const server = join(process.env.PORTHOLE_BUILT ?? join(ROOT, "target/release"), "porthole-signaling");
const started = performance.now();
const strange = [await machineDuring(() => new Promise((done) => setTimeout(done, IDLE_MS)))];
const memory = {};
for (const kind of ["plain", "socketio", "three-service"]) memory[kind] = await measure("foreign", server, kind, String(effort.connections));
strange.push(await machineDuring(() => new Promise((done) => setTimeout(done, IDLE_MS))));
const relay = {};
for (const kind of ["plain", "socketio"]) relay[kind] = (await measure("relay", server, kind, String(effort.pairs), String(effort.seconds))).ms;
const each = (kind) => memory[kind].idle / KIB;
const used = (kind) => memory[kind].used / KIB;
const pairs = `${effort.pairs} robots and ${effort.pairs} viewers`;
const rows = [
  row({ key: "plainKib", label: `memory of each of ${effort.connections} plain connections (1)`, unit: "KiB", samples: [each("plain")] }),
  row({ key: "socketioKib", label: "  of Socket.IO, by WebSocket", unit: "KiB", samples: [each("socketio")] }),
  row({ key: "socketioRatio", label: "  by the plain one's", unit: "×", samples: [each("socketio") / each("plain")], target: 2 }),
  row({ key: "threeServiceKib", label: "  of a three-service system", unit: "KiB", samples: [each("three-service")] }),
  row({ key: "plainUsedKib", label: "memory of a plain connection that was used (2)", unit: "KiB", samples: [used("plain")] }),
  row({ key: "socketioUsedKib", label: "  of Socket.IO", unit: "KiB", samples: [used("socketio")] }),
  row({ key: "socketioUsedRatio", label: "  by the plain one's", unit: "×", samples: [used("socketio") / used("plain")] }),
  row({ key: "relayMs", label: `a message, ${pairs} of Socket.IO (3)`, samples: relay.socketio, target: 10, by: "p99" }),
  row({ key: "plainRelayMs", label: "  the same by plain connections", samples: relay.plain }),
];
const seconds = Math.round((performance.now() - started) / 1000);
const judged = rows.filter(({ pass }) => pass !== null);
const kept = judged.filter(({ pass }) => pass).length;
const { sentence, median, max, busy } = others(strange);
console.log(`
Clients of other systems; ${seconds} s

${table(rows)}

${NOTES}
${kept} of ${judged.length} targets are kept.
${sentence}
`);
const report = { bench: "socketio", quick, seconds, busy, othersPercent: { median, max }, kept, targets: judged.length, rows };
// The callback: a pipe may not have taken the line yet.
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));

/** The program that measures, which is that of `scripts/bench signaling`. */
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
  const env = { ...process.env, PORTHOLE_SOCKETIO_ENABLED: "true", PORTHOLE_THREE_SERVICE_ENABLED: "true" };
  child = spawn(command, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "inherit"] });
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
    console.error(`bench socketio: ${error.message}; see scripts/bench --help`);
    process.exit(2);
  }
}
