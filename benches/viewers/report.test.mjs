// SPDX-License-Identifier: MPL-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { crowdRows, encoderRows, glassRows, linkRows, panels, qualityRows } from "./report.mjs";

const held = { resident: 50, own: 45, threads: 10, descriptors: 20 };
/** A camera that takes 20 % and then `each` for a further viewer. */
const crowd = (name, each) => ({
  name, scene: "footage", codec: "h264", before: held, after: { ...held, resident: 65 },
  points: [1, 2, 4].map((viewers) => ({ viewers, cpu: 20 + each * (viewers - 1), own: 60 + 3 * (viewers - 1), fps: Array(viewers).fill(30), heights: Array(viewers).fill(720) })),
});
const find = (rows, key) => rows.find((row) => row.key === key);

test("a further viewer is judged by its share, memory by what it is", () => {
  const rows = crowdRows([crowd("porthole", 1), crowd("stock", 20)]);
  const { ours, stock, ratio, pass } = find(rows, "cpuEach4-footage-h264");
  assert.deepEqual({ ours, stock, ratio, pass }, { ours: 1, stock: 20, ratio: 0.05, pass: true });
  assert.equal(find(rows, "memoryEach2-footage-h264").ours, 3);
  assert.equal(find(rows, "left-footage-h264").ours, 15);
  assert.equal(find(rows, "cpu1-footage-h264").pass, false, "20 of 20 is more than 0.9");
  assert.equal(find(rows, "fps4-footage-h264").ratio, null, "what each gets is no contest");
});

test("a side that gives its viewers few frames is named", () => {
  const slow = crowd("stock", 5);
  slow.points[2].fps = [10, 12, 10, 12];
  const rows = crowdRows([crowd("porthole", 1), slow]);
  assert.equal(find(rows, "cpuEach4-footage-h264").remark, "stock starves, 11 of 30 frames/s");
  assert.equal(find(rows, "cpuEach2-footage-h264").remark, "");
});

test("latency is judged by the browser alone, also with others", () => {
  const ages = (median) => ({ median, p95: median + 10 });
  const one = (name, ms) => ({ name, codec: "vp8", alone: ages(ms), firstFrameMs: [ms], firstFrameAgainMs: [ms], firstFrameJoiningMs: name === "alone" ? [] : [ms], ...(name !== "alone" && { crowded: ages(ms + 5) }) });
  const rows = glassRows([one("porthole", 30), one("stock", 50), one("alone", 33)], 8);
  assert.equal(find(rows, "glass1-vp8").pass, true);
  assert.deepEqual([find(rows, "glass8-vp8").ours, find(rows, "glass8-vp8").alone, find(rows, "glass8-vp8").pass], [35, 33, false]);
  assert.equal(find(rows, "joining-vp8").pass, false, "0.6 of stock is more than half");
});

test("links and quality have a row for each figure", () => {
  const link = { codec: "h264", downMs: 900, upMs: 4_000, share: 0.8, longestGapMs: 700 };
  const rows = linkRows([{ name: "porthole", ...link }, { name: "stock", ...link, share: 0.1, longestGapMs: 3_000 }]);
  assert.deepEqual(rows.map(({ pass }) => pass), [true, true, true, true]);
  assert.equal(Math.round(find(rows, "unused-h264").ours), 20);
  const [{ ours, pass, remark }] = qualityRows([{ codec: "vp8", bitrate: 600_000, ours: { loss: 0.02, bitrate: 590_000 }, stock: { loss: 0.01, bitrate: 601_000 } }]);
  assert.deepEqual([ours, pass, remark], [20, false, "took 590 and 601 kbit/s"]);
});

test("the plot has the medians of the rounds", () => {
  const [cpu, memory] = panels([crowd("porthole", 1), crowd("porthole", 3), crowd("stock", 20)]);
  assert.deepEqual(cpu.series.porthole, [{ viewers: 1, value: 20 }, { viewers: 2, value: 22 }, { viewers: 4, value: 26 }]);
  assert.equal(memory.series.stock.length, 3);
});

test("an encoder's start is judged by pairs of clicks", () => {
  const rows = encoderRows([{ codec: "vp8", kept: [100, 300, 120], stopped: [140, 310, 190], keptPicture: [110, 310, 130], stoppedPicture: [180, 380, 200] }]);
  assert.equal(find(rows, "start-vp8").ours, 40);
  assert.equal(find(rows, "start-vp8").pass, true);
  assert.equal(find(rows, "startPicture-vp8").pass, false, "70 of 50");
});
