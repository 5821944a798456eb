// SPDX-License-Identifier: MPL-2.0
// What is left of the picture at one bitrate, with the encoder that each side would take here and its settings.

import { judged } from "./clip.mjs";

/** As src/ladder/encoders.rs sets them up on two cores. */
const OURS = {
  h264: (bits) => `openh264enc rate-control=bitrate complexity=low background-detection=false scene-change-detection=false multi-thread=1 gop-size=2560 bitrate=${bits} ! h264parse`,
  vp8: (bits) => `vp8enc deadline=1 end-usage=cbr lag-in-frames=0 error-resilient=default buffer-initial-size=100 buffer-optimal-size=120 buffer-size=150 max-intra-bitrate=250 static-threshold=1 undershoot=95 threads=2 keyframe-mode=disabled cpu-used=-12 keyframe-max-dist=2000 target-bitrate=${bits}`,
};
/** As webrtcsink 0.15.4 does (`configure_encoder`); of the H.264 encoders it takes x264enc where there is one. */
const STOCK = {
  h264: (bits) => `x264enc tune=zerolatency speed-preset=ultrafast threads=4 key-int-max=2560 b-adapt=false vbv-buf-capacity=120 bitrate=${bits / 1000} ! video/x-h264,profile=constrained-baseline ! h264parse`,
  vp8: (bits) => `vp8enc deadline=1 end-usage=cbr lag-in-frames=0 error-resilient=default buffer-initial-size=100 buffer-optimal-size=120 buffer-size=150 max-intra-bitrate=250 keyframe-mode=disabled cpu-used=-16 keyframe-max-dist=2000 target-bitrate=${bits}`,
};

/** `{codec, bitrate, ours, stock}`, each side `{loss, bitrate}`. */
export async function qualities(clip, codecs, bitrates, folder) {
  const seen = [];
  for (const codec of codecs) {
    for (const bitrate of bitrates) {
      const ours = await judged(clip, OURS[codec], bitrate, folder);
      const stock = await judged(clip, STOCK[codec], bitrate, folder);
      seen.push({ codec, bitrate, ours, stock });
    }
  }
  return seen;
}
