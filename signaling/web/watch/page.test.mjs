// SPDX-License-Identifier: MPL-2.0
import test from "node:test";
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { REASONS, turnedAway } from "../client/rules.js";
import { t, useLanguage } from "../words/words.js";
import { changesInWords, connectionInWords, keepSessions, mayListen, readLink, stateInWords, takeSessions, timeLeft } from "./page.js";

const PROOF = { sessionId: "s1", secret: "x1" };

/** Storage as a browser's: text only. */
class Stored {
  items = new Map();
  getItem(key) { return this.items.get(key) ?? null; }
  setItem(key, value) { this.items.set(key, String(value)); }
  removeItem(key) { this.items.delete(key); }
}

test("a link's token is percent-encoded: plus, percent and slash arrive as they are", () => {
  assert.deepEqual(readLink("#token=a%2Bb%25c%2Fd&camera=front%20door"), { token: "a+b%c/d", share: undefined, camera: "front door", call: undefined });
  assert.deepEqual(readLink("#share=a%2Bb&camera=front&call=1"), { token: undefined, share: "a+b", camera: "front", call: "1" });
  for (const none of ["", "#", "#token=&camera=", "#other=1"]) assert.deepEqual(readLink(none), { token: undefined, share: undefined, camera: undefined, call: undefined });
  assert.equal(readLink("#token=%E0%A4%A").token.length > 0, true, "a broken escape is no error");
});

test("a page finds the sessions of the one before it in the same tab, once", () => {
  const stored = new Stored();
  keepSessions(() => stored, new Map([["front", PROOF]]));
  assert.deepEqual([...takeSessions(() => stored)], [["front", PROOF]]);
  assert.equal(takeSessions(() => stored).size, 0);
  assert.equal(stored.items.size, 0);
});

test("storage that throws or holds something else is no error", () => {
  const off = () => { throw new DOMException("off", "SecurityError"); };
  keepSessions(off, new Map([["front", PROOF]]));
  assert.equal(takeSessions(off).size, 0);
  const stored = new Stored();
  keepSessions(() => stored, new Map());
  const [key] = stored.items.keys();
  for (const text of ["{", "7", "null", "{}", "[null,7,{}]", '[{"camera":"front","sessionId":7,"secret":"x"}]', '[{"sessionId":"s","secret":"x"}]']) {
    stored.setItem(key, text);
    assert.equal(takeSessions(() => stored).size, 0, text);
  }
  stored.setItem(key, JSON.stringify(Array.from({ length: 999 }, (_, i) => ({ camera: `c${i}`, ...PROOF }))));
  assert.equal(takeSessions(() => stored).size, 16);
});

test("the time that is left is counted down in the last hour, with a warning in the last two minutes", () => {
  const until = 10_000_000, terms = { until, perms: ["view"] };
  const at = (seconds) => timeLeft(terms, until - seconds * 1_000);
  assert.deepEqual(at(3_600), { countdown: "", warning: "" });
  assert.deepEqual(at(3_599), { countdown: "59:59 left", warning: "" });
  assert.deepEqual(at(3_599.5), { countdown: "60:00 left", warning: "" });
  assert.deepEqual(at(121), { countdown: "2:01 left", warning: "" });
  const { warning } = at(120);
  assert.match(warning, /two minutes left/);
  assert.deepEqual(at(61.2), { countdown: "1:02 left", warning });
  assert.deepEqual(at(0), { countdown: "0:00 left", warning });
  assert.deepEqual(at(-5), { countdown: "0:00 left", warning });
  assert.deepEqual(timeLeft(null, 0), { countdown: "", warning: "" });
  assert.deepEqual(timeLeft({ ...terms, until: until + 7_200_000 }, until - 60_000), { countdown: "", warning: "" }, "extended");
});

test("changed permissions are told in words", () => {
  assert.equal(changesInWords({ given: ["listen"], taken: [] }), "You may listen now.");
  assert.equal(changesInWords({ given: [], taken: ["listen"] }), "You may no longer listen.");
  assert.equal(changesInWords({ given: ["talk"], taken: ["control"] }), "You may talk now. You may no longer control.");
  assert.equal(changesInWords({ given: ["of-the-future", "constructor"], taken: ["view"] }), "");
});

test("sound is for those who may listen, and a server without terms leaves it to the camera", () => {
  assert.deepEqual([null, { until: 0, perms: ["view"] }, { until: 0, perms: ["view", "listen"] }].map(mayListen), [true, false, true]);
});

test("a refusal of the connection is told as what it is, and asks to sign in where that may help", () => {
  const client = { state: "refused", code: "too-many", message: "The server is full.", user: "", openAccess: true };
  const early = { ...client, code: "link-not-yet", message: "This link is not open yet.", opens: Date.UTC(2026, 10, 21, 9) };
  const how = { locale: "en-GB", timeZone: "Europe/Berlin" };
  assert.deepEqual(connectionInWords(early, Date.UTC(2026, 10, 20, 9), how),
    { words: "This link is not open yet. It opens tomorrow, 10:00, and the picture comes by itself.", signIn: false });
  assert.deepEqual(connectionInWords(client), { words: "The server is full.", signIn: false });
  assert.deepEqual(connectionInWords({ ...client, openAccess: false }), { words: "Not signed in", signIn: true });
  assert.deepEqual(connectionInWords({ ...client, code: "revoked", openAccess: false, user: "alice" }), { words: "Not signed in", signIn: true });
  assert.match(connectionInWords({ ...client, state: "reconnecting", code: "server-unreachable" }).words, /does not answer/);
  assert.match(connectionInWords({ ...client, state: "reconnecting", code: "too-slow", message: "Too slow." }).words, /Too slow\./);
  assert.equal(connectionInWords({ ...client, state: "online", code: "", message: "" }).words, "Connected");
  assert.equal(connectionInWords({ ...client, state: "online", code: "too-large", message: "Too large." }).words, "Connected. Too large.");
});

test("why there is no picture, or no connection, is told in the viewer's language", async (context) => {
  context.after(() => useLanguage("en"));
  await useLanguage("de");
  assert.equal(stateInWords("refused", REASONS["no-booking"], "no-booking").words, t("reason.no-booking"));
  const client = { state: "reconnecting", code: "too-slow", message: turnedAway("too-slow").message, user: "", openAccess: true };
  assert.match(connectionInWords(client, 0).words, new RegExp(t("reason.too-slow")));
});

test("a state is told with its reason", () => {
  assert.deepEqual(stateInWords("live", ""), { title: "Live", words: "" });
  assert.deepEqual(stateInWords("live", "The camera sends no picture just now.", "no-picture"), { title: "Live", words: "The camera sends no picture just now." });
  assert.deepEqual(stateInWords("refused", "The camera is full.", "camera-full"), { title: "Not available", words: "The camera is full." });
  assert.deepEqual(stateInWords("ended", "Your time is over.", "lease-ended"), { title: "Ended", words: "Your time is over." });
  assert.equal(stateInWords("refused", "", "revoked").title, "Ended", "who was let in was not refused");
  assert.equal(stateInWords("reconnecting", "", "camera-gone").title, "Reconnecting…");
  assert.equal(stateInWords("reconnecting", "", "camera-offline").title, "Camera off", "what was never there is not connected again");
});

test("the page and its modules name each other from where they are, so that a proxy may put them into a folder", () => {
  const folder = new URL("..", import.meta.url);
  const text = (name) => readFileSync(new URL(name, folder), "utf8");
  const pages = ["index.html", "admin.html", "calls.html"].map(text).join("\n");
  const html = [...pages.matchAll(/(?:href|src|action)="([^"]*)"/g)].map(([, url]) => url);
  const modules = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".js"));
  const imports = modules.flatMap((name) => [...text(name).matchAll(/(?:from|import\()\s*"([^"]*)"/g)].map(([, url]) => url));
  assert.ok(html.length >= 2 && imports.length >= 6);
  for (const url of [...html, ...imports, ...[..."parts/style.css parts/tokens.css watch/style.css watch/panels.css watch/diagnosis.css drive/style.css admin/style.css".split(" ").map(text).join("").matchAll(/url\(([^)]*)\)/g)].map(([, url]) => url)]) {
    assert.ok(!url.startsWith("/") && !/^https?:/.test(url), url);
  }
  const styles = /\sstyle=|<style|\son\w+=/i;
  assert.ok(!styles.test(pages), "the content security policy lets no inline style or handler in");
});
