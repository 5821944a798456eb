// SPDX-License-Identifier: MPL-2.0
// What each view (views.mjs) looks like, in Chromium and in Firefox, compared with the pictures in kept/. What differs is in target/screenshots:
// what was expected, what came, and the difference. To keep what comes now, once you have looked at it:
//
//     PORTHOLE_KEEP=1 node tests/run.mjs tests/browser/looks.test.mjs

import assert from "node:assert/strict";
import { copyFileSync, existsSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { after, before, test } from "node:test";
import { screenshot } from "./accounts.mjs";
import { served } from "./fake.mjs";
import { Firefox } from "./firefox.mjs";
import { FirefoxPage } from "./firefox-page.mjs";
import { Desk, MOST } from "./kept.mjs";
import { PATIENCE_MS, ROOT, browser, scene } from "./lib.mjs";
import { LOCALE, NOW, ZONE, drawn, still } from "./still.mjs";
import { looksAt, views } from "./views.mjs";

const KEEPS = Boolean(process.env.PORTHOLE_KEEP);
/** Telephone, the same laid down, desktop, and a large screen; so that both light and dark are seen. */
const SIZES = [
  { width: 390, height: 844, colorScheme: "dark" }, { width: 844, height: 390, colorScheme: "light" },
  { width: 1280, height: 800, colorScheme: "dark" }, { width: 2560, height: 1440, colorScheme: "light" },
];
/** Firefox is dark from its beginning, and lays no button of its own over a picture. */
const IN_FIREFOX = SIZES.map((size) => ({ ...size, colorScheme: "dark" }));
const PREFERENCES = {
  "layout.css.prefers-color-scheme.content-override": 0, "ui.prefersReducedMotion": 1, "media.videocontrols.picture-in-picture.video-toggle.enabled": false,
  "intl.accept_languages": LOCALE, "intl.locale.requested": LOCALE,
};
/** A picture that differs is taken again after so long: a page on a loaded machine may not be ready. */
const AGAIN_MS = [100, 400, 1_500, 3_000];
/** Between two pictures that are to be the same before one is kept. */
const SETTLES_MS = 100;

const VIEWS = views(NOW);
const kept = (name) => join(ROOT, "tests/browser/kept", `${name.replace(/\W+/g, "-")}.webp`);
const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

let chromium, firefox, desk, server;
before(async () => {
  server = await served();
  chromium = await browser();
  desk = await Desk.open(chromium);
});
after(async () => {
  await firefox?.stop();
  await chromium.close();
  server.close();
});

/** The view at its first size, in Chromium. */
async function inChromium(view) {
  const page = await looksAt(chromium, server.link, view, {
    script: view.script ?? null, locale: LOCALE, timezoneId: ZONE, viewport: SIZES[2], reducedMotion: "reduce", colorScheme: "dark",
    before: (page) => page.addInitScript(still, NOW),
  });
  await page.evaluate(() => window.hold());
  return page;
}

const picture = async (page) => {
  await page.evaluate(drawn);
  return page.screenshot();
};

/** Compares the page at these sizes with what is kept of it, or keeps it. */
async function look(name, page, sizes) {
  const path = kept(name);
  assert.ok(KEEPS || existsSync(path), `nothing is kept of ${name}: PORTHOLE_KEEP=1 keeps it`);
  const [pictures, wrong] = [[], []];
  for (const [n, size] of sizes.entries()) {
    await page.emulateMedia?.({ colorScheme: size.colorScheme });
    await page.setViewportSize(size);
    let came = await picture(page);
    if (KEEPS) {
      // What decodes a picture is never quite the same again.
      for (let [left, before] = [4, null]; left > 0 && !before?.equals(came); left -= 1) {
        await pause(SETTLES_MS);
        before = came;
        came = await picture(page);
      }
    } else {
      let result = await desk.compare(path, n, came, sizes);
      for (const ms of AGAIN_MS) {
        if (result.most <= MOST) break;
        await pause(ms);
        came = await picture(page);
        result = await desk.compare(path, n, came, sizes);
      }
      if (result.most > MOST) wrong.push({ size, result });
    }
    pictures.push(came);
  }
  if (KEEPS) return desk.write(path, pictures, sizes);
  if (!wrong.length) return;
  const write = (what) => screenshot(`${name.replace(/\W+/g, "-")}-${what}`);
  copyFileSync(path, write("expected.webp"));
  await desk.write(write("came.webp"), pictures, sizes);
  const lines = wrong.map(({ size: { width, height }, result: { most, at, difference } }) => {
    const file = write(`difference-${width}x${height}.png`);
    writeFileSync(file, difference);
    return `${width}x${height}: ${most} pixels differ within a window, ${MOST} may; around ${at} of ${relative(ROOT, file)}`;
  });
  assert.fail(`${lines.join("\n")}\nexpected: ${relative(ROOT, write("expected.webp"))}, came: ${relative(ROOT, write("came.webp"))}`);
}

/** What a person would see, each in a view where it is: what is done in the page, by a rule or a style sheet that is away. */
const DEFECTS = [
  { of: "list of cameras", what: "a page without its style sheet", without: "parts/style.css" },
  { of: "list of cameras", what: "a header that is moved", rule: "header { transform: translateY(8px) }" },
  { of: "list of cameras", what: "a button that is not there", rule: '[data-testid="password"] { display: none !important }' },
  { of: "list of cameras", what: "text that is cut", rule: ".card { height: 1.5rem; min-height: 0 !important; overflow: hidden }" },
  { of: "sign-in", what: "another accent colour", rule: ":root { --accent: #d04ad0 !important }" },
  { of: "one picture", what: "no bar of buttons", rule: ".stage .bar { visibility: hidden !important }" },
  { of: "one picture", what: "one icon less", rule: '[data-testid="figures-front"] { visibility: hidden !important }' },
  { of: "one picture", what: "a picture that is pulled", rule: "video { object-fit: fill !important }" },
];
/** What nobody would. */
const HARMLESS = [
  { of: "list of cameras", what: "two pixels to the side", rule: "body { transform: translateX(2px) }" },
  { of: "list of cameras", what: "letters a little apart", rule: "h2, p { letter-spacing: 0.1px }" },
];

for (const of of new Set(DEFECTS.map((defect) => defect.of))) {
  test(`${of}: the comparison sees what a person sees, and nothing else`, { skip: KEEPS }, () => scene(async (keep) => {
    const page = await keep(inChromium(VIEWS.find(({ name }) => name === of)));
    const [n, size] = [0, SIZES[0]];
    await page.setViewportSize(size);
    const most = async ({ rule = "", without = null }) => {
      await page.evaluate(([rule, without]) => {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(rule);
        document.adoptedStyleSheets.push(sheet);
        for (const link of document.querySelectorAll("link[rel=stylesheet]")) link.disabled = link.getAttribute("href") === without;
      }, [rule, without]);
      const result = await desk.compare(kept(of), n, await picture(page), SIZES);
      await page.evaluate(() => document.adoptedStyleSheets.pop());
      return result.most;
    };
    for (const defect of DEFECTS.filter((defect) => defect.of === of)) assert.ok(await most(defect) > MOST, `it does not see ${defect.what}: ${await most(defect)}`);
    for (const change of HARMLESS.filter((change) => change.of === of)) assert.ok(await most(change) <= MOST, `it minds ${change.what}: ${await most(change)}`);
    assert.ok(await most({}) <= MOST);
  }));
}

for (const view of VIEWS) {
  test(`${view.name} looks in Chromium as it was kept`, () => scene(async (keep) => {
    const page = await keep(inChromium(view));
    await look(view.name, page, SIZES);
    assert.deepEqual(page.problems, []);
  }));

  test(`${view.name} looks in Firefox as it was kept`, () => scene(async (keep) => {
    const { link } = await keep(served(`() => { window.server.api = ${JSON.stringify(view.api ?? {})}; (${still})(${NOW}); ${typeof view.script === "string" ? view.script : `(${view.script ?? (() => {})})()`}; }`));
    firefox ??= await Firefox.start(PREFERENCES, { env: { TZ: ZONE }, args: ["--remote-allow-system-access"] });
    const page = new FirefoxPage(firefox, PATIENCE_MS / 2);
    await page.setViewportSize(SIZES[2]);
    await firefox.goto(link + (view.path ?? ""));
    // Before the server is gone, and without a picture that goes on beside the next view.
    await keep({ stop: () => firefox.goto("about:blank") });
    await view.open(page);
    await page.evaluate(() => window.hold());
    await look(`${view.name} in Firefox`, page, IN_FIREFOX);
  }));
}
