// SPDX-License-Identifier: MPL-2.0
// How the pages begin, and in which direction their modules import.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

const WEB = fileURLToPath(new URL(".", import.meta.url));
/** A page names its modules there, when the server is built (signaling/build.rs). */
const PLACE = "<!-- modules -->";

const read = (name) => readFileSync(join(WEB, name), "utf8");
const pages = readdirSync(WEB).filter((name) => name.endsWith(".html"));

/** What the statements of a module import at once. */
function imports(name) {
  const text = read(name).replace(/\/\*[^]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const found = [...text.matchAll(/^(?:import|export)\s(?:[\w*{}\s,$]+?\sfrom\s)?"([^"]+)";/gm)];
  return found.map(([, other]) => normalize(join(dirname(name), other)));
}

/** Modules, and all that they import. */
function closure(names) {
  const seen = new Set(names);
  for (const name of seen) for (const other of imports(name)) seen.add(other);
  return [...seen];
}

/** The modules of a page. */
const modules = (page) => closure([...read(page).matchAll(/<script type="module" src="([^"]+)"/g)].map(([, src]) => src));

test("each page has a place for the names of its modules, before the first of them", () => {
  for (const page of pages) {
    const html = read(page);
    assert.ok(html.includes(PLACE), page);
    assert.ok(html.indexOf(PLACE) < html.indexOf('<script type="module"'), page);
  }
});

test("no module of a page imports what it is imported by", () => {
  const done = new Set();
  const walk = (name, path) => {
    assert.ok(!path.includes(name), `a circle: ${[...path, name].join(" → ")}`);
    if (done.has(name)) return;
    for (const other of imports(name)) walk(other, [...path, name]);
    done.add(name);
  };
  for (const page of pages) for (const name of modules(page)) walk(name, []);
  walk("embed/porthole-camera.js", []);
});

test("the element imports the client and the words, and nothing of the pages", () => {
  const rooms = new Set(closure(["embed/porthole-camera.js"]).map((name) => name.split("/")[0]));
  assert.deepEqual([...rooms].sort(), ["client", "embed", "words"]);
});
