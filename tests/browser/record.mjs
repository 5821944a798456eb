// SPDX-License-Identifier: MPL-2.0
// A record of one picture, kept inside the page: when its frames were presented, what the page called it, when the
// last packets came. All times are those of `Date.now()`, which page and test share.

import { PATIENCE_MS } from "./lib.mjs";

/** Begins the record of camera `id`. */
export function record(page, id) {
  return page.evaluate((id) => {
    const find = (hook) => document.querySelector(`[data-testid="${hook}-${id}"]`);
    const [video, line] = [find("video"), find("state")];
    const kinds = { audio: { packets: 0, at: 0 }, video: { packets: 0, at: 0 } };
    const record = (window.record = { frames: [], states: [{ state: line.dataset.state, at: Date.now() }], notices: [], kinds });
    const frame = (_, { presentationTime }) => {
      record.frames.push(performance.timeOrigin + presentationTime);
      video.requestVideoFrameCallback(frame);
    };
    video.requestVideoFrameCallback(frame);
    new MutationObserver(() => record.states.push({ state: line.dataset.state, code: line.dataset.code, at: Date.now() }))
      .observe(line, { attributes: true });
    const notice = find("notice");
    new MutationObserver(() => { if (notice.textContent) record.notices.push(notice.textContent); }).observe(notice, { childList: true });
    const count = async () => {
      const seen = { audio: 0, video: 0 };
      for (const peer of window.peers) {
        for (const report of (await peer.getStats()).values()) {
          if (report.type === "inbound-rtp") seen[report.kind] += report.packetsReceived;
        }
      }
      for (const kind in kinds) if (seen[kind] !== kinds[kind].packets) kinds[kind] = { packets: seen[kind], at: Date.now() };
      setTimeout(count, 50);
    };
    count();
  }, id);
}

/** Waits for so many more frames; ends early where the picture has ended. */
export function presented(page, count) {
  return page.evaluate(([count, patience]) => new Promise((done, fail) => {
    const end = window.record.frames.length + count;
    const until = Date.now() + patience;
    const look = () => {
      const over = ["refused", "ended"].includes(window.record.states.at(-1).state);
      if (window.record.frames.length >= end || over) done();
      else if (Date.now() > until) fail(new Error(`no ${count} frames came: ${JSON.stringify(window.record.states)}`));
      else requestAnimationFrame(look);
    };
    look();
  }), [count, PATIENCE_MS]);
}

/** The longest time in ms without a new frame, from the first one up to now. */
export async function longestGap(page) {
  return page.evaluate(() => {
    const { frames } = window.record;
    return [...frames.slice(1), Date.now()].reduce((most, at, i) => Math.max(most, at - frames[i]), 0);
  });
}

/** The longest time in ms that the page called its picture something else than live. */
export function longestOutOfLive(page) {
  return page.evaluate(() => {
    const states = [...window.record.states, { state: "live", at: Date.now() }];
    let [most, since] = [0, null];
    for (const { state, at } of states) {
      if (state !== "live") since ??= at;
      else if (since !== null) { most = Math.max(most, at - since); since = null; }
    }
    return most;
  });
}

/** What the page said, once, and then. */
export const recorded = (page) => page.evaluate(() => window.record);

/** How long a stream must be silent to count as stopped: forty times what lies between two packets. */
const SILENCE_MS = 1_500;

/** Waits until no more packets of `kind` come; gives the time of the last one. */
export async function lastPacket(page, kind) {
  const handle = await page.waitForFunction(([kind, silence]) => {
    const { packets, at } = window.record.kinds[kind];
    return packets > 0 && Date.now() - at > silence && at;
  }, [kind, SILENCE_MS], { timeout: PATIENCE_MS });
  return handle.jsonValue();
}
