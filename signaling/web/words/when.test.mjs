// SPDX-License-Identifier: MPL-2.0
import test from "node:test";
import assert from "node:assert/strict";
import { agoInWords, countdownInWords, dayInWords, momentInWords, spanInWords, windowInWords } from "./when.js";
import { useLanguage } from "./words.js";

const BERLIN = { locale: "en-GB", timeZone: "Europe/Berlin" };
const TOKYO = { locale: "en-US", timeZone: "Asia/Tokyo" };
const at = (text) => Date.parse(text);
const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000];

test("a day is named as near as it is, in the zone of who reads it", () => {
  const now = at("2026-11-20T22:30:00Z"); // Friday, 23:30 in Berlin; Saturday, 7:30 in Tokyo
  assert.equal(dayInWords(now, now, BERLIN), "today");
  assert.equal(dayInWords(now + HOUR, now, BERLIN), "tomorrow");
  assert.equal(dayInWords(now + HOUR, now, TOKYO), "today");
  assert.equal(dayInWords(now - DAY, now, BERLIN), "yesterday");
  assert.equal(dayInWords(now + 3 * DAY, now, BERLIN), "Monday");
  assert.match(dayInWords(now + 7 * DAY, now, BERLIN), /^Fri,? 27 Nov$/);
  assert.match(dayInWords(now - 3 * DAY, now, BERLIN), /^Tue,? 17 Nov$/);
  assert.match(dayInWords(at("2027-01-08T12:00:00Z"), now, BERLIN), /^Fri,? 8 Jan 2027$/);
});

test("the clock has the hours that the reader is used to", () => {
  const now = at("2026-11-20T08:00:00Z");
  assert.equal(momentInWords(at("2026-11-20T13:05:00Z"), now, BERLIN), "today, 14:05");
  assert.equal(momentInWords(at("2026-11-20T13:05:00Z"), now, TOKYO).replace(/\s/g, " "), "today, 10:05 PM");
});

test("a window names its day once, and its last one where that is another", () => {
  const now = at("2026-11-20T08:00:00Z");
  assert.equal(windowInWords(at("2026-11-20T13:00:00Z"), at("2026-11-20T14:00:00Z"), now, BERLIN), "today, 14:00–15:00");
  assert.equal(windowInWords(at("2026-11-20T22:00:00Z"), at("2026-11-20T23:00:00Z"), now, BERLIN), "today, 23:00–00:00");
  assert.equal(windowInWords(at("2026-11-20T22:00:00Z"), at("2026-11-21T00:30:00Z"), now, BERLIN), "today, 23:00 – tomorrow, 01:30");
});

test("the days on which the clocks change have their own lengths", () => {
  const evening = at("2026-10-24T21:30:00Z"); // 23:30 in Berlin, before a day of 25 hours
  assert.equal(dayInWords(evening + 25 * HOUR, evening, BERLIN), "tomorrow");
  assert.equal(windowInWords(at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z"), evening, BERLIN), "tomorrow, 02:30–02:30");
});

test("spans and countdowns are as exact as they are near", () => {
  assert.equal(spanInWords(30 * SECOND), "less than a minute");
  assert.equal(spanInWords(12 * MINUTE + 59 * SECOND), "12 min");
  assert.equal(spanInWords(3 * HOUR), "3 h");
  assert.equal(spanInWords(3 * HOUR + 5 * MINUTE), "3 h 5 min");
  assert.equal(spanInWords(2 * DAY), "2 days");
  assert.equal(countdownInWords(59 * SECOND), "0:59");
  assert.equal(countdownInWords(58_001), "0:59");
  assert.equal(countdownInWords(HOUR + 2 * MINUTE + 3 * SECOND), "1:02:03");
  assert.equal(countdownInWords(-5), "0:00");
  assert.equal(countdownInWords(3 * DAY), "3 days");
  assert.equal(agoInWords(0, 30 * SECOND), "just now");
  assert.equal(agoInWords(0, 5 * MINUTE), "5 min ago");
});

test("in another language the same is said as that one says it", async (context) => {
  context.after(() => useLanguage("en"));
  const now = at("2026-11-20T08:00:00Z");
  const in_ = (locale) => ({ locale, timeZone: "Europe/Berlin" });
  await useLanguage("de");
  assert.equal(windowInWords(at("2026-11-20T22:00:00Z"), at("2026-11-21T00:30:00Z"), now, in_("de")), "heute, 23:00 – morgen, 01:30");
  assert.equal(dayInWords(now + 3 * DAY, now, in_("de")), "Montag");
  assert.equal(agoInWords(0, 5 * MINUTE), "vor 5 Min.");
  assert.equal(agoInWords(0, 3 * DAY), "vor 3 Tagen");
  assert.equal(spanInWords(3 * DAY), "3 Tage");
  await useLanguage("fr");
  assert.equal(momentInWords(at("2026-11-20T13:05:00Z"), now, in_("fr")), "aujourd’hui, 14:05");
  assert.equal(agoInWords(0, 5 * MINUTE), "il y a 5 min");
});
