// SPDX-License-Identifier: MPL-2.0
// What both sides run, each in one place: the same source, overlay and codec before either sink.

export const CAMERA = "bench";
export const CODECS = { vp8: "video/x-vp8", h264: "video/x-h264" };
/** More than any benchmark has viewers. */
const MAX_VIEWERS = 32;

/** 1280x720 at 30 frames/s, both: a file must be that already. */
export const PATTERN = "portholesrc camera=test";
export const footage = (file) => `portholesrc camera=file://${file}`;
/** What GStreamer users start from. It reports a frame of latency, for which a sink waits. */
export const STOCK_PATTERN = "videotestsrc is-live=true ! video/x-raw,format=I420,width=1280,height=720,framerate=30/1";

const CLOCK = "portholeoverlay latency-clock=true";

/** @param {{source: string, codec: string, host: string}} what */
export function porthole({ source, codec, host }) {
  return `${source} ! ${CLOCK} ! portholesink name=out codec=${codec} listen=${host}:0 camera-name=${CAMERA} max-viewers=${MAX_VIEWERS}`;
}

/** The stock element with its own signalling server, at a port that is known before. */
export function stock({ source, codec, host, port }) {
  return `${source} ! ${CLOCK} ! webrtcsink name=out video-caps=${CODECS[codec]} stun-server=NULL run-signalling-server=true ` +
    `signalling-server-host=${host} signalling-server-port=${port} signaller::uri=ws://127.0.0.1:${port}`;
}

/**
 * The words of one viewer without a screen: it receives, answers as a browser does, and decodes nothing. It counts frames, and
 * `-v` shows their size.
 */
export function receiver({ codec, uri, headers = [] }) {
  const whole = { vp8: ["video/x-vp8"], h264: ["video/x-h264,alignment=au", "!", "h264parse"] }[codec];
  return [
    "webrtcsrc", "stun-server=NULL", "connect-to-first-producer=true", `signaller::uri=${uri}`, ...headers, "!", ...whole, "!",
    "progressreport", "update-freq=1", "silent=true", "do-query=false", "format=buffers", "!", "fakesink", "sync=false",
  ];
}
