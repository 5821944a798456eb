// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { REASONS, describe, readEntrance, turnedAway } from "../client/rules.js";
import { REFUSALS } from "../client/gateway-rules.js";
import en from "./en.js";
import { reasonInWords, refusalInWords, serverInWords } from "./reasons.js";
import { t, useLanguage } from "./words.js";

const SIGNALING = fileURLToPath(new URL("../..", import.meta.url));
const CLIENT = join(SIGNALING, "web/client");
/** Of programs that use the client, and not for people at a page. */
const FOR_PROGRAMS = ["A command is a string, a Uint8Array or an ArrayBuffer."];

/** What the client says in whole sentences, with a place for each value. */
function sentences() {
  const found = new Set();
  for (const name of readdirSync(CLIENT).filter((name) => name.endsWith(".js"))) {
    const code = readFileSync(join(CLIENT, name), "utf8").replace(/\/\*[^]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
    for (const [, , text] of code.matchAll(/(["`])([A-Z][^"`\n]* [^"`\n]*[.?!…])\1/g)) found.add(text.replace(/\$\{(\w+)\}/g, "{$1}"));
  }
  return [...found].filter((text) => !FOR_PROGRAMS.includes(text));
}

test("each sentence of the client is in the catalogue", () => {
  const known = new Set(Object.entries(en).filter(([key]) => key.startsWith("reason.")).map(([, text]) => text));
  const all = sentences();
  assert.ok(all.length > 60, `${all.length} found`);
  assert.deepEqual(all.filter((text) => !known.has(text)), []);
});

test("the codes of sessions and of the robot have the client's sentences", () => {
  for (const [code, text] of Object.entries(REASONS)) assert.equal(en[`reason.${code}`], text);
  for (const [code, text] of Object.entries(REFUSALS)) assert.equal(en[`reason.robot.${code}`], text);
});

/** Of requests that pages do not make, or that are a mistake in this program. */
const NOT_OF_PAGES = ["bad-address", "bad-body", "bad-description", "bad-json", "bad-query", "bad-type", "bad-message", "method-not-allowed", "unsupported-media-type", "too-slow"];

test("each code of the server's API has a sentence", () => {
  const codes = new Set();
  for (const name of readdirSync(join(SIGNALING, "src"), { recursive: true }).filter((name) => name.endsWith(".rs") && !name.includes("test"))) {
    const text = readFileSync(join(SIGNALING, "src", name), "utf8");
    for (const [, code] of text.matchAll(/(?:ApiError|Self)::new\(\s*(?:[\w:]+|status),\s*"([a-z]+(?:-[a-z]+)*)"/g)) codes.add(code);
    for (const [, code] of text.matchAll(/=> \(S::[A-Z_]+, "([a-z-]+)"/g)) codes.add(code);
  }
  assert.ok(codes.size > 40, `${codes.size} found`);
  // A browser that comes back from an identity provider is no page.
  const missing = [...codes].filter((code) => !NOT_OF_PAGES.includes(code) && !code.startsWith("openid-") && !Object.hasOwn(en, `reason.server.${code}`) && !Object.hasOwn(REASONS, code));
  assert.deepEqual(missing, []);
});

test("in English a reason is as it came", async () => {
  await useLanguage("en");
  assert.equal(reasonInWords("revoked", "Anything (at all)."), "Anything (at all).");
  assert.equal(refusalInWords({ code: "busy", message: "It is so." }), "It is so.");
  assert.equal(serverInWords({ code: "exists", message: "there is a user of this name already" }), "there is a user of this name already");
});

test("in another language it is said by its sentence, and by its code where that is another", async (context) => {
  context.after(() => useLanguage("en"));
  await useLanguage("de");
  assert.equal(reasonInWords("lease-ended", REASONS["lease-ended"]), t("reason.lease-ended"));
  assert.equal(reasonInWords("unauthorized", "This server asks who you are."), "Dieser Server fragt, wer Sie sind.");
  assert.equal(reasonInWords("camera-gone", "A sentence of tomorrow."), t("reason.camera-gone"));
  assert.equal(reasonInWords("moon-full", "The moon is full."), "The moon is full.");
  assert.equal(reasonInWords("live", ""), "");
  const { message } = readEntrance({ user: "a", password: "b" }, 429, {}, "12", 0);
  assert.equal(reasonInWords("too-many", message), "Zu viele Versuche. Versuchen Sie es in 12 s erneut.");
  assert.equal(reasonInWords("too-slow", turnedAway("too-slow").message), t("reason.too-slow"));
});

test("a detail is translated where it is known, and quoted where it helps an operator", async (context) => {
  context.after(() => useLanguage("en"));
  await useLanguage("de");
  assert.equal(reasonInWords("revoked", describe("revoked", "an administrator ended it")), `${t("reason.revoked")} (beendet durch die Administration)`);
  assert.equal(reasonInWords("bad-message", describe("bad-message", "no field x")), `${t("reason.bad-message")} (no field x)`);
  assert.equal(reasonInWords("not-permitted", describe("not-permitted", "a camera cannot start a session")), t("reason.not-permitted"));
  assert.equal(reasonInWords("camera-full", REASONS["camera-full"]), t("reason.camera-full"));
});

test("a refusal of the robot is said in another language, and what its program says itself is kept", async (context) => {
  context.after(() => useLanguage("en"));
  await useLanguage("de");
  assert.equal(refusalInWords({ code: "busy", message: REFUSALS.busy }), t("reason.robot.busy"));
  assert.equal(refusalInWords({ code: "busy", message: "queue full" }), t("reason.robot.busy"));
  assert.equal(refusalInWords({ code: "door-refused", message: REFUSALS["door-refused"] }), t("reason.robot.door-refused"));
  assert.equal(refusalInWords({ code: "door-refused", message: "The bolt is stuck." }), `${t("reason.robot.door-refused")} (The bolt is stuck.)`);
  assert.equal(refusalInWords({ code: "moon", message: "The moon is full." }), "The moon is full.");
});

test("what was typed wrong keeps what the server says of it", async (context) => {
  context.after(() => useLanguage("en"));
  await useLanguage("fr");
  assert.equal(serverInWords({ code: "weak-password", message: "use 12 characters", status: 422 }), "Ce mot de passe est trop faible. (use 12 characters)");
  assert.equal(serverInWords({ code: "other", message: "The server answered 502.", status: 502 }), "Le serveur a répondu 502.");
  assert.equal(serverInWords({ code: "moon", message: "moon", status: 500 }), "moon");
  assert.equal(refusalInWords({ code: "busy", message: "new words" }), t("reason.robot.busy"));
});
