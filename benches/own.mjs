// SPDX-License-Identifier: MPL-2.0
// Nothing of a benchmark stays behind, however it ends.

const started = new Set();
process.on("exit", () => {
  for (const thing of started) (thing.program ?? thing).process.kill("SIGKILL");
});

/** Takes in a program, or what has one in `program`, and gives it back. It is ended with this process at the latest. */
export function own(thing) {
  started.add(thing);
  return thing;
}
