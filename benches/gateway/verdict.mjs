// SPDX-License-Identifier: MPL-2.0
// What the picture pays for telemetry.

import { quantile } from "../table.mjs";

/** By how many percent the median beside something is above that alone; less is none. */
export function slower(beside, alone) {
  return Math.max(0, (quantile(beside, 0.5) / quantile(alone, 0.5) - 1) * 100);
}

/** How much later each came than it was due. */
export const late = (times, due) => times.map((time) => Math.max(0, time - due));

/** How many times another's this is, at a quantile. */
export const times = (own, other, at) => quantile(own, at) / quantile(other, at);
