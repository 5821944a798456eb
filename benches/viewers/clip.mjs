// SPDX-License-Identifier: MPL-2.0
// The footage as a camera of today would give it, and what is left of it after an encoder.

import { execFile } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "../../tests/browser/lib.mjs";

const run = promisify(execFile);
const FOOTAGE = join(ROOT, "tests/clips/car-detection.mp4");
/** Its length. */
const ALL_SECONDS = 30;
const ffmpeg = (...args) => run("ffmpeg", ["-nostdin", "-hide_banner", "-y", ...args]);

/** Makes the footage 1280x720 at 30 frames/s, in nearly lossless H.264; so many seconds of it. Gives the file. */
export async function footage(folder, seconds = ALL_SECONDS) {
  const file = join(folder, `footage-${seconds}.mp4`);
  await ffmpeg("-t", String(seconds), "-i", FOOTAGE, "-an", "-vf", "scale=1280:720,fps=30", "-c:v", "libx264", "-preset", "superfast", "-crf", "16", "-pix_fmt", "yuv420p", "-g", "30", file);
  return file;
}

/** What an encoder makes of `clip` at about `bitrate`: its loss, which is 1 - SSIM, and the bitrate that it took. */
export async function judged(clip, encoder, bitrate, folder) {
  const file = join(folder, "encoded.mkv");
  const words = `-q filesrc location=${clip} ! qtdemux ! h264parse ! avdec_h264 ! videoconvert ! video/x-raw,format=I420 ! ${encoder(bitrate)} ! matroskamux ! filesink location=${file}`;
  await run("gst-launch-1.0", words.split(" "));
  const { stderr } = await ffmpeg("-i", file, "-i", clip, "-lavfi", "[0:v]setpts=N/30/TB[a];[1:v]setpts=N/30/TB[b];[a][b]ssim", "-f", "null", "-");
  const [, ssim] = stderr.match(/SSIM .*All:([\d.]+)/);
  const [, minutes, seconds] = stderr.match(/Duration: 00:(\d\d):([\d.]+)/);
  return { loss: 1 - Number(ssim), bitrate: (8 * statSync(file).size) / (60 * Number(minutes) + Number(seconds)) };
}
