// SPDX-License-Identifier: MPL-2.0
// What each view (views.mjs) is for who sees little, hears it, has no mouse, or reads another language: WCAG 2.2 AA as far as a program can
// tell, the keyboard alone, 400 % zoom, no motion, German, French, and a language that runs from right to left.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { served } from "./fake.mjs";
import { browser, scene, visitor } from "./lib.mjs";
import { NAMES, VIEWS, looksAt } from "./views.mjs";
import { pseudo } from "../../signaling/web/words/pseudo.mjs";
import admin from "../../signaling/web/words/admin/en.js";
import en from "../../signaling/web/words/en.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 800 };
/** 1280 x 1024 at 400 % (WCAG 1.4.10). */
const ZOOMED = { width: 320, height: 256 };
/** More stops than any view has. */
const MAX_STOPS = 200;

let chromium, server;
before(async () => {
  server = await served();
  chromium = await browser();
});
after(async () => {
  await chromium.close();
  server.close();
});

/** What axe-core finds, as lines. */
async function findings(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate((values) => window.axe.run(document, { runOnly: { type: "tag", values }, resultTypes: ["violations"] }), RULES);
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary.split("\n").slice(1).join(" ")}`));
}

/** What is wider than the window, or than the button that it is in. What scrolls by itself is not. */
function overflowing() {
  const scrolls = (element) => element && (/auto|scroll|hidden|clip/.test(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
  const named = (element) => `${element.tagName.toLowerCase()}${element.id && `#${element.id}`}${element.className && `.${String(element.className.baseVal ?? element.className).replaceAll(" ", ".")}`} “${element.textContent.trim().slice(0, 40)}”`;
  const wide = document.documentElement.scrollWidth > innerWidth + 1 ? [`the page is ${document.documentElement.scrollWidth} wide in a window of ${innerWidth}`] : [];
  const all = [...document.querySelectorAll("body *")].filter((element) => element.checkVisibility() && element.getClientRects().length);
  const out = all.filter((element) => {
    const { left, right, width } = element.getBoundingClientRect();
    return width > 0 && (right > innerWidth + 1 || left < -1) && !scrolls(element.parentElement);
  });
  const cut = all.filter((element) => element.matches("button, a.button, h1, h2, label, legend") && element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== "inline");
  return [...wide, ...out.map((element) => `beyond the window: ${named(element)}`), ...cut.map((element) => `cut: ${named(element)}`)].slice(0, 8);
}

/** What moves, and for longer than no time. What is told by its motion alone, such as how long a button is held, may. */
function moving() {
  const essential = ".open-door, .open-door *";
  const seconds = (text) => Math.max(...text.split(",").map((each) => parseFloat(each) * (each.trim().endsWith("ms") ? 0.001 : 1)));
  return [...document.querySelectorAll("body, body *")].filter((element) => {
    const { transitionDuration, animationDuration, animationName } = getComputedStyle(element);
    return !element.matches(essential) && (seconds(transitionDuration) > 0.001 || (animationName !== "none" && seconds(animationDuration) > 0.001));
  }).map((element) => `${element.tagName.toLowerCase()}.${element.className}`).slice(0, 5);
}

/** What the keyboard is to reach: all that is for a hand, and not in another dialog's shadow. Each has a number from here on. */
function stops() {
  const dialog = [...document.querySelectorAll("dialog[open]")].findLast((each) => each.matches(":modal"));
  const all = [...(dialog ?? document).querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")];
  const found = all.filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.matches(":disabled") && element.tabIndex >= 0 && !element.closest("[inert]"));
  found.forEach((element, at) => { element.dataset.stop = String(at); });
  return found.map((element) => element.dataset.testid || element.id || element.textContent.trim() || element.tagName);
}

/** Where the focus is, and what is wrong with how it is seen. */
function focused() {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
  const isSeen = (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2) || boxShadow !== "none";
  const { left, top, width, height } = element.getBoundingClientRect();
  const [x, y] = [left + width / 2, top + height / 2];
  const over = document.elementFromPoint(x, y);
  const isHidden = x < 0 || y < 0 || x > innerWidth || y > innerHeight || (over && !element.contains(over) && !over.contains(element) && !over.closest("label"));
  return { stop: element.dataset.stop === undefined ? null : Number(element.dataset.stop), isSeen, isHidden: isHidden ? `at ${Math.round(x)},${Math.round(y)} below ${over ? `${over.tagName.toLowerCase()}.${over.className}` : "nothing"}` : "", name: element.dataset.testid || element.id || element.textContent.trim().slice(0, 40) || element.tagName };
}

/** What a walk through the page by Tab alone finds wrong. */
async function walk(page) {
  await page.evaluate(() => { document.activeElement?.blur(); getSelection()?.removeAllRanges(); });
  const names = await page.evaluate(stops);
  const order = [];
  const wrong = [];
  for (let i = 0; i < MAX_STOPS && order.length < names.length + 1; i += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(focused);
    if (!at) continue;
    if (at.stop === null) continue;
    if (order.includes(at.stop)) break;
    order.push(at.stop);
    if (!at.isSeen) wrong.push(`the focus is not seen at ${at.name}`);
    if (at.isHidden) wrong.push(`the focus is hidden at ${at.name}, ${at.isHidden}`);
  }
  wrong.push(...names.filter((_, stop) => !order.includes(stop)).map((name) => `Tab does not reach ${name}`));
  // A walk may begin in the midst, where the focus was.
  const turns = order.filter((stop, i) => i > 0 && stop < order[i - 1]).length;
  if (turns > 1) wrong.push(`the order is ${order.join(" ")}`);
  return wrong;
}

/** Visible text in Latin letters: what is in no catalogue, or in nobody's language. */
function latin(names) {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!element?.checkVisibility() || element.closest("option, script, style, template, code")) continue;
    const text = names.reduce((rest, name) => rest.replaceAll(name, ""), node.textContent);
    if (/[A-Za-z]{2,}/.test(text)) found.push(text.trim());
  }
  return found.slice(0, 8);
}

/** All of it is wrong. */
const BAD = `<!doctype html><html lang="en"><title>Bad</title><main><h1>Bad</h1><img src="data:,">
  <button id="unseen" style="outline: none">Without a focus</button><button id="late" tabindex="2">Out of order</button><button id="early" tabindex="1">First of all</button>
  <button id="covered" style="position: fixed; left: 0; bottom: 0">Covered</button><div style="position: fixed; inset: 0; top: 60%; background: #000"></div>
  <p style="width: 2000px; transition: opacity 1s">Wide</p><button style="width: 4rem; overflow: hidden; white-space: nowrap">Longer than there is room for</button></main>`;

test("what looks at the views finds what is wrong with one", () => scene(async (keep) => {
  const page = await keep(visitor(chromium, "about:blank", { viewport: PHONE }));
  await page.setContent(BAD);
  const found = [await findings(page), await walk(page), await page.evaluate(overflowing), await page.evaluate(moving)].flat().join("\n");
  for (const wrong of [/image-alt/, /not seen at unseen/, /hidden at covered/, /the order is/, /the page is \d+ wide/, /cut: button/, /^p\./m]) assert.match(found, wrong);
  assert.deepEqual((await page.evaluate(latin, [])).slice(0, 2), ["Bad", "Without a focus"]);
}));

const size = ({ width, height }) => `${width}x${height}`;

for (const view of VIEWS) {
  test(`${view.name}: axe-core finds nothing, the keyboard reaches everything, 400 % fits, and nothing moves for who wants that`, () => scene(async (keep) => {
    const page = await keep(looksAt(chromium, server.link, view, { viewport: DESKTOP }));
    const found = [];
    for (const window of [DESKTOP, PHONE]) {
      await page.setViewportSize(window);
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        found.push(...(await findings(page)).map((finding) => `${colorScheme}, ${size(window)}: ${finding}`));
      }
    }
    assert.deepEqual(page.problems, []);
    await page.emulateMedia({ reducedMotion: "reduce" });
    for (const window of [DESKTOP, PHONE]) {
      await page.setViewportSize(window);
      found.push(...(await walk(page)).map((what) => `${size(window)}: ${what}`));
      found.push(...(await page.evaluate(overflowing)).map((what) => `${size(window)}: ${what}`));
    }
    found.push(...(await page.evaluate(moving)).map((what) => `moves: ${what}`));
    await page.setViewportSize(ZOOMED);
    found.push(...(await page.evaluate(overflowing)).map((what) => `400 %: ${what}`));
    assert.deepEqual(found, []);
  }));

  test(`${view.name}: German, French, and from right to left, all of it fits`, () => scene(async (keep) => {
    const found = [];
    for (const locale of ["de-DE", "fr-FR", "ar"]) {
      const page = await keep(looksAt(chromium, server.link, view, { viewport: PHONE, locale, before: (page) => fromRightToLeft(page) }));
      assert.deepEqual(await page.evaluate(() => [document.documentElement.lang, document.documentElement.dir]), [locale.slice(0, 2), locale === "ar" ? "rtl" : "ltr"]);
      for (const window of locale === "ar" ? [PHONE, DESKTOP] : [PHONE]) {
        await page.setViewportSize(window);
        found.push(...(await page.evaluate(overflowing)).map((what) => `${locale}, ${size(window)}: ${what}`));
      }
      if (locale === "ar" && view.speaks) {
        const said = await page.evaluate(latin, NAMES);
        const within = view.speaks === true ? said : await page.locator(view.speaks).evaluate((dialog, said) => said.filter((text) => dialog.textContent.includes(text)), said);
        found.push(...within.map((text) => `not in the catalogue: ${text}`));
      }
      // Its picture would take the next one's time.
      await page.context().close();
    }
    assert.deepEqual(found, []);
  }));
}

/** Puts a language that runs from right to left in the place of those that there are, but for German and French. */
function fromRightToLeft(page) {
  const body = `import en from "./en.js";
    const words = ${JSON.stringify(pseudo({ ...en, ...admin }))};
    export const LANGUAGES = {
      en: { name: "English", dir: "ltr", load: () => en }, ar: { name: "${pseudo({ name: "Arabic" }).name}", dir: "rtl", load: () => words },
      de: { name: "Deutsch", dir: "ltr", load: async () => (await import("./de.js")).default }, fr: { name: "Français", dir: "ltr", load: async () => (await import("./fr.js")).default },
    };`;
  return page.route("**/words/languages.js", (route) => route.fulfill({ contentType: "text/javascript", body }));
}
