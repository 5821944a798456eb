// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { ADMIN } from "./admin/languages.js";
import { LANGUAGES } from "./languages.js";
import { pseudo } from "./pseudo.mjs";
import { language, pick, sentence, t, useLanguage } from "./words.js";

const WEB = fileURLToPath(new URL("..", import.meta.url));
const CATALOGUES = Object.keys(LANGUAGES).flatMap((code) => [`words/${code}.js`, `words/admin/${code}.js`]);
const FILES = readdirSync(WEB, { recursive: true }).filter((name) => !CATALOGUES.includes(name) && !name.includes(".test."));
/** Files of the administrator's page, which alone has its sentences. */
const isAdmin = (name) => name.startsWith("admin");
const read = (name) => readFileSync(join(WEB, name), "utf8");
const sources = FILES.filter((name) => name.endsWith(".js")).map((name) => ({ name, text: read(name) }));
const pages = FILES.filter((name) => name.endsWith(".html")).map((name) => ({ name, text: read(name) }));
const [EVERYWHERE, OF_ADMIN] = await Promise.all([Object.entries(LANGUAGES).map(([code, { load }]) => [code, load]), Object.entries(ADMIN)].map(
  (loads) => Promise.all(loads.map(async ([code, load]) => ({ code, words: await load() }))),
));
const ALL = EVERYWHERE.map(({ code, words }) => ({ code, words: { ...words, ...OF_ADMIN.find((each) => each.code === code)?.words } }));
const en = ALL.find(({ code }) => code === "en").words;

const FORM = /\.(zero|one|two|few|many|other)$/;
/** A key without the form of its plural: English has two of them. */
const whole = (key) => (FORM.test(key) && ["one", "other"].every((form) => Object.hasOwn(en, key.replace(FORM, `.${form}`))) ? key.replace(FORM, "") : key);
const keys = (words) => [...new Set(Object.keys(words).map(whole))];
const places = (text) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();
/** The places of all forms of a sentence: "one" may do without the number. */
const placesOf = (words, key) => places(Object.entries(words).filter(([each]) => whole(each) === key).map(([, text]) => text).join(" "));
const known = new Set(keys(en));

for (const { code, words } of ALL) {
  test(`${code} says all that there is to say, in the same order`, () => {
    assert.deepEqual(keys(words), [...known]);
    for (const [key, text] of Object.entries(words)) {
      assert.ok(typeof text === "string" && text.trim() === text && text !== "", `${key} is empty, or has spaces around it`);
      assert.ok(!/[<>]|&\w+;/.test(text), `${key} is text, not HTML`);
    }
  });

  test(`${code} leaves no place of a sentence out, and invents none`, () => {
    for (const key of known) assert.deepEqual(placesOf(words, key), placesOf(en, key), key);
  });

  test(`${code} has a form for each number`, () => {
    const forms = new Intl.PluralRules(code).resolvedOptions().pluralCategories;
    for (const key of Object.keys(words).filter((key) => whole(key) !== key)) assert.ok(forms.includes(key.match(FORM)[1]), `${code} has no such form: ${key}`);
  });
}

test("the sections are the rooms, each in one place", () => {
  const rooms = Object.keys(en).map((key) => key.split(".")[0]);
  assert.deepEqual(rooms.filter((room, place) => room !== rooms[place - 1]), [...new Set(rooms)]);
});

test("the administrator's page has its own sentences in each language, and no other page asks for one of them", () => {
  assert.deepEqual(OF_ADMIN.map(({ code }) => code), EVERYWHERE.map(({ code }) => code));
  for (const { code, words } of OF_ADMIN) assert.deepEqual(Object.keys(words).filter((key) => !key.startsWith("admin.")), [], code);
  for (const { code, words } of EVERYWHERE) assert.deepEqual(Object.keys(words).filter((key) => key.startsWith("admin.")), [], code);
  for (const { name, text } of [...sources, ...pages].filter(({ name }) => !isAdmin(name))) {
    assert.deepEqual(text.match(/["'`]admin\.[\w-]/), null, name);
  }
});

test("whatever a page asks for is there", () => {
  for (const { name, text } of sources) {
    for (const [, key] of text.matchAll(/\bt\(\s*["'`]([^"'`$]+)["'`]/g)) assert.ok(known.has(key), `${name} asks for ${key}`);
  }
  for (const { name, text } of pages) {
    for (const [, key] of text.matchAll(/\sdata-t(?:-\w+)?="([^"]*)"/g)) assert.ok(known.has(key), `${name} asks for ${key}`);
  }
});

test("what stands in HTML beside its key is the English of it, or nothing", () => {
  for (const { name, text } of pages) {
    for (const [, key, words] of text.matchAll(/\sdata-t="([^"]*)"[^>]*>([^<]*)/g)) {
      assert.ok(words === "" || words === en[key], `${name}: “${words}” beside ${key}`);
    }
  }
});

test("nothing is said that no page asks for", () => {
  const asked = new Set();
  const begun = [];
  for (const { text } of [...sources, ...pages]) {
    for (const [, literal] of text.matchAll(/["'`]([\w-]+\.[\w.-]+)["'`]/g)) asked.add(literal);
    for (const [, prefix] of text.matchAll(/`([\w-]+\.[\w.-]*)\$\{/g)) begun.push(prefix);
  }
  const unused = [...known].filter((key) => !asked.has(key) && !begun.some((prefix) => key.startsWith(prefix)));
  assert.deepEqual(unused, []);
});

const SAMPLE = { locale: "en-GB", words: { "a.name": "Hello {name}", "b.n.one": "{count} camera", "b.n.other": "{count} cameras", "c.zero": "none", "d": "{toString}" } };

test("a sentence has its values in its places", () => {
  assert.equal(sentence(SAMPLE, "a.name", { name: "Anna {count}" }), "Hello Anna {count}");
  assert.equal(sentence(SAMPLE, "a.name"), "Hello {name}");
  assert.equal(sentence(SAMPLE, "d", {}), "{toString}");
  assert.equal(sentence(SAMPLE, "no.such"), "no.such");
  assert.equal(sentence(SAMPLE, "toString"), "toString");
});

test("a count has its form, as the language has it", () => {
  assert.equal(sentence(SAMPLE, "b.n", { count: 1 }), "1 camera");
  assert.equal(sentence(SAMPLE, "b.n", { count: 1_200 }), "1,200 cameras");
  const french = { locale: "fr", words: { "b.n.one": "{count} caméra", "b.n.other": "{count} caméras" } };
  assert.equal(sentence(french, "b.n", { count: 0 }), "0 caméra");
  assert.match(sentence(french, "b.n", { count: 1_000_000 }), /^1\s000\s000 caméras$/);
});

test("the first language that is known is taken, in the region that it is wanted for", () => {
  const codes = ["en", "de", "fr"];
  for (const [wanted, expected] of [
    [["de-AT", "en"], { code: "de", locale: "de-AT" }],
    [["it", "fr"], { code: "fr", locale: "fr" }],
    [["en"], { code: "en", locale: "en-GB" }],
    [["en-US", "de"], { code: "en", locale: "en-US" }],
    [["DE"], { code: "de", locale: "de" }],
    [["de-" + "x".repeat(99)], { code: "en", locale: "en-GB" }],
    [[null, 3, {}, "", "*"], { code: "en", locale: "en-GB" }],
    [[], { code: "en", locale: "en-GB" }],
  ]) assert.deepEqual(pick(wanted, codes), expected, JSON.stringify(wanted));
});

test("a language whose words do not come leaves English", async (context) => {
  const { de } = LANGUAGES;
  context.after(() => { LANGUAGES.de = de; });
  LANGUAGES.de = { ...de, load: async () => { throw new Error("no network"); } };
  assert.equal(await useLanguage("de"), "en");
  assert.equal(language(), "en");
});

test("what one page alone says is there with the rest, in its language, and in English where that does not come", async (context) => {
  const late = { en: () => ({ "own.word": "Word", "own.more": "More" }), de: () => Promise.resolve({ "own.word": "Wort" }), fr: () => Promise.reject(new Error("no network")) };
  context.after(() => useLanguage("en"));
  assert.equal(await useLanguage("de", late), "de");
  assert.deepEqual([t("own.word"), t("own.more"), t("watch.close")], ["Wort", "More", ALL.find(({ code }) => code === "de").words["watch.close"]]);
  assert.equal(await useLanguage("fr", late), "en");
  assert.deepEqual([t("own.word"), t("watch.close")], ["Word", en["watch.close"]]);
});

test("another language is spoken from when it is asked for", async () => {
  assert.equal(await useLanguage("fr"), "fr");
  const key = Object.keys(en)[0];
  assert.equal(t(key), ALL.find(({ code }) => code === "fr").words[key]);
  assert.equal(await useLanguage("en"), "en");
});

test("the pseudo-language keeps keys and places, and is longer", () => {
  const words = pseudo(en);
  assert.deepEqual(Object.keys(words), Object.keys(en));
  for (const key of Object.keys(en)) assert.deepEqual(places(words[key]), places(en[key]));
  assert.ok(words[Object.keys(en)[0]].length > en[Object.keys(en)[0]].length);
});
