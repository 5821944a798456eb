// SPDX-License-Identifier: MPL-2.0
// The second factor of an administrator, as a person meets it: a QR code, an app, and a piece of paper.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { Accounts, ADMIN, screenshot, signIn } from "./accounts.mjs";
import { browser, Program, BUILT, scene, visitor } from "./lib.mjs";
import { join } from "node:path";

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

/** What an app shows, so many steps from now (RFC 6238). */
function code(secret, steps) {
  const bits = [...secret.replace(/ /g, "")].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const tag = createHmac("sha1", key).update(step).digest();
  return String((tag.readUInt32BE(tag[19] & 0xf) & 0x7fff_ffff) % 1_000_000).padStart(6, "0");
}

async function type(page, text) {
  await page.getByTestId("code-input").fill(text);
  await page.keyboard.press("Enter");
}

test("an administrator scans a picture, types codes, and gets in with a recovery code when the telephone is lost", () => scene(async (keep) => {
  const server = await keep(Accounts.start({ configured: () => 'second-factor = "administrators"', enters: false }));
  const page = await keep(visitor(chromium, `${server.url}/admin`));
  await signIn(page, ADMIN, server.password);
  const picture = page.getByTestId("qr");
  await picture.waitFor();
  await page.waitForFunction(() => document.querySelector(".qr").naturalWidth > 100);
  const secret = await page.getByTestId("totp-secret").textContent();
  assert.match(await page.getByTestId("totp-link").getAttribute("href"), /^otpauth:\/\/totp\//);
  await page.screenshot({ path: screenshot("second-factor.png") });
  // A slip does not make another picture.
  await type(page, "000000");
  await page.getByTestId("sign-in-error").filter({ hasText: "not right" }).waitFor();
  assert.equal(await page.getByTestId("totp-secret").textContent(), secret);
  await type(page, code(secret, 0));
  await page.getByTestId("recovery-codes").locator("li").nth(9).waitFor();
  const codes = await page.getByTestId("recovery-codes").locator("li").allTextContents();
  assert.equal(codes.length, 10);
  await page.screenshot({ path: screenshot("recovery-codes.png") });
  await page.getByTestId("recovery-dialog").getByRole("button").click();
  await page.getByTestId("tab-cameras").waitFor();
  assert.equal(await page.getByTestId("recovery-codes").locator("li").count(), 0, "they are shown once");
  assert.deepEqual(page.problems, []);

  // On the page with the cameras, with the app and then without it.
  const other = await keep(visitor(chromium, server.url));
  await signIn(other, ADMIN, server.password);
  await type(other, code(secret, 1));
  await other.getByTestId("administration").waitFor();
  await other.getByTestId("logout").click();
  await signIn(other, ADMIN, server.password);
  await other.getByTestId("code-input").waitFor();
  assert.equal(await other.getByTestId("qr").isVisible(), false);
  await type(other, codes[3]);
  await other.getByTestId("administration").waitFor();
  assert.equal(await other.getByTestId("recovery-dialog").isVisible(), false);
  assert.deepEqual(other.problems, []);

  const reset = new Program(join(BUILT, "porthole-signaling"), ["user", "second-factor", "reset", ADMIN, "--data-dir", server.data]);
  assert.equal(await reset.exit, 0, reset.lines.join("\n"));
  await page.reload();
  await signIn(page, ADMIN, server.password);
  await picture.waitFor();
  assert.notEqual(await page.getByTestId("totp-secret").textContent(), secret);
}));
