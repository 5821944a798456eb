// SPDX-License-Identifier: MPL-2.0
// The gateway and talk: what they take, beside a plain relay. The last line of stdout is JSON; progress goes to stderr.

import { parseArgs } from "node:util";
import { build, output } from "../built.mjs";
import { machineDuring } from "../process.mjs";
import { row, table } from "../rows.mjs";
import { others } from "../table.mjs";
import { cut, frozenBrowser, hangs, killed, load, stopped, trips, zeros } from "./browsers.mjs";
import { late, slower, times } from "./verdict.mjs";

/** `often`: of what must never be late. */
const THOROUGH = { seconds: 20, trials: 20, often: 200 };
const QUICK = { seconds: 4, trials: 5, often: 5 };
/** How long the machine is watched, before and after, while nothing of this runs. */
const IDLE_MS = 2_000;
const CONTROL_TIMEOUT_MS = 500;
const PARTS = ["trips", "load", "stopped", "killed", "browser", "cut", "crowd", "zeros", "frozen"];

const NOTES = `(1) A text from a page of Chromium to a program that sends it back, 100 a second: by the gateway, and by a WebSocket server
    that hands each message on: no WebRTC, no encryption, no driver, no answer to each command, which the gateway sends besides.
    Everything is a process of its own; the page's clock has steps of 0.1 ms.
(2) 10 programs send 100 short texts a second each, 8 viewers in Chromium get them all: 8,000 messages a second. One is Porthole's page, which
    shows them; the others read them by its client, and show nothing.
(3) Age of frames at that page, by the clock in the picture.
(4) Percent of a core of the camera's process with those 8 viewers.
(5) From the driver's last sign of life to the moment at which a program that works 100 ms at each command reads "released", while two
    guests flood, less the control-timeout of ${CONTROL_TIMEOUT_MS} ms.
(6) gst-launch gets SIGSTOP (SIGKILL) while Chromium drives examples/gateway/drive.py, which stops by itself; less the control-timeout.
(7) One datagram of five is lost each way between Chromium and the camera, in network namespaces.
(8) Runs, each in a process of its own, that did not end well.
(9) From the press of the button to the first sound out of the pad talk: an Opus frame of 20 ms, the network, the jitter buffer,
    the decoder and a frame of 10 ms. The stock webrtcsink receives no sound, so that nothing stands beside it.
(10) A viewer's words from the pad talk in what the other viewers hear, against what the microphone hears of them, as in pipelines 50
    and 51; then how loud a person in the room is to them while the viewer speaks. The room is made of samples: 24 walls, 10 to 11 dB.
(11) From when the last of the driver's Chromium's processes has got SIGSTOP, or its network is cut, to when a program reads "released", by
    its own clock, less the control-timeout. It runs from the last heartbeat, which is up to a tenth of it older.
(12) The same text from page to page of the same Chromium and back by a data channel, which is Chromium's own both ways.`;

const { effort, quick, scene, only } = options();
for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]]) process.on(signal, () => process.exit(code));

console.error("building");
const measurements = await build("gateway");
const strange = [await machineDuring(() => pause(IDLE_MS))];
const started = performance.now();
const want = (part) => !only || only.includes(part);
const rows = [];
if (want("trips")) {
  console.error("gateway: there and back");
  const { trip, relay, pages } = await trips(measurements, effort.seconds);
  rows.push(
    row({ key: "tripMs", label: "there and back (1)", samples: trip }),
    row({ key: "relayMs", label: "    a plain relay (1)", samples: relay }),
    row({ key: "pagesMs", label: "    two pages and no camera (12)", samples: pages }),
    ...[[0.5, "median"], [0.99, "p99"]].map(([at, name]) =>
      row({ key: `times${name}`, label: `    times the relay's ${name}`, unit: "", samples: [times(trip, relay, at)], target: 1.5 })),
  );
}
if (want("load")) {
  console.error("gateway: telemetry to eight pages");
  const { alone, elsewhere, beside, telemetry } = await load(measurements, effort.seconds);
  rows.push(
    row({ key: "telemetryMs", label: "age of telemetry (2)", samples: telemetry }),
    row({ key: "pictureMs", label: "age of the picture meanwhile (3)", samples: beside.picture }),
    row({ key: "pictureAloneMs", label: "    without telemetry (3)", samples: alone.picture }),
    row({ key: "pictureElsewhereMs", label: "    the programs speak to somebody else (3)", samples: elsewhere.picture }),
    row({ key: "pictureSlower", label: "    slower at the median", unit: "%", samples: [slower(beside.picture, alone.picture)], target: 5 }),
    row({ key: "cpuPercent", label: "CPU with telemetry (4)", unit: "% of a core", samples: [beside.cpu] }),
    row({ key: "cpuAlonePercent", label: "    without (4)", unit: "% of a core", samples: [alone.cpu] }),
    row({ key: "cpuMorePercent", label: "    more (4)", unit: "% of a core", samples: [Math.max(0, beside.cpu - alone.cpu)], target: 25 }),
  );
}
if (want("stopped")) {
  console.error("gateway: the camera's process stands still");
  rows.push(row({ key: "stoppedMs", label: "camera stopped to robot stopped (6)", samples: late(await stopped(effort.often), CONTROL_TIMEOUT_MS), target: 50 }));
}
if (want("killed")) {
  console.error("gateway: the camera's process is killed");
  rows.push(row({ key: "killedMs", label: "camera killed to robot stopped (6)", samples: late(await killed(effort.often), CONTROL_TIMEOUT_MS), target: 50 }));
}
if (want("browser")) {
  console.error("gateway: the driver's browser is stopped");
  const times = await frozenBrowser(effort.often);
  rows.push(row({ key: "browserMs", label: "browser stopped to released (11)", samples: late(times, CONTROL_TIMEOUT_MS), target: 50 }));
}
if (want("cut")) {
  console.error("gateway: the driver's network is cut");
  const times = await cut(effort.often);
  if (times) rows.push(row({ key: "cutMs", label: "network cut to released (11)", samples: late(times, CONTROL_TIMEOUT_MS), target: 50 }));
}
if (want("crowd")) {
  console.error("gateway: the driver's browser is stopped, beside eight viewers and ten programs");
  const times = await frozenBrowser(effort.often, measurements);
  rows.push(row({ key: "crowdMs", label: "the same beside 8 viewers, 10 programs (11)", samples: late(times, CONTROL_TIMEOUT_MS), target: 50 }));
}
if (want("zeros")) {
  console.error("gateway: one packet of five is lost");
  const lossy = await zeros(quick ? effort.often : Math.max(100, effort.often));
  if (lossy) rows.push(row({ key: "zerosMs", label: "20 % lost: let go to zeros (7)", samples: lossy, target: quick ? null : 150, by: "p99" }));
}
if (scene > 0) {
  console.error(`gateway: the scene "commands get there", ${scene} times`);
  rows.push(row({ key: "hangs", label: `the scene "commands get there", ${scene} times (8)`, unit: "", samples: [hangs(scene)], target: 0 }));
}
if (want("frozen")) {
  const seen = JSON.parse((await output(measurements, [effort.trials, effort.often].map(String))).at(-1));
  rows.push(
    row({ key: "frozenMs", label: "frozen driver to released (5)", samples: late(seen.frozenMs, CONTROL_TIMEOUT_MS), target: 50 }),
    row({ key: "voiceMs", label: "mouth to ear (9)", samples: seen.voiceMs }),
    ...[["cancelled", "webrtcdsp"], ["halfDuplex", "half duplex"]].flatMap(([key, name]) => [
      row({ key: `${key}EchoDb`, label: `echo less by, ${name} (10)`, unit: "dB", samples: [seen[`${key}Db`].echo] }),
      row({ key: `${key}NearDb`, label: "    who is in the room meanwhile", unit: "dB", samples: [seen[`${key}Db`].near] }),
    ]),
  );
}
const seconds = Math.round((performance.now() - started) / 1000);
strange.push(await machineDuring(() => pause(IDLE_MS)));
const judged = rows.filter(({ pass }) => pass !== null);
const kept = judged.filter(({ pass }) => pass).length;
const { sentence, median, max, busy } = others(strange);
console.log(`
The gateway and talk: there and back, telemetry, a driver who freezes, mouth to ear; ${seconds} s

${table(rows)}

${NOTES}
${kept} of ${judged.length} targets are kept.
${sentence}
`);
const report = { bench: "gateway", quick, ...effort, took: seconds, busy, othersPercent: { median, max }, kept, targets: judged.length, rows };
// The callback: a pipe may not have taken the line yet.
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));

function pause(ms) {
  return new Promise((done) => setTimeout(done, ms));
}

function options() {
  try {
    const { values } = parseArgs({
      options: { quick: { type: "boolean", default: false }, scene: { type: "string", default: "0" }, only: { type: "string" } },
    });
    const only = values.only?.split(",");
    const unknown = only?.find((part) => !PARTS.includes(part));
    if (unknown !== undefined) throw new Error(`--only ${unknown}: give some of ${PARTS.join(", ")}`);
    if (!/^\d{1,4}$/.test(values.scene)) throw new Error(`--scene ${values.scene}: give a number, as in --scene 200`);
    return { effort: values.quick ? QUICK : THOROUGH, quick: values.quick, scene: Number(values.scene), only };
  } catch (error) {
    console.error(`bench gateway: ${error.message}; see scripts/bench --help`);
    process.exit(2);
  }
}
