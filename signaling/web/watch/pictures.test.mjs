// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import test from "node:test";
import { later } from "../parts/later.js";
import { Pictures } from "./pictures.js";

/** Pictures of which a test says when, or whether, what shows them comes. */
function page() {
  const done = [];
  const say = (/** @type {string} */ what) => { done.push(what); };
  const here = { done, fetched: 0, come: /** @type {any} */ (null), fail: /** @type {any} */ (null) };
  const fetch = later(() => new Promise((come, fail) => {
    here.fetched += 1;
    here.come = () => come((session, camera) => {
      say(`${camera} is shown`);
      return { session, hear: () => say(`${camera} is heard`), end: () => { say(`${camera} ends`); session.close(); } };
    });
    here.fail = (why = new Error("no network")) => fail(why);
  }));
  let sessions = 0;
  const pictures = new Pictures(fetch, { changed: () => {}, failed: (camera) => say(`${camera} failed`) });
  const begin = () => {
    const number = ++sessions;
    say(`session ${number}`);
    return /** @type {any} */ ({ number, proof: { sessionId: `s${number}`, secret: "x" }, close: () => say(`session ${number} is closed`) });
  };
  return Object.assign(here, { pictures, open: (camera) => pictures.open(camera, begin), taken: () => done.splice(0) });
}

test("a session begins before there is anything to show it", async () => {
  const { open, pictures, ...here } = page();
  const opened = open("front");
  assert.deepEqual(here.taken(), ["session 1"]);
  assert.deepEqual([pictures.has("front"), pictures.shown.size, opened.picture], [true, 0, null]);
  assert.deepEqual([...pictures.proofs.keys()], ["front"]);
});

test("a picture is shown when what shows it is there, and the next one needs nothing more", async () => {
  const here = page();
  const opened = here.open("front");
  here.come();
  assert.equal(await opened.shown, opened.picture);
  assert.ok(opened.picture);
  await here.open("yard").shown;
  assert.deepEqual(here.taken(), ["session 1", "front is shown", "session 2", "yard is shown"]);
  assert.deepEqual([[...here.pictures.shown.keys()], here.fetched], [["front", "yard"], 1]);
});

test("who opens one twice meanwhile opens one", async () => {
  const here = page();
  assert.equal(here.open("front"), here.open("front"));
  here.come();
  await here.open("front").shown;
  assert.deepEqual(here.taken(), ["session 1", "front is shown"]);
});

test("one that is closed meanwhile is not shown, and its session is over", async () => {
  const here = page();
  const opened = here.open("front");
  here.pictures.close("front");
  assert.deepEqual(here.taken(), ["session 1", "session 1 is closed"]);
  here.come();
  assert.equal(await opened.shown, null);
  assert.deepEqual([here.taken(), here.pictures.cameras], [[], []]);
});

test("one that is closed and opened again meanwhile is shown once, with the session of now", async () => {
  const here = page();
  const first = here.open("front");
  here.pictures.close("front");
  const second = here.open("front");
  here.come();
  assert.deepEqual([await first.shown, (await second.shown)?.session], [null, second.session]);
  assert.deepEqual(here.taken(), ["session 1", "session 1 is closed", "session 2", "front is shown"]);
});

test("what does not come is said, with its session over, and is fetched again by the next who asks", async () => {
  const here = page();
  const opened = [here.open("front"), here.open("yard")];
  here.fail();
  assert.deepEqual(await Promise.all(opened.map(({ shown }) => shown)), [null, null]);
  assert.deepEqual(here.taken(), ["session 1", "session 2", "session 1 is closed", "front failed", "session 2 is closed", "yard failed"]);
  const again = here.open("front");
  here.come();
  assert.ok(await again.shown);
  assert.equal(here.fetched, 2);
});

test("nothing is said of one that is closed before it fails", async () => {
  const here = page();
  const opened = here.open("front");
  here.pictures.close("front");
  here.fail();
  assert.equal(await opened.shown, null);
  assert.deepEqual(here.taken(), ["session 1", "session 1 is closed"]);
});

test("what is of another version, and breaks where it is shown, has failed as well", async () => {
  const done = [];
  const put = () => { throw new TypeError("null has no classList"); };
  const pictures = new Pictures(async () => put, { changed: () => {}, failed: (camera, /** @type {any} */ why) => done.push(`${camera}: ${why.message}`) });
  const opened = pictures.open("front", () => /** @type {any} */ ({ close: () => done.push("closed") }));
  assert.equal(await opened.shown, null);
  assert.deepEqual([done, pictures.cameras], [["closed", "front: null has no classList"], []]);
});

test("who answers a doorbell hears it as soon as it is shown", async () => {
  const here = page();
  const opened = here.open("front");
  opened.hear();
  here.come();
  await opened.shown;
  opened.hear();
  assert.deepEqual(here.taken(), ["session 1", "front is shown", "front is heard", "front is heard"]);
});

test("one that is shown ends with its picture", async () => {
  const here = page();
  const opened = here.open("front");
  here.come();
  await opened.shown;
  here.pictures.close("front");
  here.pictures.close("front");
  assert.deepEqual(here.taken(), ["session 1", "front is shown", "front ends", "session 1 is closed"]);
});
