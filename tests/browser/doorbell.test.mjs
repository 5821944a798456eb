// SPDX-License-Identifier: MPL-2.0
// A doorbell from the press to the goodbye: a program at the camera, the server, and the pages of those who live there.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { ADMIN } from "./accounts.mjs";
import { browser, PATIENCE_MS, scene, state, visitor } from "./lib.mjs";
import { within } from "./deadline.mjs";
import { house, MICROPHONE, person, press, says } from "./house.mjs";

let chromium;
before(async () => { chromium = await browser({}, undefined, MICROPHONE); });
after(() => chromium.close());

test("a press rings open pages with a picture; who answers first has the call and talks, and when it is over nobody may look", () => scene(async (keep) => {
  const { front, button, alice, bob } = await house(keep, chromium);
  press(button);
  for (const page of [alice, bob]) await page.getByTestId("call-answer").waitFor();
  assert.match(await alice.title(), /Front door.? rings/);
  // Who stands there is seen before anybody answers, and there is a picture of the press to look back at.
  await state(alice, "front", "live");
  await alice.waitForFunction(() => [...document.querySelectorAll("img")].some((image) => image.src.includes("/snapshot") && image.naturalWidth > 0));

  await alice.getByTestId("call-answer").click();
  await says(bob, /alice.? has answered/);
  await alice.getByTestId("call-mute").filter({ hasText: "Mute" }).waitFor();
  await says(alice, "You are connected.");
  await button.word("call", ["talking", "alice"]);

  const from = front.lines.length;
  await alice.getByTestId("call-hang-up").click();
  await button.word("call", ["ended", "hung-up"]);
  await front.line(/porthole\/call, .*state=\(string\)ended/, { from });
  for (const page of [alice, bob]) await says(page, "The call is over.");
  // The right ended with it.
  assert.ok(front.lines.slice(from).some((line) => /porthole\/viewer-left/.test(line)) || await front.line(/porthole\/viewer-left/, { from }));
  await alice.getByTestId("camera-front").waitFor({ state: "detached" });
}));

test("one declines and it rings on for the other, who says that nobody is at home", () => scene(async (keep) => {
  const { button, alice, bob } = await house(keep, chromium);
  press(button);
  await bob.getByTestId("call-decline").click();
  await says(bob, "You have declined.");
  await alice.getByTestId("call-nobody").click();
  await button.word("call", ["ended", "nobody-home"]);
  await says(alice, "nobody is at home");
}));

test("of two who answer in one instant one has the call, and the other sees who", () => scene(async (keep) => {
  const { accounts, button, alice, bob } = await house(keep, chromium);
  const pages = { alice, bob };
  press(button);
  for (const page of [alice, bob]) await state(page, "front", "live");
  const answer = (page) => page.evaluate(() => document.querySelector(".call .answer").click());
  await Promise.all([answer(alice), answer(bob)]);
  const line = await button.word("call", ["talking"]);
  const who = /"by": ?"(alice|bob)"/.exec(JSON.stringify(line.input).replaceAll("\\", ""))[1];
  const other = who === "alice" ? "bob" : "alice";
  await says(pages[who], "You are connected.");
  await says(pages[other], new RegExp(`${who}.? has answered`));
  // The picture of who was too late is closed, and there is nothing to hang up.
  await pages[other].getByTestId("video-front").waitFor({ state: "detached" });
  assert.equal(await pages[other].getByTestId("call-hang-up").isHidden(), true);
  await pages[who].getByTestId("call-hang-up").click();
  await button.word("call", ["ended", "hung-up"]);
  const calls = await accounts.ask("GET", "calls");
  assert.deepEqual(calls.items.map(({ answeredBy, reason }) => [answeredBy, reason]), [[who, "hung-up"]]);
  assert.deepEqual([...alice.problems, ...bob.problems], []);
}));

test("whoever rings again and again hears that it is busy, and nobody is rung by it", () => scene(async (keep) => {
  const { accounts, button, alice } = await house(keep, chromium, { people: ["alice"] });
  for (let n = 0; n < 4; n += 1) {
    await accounts.ask("POST", "cameras/front/ring");
    await alice.locator('.call[data-state="ringing"]').getByTestId("call-nobody").click();
    await alice.locator('.call[data-state="ringing"]').waitFor({ state: "detached" });
  }
  const from = button.now;
  press(button);
  await button.word("call", ["ended", "busy"], from);
  assert.equal(await alice.locator('.call[data-state="ringing"]').count(), 0);
  const rang = alice.talk.messages.filter(({ type, call }) => type === "call" && call.state === "ringing").map(({ call }) => call.id);
  assert.equal(new Set(rang).size, 4);
}));

test("who rang is there to look back at, with the picture, for those whom it rang and for the administrator", () => scene(async (keep) => {
  const { accounts, button, alice, bob } = await house(keep, chromium);
  for (const page of [alice, bob]) assert.equal(await page.getByTestId("who-rang").isHidden(), true, "nobody has rung yet");
  press(button);
  await alice.waitForFunction(() => [...document.querySelectorAll("img")].some((image) => image.src.includes("/snapshot") && image.naturalWidth > 0));
  await bob.getByTestId("call-decline").click();
  await alice.getByTestId("call-nobody").click();
  await says(alice, "nobody is at home");
  await alice.getByTestId("who-rang").click();
  const entry = alice.getByTestId("kept");
  await entry.waitFor();
  assert.match(await entry.textContent(), /Front door[^]*nobody is at home[^]*It rang .?alice.? and .?bob/);
  await alice.waitForFunction(() => document.querySelector(".kept img").naturalWidth > 0);
  await accounts.user("carol").then(async ({ password }) => {
    const carol = await person(keep, accounts, chromium, "carol", password);
    await carol.goto(`${accounts.url}/calls`);
    await carol.getByTestId("history-said").filter({ hasText: "Nobody has rung yet." }).waitFor();
    assert.equal(await carol.evaluate((id) => fetch(`/api/v1/calls/${id}/snapshot`).then(({ status }) => status), (await accounts.ask("GET", "calls")).items[0].id), 404);
  });
  const admin = await person(keep, accounts, chromium, ADMIN, accounts.password);
  await admin.getByTestId("who-rang").click();
  await admin.getByTestId("kept").waitFor();
  // Older ones come when they are asked for, each once.
  await alice.route("**/api/v1/calls?*", async (route) => {
    const before = new URL(route.request().url()).searchParams.get("before");
    const call = (n) => ({ id: `018f2b7e-6f4a-7c3d-9e21-0000000000${n}`, camera: "front", name: "Front door", state: "ended", rang: `2026-01-01T10:${n}:00Z`, recipients: [], reason: "no-answer" });
    await route.fulfill({ json: before ? { items: [call(10), call(11)] } : { items: [call(12)], next: "1.x" } });
  });
  await alice.reload();
  await alice.getByTestId("history-more").click();
  await alice.waitForFunction(() => document.querySelectorAll(".kept").length === 3);
  assert.equal(await alice.getByTestId("history-more").isHidden(), true);
  assert.deepEqual([...alice.problems, ...admin.problems], []);
}));

/** A program that is told by the server whom it rings, and with which link. */
class Hook {
  #waits = new Map();

  static async start() {
    const hook = new Hook();
    hook.server = createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      response.writeHead(204).end();
      const told = JSON.parse(Buffer.concat(chunks).toString());
      if (told.kind === "ring") hook.#of(told.user).done(told);
    });
    await new Promise((done) => { hook.server.listen(0, "127.0.0.1", done); });
    return hook;
  }

  #of(user) {
    if (!this.#waits.has(user)) {
      let done;
      const told = new Promise((take) => { done = take; });
      this.#waits.set(user, { told, done });
    }
    return this.#waits.get(user);
  }

  get table() { return `\n[[notify]]\nkind = "webhook"\nurl = "http://127.0.0.1:${this.server.address().port}/ring"\nsnapshot = "none"\n`; }
  ring(user) { return within(PATIENCE_MS, `the notice for ${user}`, this.#of(user).told); }
  stop() { return new Promise((done) => { this.server.close(done); this.server.closeAllConnections(); }); }
}

test("the link of a call is good for one person, once, and for nobody when the call is over", (t) => scene(async (keep) => {
  const hook = await keep(Hook.start());
  let all;
  try {
    all = await house(keep, chromium, { people: ["alice", "granny"], absent: ["granny"], more: hook.table });
  } catch (error) {
    if (!/notify/.test(error.message)) throw error;
    return t.skip("this server has no notifiers");
  }
  const { button, alice } = all;
  const opened = async (link) => {
    const page = await visitor(chromium, link);
    await keep({ stop: () => page.context().close() });
    return page;
  };
  press(button);
  const [granny, own] = await Promise.all([hook.ring("granny"), hook.ring("alice")]);
  const telephone = await opened(granny.link);
  await telephone.getByTestId("call-answer").click();
  await says(telephone, "You are connected.");
  await says(alice, /granny.? has answered/);
  const spent = /used up, or its time is over/;
  const replayed = await opened(granny.link);
  await replayed.getByTestId("sign-in").filter({ hasText: spent }).waitFor();
  await telephone.getByTestId("call-hang-up").click();
  await button.word("call", ["ended", "hung-up"]);
  // One that nobody has opened is void as well, and whoever came by one is out.
  const late = await opened(own.link);
  await late.getByTestId("sign-in").filter({ hasText: /does not know this link/ }).waitFor();
  await telephone.locator('#connection[data-state="refused"]').waitFor({ state: "attached" });
  for (const page of [telephone, replayed, late]) await page.getByTestId("camera-front").waitFor({ state: "hidden" });
}));
