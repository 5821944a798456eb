// SPDX-License-Identifier: MPL-2.0
// Pages that look the same whenever and wherever they are opened, in Chromium and in Firefox: for tests that keep pictures of them.

/** What all of them show: a Tuesday afternoon, far from a change of the clock. */
export const NOW = Date.parse("2026-03-10T13:20:00Z");
export const LOCALE = "en-GB";
export const ZONE = "Europe/Berlin";

/**
 * Runs in the page, after the fake server (fake.mjs): a clock that stands, a picture and figures that do not change, nothing that moves or
 * blinks. `window.hold()` lets nothing more happen by itself, such as what fades away when nobody stirs.
 */
export function still(now) {
  // A timer of a page that is not for people, but for the fake's picture and the page's own layout, is shorter.
  const LONGEST_MS = 600;
  const Clock = Date;
  window.Date = class extends Clock {
    constructor(...args) { super(...(args.length ? args : [now])); }
    static now() { return now; }
  };

  let isHeld = false;
  window.hold = () => { isHeld = true; };
  for (const name of ["setTimeout", "setInterval"]) {
    const native = window[name].bind(window);
    window[name] = (call, ms = 0, ...rest) => native((...args) => { if (!isHeld || ms <= LONGEST_MS) call(...args); }, ms, ...rest);
  }

  // A second after the other, as far as the page can tell.
  let readings = 0;
  window.RTCPeerConnection.prototype.getStats = async () => {
    readings += 1;
    const video = {
      id: "v", type: "inbound-rtp", kind: "video", codecId: "c", timestamp: now + readings * 1_000, bytesReceived: readings * 100_000, packetsReceived: readings * 100,
      packetsLost: 0, framesDecoded: readings * 25, framesDropped: 0, frameWidth: 320, frameHeight: 180, freezeCount: 0, totalFreezesDuration: 0, jitter: 0.002,
    };
    return new Map([video, { id: "c", type: "codec", mimeType: "video/VP8" }].map((entry) => [entry.id, entry]));
  };

  // How good the link to a robot is is measured, and is worse beside other tests.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("*, ::before, ::after { animation: none !important; transition: none !important; caret-color: transparent !important; scrollbar-width: none !important; } .sign { visibility: hidden !important; }");
  document.adoptedStyleSheets = [sheet];
  window.server.still = true;
}

/** Runs in the page: when all that it shows is drawn, at the size that it has now, from its top: a click may have scrolled it, or what a picture is in. */
export async function drawn() {
  const frame = () => new Promise((done) => { requestAnimationFrame(done); });
  const shown = (video) => !video.checkVisibility() || !video.srcObject || video.readyState >= 2;
  const live = (tile) => tile.dataset.state === "live" || tile.getBoundingClientRect().top >= innerHeight;
  scrollTo(0, 0);
  for (const stage of document.querySelectorAll(".stage")) for (let around = stage; around; around = around.parentElement) around.scrollTop = 0;
  await document.fonts.ready;
  const ready = () => [...document.querySelectorAll("video")].every(shown) && [...document.querySelectorAll(".tile")].every(live);
  for (let left = 300; left > 0 && !ready(); left -= 1) await frame();
  await frame();
  await frame();
}
