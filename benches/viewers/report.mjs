// SPDX-License-Identifier: MPL-2.0
// Rows and plots from what was measured. Pure.

import { quantile } from "../table.mjs";
import { further, row } from "./verdict.mjs";

/** What each further viewer may cost, of what it costs the stock element, and of memory in MB. */
const FURTHER = 0.05, FURTHER_MB = 5;
/** Milliseconds that an encoder's start may cost the first frame. */
const START_MS = 50;
const ONE_VIEWER = 0.9, AGAIN = 0.6, JOINING = 0.5, LEFT_MB = 20;
/** Frames a second of the source, and the share of them below which a side is short of CPU, so that its CPU tells little. */
const FPS = 30, STARVED = 0.9;
const CODECS = { h264: "H.264", vp8: "VP8" };

const unique = (list) => [...new Set(list)];
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The samples of both sides among `seen`, by what `pick` takes of each; `null` is left out. */
function sides(seen, pick) {
  const of = (wanted) => seen.filter(({ name }) => name === wanted).flatMap(pick).filter((value) => value !== null);
  return { ours: of("porthole"), stock: of("stock"), alone: of("alone") };
}

export function crowdRows(crowds) {
  return unique(crowds.map(({ scene, codec }) => `${scene} ${codec}`)).flatMap((which) => {
    const [scene, codec] = which.split(" ");
    const own = crowds.filter((crowd) => crowd.scene === scene && crowd.codec === codec);
    const what = `${scene}, ${CODECS[codec]}`;
    const numbers = unique(own.flatMap(({ points }) => points.map(({ viewers }) => viewers)));
    const at = (viewers, key) => ({ points }) => points.filter((point) => point.viewers === viewers).map((point) => point[key]);
    const each = (viewers, key) => ({ points }) => further(points, key).filter((one) => one.viewers === viewers).map((one) => one.each);
    const paced = (viewers) => ({ points }) => points.filter((point) => point.viewers === viewers).map(({ fps }) => mean(fps));
    const high = (viewers) => ({ points }) => points.filter((point) => point.viewers === viewers && point.heights.length).map(({ heights }) => mean(heights));
    /** Who did not do the work of which the row tells the price. */
    const starved = (viewers) => Object.entries(sides(own, paced(viewers))).filter(([, fps]) => fps.length && mean(fps) < STARVED * FPS)
      .map(([side, fps]) => `${side === "ours" ? "Porthole" : "stock"} starves, ${Math.round(mean(fps))} of ${FPS} frames/s`).join("; ");
    const rows = numbers.flatMap((viewers) => {
      const key = (name) => `${name}${viewers}-${scene}-${codec}`;
      if (viewers === 1) return [row({ key: key("cpu"), label: `${what}: CPU, 1 viewer (1)`, unit: "% of a core", ...sides(own, at(1, "cpu")), target: { than: "stock", most: ONE_VIEWER }, remark: starved(1) })];
      return [
        row({ key: key("cpuEach"), label: `  CPU of each further viewer, of ${viewers} (1, 2)`, unit: "% of a core", ...sides(own, each(viewers, "cpu")), target: { than: "stock", most: FURTHER }, remark: starved(viewers) }),
        row({ key: key("memoryEach"), label: `  memory of each further viewer, of ${viewers} (3)`, unit: "MB", ...sides(own, each(viewers, "own")), target: { than: "figure", most: FURTHER_MB } }),
      ];
    });
    const most = Math.max(...numbers);
    const told = (key, label, unit, pick) => {
      const both = sides(own, pick);
      return both.ours.length && both.stock.length ? [{ ...row({ key: `${key}-${scene}-${codec}`, label, unit, ...both }), ratio: null }] : [];
    };
    return [
      ...rows,
      row({ key: `left-${scene}-${codec}`, label: `  memory when all ${most} have left (4)`, unit: "MB", ...sides(own, ({ before, after }) => [after.resident - before.resident]), target: { than: "figure", most: LEFT_MB } }),
      ...told("threads", "  threads left over", "threads", ({ before, after }) => [after.threads - before.threads]),
      ...told("descriptors", "  descriptors left over", "files", ({ before, after }) => [after.descriptors - before.descriptors]),
      ...numbers.flatMap((viewers) => told(`fps${viewers}`, `  check: frames/s of each of ${viewers} (2)`, "1/s", paced(viewers))),
      ...told(`height${most}`, `  check: height of the pictures of ${most} (2)`, "pixels", high(most)),
    ];
  });
}

export function glassRows(glasses, crowd) {
  return unique(glasses.map(({ codec }) => codec)).flatMap((codec) => {
    const own = glasses.filter((glass) => glass.codec === codec);
    const floor = own.filter(({ name }) => name === "alone");
    const aged = (when, key) => ({ [when]: ages }) => [ages?.[key] ?? null];
    // The browser alone has no others beside it: its figure with one viewer is the floor in either case.
    const beside = (key) => ({ ...sides(own, aged("crowded", key)), alone: floor.flatMap(aged("alone", key)) });
    const than = { than: "alone", most: 1 };
    const name = CODECS[codec];
    return [
      row({ key: `glass1-${codec}`, label: `${name}: glass to glass, 1 viewer, median (5)`, unit: "ms", ...sides(own, aged("alone", "median")), target: than }),
      row({ key: `glass1p95-${codec}`, label: "  95th percentile (5)", unit: "ms", ...sides(own, aged("alone", "p95")), target: than }),
      row({ key: `glass${crowd}-${codec}`, label: `  ${crowd} viewers, median (5)`, unit: "ms", ...beside("median"), target: than }),
      row({ key: `glass${crowd}p95-${codec}`, label: "  95th percentile (5)", unit: "ms", ...beside("p95"), target: than }),
      row({ key: `first-${codec}`, label: "  first frame, new browser, camera closed (6)", unit: "ms", ...sides(own, (glass) => glass.firstFrameMs), target: than }),
      row({ key: `again-${codec}`, label: "  again in the same page, camera closed (6)", unit: "ms", ...sides(own, (glass) => glass.firstFrameAgainMs), target: { than: "stock", most: AGAIN } }),
      row({ key: `joining-${codec}`, label: `  first frame, new browser, ${crowd} others watch`, unit: "ms", ...sides(own, (glass) => glass.firstFrameJoiningMs), target: { than: "stock", most: JOINING } }),
    ];
  });
}

export function encoderRows(seen) {
  return seen.flatMap(({ codec, kept, stopped, keptPicture, stoppedPicture }) => {
    const later = (slow, quick) => slow.map((ms, index) => ms - quick[index]);
    return [
      row({ key: `kept-${codec}`, label: `${CODECS[codec]}: first frame, the encoder was kept (9)`, unit: "ms", ours: kept }),
      row({ key: `stopped-${codec}`, label: "  the encoder was stopped (9)", unit: "ms", ours: stopped }),
      row({ key: `start-${codec}`, label: "  so much later (9)", unit: "ms", ours: later(stopped, kept), target: { than: "figure", most: START_MS } }),
      row({ key: `startPicture-${codec}`, label: "  and the camera's own picture (9)", unit: "ms", ours: later(stoppedPicture, keptPicture), target: { than: "figure", most: START_MS } }),
    ];
  });
}

export function linkRows(links) {
  return unique(links.map(({ codec }) => codec)).flatMap((codec) => {
    const own = links.filter((link) => link.codec === codec);
    const pick = (key, factor = 1) => sides(own, (link) => [link[key] * factor]);
    const than = { than: "stock", most: 1 };
    return [
      row({ key: `down-${codec}`, label: `${CODECS[codec]}: 5 Mbit/s to 500 kbit/s: settled (7)`, unit: "ms", digits: 0, ...pick("downMs"), target: than }),
      row({ key: `unused-${codec}`, label: "  of the 500 kbit/s left unused", unit: "%", ...sides(own, ({ share }) => [100 * (1 - share)]), target: than }),
      row({ key: `up-${codec}`, label: "  and back to 5 Mbit/s: recovered (7)", unit: "ms", digits: 0, ...pick("upMs"), target: than }),
      row({ key: `gap-${codec}`, label: "  longest freeze meanwhile", unit: "ms", digits: 0, ...pick("longestGapMs"), target: { than: "figure", most: 1_000 } }),
    ];
  });
}

export function qualityRows(qualities) {
  const kilobits = (bits) => Math.round(bits / 1_000);
  return qualities.map(({ codec, bitrate, ours, stock }) => row({
    key: `quality-${codec}-${kilobits(bitrate)}`, label: `${CODECS[codec]}: loss of picture at ${kilobits(bitrate)} kbit/s (8)`, unit: "1/1000",
    ours: [1_000 * ours.loss], stock: [1_000 * stock.loss], target: { than: "stock", most: 1 },
    remark: `took ${kilobits(ours.bitrate)} and ${kilobits(stock.bitrate)} kbit/s`,
  }));
}

/** For the plot: CPU and memory of each scene, the medians of the rounds. */
export function panels(crowds) {
  return unique(crowds.map(({ scene, codec }) => `${scene} ${codec}`)).flatMap((which) => {
    const own = crowds.filter(({ scene, codec }) => `${scene} ${codec}` === which);
    const [scene, codec] = which.split(" ");
    const line = (name, key) => {
      const all = own.filter((crowd) => crowd.name === name).flatMap(({ points }) => points);
      return unique(all.map(({ viewers }) => viewers)).map((viewers) => ({
        viewers, value: quantile(all.filter((point) => point.viewers === viewers).map((point) => point[key]), 0.5),
      }));
    };
    const series = (key) => ({ porthole: line("porthole", key), stock: line("stock", key) });
    return [
      { title: `CPU, ${scene}, ${CODECS[codec]}`, unit: "% of a core", series: series("cpu") },
      { title: `Memory, ${scene}, ${CODECS[codec]}`, unit: "MB", series: series("own") },
    ];
  });
}
