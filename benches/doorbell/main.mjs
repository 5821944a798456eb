// SPDX-License-Identifier: MPL-2.0
// From the press of a doorbell to people. The last line of stdout is JSON; progress goes to stderr.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { browser } from "../../tests/browser/lib.mjs";
import { speaking, wave } from "../../tests/browser/voice.mjs";
import { machineDuring } from "../process.mjs";
import { row, table } from "../rows.mjs";
import { others } from "../table.mjs";
import { crowd, DOORS } from "./crowd.mjs";
import { rounds, PRESSES, VOICE_HZ } from "./house.mjs";
import { verdict } from "./verdict.mjs";

const IDLE_MS = 2_000;
const TARGETS = { rings: 150, noticePlain: 100, noticePicture: 300, picture: 150, voice: 500, crowd: 1_000 };

const NOTES = `(1) From the word of a program on the gateway, which is what scripts/doorbell says, to the panel of a page that is open and the
    first tone of its bell. One camera (test picture, 320x180) that nobody watches: the press opens it.
(2) From the same press to the request of a webhook on this machine, with and without the picture of the press in it.
(3) From the click on Answer to the next new frame on the page, whose picture the ring has opened; who is rung sees first who is there.
(4) From the click to the first 20 ms of the person's voice (Chromium's fake microphone, ${VOICE_HZ} Hz) that come out of the pad talk.
    The browser opens the microphone only then.
(5) ${DOORS} cameras and ${DOORS} people, each with a connection that is no browser, on one server with SQLite: pressed one after the other
    within a second; from each press to the word to its person, and to the webhook.`;

const { values } = parseArgs({ options: { rounds: { type: "string", default: "5" }, quick: { type: "boolean" } } });
const count = values.quick ? 1 : Number(values.rounds);
if (!Number.isInteger(count) || count < 1) throw new Error(`--rounds ${values.rounds}: give a number`);
process.env.TMPDIR = mkdtempSync(join(tmpdir(), "porthole-bench-"));
process.on("exit", () => rmSync(process.env.TMPDIR, { recursive: true, force: true, maxRetries: 10 }));
for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]]) process.on(signal, () => process.exit(code));

const strange = [await machineDuring(() => new Promise((done) => { setTimeout(done, IDLE_MS); }))];
const started = performance.now();
const tone = join(process.env.TMPDIR, "voice.wav");
writeFileSync(tone, wave(10, VOICE_HZ));
const chromium = await browser({}, undefined, speaking(tone));
let own;
try {
  own = await rounds(chromium, count);
} finally {
  await chromium.close();
}
const many = await crowd();
const seconds = Math.round((performance.now() - started) / 1000);

const notMeasured = [];
/** A row, or word that there is none. */
const figures = (key, label, samples, target = null) => {
  if (samples.length) return [row({ key, label, samples, target, remark: target === null ? "" : verdict(samples, target) })];
  notMeasured.push({ key, label });
  return [];
};
const rows = [
  ...figures("ringsMs", "press, to an open page that rings (1)", own.rings, TARGETS.rings),
  ...figures("noticeMs", "  to a notification, without picture (2)", own.plain, TARGETS.noticePlain),
  ...figures("noticePictureMs", "  to a notification with one (2)", own.picture, TARGETS.noticePicture),
  ...figures("firstFrameMs", "  to the first frame at an open page (1)", own.firstFrame),
  ...figures("answerPictureMs", "answer, to the picture (3)", own.answerPicture, TARGETS.picture),
  ...figures("answerVoiceMs", "  to the voice at the door (4)", own.answerVoice, TARGETS.voice),
  ...figures("crowdMs", `one of ${DOORS} presses in ${(many.took / 1000).toFixed(2)} s, to its person (5)`, many.rings, TARGETS.crowd),
  ...figures("crowdNoticeMs", "  to its notification (5)", many.notices, TARGETS.crowd),
];
const judged = rows.filter(({ pass }) => pass !== null);
const kept = judged.filter(({ pass }) => pass).length;
const { sentence, median, max, busy } = others(strange);
console.log(`
A doorbell: ${count * PRESSES} presses at one door, and ${DOORS} at as many; ${seconds} s

${table(rows)}
${notMeasured.map(({ label }) => `${label.trim()}: not measured: no notifier\n`).join("")}
${NOTES}
${kept} of ${judged.length} targets are kept.
${sentence}
`);
const report = { bench: "doorbell", rounds: count, seconds, busy, othersPercent: { median, max }, kept, targets: judged.length, notMeasured: notMeasured.map(({ key }) => key), rows };
// The callback: a pipe may not have taken the line yet.
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
