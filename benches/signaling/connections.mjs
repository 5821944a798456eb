// SPDX-License-Identifier: MPL-2.0
// Many connections to Porthole's server and to the stock one, in turn.

import { join } from "node:path";
import { row } from "../rows.mjs";

const ROOT = join(import.meta.dirname, "../..");
const VERSION = "0.15.4";
const FOLDER = join(ROOT, "target/peers");
/** The stock server takes the longer for each connection the more there are: with all of ours it would take many minutes. */
const STOCK_SHARE = 5;
const KIB = 1024;
const MIB = KIB * KIB;

/** Builds the stock server of this version, unless it is there. */
export async function buildStock(run) {
  await run("cargo", ["install", "--quiet", "--locked", "--root", FOLDER, "--version", VERSION, "gst-plugin-webrtc-signalling"]);
}

/** `measure` runs the program of this benchmark with some words. */
export async function connections(measure, count, seconds) {
  const ours = join(process.env.PORTHOLE_BUILT ?? join(ROOT, "target/release"), "porthole-signaling");
  const stock = join(FOLDER, "bin/gst-webrtc-signalling-server");
  const results = {};
  const few = Math.round(count / STOCK_SHARE);
  for (const [kind, program, many] of [["ours", ours, count], ["stock", stock, few]]) {
    results[kind] = await measure("connections", kind, program, String(many), String(seconds));
  }
  const { ours: own, stock: peer } = results;
  const name = `${count} connections`;
  return [
    row({ key: "idleMib", label: "memory without connections", unit: "MiB", samples: [own.idleBefore / MIB], target: 20 }),
    row({ key: "stockIdleMib", label: "  stock server", unit: "MiB", samples: [peer.idleBefore / MIB] }),
    row({ key: "perConnectionKib", label: `memory of each of ${name} (3)`, unit: "KiB", samples: [own.perConnection / KIB], target: 12 }),
    row({ key: "stockPerConnectionKib", label: `  stock server, which knows nobody, ${few} connections`, unit: "KiB", samples: [peer.perConnection / KIB] }),
    row({ key: "registeredPerSecond", label: "registrations, with a credential", unit: "/s", samples: [own.perSecond] }),
    row({ key: "firstPerSecond", label: "  the first tenth", unit: "/s", samples: [own.firstPerSecond] }),
    row({ key: "lastPerSecond", label: "  the last tenth", unit: "/s", samples: [own.lastPerSecond] }),
    row({ key: "stockRegisteredPerSecond", label: `  stock server, without one, ${few} connections`, unit: "/s", samples: [peer.perSecond] }),
    row({ key: "registeredRatio", label: "  time of ours by the stock server's", unit: "×", samples: [peer.perSecond / own.perSecond], target: 1 }),
    row({ key: "tripMs", label: `viewer to camera and back, 1,000/s beside ${name} (4)`, samples: own.ms, target: 10, by: "p99" }),
    row({ key: "stockTripMs", label: `  stock server, beside ${few}`, samples: peer.ms }),
  ];
}
