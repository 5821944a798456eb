// SPDX-License-Identifier: MPL-2.0
// Where the memory of a process is.

import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { held, ownMb, residentMb } from "../process.mjs";

/** Memory of a process now, in MB (10^6 bytes), and where it is; `anonymous` is what stands in no file and is nobody else's. */
export function memory(pid) {
  const smaps = readFileSync(`/proc/${pid}/smaps`, "utf8");
  const anonymous = Array.from(smaps.matchAll(/^Anonymous:\s+(\d+) kB/gm), ([, kib]) => (Number(kib) * 1024) / 1e6).reduce((sum, mb) => sum + mb, 0);
  return { resident: residentMb(pid), own: ownMb(pid), anonymous, ...held(pid), parts: parts(smaps) };
}

/**
 * Resident MB by what it is for, the most first: `code NAME` of a library and what it read of its file, `data NAME` of what it
 * wrote there, `heap` of the main thread, `arenas` of other threads, `other` such as large blocks and stacks.
 *
 * @param {string} smaps
 */
export function parts(smaps) {
  const sums = new Map();
  const add = (name, kib) => sums.set(name, (sums.get(name) ?? 0) + (kib * 1024) / 1e6);
  for (const mapping of smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m).filter(Boolean)) {
    const [, start, , name] = mapping.match(/^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+[ \t]*(.*)$/m);
    const figure = (key) => Number(mapping.match(new RegExp(`^${key}:\\s+(\\d+) kB`, "m"))?.[1] ?? 0);
    const [rss, anonymous] = [figure("Rss"), figure("Anonymous")];
    if (name.startsWith("/")) {
      add(`code ${basename(name)}`, rss - anonymous);
      add(`data ${basename(name)}`, anonymous);
    } else if (name === "[heap]") {
      add("heap", rss);
    } else {
      // An arena of glibc begins at a multiple of its greatest size, 64 MiB.
      add(!name && BigInt(`0x${start}`) % (64n << 20n) === 0n ? "arenas" : "other", rss);
    }
  }
  const all = [...sums].filter(([, mb]) => mb > 0).sort(([, one], [, other]) => other - one);
  return Object.fromEntries(all);
}
