// SPDX-License-Identifier: MPL-2.0
// How a page of the real server begins: what it asks for, in which order, and how soon something is there.
// Runs alone: it measures time.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { after, before, test } from "node:test";
import { build, transform } from "esbuild";
import { Program, ROOT, Server, browser, scene, visitor } from "./lib.mjs";

const WEB = join(ROOT, "signaling/web");
/** From the page's text to the first view of it, over loopback, beyond what a bare page takes: 100 ms are meant, on a machine that does nothing else. */
const FIRST_VIEW_MS = 500;
/** Loads of each page, of which the median counts. */
const LOADS = 9;
/** A page on which nothing is done but that words are there. */
const BARE = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Bare</title><link rel="icon" href="data:,"><h1>Bare</h1><p>A page without a script.</p></html>';

let chromium, server;
before(async () => {
  chromium = await browser();
  server = await Server.start();
});
after(async () => {
  await server.stop();
  await chromium.close();
});

/** Pages from the disk name no modules. */
const skip = process.env.PORTHOLE_WEB ? "with PORTHOLE_WEB the pages are not as they were built" : false;
const median = (times) => [...times].sort((a, b) => a - b)[times.length >> 1];

for (const path of ["", "admin", "calls"]) {
  test(`/${path} names all modules that it begins with, and no others`, { skip }, () => scene(async (keep) => {
    const page = await keep(visitor(chromium, "about:blank", { locale: "en-GB" }));
    await page.goto(`${server.url}/${path}`, { waitUntil: "networkidle" });
    const { named, begun, loaded } = await page.evaluate(() => ({
      named: [...document.querySelectorAll('link[rel="modulepreload"]')].map(({ href }) => href),
      begun: [...document.querySelectorAll('script[type="module"]')].map(({ src }) => src),
      loaded: performance.getEntriesByType("resource").map(({ name }) => name).filter((name) => name.endsWith(".js")),
    }));
    const plain = await page.evaluate(() => [...document.querySelectorAll('script[src]:not([type="module"])')].map(({ src }) => src));
    assert.ok(named.length > 2, named.join());
    assert.equal(new Set(named).size, named.length);
    assert.deepEqual([...named, ...begun].sort(), loaded.filter((name) => !plain.includes(name)).sort());
    assert.deepEqual(page.problems, []);
  }));
}

const served = async (name) => (await fetch(`${server.url}/${name}`)).text();

test("the style sheets of the server mean what their sources do", { skip }, async () => {
  const options = { minify: true, legalComments: "none", loader: "css" };
  for (const name of readdirSync(WEB, { recursive: true }).filter((name) => name.endsWith(".css"))) {
    const [ours, source] = await Promise.all([await served(name), readFileSync(join(WEB, name), "utf8")].map((text) => transform(text, options)));
    assert.equal(ours.code, source.code, name);
  }
});

/** What looks at how the sources are written, and finds them otherwise here. */
const OF_SOURCES = ["the server's bounds are the page's", "the administrator's page has its own sentences in each language, and no other page asks for one of them"];

/** The names that modules export, by their paths. */
async function exported(folder, names) {
  const { metafile } = await build({ entryPoints: names.map((name) => join(folder, name)), outdir: join(folder, "unwritten"), outbase: folder, write: false, metafile: true, format: "esm", logLevel: "silent" });
  return Object.fromEntries(Object.values(metafile.outputs).map(({ entryPoint, exports }) => [relative(folder, resolve(entryPoint)), exports.sort()]));
}

test("the scripts of the server export what their sources do, each of which is there once, and pass the tests of these", { skip }, () => scene(async (keep) => {
  const copy = mkdtempSync(join(tmpdir(), "porthole-served-"));
  await keep({ stop: () => rmSync(copy, { recursive: true }) });
  const web = join(copy, "signaling/web");
  mkdirSync(web, { recursive: true });
  // What the tests of the pages look at besides.
  for (const name of readdirSync(ROOT).filter((name) => name !== "signaling")) symlinkSync(join(ROOT, name), join(copy, name));
  for (const name of readdirSync(join(ROOT, "signaling")).filter((name) => name !== "web")) symlinkSync(join(ROOT, "signaling", name), join(copy, "signaling", name));
  writeFileSync(join(copy, "signaling/package.json"), '{ "type": "module" }');
  const files = readdirSync(WEB, { recursive: true }).filter((name) => statSync(join(WEB, name)).isFile());
  const scripts = files.filter((name) => name.endsWith(".js"));
  const bundles = new Set();
  for (const name of files) {
    mkdirSync(dirname(join(web, name)), { recursive: true });
    const text = scripts.includes(name) ? await served(name) : readFileSync(join(WEB, name));
    writeFileSync(join(web, name), text);
    for (const [, path] of String(text).matchAll(/from "([^"]+\.bundle\.js)"/g)) bundles.add(join(dirname(name), path));
  }
  assert.ok(bundles.size > 5, [...bundles].join());
  for (const name of bundles) {
    writeFileSync(join(web, name), await served(name));
    for (const [, path] of (await served(name)).matchAll(/from "([^"]+)"/g)) assert.ok(bundles.has(join(dirname(name), path)), `${name} begins with ${path}`);
  }
  assert.deepEqual(await exported(web, scripts), await exported(WEB, scripts));
  const numbers = await Promise.all([...bundles].map(async (name) => [...(await served(name)).matchAll(/^export const (\$\d+)=/gm)].map(([, number]) => number)));
  assert.equal(new Set(numbers.flat()).size, numbers.flat().length, "each module is there once");
  const tests = await keep(new Program(process.execPath, ["--test", ...files.filter((name) => /\/.*\.test\.mjs$/.test(name)).map((name) => join(web, name))], { NODE_TEST_CONTEXT: undefined }));
  await tests.exit;
  const ended = (word) => tests.lines.map((line) => line.match(`^${word} \\d+ - (.*)`)?.[1]).filter(Boolean);
  assert.ok(ended("ok").length > 500, tests.lines.slice(-40).join("\n"));
  assert.deepEqual(ended("not ok"), OF_SOURCES);
}, 120_000));

test("a page that is loaded again fetches no module a second time", { skip }, () => scene(async (keep) => {
  const page = await keep(visitor(chromium, `${server.url}/`));
  const answers = [];
  page.on("response", (response) => { if (response.url().endsWith(".js")) answers.push(response.status()); });
  await page.waitForLoadState("networkidle");
  await page.reload({ waitUntil: "networkidle" });
  assert.ok(answers.length > 5);
  const sizes = await page.evaluate(() => performance.getEntriesByType("resource").filter(({ name }) => name.endsWith(".js")).map(({ name, encodedBodySize, transferSize }) => ({ name, bytes: transferSize, whole: encodedBodySize })));
  // 300 bytes are what a "not modified" counts as (Resource Timing).
  assert.deepEqual(sizes.filter(({ bytes, whole }) => bytes > Math.max(300, whole / 2)), []);
}));

test("the first view is there soon after the page", { skip }, () => scene(async (keep) => {
  const bare = createServer((_, response) => response.writeHead(200, { "content-type": "text/html" }).end(BARE));
  await new Promise((listening) => { bare.listen(0, "127.0.0.1", listening); });
  await keep({ stop: () => bare.close() });
  const first = async (link, ready) => {
    const [times, paints] = [[], []];
    for (let load = 0; load < LOADS; load += 1) {
      // Each time nothing is kept from before.
      const page = await visitor(chromium, "about:blank");
      await page.addInitScript((ready) => {
        const look = () => {
          const shown = document.querySelector(ready);
          if (!shown?.checkVisibility()) return requestAnimationFrame(look);
          return requestAnimationFrame(() => { const channel = new MessageChannel(); channel.port1.onmessage = () => { window.viewed = performance.now(); }; channel.port2.postMessage(null); });
        };
        requestAnimationFrame(look);
      }, ready);
      await page.goto(link);
      // That something was painted may be told later.
      await page.waitForFunction(() => window.viewed && performance.getEntriesByName("first-contentful-paint").length);
      const { viewed, painted } = await page.evaluate(() => {
        const [{ responseEnd }] = performance.getEntriesByType("navigation");
        const [{ startTime }] = performance.getEntriesByName("first-contentful-paint");
        return { viewed: window.viewed - responseEnd, painted: startTime - responseEnd };
      });
      times.push(viewed);
      paints.push(painted);
      await page.context().close();
    }
    return { view: median(times), paint: median(paints) };
  };
  // Whoever comes without a link is asked who it is: that is the first view.
  const own = await first(`${server.url}/`, '[data-testid="sign-in"]');
  const plain = await first(`http://127.0.0.1:${bare.address().port}/`, "p");
  const words = ({ view, paint }) => `${view.toFixed(0)} ms (first paint ${paint.toFixed(0)} ms)`;
  console.log(`first view ${words(own)} after the page, of a bare page ${words(plain)}; median of ${LOADS}`);
  assert.ok(own.view <= FIRST_VIEW_MS + plain.view, `${words(own)}, a bare page ${words(plain)}`);
}));
