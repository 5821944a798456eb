// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const CSS = readFileSync(new URL("tokens.css", import.meta.url), "utf8").replace(/\/\*[^]*?\*\//g, "");
/** WCAG 2.2: 1.4.3 for text, 1.4.11 for the edge of a field. */
const [TEXT, EDGE] = [4.5, 3];

/** The tokens of all blocks with this selector. */
function tokens(selector, css = CSS) {
  const found = {};
  for (const [, name, body] of css.matchAll(/([^{}]+)\{([^{}]*)\}/g)) {
    if (name.trim() !== selector) continue;
    for (const [, token, value] of body.matchAll(/(--[\w-]+):\s*([^;]+);/g)) found[token] = value.trim();
  }
  return found;
}

const SYSTEM_DARK = tokens(':root:not([data-theme="light"])');
const LIGHT = tokens(":root", CSS.slice(0, CSS.indexOf("@media")));
const THEMES = { light: LIGHT, dark: { ...LIGHT, ...SYSTEM_DARK } };

function luminance(colour) {
  const [r, g, b] = colour.match(/[\da-f]{2}/gi).map((hex) => parseInt(hex, 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a, b) {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

test("dark by the device and dark by choice are the same", () => {
  assert.ok(Object.keys(SYSTEM_DARK).length > 5);
  assert.deepEqual(tokens(':root[data-theme="dark"]'), SYSTEM_DARK);
});

for (const [theme, colours] of Object.entries(THEMES)) {
  test(`in ${theme}, all text can be read on all surfaces`, () => {
    for (const text of ["--ink", "--quiet", "--accent", "--good", "--wait", "--bad"]) {
      for (const surface of ["--ground", "--panel"]) {
        const found = contrast(colours[text], colours[surface]);
        assert.ok(found >= TEXT, `${text} on ${surface}: ${found.toFixed(2)}`);
      }
    }
    for (const surface of ["--accent", "--good", "--wait", "--bad"]) {
      const found = contrast(colours["--on-colour"], colours[surface]);
      assert.ok(found >= TEXT, `--on-colour on ${surface}: ${found.toFixed(2)}`);
    }
    assert.ok(contrast(colours["--on-stop"], colours["--stop"]) >= TEXT);
    for (const surface of ["--ground", "--panel"]) {
      const found = contrast(colours["--edge"], colours[surface]);
      assert.ok(found >= EDGE, `--edge on ${surface}: ${found.toFixed(2)}`);
    }
  });
}

test("over the brightest picture, what lies over it can be read", () => {
  const [r, g, b, alpha] = LIGHT["--over"].match(/[\d.]+/g).map(Number);
  const over = `#${[r, g, b].map((c) => Math.round(c * alpha + 255 * (1 - alpha)).toString(16).padStart(2, "0")).join("")}`;
  for (const text of ["--over-ink", "--over-quiet", "--over-good", "--over-wait", "--over-bad"]) {
    const found = contrast(LIGHT[text], over);
    assert.ok(found >= TEXT, `${text}: ${found.toFixed(2)}`);
  }
});

test("who wants no motion has none", () => {
  const still = tokens(":root", CSS.slice(CSS.indexOf("prefers-reduced-motion")).replace(/^[^{]*\{/, ""));
  assert.deepEqual(still, { "--quick": "0ms", "--slow": "0ms" });
});
