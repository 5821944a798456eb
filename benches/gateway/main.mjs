// SPDX-License-Identifier: MPL-2.0
// The gateway and talk: what they take, beside a plain relay. The last line of stdout is JSON; progress goes to stderr.

import { parseArgs } from "node:util";
import { build, output } from "../built.mjs";
import { machineDuring } from "../process.mjs";
import { row, table } from "../rows.mjs";
import { others } from "../table.mjs";
import { cpu, hangs, stopped, zeros } from "./browsers.mjs";
import { late, slower, times } from "./verdict.mjs";

/** `often`: of what must never be late. */
const THOROUGH = { seconds: 20, trials: 20, often: 200 };
const QUICK = { seconds: 4, trials: 5, often: 5 };
/** How long the machine is watched, before and after, while nothing of this runs. */
const IDLE_MS = 2_000;
const CONTROL_TIMEOUT_MS = 500;

const NOTES = `(1) A text from a viewer to a program that sends it back, over the session's data channel and the gateway; viewer, camera and program
    are on one machine. The relay is a WebSocket server that hands each message on: no WebRTC, no encryption, no driver, no answer
    to each command, which the gateway sends besides.
(2) 10 programs send 100 short texts a second each, 8 viewers get them all: 8,000 messages a second.
(3) From a frame's entering portholesink to its last packet's leaving the viewer's webrtcbin, whose jitter buffer is off.
(4) Percent of a core of the camera's process; 8 viewers are pages in Chromium, and the 10 programs are in a process of their own.
(5) From the driver's last sign of life to the moment at which a program that works 100 ms at each command reads "released", while two
    guests flood, less the control-timeout of ${CONTROL_TIMEOUT_MS} ms.
(7) gst-launch gets SIGSTOP while Chromium drives examples/gateway/drive.py, which stops by itself; less the control-timeout.
(8) One datagram of five is lost each way between Chromium and the camera, in network namespaces.
(9) Runs, each in a process of its own, that did not end well.
(6) From the press of the button to the first sound out of the pad talk: an Opus frame of 20 ms, the network, the jitter buffer,
    the decoder and a frame of 10 ms. The stock webrtcsink receives no sound, so that nothing stands beside it.
(7) A viewer's words from the pad talk in what the other viewers hear, against what the microphone hears of them, as in pipelines 50
    and 51; then how loud a person in the room is to them while the viewer speaks. The room is made of samples: 24 walls, 10 to 11 dB.`;

const { effort, quick, scene } = options();
for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]]) process.on(signal, () => process.exit(code));

console.error("building");
const measurements = await build("gateway");
const strange = [await machineDuring(() => pause(IDLE_MS))];
const started = performance.now();
const seen = JSON.parse((await output(measurements, [effort.seconds, effort.trials, effort.often].map(String))).at(-1));
console.error("gateway: the camera's process stands still");
const still = await stopped(effort.often);
console.error("gateway: one packet of five is lost");
const lossy = await zeros(quick ? effort.often : Math.max(100, effort.often));
console.error("gateway: CPU with telemetry to eight pages");
const load = await cpu(effort.seconds);
if (scene > 0) console.error(`gateway: the scene "commands get there", ${scene} times`);
const hung = hangs(scene);
const seconds = Math.round((performance.now() - started) / 1000);
strange.push(await machineDuring(() => pause(IDLE_MS)));
const { telemetry } = seen;
const rows = [
  ...[100, 1_000].flatMap((rate) => [
    row({ key: `trip${rate}Us`, label: `there and back, ${rate}/s (1)`, unit: "us", samples: seen[`trip${rate}Us`] }),
      row({ key: `relay${rate}Us`, label: "    a plain relay (1)", unit: "us", samples: seen[`relay${rate}Us`] }),
    ...[[0.5, "median"], [0.99, "p99"]].map(([at, name]) => row({
      key: `times${rate}${name}`, label: `    times the relay's ${name}`, unit: "", samples: [times(seen[`trip${rate}Us`], seen[`relay${rate}Us`], at)],
      target: rate === 100 ? 1.5 : null,
    })),
  ]),
  row({ key: "telemetryUs", label: "telemetry to 8 viewers (2)", unit: "us", samples: telemetry.ageUs, remark: `${telemetry.arrivedPercent.toFixed(1)} % arrived` }),
  row({ key: "pictureUs", label: "the picture meanwhile (3)", unit: "us", samples: telemetry.pictureBesideUs }),
  row({ key: "pictureAloneUs", label: "    without telemetry (3)", unit: "us", samples: telemetry.pictureAloneUs }),
  row({ key: "pictureSlower", label: "    slower at the median", unit: "%", samples: [slower(telemetry.pictureBesideUs, telemetry.pictureAloneUs)], target: 5 }),
  row({ key: "cpuPercent", label: "CPU with telemetry (4)", unit: "% of a core", samples: [load.beside] }),
  row({ key: "cpuAlonePercent", label: "    without (4)", unit: "% of a core", samples: [load.alone] }),
  row({ key: "cpuMorePercent", label: "    more (4)", unit: "% of a core", samples: [Math.max(0, load.beside - load.alone)], target: 25 }),
  row({ key: "stoppedMs", label: "camera stopped to robot stopped (7)", samples: late(still, CONTROL_TIMEOUT_MS), target: 50 }),
  ...(lossy ? [row({ key: "zerosMs", label: "20 % lost: let go to zeros (8)", samples: lossy, target: quick ? null : 150, by: "p99" })] : []),
  ...(scene ? [row({ key: "hangs", label: `the scene "commands get there", ${scene} times (9)`, unit: "", samples: [hung], target: 0 })] : []),
  row({ key: "frozenMs", label: "frozen driver to released (5)", samples: late(seen.frozenMs, CONTROL_TIMEOUT_MS), target: 50 }),
  row({ key: "voiceMs", label: "mouth to ear (6)", samples: seen.voiceMs }),
  ...[["cancelled", "webrtcdsp"], ["halfDuplex", "half duplex"]].flatMap(([key, name]) => [
    row({ key: `${key}EchoDb`, label: `echo less by, ${name} (7)`, unit: "dB", samples: [seen[`${key}Db`].echo] }),
    row({ key: `${key}NearDb`, label: "    who is in the room meanwhile", unit: "dB", samples: [seen[`${key}Db`].near] }),
  ]),
];
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
    const { values } = parseArgs({ options: { quick: { type: "boolean", default: false }, scene: { type: "string", default: "0" } } });
    if (!/^\d{1,4}$/.test(values.scene)) throw new Error(`--scene ${values.scene}: give a number, as in --scene 200`);
    return { effort: values.quick ? QUICK : THOROUGH, quick: values.quick, scene: Number(values.scene) };
  } catch (error) {
    console.error(`bench gateway: ${error.message}; see scripts/bench --help`);
    process.exit(2);
  }
}
