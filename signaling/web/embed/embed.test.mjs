// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import test from "node:test";
import { isOver, lineFor, readFit, readServer } from "./rules.js";
import { LEAD_MS, LEAST_MS, RETRY_CAP_MS, RETRY_MS, Tokens } from "./token.js";

const settle = () => new Promise((done) => setImmediate(done));
const SERVER = "https://look.example.org/";

/** A clock that a test turns. */
function clock() {
  const env = {
    at: 1_000_000, timers: [],
    now: () => env.at,
    setTimeout(call, ms) { const timer = { at: env.at + ms, call }; env.timers.push(timer); return timer; },
    clearTimeout(timer) { env.timers = env.timers.filter((each) => each !== timer); },
    /** The wait until the next thing happens, in ms. */
    get wait() { return env.timers.length ? Math.min(...env.timers.map(({ at }) => at)) - env.at : null; },
    async next() {
      const [timer] = env.timers.sort((a, b) => a.at - b.at);
      env.clearTimeout(timer);
      env.at = timer.at;
      timer.call();
      await settle();
    },
  };
  return env;
}

/** Tokens with a provider that gives t1, t2, … unless `gives` says otherwise. */
function provided(gives) {
  const env = clock();
  const seen = { presented: [], failed: [], asked: [] };
  const tokens = new Tokens(env, { present: (token) => seen.presented.push(token), failed: (why) => seen.failed.push(why) });
  let n = 0;
  tokens.provide((asked) => { seen.asked.push(asked); n += 1; return gives ? gives(n) : `t${n}`; });
  return { env, tokens, seen };
}

test("the server is an address by http or https, of the page or of the module, and its folder ends with a slash", () => {
  const page = "https://www.example.org/a/b", module = "https://look.example.org/x/embed/porthole-camera.js";
  for (const [said, from, expected] of [
    ["https://look.example.org", module, SERVER],
    [" https://look.example.org/look?x#y ", "", "https://look.example.org/look/"],
    ["//look.example.org", "", SERVER],
    ["/look", "", "https://www.example.org/look/"],
    [null, module, "https://look.example.org/x/"],
    ["", "https://cdn.example/bundle.js", null],
    ["javascript:alert(1)", module, null],
    ["https://u:p@look.example.org", module, null],
    ["http://[", module, null],
    ["data:text/html,x", module, null],
  ]) assert.equal(readServer(said, page, from), expected, String(said));
});

test("what is no way to fill a place is contain", () => {
  assert.deepEqual(["cover", "fill", "none", null, "; color: red"].map(readFit), ["cover", "fill", "contain", "contain", "contain"]);
});

test("nothing is said over a picture that is there, and else why there is none", () => {
  assert.deepEqual(lineFor("live", "", ""), { key: "", words: "" });
  assert.deepEqual(lineFor("connecting", "", ""), { key: "embed.connecting", words: "" });
  assert.deepEqual(lineFor("refused", "revoked", "No."), { key: "reason.revoked", words: "No." });
  assert.deepEqual(["live", "connecting", "reconnecting", "refused", "ended", "paused", "idle"].filter(isOver), ["refused", "ended", "paused", "idle"]);
});

test("a token is for the server that it was shown to, and for no other whoever changes the address", () => {
  const tokens = new Tokens(clock(), { present() {}, failed() {} });
  tokens.set("secret");
  assert.equal(tokens.first(SERVER, "front"), "secret");
  assert.equal(tokens.first(SERVER, "back"), "secret");
  assert.equal(tokens.first("https://evil.example/", "front"), "");
  assert.equal(tokens.first(SERVER, "front"), "", "it is forgotten");
  tokens.set("next");
  assert.equal(tokens.first("https://other.example/", "front"), "next");
});

test("a provider is asked with the server and the camera, and again before the right ends", async () => {
  const { env, tokens, seen } = provided();
  assert.equal(await tokens.first(SERVER, "front"), "t1");
  assert.deepEqual(seen.asked, [{ server: SERVER, camera: "front" }]);
  tokens.lasts(env.at + 300_000);
  assert.equal(env.wait, 300_000 - LEAD_MS);
  await env.next();
  assert.deepEqual(seen.presented, ["t2"]);
  tokens.lasts(env.at + 45_000);
  assert.equal(env.wait, 30_000, "of a short one, two thirds are used first");
});

test("a right that grows no longer does not have the provider asked without end", async () => {
  const { env, tokens } = provided();
  await tokens.first(SERVER, "front");
  const end = env.at + 40_000;
  let asked = 0;
  for (tokens.lasts(end); env.wait !== null && env.at < end; asked += 1) {
    assert.ok(env.wait >= 0);
    await env.next();
    tokens.lasts(end);
  }
  assert.ok(asked <= 4, `${asked} times`);
  assert.ok(env.wait >= LEAST_MS);
});

test("a provider that fails is asked again, ever more seldom, and what it says is told", async () => {
  const { env, tokens, seen } = provided((n) => { if (n < 12) throw new Error(`no ${n}`); return "t"; });
  assert.equal(await tokens.first(SERVER, "front"), "");
  const waits = [];
  while (env.wait !== null) {
    waits.push(env.wait);
    await env.next();
  }
  assert.deepEqual(waits.slice(0, 3), [RETRY_MS, 2 * RETRY_MS, 4 * RETRY_MS]);
  assert.equal(Math.max(...waits), RETRY_CAP_MS);
  assert.deepEqual([seen.failed[0], seen.failed.length, seen.presented], ["no 1", 11, ["t"]]);
});

test("what is no token, and the same one that was refused, is none", async () => {
  for (const gives of [() => "", () => null, () => ({ toString: () => "t" }), () => Promise.reject(new Error("away"))]) {
    const { tokens, seen } = provided(gives);
    assert.equal(await tokens.first(SERVER, "front"), "");
    assert.equal(seen.failed.length, 1);
  }
  const { env, tokens, seen } = provided(() => "same");
  assert.equal(await tokens.first(SERVER, "front"), "same");
  assert.equal(tokens.refused(), true);
  await env.next();
  assert.deepEqual([seen.presented, seen.failed], [[], ["the same as before"]]);
});

test("an answer that comes after the end is nobody's", async () => {
  let give;
  const { env, tokens, seen } = provided(() => new Promise((done) => { give = done; }));
  const first = tokens.first(SERVER, "front");
  tokens.end();
  give("late");
  assert.equal(await first, "");
  assert.deepEqual([seen.presented, env.timers], [[], []]);
});

test("without a provider nothing is asked for, and nothing waits", () => {
  const env = clock();
  const tokens = new Tokens(env, { present() {}, failed() {} });
  tokens.set("secret");
  tokens.first(SERVER, "front");
  tokens.lasts(env.at + 60_000);
  assert.equal(tokens.refused(), false);
  assert.deepEqual(env.timers, []);
});

test("where there is no browser the module can be loaded", async () => {
  const { PortholeCamera, PortholeClient, VERSION } = await import("./porthole-camera.js");
  assert.equal(typeof PortholeCamera, "function");
  assert.equal(PortholeClient.version, VERSION);
});
