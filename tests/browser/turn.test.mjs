// SPDX-License-Identifier: MPL-2.0
// A viewer behind a firewall that lets nothing through but a relay: a real coturn, with what scripts/turn writes.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { appendFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { browser, enrolled, frames, scene, Server, state, visitor, watch } from "./lib.mjs";
import { Coturn, credentials, ownAddress, second } from "./turn-client.mjs";

const CAMERA = "portholesrc camera=test idle-timeout=0 ! videoscale ! video/x-raw,width=320,height=180 ! portholesink";
/** The longest that credentials last. */
const LONGEST_S = 10 * 60;
/** What a relay knows alice by, so that its quotas count per person. */
const ALICE = createHash("sha256").update("alice").digest("hex").slice(0, 16);

let chromium, coturn;
before(async () => {
  chromium = await browser();
  // Both relays of a session are on this machine, whose address is a private one.
  coturn = await Coturn.start({ address: ownAddress(), options: ["--allow-peer", ownAddress()] });
});
after(async () => {
  await coturn?.stop();
  await chromium?.close();
});

/** A server that knows the relay by this table. */
async function server(keep, table) {
  const server = await keep(Server.start());
  await server.kill();
  appendFileSync(server.config, `\n${table}\n`);
  await server.serve();
  return server;
}

/** The pair of candidates that media goes by. */
function selectedPair(page) {
  return page.evaluate(async () => {
    const stats = await window.peers.at(-1).getStats();
    const transport = [...stats.values()].find(({ type }) => type === "transport");
    const pair = stats.get(transport.selectedCandidatePairId);
    return { local: stats.get(pair.localCandidateId), remote: stats.get(pair.remoteCandidateId) };
  });
}

/** What Chromium gathers from the relay with these credentials: how many candidates, and which errors. */
function gather(page, given) {
  const server = { urls: [`turn:${coturn.address}:${coturn.port}?transport=udp`], ...given };
  return page.evaluate(async (server) => {
    const peer = new RTCPeerConnection({ iceServers: [server], iceTransportPolicy: "relay" });
    const [candidates, errors] = [[], []];
    peer.onicecandidateerror = ({ errorCode }) => errors.push(errorCode);
    peer.createDataChannel("any");
    const done = new Promise((done) => { peer.onicecandidate = ({ candidate }) => (candidate ? candidates.push(candidate) : done()); });
    await peer.setLocalDescription();
    await done;
    peer.close();
    return { candidates: candidates.filter(({ type }) => type === "relay").length, errors };
  }, server);
}

test("the picture comes through the relay, with credentials of the person alone that both ends get and no log shows", () => scene(async (keep) => {
  const one = await server(keep, coturn.table);
  const front = await keep(enrolled(one, CAMERA, { GST_DEBUG: "webrtc*:9,porthole*:9", GST_DEBUG_NO_COLOR: "1" }));
  const page = await visitor(chromium, one.link, { relay: true });
  await watch(page, "front");
  assert.ok((await frames(page, "front", 1_000)).count > 5);
  const { local } = await selectedPair(page);
  assert.equal(local.candidateType, "relay");
  assert.equal(local.address, coturn.address);

  const { iceServers: [own] } = await page.talk.message("server", "sessionStarted");
  const [, end, person] = own.username.match(/^(\d+):(.*)$/);
  assert.equal(person, ALICE);
  assert.ok(end > second(LONGEST_S - 60) && end <= second(LONGEST_S), "ten minutes of them, though the lease is longer");
  assert.equal(own.credential, credentials(coturn.secret, own.username).credential);
  const relayed = page.talk.messages.some(({ by, ice }) => by === "server" && / typ relay /.test(ice?.candidate ?? ""));
  assert.ok(relayed, "the camera offers a relay as well");
  assert.ok(front.lines.some((line) => /DEBUG +webrtcnice/.test(line)), "its log is a full one");
  for (const { lines } of [front, one.program, coturn.program]) {
    for (const secret of [coturn.secret, own.credential, encodeURIComponent(own.credential)]) {
      assert.ok(!lines.some((line) => line.includes(secret)));
    }
  }
  assert.deepEqual(page.problems, []);
}));

test("another lease brings credentials that end with it, and the picture goes on", () => scene(async (keep) => {
  const one = await server(keep, coturn.table);
  await keep(enrolled(one, CAMERA));
  const page = await visitor(chromium, one.link, { relay: true });
  await watch(page, "front");
  one.edit("alice", "lease", 600);
  await one.reload();
  const { iceServers: [renewed], terms } = await page.talk.message("server", "grantUpdate");
  const [end] = renewed.username.split(":").map(Number);
  assert.ok(terms.lease <= 600 && end <= second(600) && end > second(500));
  const held = await page.evaluate(() => window.peers.at(-1).getConfiguration().iceServers.at(-1).username);
  assert.equal(held, renewed.username);
  assert.ok((await frames(page, "front", 1_000)).count > 5);
  assert.equal(page.talk.count("page", "startSession"), 1);
  assert.deepEqual(await gather(page, renewed).then(({ errors }) => errors), []);
}));

test("Chromium gets no relay with expired or altered credentials", () => scene(async (keep) => {
  const one = await server(keep, coturn.table);
  const page = await visitor(chromium, one.link);
  const good = credentials(coturn.secret, `${second(60)}:s`);
  const expired = credentials(coturn.secret, `${second(-1)}:s`);
  assert.ok((await gather(page, good)).candidates > 0);
  for (const given of [expired, { ...expired, username: good.username }, { ...good, username: good.username.replace(":s", ":t") }]) {
    const { candidates, errors } = await gather(page, given);
    assert.equal(candidates, 0);
    assert.ok(errors.includes(401), `${errors}`);
  }
}));

test("whether the relay can be reached is seen before there is any camera", () => scene(async (keep) => {
  const one = await server(keep, coturn.table);
  const page = await visitor(chromium, one.link);
  await page.getByTestId("test-connection").click();
  const given = page.waitForResponse((response) => response.url().endsWith("/api/me/ice-servers"));
  await page.getByTestId("run-test").click();
  const [own] = (await (await given).json()).iceServers;
  assert.equal(own.username.split(":")[1], ALICE, "at the relay it counts as hers");
  await page.locator('[data-testid="ways"] [data-way="relay"][data-result="ok"]').waitFor();
  await page.getByTestId("copy-support").click();
  assert.ok(!(await page.locator("#diagnosis .support").inputValue()).includes(own.credential));
  // Who is nobody here is told of none.
  const stranger = await fetch(new URL("api/me/ice-servers", one.url), { method: "POST" });
  assert.equal(stranger.status, 401);
  assert.deepEqual(page.problems, []);
}));

test("a relay with another secret gives nothing, and the page says that no media comes", () => scene(async (keep) => {
  const one = await server(keep, coturn.table.replace(coturn.secret, "0".repeat(64)));
  await keep(enrolled(one, CAMERA));
  const page = await visitor(chromium, one.link, { relay: true });
  await page.getByTestId("camera-front").click();
  assert.equal((await state(page, "front", "reconnecting")).code, "media-failed");
}));
