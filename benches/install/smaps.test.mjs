// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { memory, parts } from "./smaps.mjs";

const mapping = (range, name, rss, anonymous) =>
  `${range} rw-p 00000000 00:00 0                          ${name}\nSize: 99 kB\nRss:       ${rss} kB\nAnonymous:  ${anonymous} kB\n`;

test("memory is told apart by what it is for", () => {
  const smaps = [
    mapping("55e945598000-55e945aac000", "[heap]", 1000, 1000),
    mapping("7f8cf0000000-7f8cf0069000", "", 400, 400),
    mapping("7f8cfdee6000-7f8cff3ff000", "", 2000, 2000),
    mapping("7f8d27400000-7f8d27ec5000", "/x/libgstporthole.so", 5000, 0),
    mapping("7f8d29533000-7f8d29744000", "/x/libgstporthole.so", 3000, 2900),
  ].join("");
  assert.deepEqual(Object.entries(parts(smaps)).map(([name, mb]) => [name, Math.round((mb * 1e6) / 1024)]), [
    ["code libgstporthole.so", 5100],
    ["data libgstporthole.so", 2900],
    ["other", 2000],
    ["heap", 1000],
    ["arenas", 400],
  ]);
});

test("the parts of a process are all that is resident", () => {
  const { resident, anonymous, parts: all } = memory(process.pid);
  const sum = Object.values(all).reduce((one, other) => one + other, 0);
  assert.ok(Math.abs(sum - resident) < resident / 10, `${sum} of ${resident}`);
  const code = Object.entries(all).reduce((mb, [name, more]) => (name.startsWith("code ") ? mb + more : mb), 0);
  assert.ok(Math.abs(anonymous + code - resident) < resident / 10, `${anonymous} and ${code} of ${resident}`);
});
