// SPDX-License-Identifier: MPL-2.0
// Every wait has a name and every scene an end: whoever hangs is told at which step it stood.

/** What is being waited for now in this process, first come first. @type {Set<{what: string, since: number}>} */
const waits = new Set();
let last = "its first step";

/** Waits for `promise` under a name, which is said if the scene's time runs out meanwhile. */
export async function waiting(what, promise) {
  const wait = { what, since: performance.now() };
  waits.add(wait);
  try {
    return await promise;
  } finally {
    waits.delete(wait);
    last = what;
  }
}

/** As {@link waiting}, and fails by itself after `ms`. */
export function within(ms, what, promise) {
  let timer;
  const late = new Promise((_, fail) => { timer = setTimeout(() => fail(new Error(`not within ${ms} ms: ${what}`)), ms); });
  return waiting(what, Promise.race([promise, late])).finally(() => clearTimeout(timer));
}

/** Where the scene stands, in words. */
export function standsAt() {
  const seconds = ({ since }) => ((performance.now() - since) / 1000).toFixed(1);
  const all = [...waits].map((wait) => `${wait.what} (for ${seconds(wait)} s)`);
  return all.length ? `waiting for ${all.join(", and for ")}` : `nothing that has a name; the last wait that ended was for ${last}`;
}

/** `promise`, or after `ms` an error that says where the scene stood. */
export async function deadline(ms, promise) {
  let timer;
  const late = new Promise((_, fail) => {
    // A timer cannot wait for longer.
    timer = setTimeout(() => fail(new Error(`not over within ${ms / 1000} s; it stood at: ${standsAt()}`)), Math.min(ms, 2 ** 31 - 1));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
