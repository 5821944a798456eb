// SPDX-License-Identifier: MPL-2.0
// What the kernel says about a running process.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** Of a process; `withChildren` also of those that it started and that have ended. */
function cpuSeconds(pid, { withChildren = false } = {}) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The second field is a name in parentheses that may hold blanks; utime and stime are fields 14 and 15, those of the
  // children follow.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, withChildren ? 15 : 13).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND;
}

/** CPU seconds of all the programs that this process started, with theirs, and that have ended. */
export const endedSeconds = () => cpuSeconds("self", { withChildren: true }) - cpuSeconds("self");

/** Percent of one core that a process with all its threads uses while `body` runs, and what `body` gives. */
export async function cpuDuring(pid, body) {
  const [before, start] = [cpuSeconds(pid), performance.now()];
  const value = await body();
  return { percent: (100_000 * (cpuSeconds(pid) - before)) / (performance.now() - start), value };
}

/** Resident memory in MB (10^6 bytes). */
export function residentMb(pid) {
  const [, kib] = readFileSync(`/proc/${pid}/status`, "utf8").match(/^VmRSS:\s+(\d+) kB/m);
  return (Number(kib) * 1024) / 1e6;
}

/** Memory of the process in MB (10^6 bytes), of what it shares with others its part. */
export function ownMb(pid) {
  const [, kib] = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8").match(/^Pss:\s+(\d+) kB/m);
  return (Number(kib) * 1024) / 1e6;
}

/** How many threads it has, and how many descriptors. */
export function held(pid) {
  return { threads: readdirSync(`/proc/${pid}/task`).length, descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

/** Percent of one core that everything on the machine used while `body` ran. */
export async function machineDuring(body) {
  const busy = () => {
    const [user, nice, system, , , irq, softirq] = readFileSync("/proc/stat", "utf8").split(/\s+/).slice(1).map(Number);
    return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
  };
  const [before, start] = [busy(), performance.now()];
  await body();
  return (100_000 * (busy() - before)) / (performance.now() - start);
}

/** Percent of one core that others used while `body` ran; `body` waits for the processes that it starts. */
export async function othersDuring(body) {
  const own = () => cpuSeconds("self", { withChildren: true });
  const [before, start] = [own(), performance.now()];
  const all = await machineDuring(body);
  return Math.max(0, all - (100_000 * (own() - before)) / (performance.now() - start));
}
