// SPDX-License-Identifier: MPL-2.0
// Viewers come and go, and nothing of them stays in the camera's process. `scripts/soak joins` does this for longer.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { browser, camera, PATIENCE_MS, scene, visitor } from "./lib.mjs";

/** Joins and leaves in all, of which the first ones bring what is made once and kept: threads of pools, memory. */
const JOINS = Number(process.env.PORTHOLE_JOINS ?? 60);
const FIRST = Math.min(50, JOINS / 2);
/** Memory of an idle process above what it was before anyone came: what it wrote itself, without the code it runs. */
const MOST_GROWN_MB = 20;
/** A pool of threads or of connections may hold one more or less at the moment at which one looks. */
const SLACK = { threads: 2, descriptors: 2 };
/** Freed memory goes back some seconds after the last viewer has left (src/heap.rs), later on a busy machine. */
const RETURNED_MS = 40_000;
const LOOK_MS = 500;
/** The tracer of leaks lists what is alive on this signal, and ends the list with a line of its own. */
const LIST = "SIGUSR1";
const TRACED = {
  GST_TRACERS: "leaks(filters=\"GstPad,GstElement\")", GST_LEAKS_TRACER_SIG: "1", GST_DEBUG: "leaks:7,GST_TRACER:7", GST_DEBUG_NO_COLOR: "1",
};
/** webrtcbin of GStreamer 1.22 keeps a reference to what a session has for congestion control (docs/upstream.md): some KB each. */
const KEPT_UPSTREAM = /(rtpgccbwe|portholepacer)\d+/;

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

/** With all that a session can have: data channels, and a media line for the viewer's voice. */
const LINE = "portholesrc camera=test idle-timeout=2 ! portholesink name=out listen=127.0.0.1:0 camera-name=front gateway=127.0.0.1:0 out.talk ! fakesink async=false";

/** How many pads and elements are alive, by the tracer. */
async function alive(front) {
  const from = front.lines.length;
  front.process.kill(LIST);
  await front.line(/listed \d+ alive objects/, { from });
  return front.lines.slice(from).filter((line) => /object-alive,/.test(line) && !KEPT_UPSTREAM.test(line)).length;
}

/** What the camera's process holds while nobody watches, and its camera is closed. */
function held({ process: { pid } }) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const mb = (field) => Math.round((Number(status.match(new RegExp(`^${field}:\\s+(\\d+) kB`, "m"))[1]) * 1024) / 1e5) / 10;
  const count = (what) => readdirSync(`/proc/${pid}/${what}`).length;
  return { mb: mb("RssAnon"), residentMb: mb("VmRSS"), threads: count("task"), descriptors: count("fd") };
}

/** What it holds as soon as it has come down to so many MB, or in the end. */
async function returned(front, mb) {
  const end = Date.now() + RETURNED_MS;
  let now = held(front);
  while (now.mb > mb && Date.now() < end) {
    await new Promise((done) => setTimeout(done, LOOK_MS));
    now = held(front);
  }
  return now;
}

/** So many viewers one after the other, each until it has a picture; the last one's leaving closes the camera. */
async function joins(front, page, count) {
  const from = front.lines.length;
  await page.evaluate(async ([count, patience]) => {
    const find = (id) => document.querySelector(`[data-testid="${id}-front"]`);
    for (let n = 0; n < count; n++) {
      find("camera").click();
      await new Promise((done, fail) => {
        const late = setTimeout(() => fail(new Error(`join ${n}: ${find("state")?.dataset.state}`)), patience);
        // What shows a picture is fetched with the first.
        const look = () => {
          if (find("video")) find("video").requestVideoFrameCallback(() => { clearTimeout(late); done(); });
          else requestAnimationFrame(look);
        };
        look();
      });
      find("close").click();
    }
  }, [count, PATIENCE_MS]);
  await front.line(/porthole\/camera, .*state=\(string\)closed/, { from });
}

/** A camera before anyone came, and a page that lists it. */
async function begin(keep, env) {
  const front = await keep(camera(LINE, env));
  const page = await visitor(chromium, front.link);
  await page.getByTestId("camera-front").waitFor({ state: "attached" });
  return { front, page };
}

test(`after ${JOINS} joins and leaves the process holds what it held after ${FIRST}, and at most ${MOST_GROWN_MB} MB more than before`, () => scene(async (keep) => {
  // With nothing in the environment that makes glibc keep less.
  const { front, page } = await begin(keep, {});
  const start = held(front);
  await joins(front, page, FIRST);
  const first = held(front);
  await joins(front, page, JOINS - FIRST);
  const last = await returned(front, start.mb + MOST_GROWN_MB);
  const words = JSON.stringify({ start, first, last });
  console.log(words);
  assert.ok(last.threads <= first.threads + SLACK.threads, `threads: ${words}`);
  assert.ok(last.descriptors <= first.descriptors + SLACK.descriptors, `descriptors: ${words}`);
  assert.ok(last.mb - start.mb <= MOST_GROWN_MB, `memory: ${words}`);
}));

test(`after ${JOINS} joins and leaves there are as many pads and elements as after ${FIRST}`, () => scene(async (keep) => {
  const { front, page } = await begin(keep, TRACED);
  await joins(front, page, FIRST);
  const first = await alive(front);
  await joins(front, page, JOINS - FIRST);
  // The last session is taken apart after the camera is closed; on a busy machine one can see that.
  const late = performance.now() + PATIENCE_MS;
  let last;
  do last = await alive(front); while (last > first && performance.now() < late);
  assert.ok(last <= first, `${last} in place of ${first}`);
}));
