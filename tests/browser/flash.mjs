// SPDX-License-Identifier: MPL-2.0
// A flash that is heard, as the fake camera and its microphone have it (tests/fake-camera/src/flash.rs): by how much a page sees and hears
// them apart.

/** What a page is opened with that is measured: a script is brought in that is not a file of its server. */
export const MEASURING = { bypassCSP: true };

/** Brightness over this is the flash, of 255; sound over this is the beep, of 1. */
const BRIGHT = 128;
const LOUD = 0.05;
/** Longest time that a flash and its beep may be apart to be told from the next. */
const MOST_MS = 450;

/**
 * Milliseconds from the flash to its beep, for so many of them: below 0 where it is heard first. Both in the page's time: of the frame when
 * it is put on the screen, of the sound when it leaves the audio graph.
 */
export function apart(page, id, count, patience) {
  return page.getByTestId(`video-${id}`).evaluate(async (video, [count, patience, bright, loud, most]) => {
    const context = new AudioContext({ latencyHint: "interactive" });
    const code = `registerProcessor("beeps", class extends AudioWorkletProcessor {
      quiet = 0;
      process([[channel]]) {
        if (!channel) return true;
        const first = channel.findIndex((sample) => Math.abs(sample) > ${loud});
        if (first >= 0 && this.quiet > sampleRate / 4) this.port.postMessage(currentTime + first / sampleRate);
        this.quiet = first >= 0 ? 0 : this.quiet + channel.length;
        return true;
      }
    });`;
    const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    await context.audioWorklet.addModule(url);
    await context.resume();
    const beeps = [];
    const worklet = new AudioWorkletNode(context, "beeps");
    worklet.port.onmessage = ({ data }) => {
      const { contextTime, performanceTime } = context.getOutputTimestamp();
      beeps.push(performanceTime + (data - contextTime) * 1_000);
    };
    context.createMediaStreamSource(video.srcObject).connect(worklet);
    const flashes = [];
    const canvas = new OffscreenCanvas(8, 8).getContext("2d", { willReadFrequently: true });
    let wasLit = true;
    const look = (_, { expectedDisplayTime }) => {
      canvas.drawImage(video, 0, 0, 8, 8);
      const isLit = canvas.getImageData(4, 4, 1, 1).data[1] > bright;
      if (isLit && !wasLit) flashes.push(expectedDisplayTime);
      wasLit = isLit;
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
    const pairs = () => flashes.flatMap((flash) => beeps.map((beep) => beep - flash).filter((ms) => Math.abs(ms) < most));
    const end = performance.now() + patience;
    while (pairs().length < count) {
      if (performance.now() > end) throw new Error(`${flashes.length} flashes and ${beeps.length} beeps make ${pairs().length} pairs`);
      await new Promise((done) => setTimeout(done, 50));
    }
    await context.close();
    return pairs();
  }, [count, patience, BRIGHT, LOUD, MOST_MS]);
}

export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
