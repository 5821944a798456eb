// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

const WEB = fileURLToPath(new URL("..", import.meta.url));
const SPRITE = readFileSync(join(WEB, "icons/sprite.svg"), "utf8");
const names = [...SPRITE.matchAll(/<symbol id="([^"]+)"/g)].map(([, name]) => name);

test("each symbol is there once, and all are of one size and in the colour of the text", () => {
  assert.equal(new Set(names).size, names.length);
  for (const [symbol] of SPRITE.matchAll(/<symbol [^>]*>/g)) {
    assert.match(symbol, /viewBox="0 0 24 24"/);
    assert.match(symbol, /stroke="currentColor"/);
  }
  assert.ok(!/<script|\son\w+=|href=/i.test(SPRITE));
});

test("each icon that a page shows is in the sprite", () => {
  const files = readdirSync(WEB, { recursive: true }).filter((name) => /\.(js|html)$/.test(name));
  for (const name of files) {
    const text = readFileSync(join(WEB, name), "utf8");
    for (const [, called, written] of text.matchAll(/\b(?:icon\(|showIcon\([^,()]+,\s*)"([^"]+)"|data-icon="([^"]+)"/g)) {
      assert.ok(names.includes(called ?? written), `${name} shows ${called ?? written}`);
    }
  }
});
