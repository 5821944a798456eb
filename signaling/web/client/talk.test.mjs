// SPDX-License-Identifier: MPL-2.0
// The microphone's way into the media line, before a fake browser.
import test from "node:test";
import assert from "node:assert/strict";
import { KEPT_MS } from "./microphone.js";
import { TALK_OFFER, World, settle } from "./world.mjs";

const SILENT = { you: "silent", speaker: null, level: null, waiting: [] };
const outcome = (promise) => promise.then(() => "", ({ code }) => code);

/** A browser whose person answers its question when told to. */
class Browser {
  tracks = [];
  wanted = [];
  refusal = null;
  waits = false;
  async getUserMedia(wanted) {
    this.wanted.push(wanted);
    if (this.waits) await new Promise((allow) => { this.allow = allow; });
    if (this.refusal) throw new DOMException("no", this.refusal);
    const track = { kind: "audio", enabled: true, stopped: false, stop() { this.stopped = true; } };
    this.tracks.push(track);
    return { getAudioTracks: () => [track] };
  }
}

async function robot() {
  const browser = new Browser();
  const world = new World({ getUserMedia: (wanted) => browser.getUserMedia(wanted) });
  const session = await world.robot();
  world.reliable.camera("talk", SILENT);
  return { world, browser, session, sender: world.talkLine.sender };
}

test("the line for the microphone is answered to send, empty, and nothing is asked before the first press", async () => {
  const { world, browser, sender } = await robot();
  assert.deepEqual(world.peer.lines.map(({ mid, direction }) => [mid, direction]), [["video0", "recvonly"], ["audio1", "sendonly"]]);
  assert.deepEqual([sender.track, browser.wanted], [null, []]);
});

test("a press puts the microphone in, a release takes it out at once, and its light goes out a little later", async () => {
  const { world, browser, session, sender } = await robot();
  await session.talk();
  assert.deepEqual(browser.wanted, [{ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } }]);
  assert.equal(sender.track, browser.tracks[0]);
  assert.deepEqual([session.talkState.on, sender.track.enabled], [true, true]);
  await session.talk(false);
  assert.deepEqual([sender.track, session.talkState.on, browser.tracks[0].enabled], [null, false, false]);
  await world.advance(KEPT_MS - 1);
  assert.equal(browser.tracks[0].stopped, false);
  await world.advance(1);
  assert.equal(browser.tracks[0].stopped, true);
});

test("who speaks again soon is heard at once, later the browser is asked again", async () => {
  const { world, browser, session, sender } = await robot();
  await session.talk();
  await session.talk(false);
  await world.advance(KEPT_MS - 1);
  await session.talk();
  await world.play(KEPT_MS * 2);
  assert.deepEqual([browser.wanted.length, sender.track.stopped, sender.track.enabled], [1, false, true]);
  await session.talk(false);
  await world.advance(KEPT_MS);
  await session.talk();
  assert.equal(browser.wanted.length, 2);
});

test("who lets go while the browser still asks is not heard, and the microphone does not stay on", async () => {
  const { world, browser, session, sender } = await robot();
  browser.waits = true;
  const press = session.talk();
  await session.talk(false);
  const again = session.talk();
  await session.talk(false);
  browser.allow();
  await press;
  await again;
  assert.equal(browser.wanted.length, 1, "one question");
  assert.ok(sender.history.every((track) => track === null));
  await world.advance(KEPT_MS);
  assert.equal(browser.tracks[0].stopped, true);
});

test("a microphone that cannot be had is told by its code", async () => {
  const { browser, session, sender } = await robot();
  for (const [name, code] of [["NotAllowedError", "microphone-denied"], ["NotFoundError", "no-microphone"], ["NotReadableError", "microphone-busy"], ["OtherError", "microphone-failed"]]) {
    browser.refusal = name;
    assert.equal(await outcome(session.talk()), code);
    assert.deepEqual([session.talkState.on, sender.track], [false, null]);
  }
  browser.refusal = null;
  assert.equal(await outcome(session.talk()), "");
});

test("a page from plain http is told why there is no microphone", async () => {
  const world = new World({ getUserMedia: undefined });
  const session = await world.robot();
  world.reliable.camera("talk", SILENT);
  assert.equal(await outcome(session.talk()), "insecure");
});

test("a robot without a loudspeaker, or a person without the permission, asks for no microphone", async () => {
  const { world, browser, session } = await robot();
  world.reliable.camera("talk", { ...SILENT, you: "not-permitted" });
  assert.equal(await outcome(session.talk()), "not-permitted");
  world.reliable.camera("talk", "null");
  assert.equal(session.talkState, null);
  assert.equal(await outcome(session.talk()), "no-loudspeaker");
  assert.equal(browser.wanted.length, 0);
});

test("who is no longer permitted to while speaking is off the air here too", async () => {
  const { world, session, sender } = await robot();
  await session.talk();
  world.reliable.camera("talk", { ...SILENT, you: "speaking", speaker: { id: 9, user: "bob" }, level: -20 });
  assert.deepEqual([session.talkState.you, session.talkState.on], ["speaking", true]);
  world.reliable.camera("talk", { ...SILENT, you: "not-permitted" });
  await settle();
  assert.deepEqual([sender.track, session.talkState.on], [null, false]);
});

test("who was heard and waits while the button is held has had the longest turn, until they are heard again or let go", async () => {
  const { world, session } = await robot();
  const told = (you) => {
    world.reliable.camera("talk", { ...SILENT, you, speaker: { id: 9, user: "bob" } });
    return session.talkState.over;
  };
  await session.talk();
  assert.deepEqual(["waiting", "speaking", "waiting", "waiting", "speaking", "waiting", "silent", "waiting"].map(told), [false, false, true, true, false, true, false, false]);
});

test("a session that ends lets go of the microphone, and the next one speaks on its own line", async () => {
  const { world, browser, session } = await robot();
  await session.talk();
  world.peer.become("failed");
  assert.equal(browser.tracks[0].enabled, false);
  await world.advance(KEPT_MS);
  assert.equal(browser.tracks[0].stopped, true);
  await world.offer("s2", "front", { secret: "x2" }, TALK_OFFER);
  world.channels();
  world.reliable.camera("talk", SILENT);
  assert.equal(session.talkState.on, false);
  await session.talk();
  assert.equal(world.talkLine.sender.track, browser.tracks[1]);
});

test("a microphone that is pulled out is off, and told", async () => {
  const { browser, session, sender } = await robot();
  await session.talk();
  let told = 0;
  session.addEventListener("talk", () => { told += 1; });
  browser.tracks[0].onended();
  assert.deepEqual([session.talkState.on, sender.track, told], [false, null, 1]);
});
