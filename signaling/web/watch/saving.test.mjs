// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { LAST_MS, LastSeconds, MAX_CLIP_BYTES, MAX_CLIP_MS, MAX_LAST_BYTES, Recording, clipType, extension, fileName } from "./saving.js";

/** A browser whose recorders hand over `bytes` each second, under a clock of the test's. */
function world(bytes = 1_000) {
  const env = { time: 0, timers: [], recorders: [], most: 0 };
  const running = () => env.recorders.filter(({ state }) => state === "recording");
  env.env = {
    now: () => env.time,
    setTimeout: (call, ms) => { const timer = { call, at: env.time + ms }; env.timers.push(timer); return timer; },
    clearTimeout: (timer) => { env.timers = env.timers.filter((each) => each !== timer); },
    record: () => {
      const recorder = {
        state: "inactive", mimeType: "video/webm", began: env.time, told: 0,
        start() { this.state = "recording"; },
        stop() { this.state = "inactive"; this.ondataavailable({ data: { size: 10, from: this.began, to: env.time } }); this.onstop(); },
      };
      env.recorders.push(recorder);
      return recorder;
    },
  };
  env.run = (ms) => {
    const end = env.time + ms;
    while (env.time < end) {
      env.time += 1_000;
      for (const each of running()) each.ondataavailable({ data: { size: bytes, from: each.began, to: env.time } });
      for (const timer of env.timers.filter(({ at }) => at <= env.time)) { env.env.clearTimeout(timer); timer.call(); }
      env.most = Math.max(env.most, running().length);
    }
  };
  env.running = () => running().length;
  return env;
}
const saved = () => { const clips = []; return [clips, (clip) => clips.push(clip)]; };
const span = ({ parts }) => [parts[0].from, parts.at(-1).to];

test("a file's name is the camera's and the time, and nothing that a file system does not take", () => {
  const time = new Date(2026, 11, 1, 9, 3, 7);
  assert.equal(fileName("Front door", time, "image/jpeg"), "Front door 2026-12-01 09.03.07.jpg");
  assert.equal(fileName("../../etc/pass:wd\u202e\0", time, "video/webm;codecs=vp9,opus"), "etc pass wd 2026-12-01 09.03.07.webm");
  assert.equal(fileName("Hof – Süd 入口", time, "video/mp4"), "Hof Süd 入口 2026-12-01 09.03.07.mp4");
  assert.equal(fileName("///", time, "video/mp4"), "camera 2026-12-01 09.03.07.mp4");
  assert.ok(fileName("x".repeat(10_000), time, "video/webm").length < 100);
  assert.equal(extension("text/html"), "bin");
});

test("the format is one that the browser writes, and none where it writes none", () => {
  assert.equal(clipType(() => true), "video/webm;codecs=vp9,opus");
  assert.equal(clipType((type) => type === "video/mp4"), "video/mp4");
  assert.equal(clipType(() => false), "");
  assert.equal(clipType(undefined), "");
});

test("a clip goes from when it is begun to when it is ended", () => {
  const { env, ...it } = world();
  const [clips, take] = saved();
  const recording = new Recording(env, take, () => {});
  recording.start();
  recording.start();
  it.run(5_000);
  assert.equal(recording.isOn, true);
  recording.stop();
  assert.deepEqual([clips.length, recording.isOn, clips[0].type], [1, false, "video/webm"]);
  assert.deepEqual(span(clips[0]), [0, 5_000]);
});

test("one that is forgotten is saved when it is too long, or too large", () => {
  for (const [bytes, most] of [[1_000, MAX_CLIP_MS], [MAX_CLIP_BYTES / 20, 20_000]]) {
    const it = world(bytes);
    const [clips, take] = saved();
    const recording = new Recording(it.env, take, () => {});
    recording.start();
    it.run(MAX_CLIP_MS + 10_000);
    assert.deepEqual([clips.length, recording.isOn, it.running()], [1, false, 0]);
    assert.deepEqual(span(clips[0]), [0, most]);
  }
});

test("where saving is forbidden in the middle of it, nothing is kept", () => {
  const it = world();
  const [clips, take] = saved();
  const recording = new Recording(it.env, take, () => {});
  recording.start();
  it.run(5_000);
  recording.drop();
  it.run(MAX_CLIP_MS);
  assert.deepEqual([clips.length, recording.isOn, it.running()], [0, false, 0]);
});

test("the last seconds are at least thirty and at most sixty, whenever they are asked for", () => {
  for (let after = LAST_MS; after <= 5 * LAST_MS; after += 7_000) {
    const it = world();
    const [clips, take] = saved();
    const last = new LastSeconds(it.env, take, () => {});
    last.start();
    it.run(after);
    last.save();
    const [from, to] = span(clips[0]);
    assert.ok(to - from >= LAST_MS && to - from <= 2 * LAST_MS, `${to - from} ms after ${after}`);
    assert.ok(it.most <= 2, `${it.most} recorders`);
    assert.equal(last.isOn, true, "it goes on");
    it.run(LAST_MS + 1_000);
    last.save();
    assert.ok(span(clips[1])[1] - span(clips[1])[0] >= LAST_MS);
  }
});

test("what nobody asked for is not saved: neither when it is switched off nor when the picture ends", () => {
  for (const end of [(last) => last.stop(), (_, it) => it.recorders.filter(({ state }) => state === "recording").forEach((each) => each.stop())]) {
    const it = world();
    const [clips, take] = saved();
    const last = new LastSeconds(it.env, take, () => {});
    last.start();
    it.run(45_000);
    end(last, it);
    assert.deepEqual([clips.length, last.isOn, it.running(), it.timers.length], [0, false, 0, 0]);
    last.save();
    assert.equal(clips.length, 0);
  }
});

test("a picture of any bitrate keeps to the bytes that it may", () => {
  const it = world(MAX_LAST_BYTES / 8);
  const last = new LastSeconds(it.env, () => {}, () => {});
  last.start();
  it.run(10 * LAST_MS);
  assert.ok(it.running() <= 2);
  assert.equal(last.isOn, true);
});
