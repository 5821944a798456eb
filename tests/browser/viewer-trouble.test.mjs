// SPDX-License-Identifier: MPL-2.0
// What the page says when it does not work, and the test of the connection before there is a picture (fake.mjs).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CONFIG, person, said, say, served } from "./fake.mjs";
import { browser, scene, state, watch } from "./lib.mjs";

let chromium, server, link;
before(async () => {
  server = await served();
  link = server.link;
  chromium = await browser();
});
after(async () => {
  await chromium.close();
  server.close();
});

async function visit(keep, options = {}) {
  const page = await person(chromium, link, { viewport: { width: 1280, height: 800 }, permissions: ["clipboard-read", "clipboard-write"], ...options });
  await keep(page.context());
  return page;
}

const found = (page, cause) => page.locator(`[data-testid="findings"] [data-cause="${cause}"]`).waitFor();
const ways = (page, way, result) => page.locator(`[data-testid="ways"] [data-way="${way}"][data-result="${result}"]`).waitFor();
/** Peer connections of this page never find a way: as behind a firewall. */
const closed = () => {
  RTCPeerConnection.prototype.addIceCandidate = async () => {};
  const set = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    return set.call(this, { type: description.type, sdp: description.sdp.replace(/^a=candidate.*\r\n/gm, "") });
  };
};

test("before any picture is on, the ways it could take are tried and told one by one", () => scene(async (keep) => {
  const page = await visit(keep);
  await page.getByTestId("test-connection").click();
  await page.getByTestId("run-test").click();
  await ways(page, "http", "ok");
  await ways(page, "websocket", "ok");
  await ways(page, "host", "ok");
  await ways(page, "srflx", "none");
  await ways(page, "relay", "none");
  await page.locator("#diagnosis .nothing").waitFor();
  assert.equal(await page.evaluate(() => window.server.sent.some(({ type }) => type === "startSession")), false, "nobody is called");
  assert.equal(await page.evaluate(() => window.peers.every(({ connectionState }) => connectionState === "closed")), true);
  assert.deepEqual(page.problems, []);
}));

test("a server outside that does not answer by UDP is found before the booking begins", () => scene(async (keep) => {
  const page = await visit(keep, { api: { "GET api/config": { ...CONFIG, iceServers: [{ urls: ["stun:127.0.0.1:9"] }] } } });
  await page.getByTestId("test-connection").click();
  await page.getByTestId("run-test").click();
  await ways(page, "srflx", "failed");
  await found(page, "udp-test");
}));

test("a relay that does not answer is found before the booking begins, by a password that the server gives to who asks", () => scene(async (keep) => {
  const iceServers = [{ urls: ["turn:127.0.0.1:9?transport=udp"], username: "u", credential: "s3cret" }];
  const page = await visit(keep, { api: { "POST api/me/ice-servers": { iceServers } } });
  await page.getByTestId("test-connection").click();
  await page.getByTestId("run-test").click();
  await ways(page, "relay", "failed");
  await found(page, "udp-closed");
  await page.getByTestId("copy-support").click();
  assert.doesNotMatch(await page.locator("#diagnosis .support").inputValue(), /s3cret|127\.0\.0\.1:9|username/);
}));

test("the relay of a session that does not answer is found from its picture, and its password is copied nowhere", () => scene(async (keep) => {
  const page = await visit(keep);
  await watch(page, "front");
  await say(page, { type: "grantUpdate", sessionId: "s1", iceServers: [{ urls: ["turn:127.0.0.1:9?transport=udp"], username: "u", credential: "s3cret" }] });
  await page.getByTestId("more-front").click();
  await page.getByTestId("help-front").click();
  await page.getByTestId("run-test").click();
  await ways(page, "host", "ok");
  await ways(page, "relay", "failed");
  await found(page, "udp-closed");
  await page.getByTestId("copy-support").click();
  const text = await page.locator("#diagnosis .support").inputValue();
  assert.match(text, /^found: udp-closed$/m);
  assert.doesNotMatch(text, /s3cret|127\.0\.0\.1:9|username/);
  assert.deepEqual(page.problems, []);
}));

test("what shows a picture is fetched while its session begins", () => scene(async (keep) => {
  const held = [];
  const page = await visit(keep, { before: (page) => page.route("**/watch/picture.js", (route) => { held.push(route); }) });
  await page.getByTestId("camera-front").click();
  await page.waitForFunction(() => window.server.sent.some(({ type }) => type === "startSession"));
  assert.equal(await page.locator("article.picture").count(), 0);
  await page.getByTestId("camera-front").click();
  for (const route of held.splice(0)) await route.continue();
  await watch(page, "front");
  assert.equal((await said(page, "startSession")).length, 1);
  assert.equal(await page.locator("article.picture").count(), 1);
  assert.deepEqual(page.problems, []);
}));

for (const missing of ["watch/picture.js", "drive/steering.js", "watch/panels.css"]) {
  test(`without ${missing}, the page says that it did not come, ends the session, and shows the picture at the next try`, () => scene(async (keep) => {
    const page = await visit(keep, { before: (page) => page.route(`**/${missing}`, (route) => route.abort()) });
    await page.getByTestId("camera-front").click();
    const words = page.getByTestId("missing").getByRole("alert");
    await words.filter({ hasText: "did not come from the server" }).waitFor();
    await page.waitForFunction(() => window.server.sent.some(({ type, reason }) => type === "endSession" && reason === "viewer-left"));
    await page.getByTestId("fetch-again").click();
    await words.waitFor();
    await page.unroute(`**/${missing}`);
    await page.getByTestId("fetch-again").click();
    await watch(page, "front");
    await page.getByTestId("missing").waitFor({ state: "hidden" });
  }));
}

test("a picture that finds no way says that there is no relay, and what to do", () => scene(async (keep) => {
  const page = await visit(keep, { script: closed });
  await page.getByTestId("camera-front").click();
  await page.locator('[data-testid="state-front"][data-code="media-failed"]').waitFor();
  await page.getByTestId("why-front").click();
  await page.locator('[data-testid="findings"] li[data-fault="true"]').filter({ hasText: /relay|reached/ }).waitFor();
}));

test("a camera that is off, and a codec that is not taken, are told as that", () => scene(async (keep) => {
  const page = await visit(keep);
  await page.evaluate(() => { window.server.refusal = { code: "camera-offline" }; });
  await page.getByTestId("camera-front").click();
  const { text } = await state(page, "front", "reconnecting");
  assert.match(text, /^Camera off The camera is not connected/);
  await page.getByTestId("why-front").click();
  await found(page, "camera-off");
  await page.getByRole("button", { name: "Close", exact: true }).last().click();
  await page.getByTestId("close-front").click();
  await page.evaluate(() => { delete window.server.refusal; });
  await watch(page, "front");
  await say(page, { type: "endSession", sessionId: "s1", reason: "offer-refused", detail: "no codec" });
  await page.getByTestId("why-front").click();
  await found(page, "codec");
}));

test("what is copied for support has the cause and the way, and no secret and no whole address", () => scene(async (keep) => {
  const page = await visit(keep, { path: "#token=s3cret&camera=front" });
  await state(page, "front", "live");
  await say(page, { type: "sessionStats", sessionId: "s1", rung: 0, rungs: 1, width: 320, height: 180, estimate: 1, sent: 1, loss: 0, rtt: 0 });
  await page.mouse.move(300, 300);
  await page.getByTestId("more-front").click();
  await page.getByTestId("help-front").click();
  await page.locator("#diagnosis .nothing").waitFor();
  await page.getByTestId("copy-support").filter({ hasText: "Copy" }).click();
  await page.getByTestId("copy-support").filter({ hasText: "Copied" }).waitFor();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(text, /^found: nothing$/m);
  assert.match(text, /^camera: front$/m);
  assert.match(text, /^routes: .*"connection":"connected"/m);
  assert.doesNotMatch(text, /s3cret|secret of|\b\d+\.\d+\.\d+\.\d+\b(?!.*Chrome)/);
  assert.deepEqual(page.problems, []);
}));

test("the server that goes away is found, and no longer when it is back", () => scene(async (keep) => {
  const page = await visit(keep);
  await page.getByTestId("test-connection").click();
  await page.locator("#diagnosis .nothing").waitFor();
  await page.evaluate(() => { window.server.deaf = true; window.server.drop(); });
  await found(page, "server");
  await page.evaluate(() => { window.server.deaf = false; window.server.drop(); });
  await page.locator("#diagnosis .nothing").waitFor();
}));

test("a picture goes on while the diagnosis is open, and Escape closes it", () => scene(async (keep) => {
  const page = await visit(keep);
  await watch(page, "front");
  await page.getByTestId("more-front").click();
  await page.getByTestId("help-front").click();
  await page.getByTestId("diagnosis").waitFor();
  await page.keyboard.press("Escape");
  await page.getByTestId("diagnosis").waitFor({ state: "hidden" });
  await state(page, "front", "live");
}));
