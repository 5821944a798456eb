// SPDX-License-Identifier: MPL-2.0
// Bookings written to each kind of database, beside what the disk itself takes.

import { row } from "../rows.mjs";

const KINDS = { sqlite: "SQLite", postgres: "PostgreSQL" };
const WRITERS = { one: 1, many: 16 };

/** `measure` runs the program of this benchmark with some words; each measurement takes `seconds`. */
export async function store(measure, seconds) {
  const disk = await measure("disk", String(seconds));
  const rows = pair("disk", "a page of 4 KiB written and synced (1)", disk);
  for (const [kind, name] of Object.entries(KINDS)) {
    for (const [key, writers] of Object.entries(WRITERS)) {
      const written = await measure("store", kind, String(writers), String(seconds));
      rows.push(...pair(`${kind}-${key}`, `bookings to ${name}, ${writers === 1 ? "1 writer" : `${writers} writers`} (2)`, written));
    }
  }
  return rows;
}

/** How many a second, and how long each took. */
function pair(key, label, { perSecond, ms }) {
  return [
    row({ key: `${key}PerSecond`, label, unit: "/s", samples: [perSecond] }),
    row({ key: `${key}Ms`, label: "  time of each", samples: ms }),
  ];
}
