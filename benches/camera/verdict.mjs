// SPDX-License-Identifier: MPL-2.0
// From two ways' times to what the longer one adds.

import { quantile } from "../table.mjs";

/** The difference of the medians. A way that is no longer adds nothing. */
export function added(longer, shorter) {
  return Math.max(0, quantile(longer, 0.5) - quantile(shorter, 0.5));
}
