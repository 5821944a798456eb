// SPDX-License-Identifier: MPL-2.0
// A reporter of node's test runner: a line of JSON for each test, which run.mjs reads.

export default async function* report(events) {
  for await (const { type, data } of events) {
    if (type !== "test:pass" && type !== "test:fail") continue;
    const { name, nesting, details, skip } = data;
    const { duration_ms: ms = 0, error } = details ?? {};
    const words = (error?.cause ?? error)?.stack ?? (error && String(error));
    // A hook that fails has its test's name, or its file's.
    if (nesting === 0) yield `${JSON.stringify({ name, ok: type === "test:pass", ms, skip: skip ?? false, words })}\n`;
  }
}
