// SPDX-License-Identifier: MPL-2.0
// A server with a fleet's people, bookings and cameras.

import { join } from "node:path";
import { row } from "../rows.mjs";

const ROOT = join(import.meta.dirname, "../..");
const KIB = 1024;
const MIB = KIB * KIB;

/** Two servers on one PostgreSQL; so many revocations. */
export async function servers(measure, rounds) {
  const program = join(process.env.PORTHOLE_BUILT ?? join(ROOT, "target/release"), "porthole-signaling");
  const own = await measure("servers", program, String(rounds));
  return [
    row({ key: "otherServerMs", label: "revoked at server A to the end of a session at server B (7)", samples: own.revokedMs, target: 1000, by: "p99" }),
    row({ key: "otherServerBookedMs", label: "  booked at A to an open camera at B", samples: own.bookedMs }),
  ];
}

/** `measure` runs the program of this benchmark with some words; `sizes` are users, bookings, cameras, connections and sessions. */
export async function population(measure, sizes, seconds) {
  const program = join(process.env.PORTHOLE_BUILT ?? join(ROOT, "target/release"), "porthole-signaling");
  const own = await measure("population", program, ...sizes.map(String), String(seconds));
  const [users, bookings, cameras, connections, sessions] = sizes.map((size) => size.toLocaleString("en"));
  const name = `${users} users, ${bookings} bookings, ${cameras} cameras`;
  return [
    row({ key: "startSeconds", label: `start with ${name} (5)`, unit: "s", samples: [own.startSeconds], target: 5 }),
    row({ key: "populationMib", label: "  memory then", unit: "MiB", samples: [own.resident / MIB], target: 300 }),
    row({ key: "populationFullMib", label: `  with ${connections} connections and ${sessions} sessions`, unit: "MiB", samples: [own.residentFull / MIB] }),
    row({ key: "idleConnectionKib", label: "  memory of each connection, idle", unit: "KiB", samples: [own.perConnection / KIB], target: 10 }),
    row({ key: "describedConnectionKib", label: "  after a description passed over it (6)", unit: "KiB", samples: [own.perDescribed / KIB], target: 12 }),
    row({ key: "startSessionMs", label: "  startSession, beside 1,000 messages/s", samples: own.startMs, target: 10, by: "p99" }),
    row({ key: "meMs", label: "  api/me of a viewer", samples: own.meMs, target: 20, by: "p99" }),
    row({ key: "meAdministratorMs", label: "  api/me of an administrator, who sees all cameras", samples: own.meAdministratorMs, target: 20, by: "p99" }),
    row({ key: "usersPageMs", label: "  a page of api/users", samples: own.usersMs, target: 20, by: "p99" }),
    row({ key: "calendarMs", label: "  a week of api/calendar", samples: own.calendarMs }),
    row({ key: "changeMs", label: "  a booking that is revoked to its session's end", samples: own.changeMs, target: 1000, by: "p99" }),
    row({ key: "populationTripMs", label: "  viewer to camera and back", samples: own.tripMs, target: 10, by: "p99" }),
  ];
}
