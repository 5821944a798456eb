// SPDX-License-Identifier: MPL-2.0
// Run with `node --test signaling/web/`. Time, network and media are fakes: nothing here waits.
import test from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { REASONS, backoff, decide, describe } from "./porthole-client.js";
import { readProof, readTerms } from "./rules.js";
import { World, settle } from "./world.mjs";

// -- pure ---------------------------------------------------------------------------------------

test("the backoff doubles from a quarter of a second, is jittered, and never exceeds two seconds", () => {
  assert.equal(backoff(0, 0), 250);
  assert.equal(backoff(1, 0), 500);
  assert.ok(backoff(0, 0.999) <= 500);
  assert.equal(backoff(50, 0), 1_000);
  assert.ok(backoff(50, 0.999) <= 2_000);
  assert.ok(backoff(50, 0.999, 5_000) > 4_900);
});

test("every stable code of the protocol has a sentence", () => {
  const source = readFileSync(new URL("../../protocol/src/wire.rs", import.meta.url), "utf8");
  const body = source.slice(source.indexOf("pub enum Code {")).split("\n}")[0];
  const codes = [...body.matchAll(/^ {4}([A-Z]\w+),/gm)].map(([, name]) => name.replace(/\B[A-Z]/g, "-$&").toLowerCase());
  assert.deepEqual(Object.keys(REASONS).sort(), codes.sort());
});

test("a code of the future gets a sentence too", () => {
  assert.equal(describe("of-the-future"), REASONS.other);
  assert.equal(describe("constructor"), REASONS.other);
});

test("the server's words are shown where they tell more, and bounded", () => {
  assert.match(describe("not-permitted", "next booking at 10:00"), /next booking at 10:00/);
  assert.equal(describe("camera-full", "42"), REASONS["camera-full"]);
  assert.ok(describe("not-permitted", "x".repeat(9_999)).length < 500);
  assert.equal(describe("revoked", { toString: () => "no text" }), REASONS.revoked);
});

test("a refusal that asking again cannot change is not retried", () => {
  for (const code of ["not-permitted", "grant-refused", "revoked", "unauthorized", "too-many", "bad-description", "too-large", "of-the-future"]) {
    const step = decide(code);
    assert.deepEqual([step.action, step.state], ["stop", "refused"], code);
  }
});

test("what passes by itself is retried, and a camera that is away is waited for", () => {
  for (const code of ["media-failed", "server-unreachable", "replaced", "no-such-session", "unconfirmed"]) {
    assert.deepEqual(decide(code), { action: "retry", state: "reconnecting", code });
  }
  for (const code of ["camera-gone", "camera-offline"]) assert.equal(decide(code).action, "wait", code);
  assert.deepEqual(decide("camera-full"), { action: "retry", state: "refused", code: "camera-full" });
});

test("the end of a lease is the end", () => {
  assert.deepEqual(decide("lease-ended"), { action: "stop", state: "ended", code: "lease-ended" });
});

test("terms are read onto this device's clock, and those that make no sense are none", () => {
  assert.deepEqual(readTerms({ lease: 60, perms: ["view", "listen", 7, ""] }, 1_000), { until: 61_000, perms: ["view", "listen"], saving: true });
  assert.equal(readTerms({ lease: 60, perms: ["view"], saving: false }, 0)?.saving, false);
  assert.equal(readTerms({ lease: 60, perms: ["view"], saving: "no" }, 0)?.saving, true, "only what forbids it does");
  assert.deepEqual(readTerms({ lease: 0 }, 5), { until: 5, perms: [], saving: true });
  assert.ok(readTerms({ lease: 1, perms: Array(9_999).fill("x".repeat(9_999)) }, 0).perms.join("").length < 9_999);
  for (const bad of [undefined, null, 7, {}, { lease: "60" }, { lease: -1 }, { lease: null }]) assert.equal(readTerms(bad, 0), null);
});

test("a proof is an id and a secret, and nothing else", () => {
  assert.deepEqual(readProof({ camera: "front", sessionId: "s", secret: "x" }), { sessionId: "s", secret: "x" });
  for (const bad of [undefined, null, 7, {}, { sessionId: "s" }, { secret: "x" }, { sessionId: "s", secret: 7 }, { sessionId: "", secret: "x" },
    { sessionId: "s", secret: "x".repeat(999) }]) assert.equal(readProof(bad), null);
});

// -- the connection -----------------------------------------------------------------------------

test("with open access it connects without a credential and announces itself as a listener", async () => {
  const world = new World();
  const client = await world.online("front");
  assert.deepEqual(world.requests, ["GET /api/config"]);
  assert.equal(world.socket.url, "ws://host:8080/ws");
  assert.deepEqual(world.socket.sent, [
    { type: "setPeerStatus", roles: ["listener"], meta: null, porthole: { version: 1, offers: true } }, { type: "list" }]);
  assert.equal(client.state, "online");
  assert.deepEqual([...client.cameras.keys()], ["front"]);
});

test("a guest's name is said on each connection, before what runs is taken up again, and fits", async () => {
  const world = new World();
  const client = await world.online("front");
  const said = () => world.socket.sent.filter(({ type }) => type === "callMe").map(({ name }) => name);
  client.callMe("  Anna\n ");
  client.callMe("ß".repeat(50));
  client.callMe("");
  assert.deepEqual(said(), ["Anna", "ß".repeat(40), ""]);
  const early = new World();
  early.client.callMe("Carla");
  await early.live();
  assert.deepEqual(early.sent("callMe"), [{ type: "callMe", name: "Carla" }]);
  early.drop();
  await early.advance(1_500);
  await early.welcome("front");
  assert.deepEqual(early.socket.sent.map(({ type }) => type), ["setPeerStatus", "callMe", "resumeSession", "list"]);
});

test("a token becomes a cookie and never a part of an address", async () => {
  const world = new World({ token: "secret" });
  world.config.openAccess = false;
  await world.online();
  assert.deepEqual(world.requests, ["GET /api/config", "POST /api/session Bearer secret", "GET /api/config"]);
  assert.ok(!world.socket.url.includes("secret"));
  assert.equal(world.client.state, "online");
});

test("a password and a share link become a cookie too, and are not kept", async () => {
  for (const credential of [{ user: "alice", password: "secret" }, { share: "secret" }]) {
    const world = new World();
    world.config = { openAccess: false, authenticated: false, websocket: "/ws", passwords: true };
    world.client.connect();
    await settle();
    assert.equal(world.client.passwords, true, "the page asks for a name and a password");
    world.client.login(credential);
    await settle();
    assert.deepEqual(JSON.parse(world.bodies.at(-1)), credential);
    await world.welcome();
    assert.equal(world.client.state, "online");
    world.config.authenticated = false;
    world.drop({ code: 1008, reason: "unauthorized" });
    await world.advance(60_000);
    assert.equal(world.client.state, "refused");
    assert.equal(world.bodies.length, 1, "it was presented again");
  }
});

test("an identity provider is offered as the server tells of it, and is left where it says", async () => {
  const world = new World();
  const openid = { name: "Example", login: "https://cameras.example/api/openid/login" };
  world.config = { openAccess: false, authenticated: false, websocket: "/ws", openid };
  world.client.connect();
  await settle();
  assert.deepEqual(world.client.openid, openid);
  world.out = { status: 200, body: { logOut: "https://id.example/out?client_id=porthole" } };
  assert.equal(await world.client.logout(), "https://id.example/out?client_id=porthole");
  for (const out of [{ status: 204 }, { status: 200, body: {} }, { status: 200, body: { logOut: "javascript:alert(1)" } }]) {
    world.out = out;
    assert.equal(await world.client.logout(), "");
  }
  for (const told of [null, {}, { name: "x" }, { name: "x", login: "javascript:alert(1)" }, { name: 7, login: "https://x/" }]) {
    const other = new World();
    other.config = { openAccess: false, authenticated: false, websocket: "/ws", openid: told };
    other.client.connect();
    await settle();
    assert.equal(other.client.openid, null);
  }
});

test("a wrong password is refused in words and not tried again, however many tries there were", async () => {
  for (const [status, code, words] of [[401, "wrong-credentials", /name or the password/], [429, "too-many", /Try again in 7 s/]]) {
    const world = new World();
    world.config = { openAccess: false, authenticated: false, websocket: "/ws", passwords: true };
    world.login = { status, headers: { "Retry-After": "7" }, body: { code } };
    world.client.login({ user: "alice", password: "wrong" });
    await world.advance(600_000);
    assert.deepEqual([world.client.state, world.client.code], ["refused", code]);
    assert.match(world.client.message, words);
    assert.equal(world.bodies.length, 1);
  }
});

test("a share link that is used up is refused, and one that opens later is opened then", async () => {
  const world = new World({ share: "secret" });
  world.config = { openAccess: false, authenticated: false, websocket: "/ws" };
  world.login = { status: 410, headers: {}, body: { code: "link-spent" } };
  world.client.connect();
  await settle();
  assert.match(world.client.message, /used up/);

  world.login = { status: 403, headers: {}, body: { code: "link-not-yet", opens: new Date(world.now + 90_000).toISOString() } };
  world.client.login({ share: "secret" });
  await settle();
  assert.equal(world.client.code, "link-not-yet");
  assert.equal(world.client.opens, 90_000);
  world.login = { status: 200, headers: {}, body: {} };
  const tries = world.bodies.length;
  await world.advance(89_999);
  assert.equal(world.bodies.length, tries);
  await world.advance(1);
  await world.welcome("front");
  assert.equal(world.client.state, "online");
});

test("when what one may do changes the page is told, and the list is asked for again", async () => {
  const world = new World();
  const client = await world.online();
  let told = 0;
  client.addEventListener("access", () => { told += 1; });
  const asked = world.sent("list").length;
  await world.say({ type: "accessChanged" });
  assert.equal(told, 1);
  assert.equal(world.sent("list").length, asked + 1);
});

test("what a doorbell does is told as it comes, and a word to a call that is over is in nobody's way", async () => {
  const world = new World();
  const client = await world.online("front");
  const told = [];
  client.addEventListener("call", ({ detail }) => told.push(detail));
  await world.say({ type: "call", call: { id: "c" } }, { type: "call" });
  assert.deepEqual(told, [{ id: "c" }, null]);
  const session = client.watch("front");
  client.sayToCall("answerCall", "c");
  assert.deepEqual(world.sent("answerCall"), [{ type: "answerCall", callId: "c" }]);
  for (const code of ["call-taken", "no-such-call"]) await world.say({ type: "error", code, details: "" });
  assert.deepEqual([client.state, session.state], ["online", "connecting"]);
  await world.offer("s1", "front");
  assert.equal(session.sessionId, "s1");
});

test("a refusal and an end tell when one may watch again", async () => {
  const world = new World();
  const client = await world.online("front");
  const session = client.watch("front");
  await world.say({ type: "error", code: "no-booking", details: "", nextBooking: "2026-12-01T10:00:00Z" });
  assert.deepEqual([session.state, session.code, session.next], ["refused", "no-booking", Date.UTC(2026, 11, 1, 10)]);
  session.retry();
  assert.equal(session.next, null);
  await world.offer("s1", "front");
  await world.say({ type: "endSession", sessionId: "s1", reason: "lease-ended", nextBooking: "2026-12-02T10:00:00Z" });
  assert.deepEqual([session.state, session.next], ["ended", Date.UTC(2026, 11, 2, 10)]);
});

test("an unknown token is refused in words and not tried again", async () => {
  const world = new World({ token: "wrong" });
  world.config.openAccess = false;
  world.login.status = 401;
  world.client.connect();
  await world.advance(60_000);
  assert.equal(world.client.state, "refused");
  assert.equal(world.client.code, "unauthorized");
  assert.match(world.client.message, /does not know this token/);
  assert.equal(world.requests.filter((r) => r.startsWith("POST")).length, 1);
});

test("a credential that is not for pages is refused in the server's words", async () => {
  const world = new World({ token: "camera-key" });
  world.config.openAccess = false;
  world.login = { status: 403, headers: {}, body: { code: "not-permitted", message: "use a viewer's link" } };
  world.client.connect();
  await settle();
  assert.deepEqual([world.client.state, world.client.code, world.client.message], ["refused", "not-permitted", "use a viewer's link"]);
});

test("without a credential it is refused before any socket is opened, and a login lets it in", async () => {
  const world = new World();
  world.config.openAccess = false;
  world.client.connect();
  await settle();
  assert.equal(world.client.state, "refused");
  assert.equal(world.sockets.length, 0);
  world.client.login("secret");
  await settle();
  await world.welcome();
  assert.equal(world.client.state, "online");
});

test("a server that asks for patience is asked again when it said", async () => {
  const world = new World({ token: "secret" });
  world.config.openAccess = false;
  world.login = { status: 429, headers: { "Retry-After": "7" } };
  world.client.connect();
  await settle();
  assert.equal(world.client.code, "too-many");
  world.login = { status: 200, headers: {} };
  await world.advance(6_900);
  assert.equal(world.sockets.length, 0);
  await world.advance(200);
  assert.equal(world.sockets.length, 1);
});

test("a token that was presented is presented again when the server forgot its cookie", async () => {
  const world = new World({ token: "secret" });
  world.config.openAccess = false;
  await world.online();
  world.config.authenticated = false;
  world.drop();
  await world.advance(1_000);
  assert.equal(world.requests.filter((r) => r.startsWith("POST")).length, 2);
});

test("a lost connection comes back by itself, however long it takes", async () => {
  const world = new World();
  const client = await world.online("front");
  world.down = true;
  world.drop();
  assert.equal(client.state, "reconnecting");
  await world.advance(600_000);
  assert.ok(world.requests.length < 600, "the backoff grows");
  world.down = false;
  await world.advance(2_000);
  await world.welcome("front");
  assert.equal(client.state, "online");
});

test("a connection that went silent is given up", async () => {
  const world = new World();
  const client = await world.online();
  for (let i = 0; i < 3; i += 1) {
    await world.advance(20_000);
    await world.say({ type: "listConsumers", consumers: [] });
    assert.equal(client.state, "online");
  }
  await world.advance(20_000);
  assert.equal(client.state, "online");
  await world.advance(20_000);
  assert.equal(client.state, "reconnecting");
});

test("a quiet connection is kept alive by what costs the server nothing, and listed once", async () => {
  const world = new World();
  await world.online("front");
  for (let i = 0; i < 5; i += 1) {
    await world.advance(20_000);
    await world.say({ type: "listConsumers", consumers: [] });
  }
  assert.equal(world.sent("list").length, 1);
  assert.equal(world.sent("listConsumers").length, 5);
});

test("the way to the server and back is timed over the connection that stands, and a server without an answer has no time", async () => {
  const world = new World();
  assert.equal(await world.client.roundTrip(), null, "not before there is one");
  await world.online("front");
  const timed = world.client.roundTrip();
  await world.advance(40);
  await world.say({ type: "listConsumers", consumers: [] });
  assert.equal(await timed, 40);
  const never = world.client.roundTrip();
  await world.advance(10_000);
  assert.equal(await never, null);
});

test("the ways that were tried are known, also when none of them worked", async () => {
  const world = new World();
  const client = await world.online("front");
  const session = client.watch("front");
  assert.equal(session.routes, null);
  await world.offer();
  world.peer.getStats = async () => new Map([["l", { type: "local-candidate", candidateType: "host" }], ["p", { type: "candidate-pair", state: "failed" }]]);
  world.peer.onicecandidateerror({ url: "turn:turn.example.org" });
  await world.advance(250);
  world.peer.become("failed");
  assert.deepEqual([session.code, session.routes.local.host, session.routes.failed, session.routes.relayError], ["media-failed", 1, 1, true]);
});

test("behind a proxy's folder every address stays in that folder", async () => {
  for (const base of ["https://host/look/", "https://host/look"]) {
    const world = new World({ base, token: "secret" });
    world.config.openAccess = false;
    await world.online("front");
    await world.client.logout();
    assert.deepEqual(world.requests, ["GET /look/api/config", "POST /look/api/session Bearer secret", "GET /look/api/config", "DELETE /look/api/session"]);
    assert.equal(world.sockets[0].url, "wss://host/look/ws");
  }
});

test("a server that says why it closes the connection is believed", async () => {
  for (const code of ["revoked", "unauthorized", "not-permitted"]) {
    const world = new World();
    const client = await world.online("front");
    world.drop({ code: 1008, reason: code });
    assert.deepEqual([client.state, client.code, client.message], ["refused", code, REASONS[code]]);
    await world.advance(60_000);
    assert.equal(world.sockets.length, 1, `${code}: not tried again`);
  }
});

test("what passes is told and tried again", async () => {
  const world = new World();
  const client = await world.online("front");
  world.drop({ code: 1013, reason: "too-slow" });
  assert.deepEqual([client.state, client.code], ["reconnecting", "too-slow"]);
  assert.match(client.message, /did not read/);
  await world.advance(500);
  await world.welcome("front");
  assert.equal(client.state, "online");
  world.drop({ code: 1001, reason: "the server shuts down" });
  assert.equal(client.code, "server-unreachable");
});

test("a server that is full says so, and is tried again patiently", async () => {
  const world = new World();
  world.client.connect();
  await settle();
  await world.say({ type: "error", code: "too-many", details: "the server is full: try again later" });
  assert.deepEqual([world.client.state, world.client.code], ["refused", "too-many"]);
  assert.match(world.client.message, /the server is full.*by itself/);
  await world.advance(60_000);
  assert.ok(world.sockets.length > 1 && world.sockets.length < 25, `${world.sockets.length} tries in a minute`);
  await world.welcome("front");
  assert.equal(world.client.state, "online");
});

test("an error before the welcome whose code comes with the closing frame is told in the server's words", async () => {
  const world = new World();
  world.client.connect();
  await settle();
  await world.say({ type: "error", details: "of no code" });
  assert.equal(world.client.state, "connecting");
  world.drop({ code: 1008, reason: "too-many" });
  assert.deepEqual([world.client.state, world.client.code], ["refused", "too-many"]);
});

test("an error that answers no start is shown, and hides no start's answer", async () => {
  const world = new World();
  const client = await world.online("front");
  await world.say({ type: "error", code: "too-large", details: "a candidate has at most 1024 bytes" });
  assert.deepEqual([client.state, client.code], ["online", "too-large"]);
  assert.match(client.message, /1024 bytes/);
  const session = client.watch("front");
  await world.say({ type: "error", code: "too-large", details: "" });
  assert.equal(session.state, "connecting");
  await world.offer();
  world.flow();
  await world.advance(250);
  assert.equal(session.state, "live");
  await world.play(20_000);
  assert.deepEqual([client.state, client.code], ["online", ""], "it is not shown for ever");
});

test("an error about one message makes no later crash of the server final", async () => {
  const world = new World();
  const client = await world.online("front");
  await world.say({ type: "error", code: "not-permitted", details: "" });
  assert.deepEqual([client.state, client.code], ["online", "not-permitted"]);
  world.drop();
  assert.deepEqual([client.state, client.code], ["reconnecting", "server-unreachable"]);
});

test("the words of an error tell more than the closing frame after it", async () => {
  const world = new World();
  const client = await world.online("front");
  await world.say({ type: "error", code: "revoked", details: "the owner removed you" });
  world.drop({ code: 1008, reason: "revoked" });
  assert.equal(client.message, `${REASONS.revoked} (the owner removed you)`);
  const full = new World();
  await full.online("front");
  await full.say({ type: "error", code: "too-many", details: "the server is full" });
  full.drop({ code: 1008, reason: "too-many" });
  assert.deepEqual([full.client.state, full.client.code], ["refused", "too-many"]);
  assert.match(full.client.message, /\(the server is full\)/);
});

test("a cookie that came to its end is renewed once by the token that is still there", async () => {
  const world = new World({ token: "secret" });
  world.config.openAccess = false;
  const client = await world.online("front");
  await world.advance(10_000);
  world.drop({ code: 1008, reason: "unauthorized" });
  await world.advance(500);
  assert.equal(world.requests.filter((r) => r.startsWith("POST")).length, 2);
  assert.equal(world.sockets.length, 2);
  world.drop({ code: 1008, reason: "unauthorized" });
  assert.deepEqual([client.state, client.code], ["refused", "unauthorized"]);
  await world.advance(60_000);
  assert.equal(world.sockets.length, 2);
});

test("a picture that was refused with the connection comes when a token lets it in", async () => {
  const world = new World();
  world.config.openAccess = false;
  world.client.connect();
  await settle();
  const session = world.client.watch("front");
  assert.deepEqual([session.state, session.code], ["refused", "unauthorized"]);
  world.client.login("secret");
  await settle();
  await world.welcome("front");
  assert.equal(session.state, "connecting");
  assert.equal(world.sent("startSession").length, 1);
});

test("trying a picture again tries the connection again that was refused", async () => {
  const world = new World();
  const session = await world.live();
  await world.say({ type: "endSession", sessionId: "s1", reason: "revoked" }, { type: "error", code: "revoked", details: "" });
  world.drop({ code: 1008, reason: "revoked" });
  assert.deepEqual([world.client.state, session.state, session.code], ["refused", "refused", "revoked"]);
  session.retry();
  session.retry();
  await settle();
  assert.equal(world.sockets.length, 2);
  await world.welcome("front");
  assert.equal(session.state, "connecting");
});

test("whenever the server comes back, and however the dice fall, the page is back within three seconds", async () => {
  for (let away = 100; away < 30_000; away += 997) {
    for (const random of [0, 0.5, 0.999]) {
      const world = new World({ random: () => random });
      await world.online("front");
      world.down = true;
      world.drop();
      await world.advance(away);
      world.down = false;
      await world.advance(2_000);
      assert.equal(world.sockets.length, 2, `away ${away} ms, random ${random}`);
    }
  }
});

test("cameras come and go while one looks", async () => {
  const world = new World();
  const client = await world.online();
  await world.say({ type: "peerStatusChanged", peerId: "door", roles: ["producer"], meta: { name: "Door" } });
  assert.equal(client.cameras.get("door").name, "Door");
  await world.say({ type: "peerStatusChanged", peerId: "door", roles: [], meta: null });
  assert.equal(client.cameras.size, 0);
});

test("messages that make no sense change nothing", async () => {
  const world = new World();
  const client = await world.online("front");
  await world.say("{", "null", "[]", "7", '{"type":"list","producers":[{"id":7}],"x":1}', '{"type":"peer"}',
    '{"type":"error"}', '{"type":"error","code":7,"details":{}}', '{"type":"endSession","sessionId":"?"}',
    '{"type":"grantUpdate"}', '{"type":"sessionResumed"}', '{"type":"sessionStarted"}', '{"type":"welcome"}',
    '{"type":"list","producers":[null,7,"x"]}', '{"type":"peer","sessionId":""}', '{"type":"endSession","sessionId":""}', "x".repeat((1 << 20) + 1));
  assert.equal(client.state, "online");
});

// -- sessions -----------------------------------------------------------------------------------

test("a session is live when a picture was decoded and not before", async () => {
  const world = new World();
  const client = await world.online("front");
  const session = client.watch("front");
  assert.deepEqual(world.sent("startSession"), [{ type: "startSession", peerId: "front" }]);
  await world.offer();
  world.peer.become("connected");
  await world.advance(1_000);
  assert.equal(session.state, "connecting");
  world.flow();
  await world.advance(250);
  assert.equal(session.state, "live");
  assert.deepEqual(world.sent("peer"), [{ type: "peer", sessionId: "s1", sdp: { type: "answer", sdp: "answer" } }]);
});

test("the first frame on the attached element makes the session live", async () => {
  const world = new World();
  const client = await world.online("front");
  const session = client.watch("front");
  let frame;
  session.attach({ requestVideoFrameCallback: (call) => { frame = call; } });
  await world.offer();
  const receiver = { jitterBufferTarget: null };
  world.peer.ontrack({ track: { kind: "video" }, receiver });
  assert.equal(receiver.jitterBufferTarget, 0);
  assert.equal(session.state, "connecting");
  frame();
  assert.equal(session.state, "live");
});

test("a session asked for before the connection is up starts when it is", async () => {
  const world = new World();
  world.client.watch("front");
  await world.online("front");
  assert.equal(world.sent("startSession").length, 1);
});

test("the servers for ICE are those of the session, or else of the configuration", async () => {
  const world = new World();
  world.config.iceServers = [{ urls: ["stun:a"] }];
  const client = await world.online("front");
  client.watch("front");
  await world.offer();
  assert.deepEqual(world.peer.config.iceServers, [{ urls: ["stun:a"] }]);
  client.watch("front");
  await world.say({ type: "sessionStarted", peerId: "front", sessionId: "s2", iceServers: [{ urls: ["turn:b"] }] });
  assert.deepEqual(world.peer.config.iceServers, [{ urls: ["turn:b"] }]);
});

test("servers for ICE that cannot be read fail this picture alone", async () => {
  const world = new World();
  const client = await world.online("front", "back");
  const [front, back] = [client.watch("front"), client.watch("back")];
  await world.say({ type: "sessionStarted", peerId: "front", sessionId: "s1", iceServers: 7 });
  assert.deepEqual([front.state, front.code], ["reconnecting", "media-failed"]);
  await world.offer("s2", "back");
  world.flow();
  await world.advance(250);
  assert.equal(back.state, "live");
});

test("renewed relays are the peer connection's from then on, and what cannot be read changes nothing", async () => {
  const world = new World();
  const session = await world.live();
  const { peer } = world;
  const relay = [{ urls: ["turn:t"], username: "2:s1", credential: "c" }];
  await world.say({ type: "grantUpdate", sessionId: "s1", iceServers: relay });
  assert.deepEqual(peer.config.iceServers, relay);
  for (const iceServers of [undefined, 7, [{}], [null]]) await world.say({ type: "grantUpdate", sessionId: "s1", iceServers });
  assert.deepEqual(peer.config.iceServers, relay);
  assert.deepEqual([world.peer, session.state, session.terms?.perms], [peer, "live", ["view"]]);
});

test("candidates that come before the offer are kept, up to a bound", async () => {
  const world = new World();
  const client = await world.online("front");
  client.watch("front");
  await world.say({ type: "sessionStarted", peerId: "front", sessionId: "s1" });
  const ice = { candidate: "c", sdpMLineIndex: 0 };
  await world.say(...Array(300).fill({ type: "peer", sessionId: "s1", ice }));
  await world.say({ type: "peer", sessionId: "s1", sdp: { type: "offer", sdp: "offer" } });
  assert.equal(world.peer.candidates.length, 256);
  await world.say({ type: "peer", sessionId: "s1", ice });
  assert.deepEqual(world.peer.candidates.at(-1), ice);
});

/** A client that watches a camera which waits for an offer. */
async function offering() {
  const world = new World();
  world.meta = { name: "Front", offers: "viewer" };
  const session = (await world.online("front")).watch("front");
  await world.say({ type: "sessionStarted", peerId: "front", sessionId: "s1" });
  return { world, session };
}

test("to a camera that waits for an offer one is made, once all ways to this device are in it", async () => {
  const { world, session } = await offering();
  assert.deepEqual(world.peer.asked, ["video recvonly", "audio recvonly"]);
  world.peer.find("here");
  await settle();
  assert.deepEqual(world.sent("peer"), []);
  world.peer.find(null);
  await settle();
  const offer = { type: "peer", sessionId: "s1", sdp: { type: "offer", sdp: "offer here" } };
  assert.deepEqual(world.sent("peer"), [offer]);
  await world.say({ type: "peer", sessionId: "s1", ice: { candidate: "early", sdpMLineIndex: 0 } });
  assert.deepEqual(world.peer.candidates, []);
  await world.say({ type: "peer", sessionId: "s1", sdp: { type: "answer", sdp: "answer" } });
  assert.deepEqual([world.peer.remote, world.peer.candidates.length], [{ type: "answer", sdp: "answer" }, 1]);
  world.flow();
  await world.advance(250);
  assert.equal(session.state, "live");
});

test("an offer does not wait for ever for ways to this device, and those that are found later follow it", async () => {
  const { world } = await offering();
  await world.advance(2_000);
  assert.equal(world.sent("peer").length, 1);
  world.peer.find("late");
  assert.deepEqual(world.sent("peer").at(-1).ice, { candidate: "late", sdpMLineIndex: 0 });
});

test("an offer to a camera that was closed meanwhile is not made, and an answer that is none is told", async () => {
  const { world, session } = await offering();
  session.close();
  await world.advance(10_000);
  assert.deepEqual(world.sent("peer"), []);
  const { world: other, session: refused } = await offering();
  await other.advance(2_000);
  await other.say({ type: "peer", sessionId: "s1", sdp: { type: "answer", sdp: "a=nonsense" } });
  assert.deepEqual([refused.state, refused.code], ["refused", "offer-refused"]);
});

test("one session is asked for at a time, so that an error has one meaning", async () => {
  const world = new World();
  const client = await world.online("front", "back");
  const [front, back] = [client.watch("front"), client.watch("back")];
  assert.equal(world.sent("startSession").length, 1);
  await world.say({ type: "error", details: "", code: "not-permitted" });
  assert.deepEqual([front.state, front.code, back.state], ["refused", "not-permitted", "connecting"]);
  assert.equal(world.sent("startSession").at(-1).peerId, "back");
});

test("a refused session stays refused until a person tries again", async () => {
  const world = new World();
  const client = await world.online("front");
  const session = client.watch("front");
  await world.say({ type: "error", details: "", code: "not-permitted" });
  await world.advance(15_000);
  assert.equal(world.sent("startSession").length, 1);
  session.retry();
  assert.equal(session.state, "connecting");
  assert.equal(world.sent("startSession").length, 2);
});

test("a picture goes on while the server is away, and its session is resumed and not started again", async () => {
  const world = new World();
  const session = await world.live();
  const { peer } = world;
  const states = [];
  session.addEventListener("state", () => states.push(session.state));
  world.drop();
  await world.advance(1_000);
  await world.say({ type: "welcome", peerId: "me2" });
  assert.deepEqual(world.socket.sent.map(({ type }) => type), ["setPeerStatus", "resumeSession", "list"]);
  assert.deepEqual(world.sent("resumeSession"), [{ type: "resumeSession", peerId: "front", sessionId: "s1", secret: "x1" }]);
  await world.say({ type: "list", producers: [] }, { type: "sessionResumed", sessionId: "s1", peerId: "front", terms: { lease: 60, perms: ["view"] } });
  await world.play(30_000);
  assert.deepEqual(states, []);
  assert.equal(session.state, "live");
  assert.equal(peer.closed, false);
  assert.equal(world.sent("startSession").length, 0);
  session.close();
  assert.deepEqual(world.sent("endSession"), [{ type: "endSession", sessionId: "s1", reason: "viewer-left" }]);
});

test("however often the server comes and goes, the picture stays and is resumed each time", async () => {
  const world = new World();
  const session = await world.live();
  for (let i = 0; i < 10; i += 1) {
    world.drop();
    world.down = i % 2 === 0;
    await world.play(7_000);
    world.down = false;
    await world.play(2_000);
    await world.say({ type: "welcome", peerId: "me" });
    assert.equal(world.sent("resumeSession").length, 1);
    if (i % 3) await world.say({ type: "sessionResumed", sessionId: "s1", peerId: "front", terms: { lease: 600, perms: ["view"] } });
  }
  assert.equal(session.state, "live");
  assert.equal(world.peers.length, 1);
});

test("words to the camera are kept while the server is away, up to a bound, and sent when the session is resumed", async () => {
  const world = new World();
  await world.live();
  world.drop();
  const say = (n) => world.peer.onicecandidate({ candidate: { candidate: `c${n}`, sdpMLineIndex: 0 } });
  for (let n = 0; n < 300; n += 1) say(n);
  await world.advance(1_000);
  await world.welcome("front");
  say(300);
  assert.equal(world.sent("peer").length, 0, "the server takes nothing before the session is resumed");
  await world.say({ type: "sessionResumed", sessionId: "s1", peerId: "front", terms: { lease: 60, perms: ["view"] } });
  assert.equal(world.sent("peer").length, 256);
  assert.deepEqual(world.sent("peer")[0], { type: "peer", sessionId: "s1", ice: { candidate: "c0", sdpMLineIndex: 0 } });
  say(301);
  assert.equal(world.sent("peer").at(-1).ice.candidate, "c301");
});

test("a session that the server no longer knows is asked for anew", async () => {
  const world = new World();
  const session = await world.live();
  world.drop();
  await world.advance(1_000);
  await world.welcome("front");
  await world.say({ type: "endSession", sessionId: "s1", reason: "no-such-session" });
  assert.equal(session.state, "reconnecting");
  await world.advance(500);
  assert.deepEqual(world.sent("startSession"), [{ type: "startSession", peerId: "front" }]);
});

test("a viewer who was revoked while the server was away is out when it is back", async () => {
  const world = new World();
  const session = await world.live();
  world.drop();
  await world.advance(1_000);
  await world.welcome("front");
  await world.say({ type: "endSession", sessionId: "s1", reason: "revoked", detail: "by the owner" });
  assert.deepEqual([session.state, session.code], ["refused", "revoked"]);
  assert.match(session.message, /\(by the owner\)/);
  assert.ok(world.peer.closed);
});

test("a viewer whose token was withdrawn while the server was away is out as soon as the picture stands still", async () => {
  const world = new World({ token: "secret" });
  world.config.openAccess = false;
  const session = await world.live();
  world.config.authenticated = false;
  world.login.status = 401;
  world.drop();
  await world.play(3_000);
  assert.deepEqual([world.client.state, world.client.code], ["refused", "revoked"]);
  assert.equal(session.state, "live", "the camera has yet to be told");
  await world.advance(3_500);
  assert.deepEqual([session.state, session.code], ["refused", "revoked"]);
  assert.ok(world.peer.closed);
});

test("a picture that stands still is said to within five seconds, and no more when it goes on", async () => {
  const world = new World();
  const session = await world.live();
  await world.play(5_000);
  assert.deepEqual([session.state, session.message], ["live", ""]);
  await world.advance(5_000);
  assert.deepEqual([session.state, session.code], ["live", "no-picture"]);
  assert.match(session.message, /no picture/);
  await world.play(3_000);
  assert.deepEqual([session.state, session.code, session.message], ["live", "", ""]);
});

test("a crowded server does not make the page give up a picture that stutters", async () => {
  const world = new World();
  const session = await world.live();
  await world.say({ type: "error", code: "too-many", details: "full" });
  world.drop({ code: 1008, reason: "too-many" });
  assert.equal(world.client.state, "refused");
  await world.advance(7_000);
  assert.equal(session.state, "live");
});

test("media that fails while the server is away is asked for in the place of the old session", async () => {
  const world = new World();
  const session = await world.live();
  world.drop();
  world.peer.become("failed");
  assert.equal(session.state, "reconnecting");
  await world.advance(1_000);
  await world.welcome("front");
  assert.equal(world.sent("resumeSession").length, 0);
  await world.advance(500);
  assert.deepEqual(world.sent("startSession"), [{ type: "startSession", peerId: "front", replaces: { sessionId: "s1", secret: "x1" } }]);
});

test("a session that was resumed too late is ended", async () => {
  const world = new World();
  const session = await world.live();
  world.drop();
  await world.advance(1_000);
  await world.welcome("front");
  session.close();
  await world.say({ type: "sessionResumed", sessionId: "s1", peerId: "front", terms: { lease: 60, perms: ["view"] } });
  assert.deepEqual(world.sent("endSession").at(-1), { type: "endSession", sessionId: "s1", reason: "viewer-left" });
  assert.equal(session.state, "ended");
});

test("with a server that gives no secret, a picture goes on as long as it flows", async () => {
  const world = new World();
  const client = await world.online("front");
  const session = client.watch("front");
  await world.offer();
  world.flow();
  await world.advance(250);
  world.drop();
  await world.play(1_000);
  await world.welcome("front");
  await world.play(10_000);
  assert.equal(session.state, "live");
  assert.equal(session.proof, null);
  assert.deepEqual([world.sent("startSession").length, world.sent("resumeSession").length], [0, 0]);
});

test("the session of a page that was loaded again takes the place of the old one, once", async () => {
  const world = new World();
  const client = await world.online("front");
  const session = client.watch("front", { replaces: { sessionId: "old", secret: "x0" } });
  assert.deepEqual(world.sent("startSession"), [{ type: "startSession", peerId: "front", replaces: { sessionId: "old", secret: "x0" } }]);
  assert.deepEqual(session.proof, { sessionId: "old", secret: "x0" }, "it is not ended yet");
  await world.offer("s1", "front", { secret: "x1" });
  assert.deepEqual(session.proof, { sessionId: "s1", secret: "x1" });
  await world.say({ type: "endSession", sessionId: "s1", reason: "media-failed" });
  await world.advance(500);
  assert.deepEqual(world.sent("startSession").at(-1), { type: "startSession", peerId: "front" });
});

test("a proof that is none is not sent", async () => {
  const world = new World();
  const client = await world.online("front");
  client.watch("front", { replaces: { sessionId: 7 } });
  assert.deepEqual(world.sent("startSession"), [{ type: "startSession", peerId: "front" }]);
});

test("a session that has no picture yet starts anew with the new connection", async () => {
  const world = new World();
  const client = await world.online("front");
  client.watch("front");
  await world.offer("s1", "front", { secret: "x1" });
  const { peer } = world;
  world.drop();
  assert.ok(peer.closed);
  await world.advance(1_000);
  await world.welcome("front");
  assert.deepEqual(world.sent("startSession"), [{ type: "startSession", peerId: "front", replaces: { sessionId: "s1", secret: "x1" } }]);
  assert.equal(world.sent("resumeSession").length, 0);
});

test("a server that answers nothing any more is left before the next word is due", async () => {
  const world = new World();
  const client = await world.online("front");
  client.watch("front");
  await world.advance(10_000);
  assert.equal(client.state, "reconnecting");
});

test("a camera that is full is refused in words, tried again by itself, and not by flickering", async () => {
  const world = new World();
  const client = await world.online("front");
  const session = client.watch("front");
  const states = [];
  session.addEventListener("state", () => states.push(session.state));
  const full = async (id) => {
    await world.say({ type: "sessionStarted", peerId: "front", sessionId: id, secret: "x" });
    await world.say({ type: "endSession", sessionId: id, reason: "camera-full" });
  };
  await full("s1");
  assert.deepEqual([session.state, session.code], ["refused", "camera-full"]);
  assert.match(session.message, /again by itself/);
  for (let i = 2; i < 20; i += 1) {
    await world.advance(5_000);
    assert.equal(world.sent("startSession").length, i);
    await full(`s${i}`);
  }
  assert.deepEqual(states, ["refused"]);
  await world.advance(5_000);
  await world.offer("s20");
  world.flow();
  await world.advance(250);
  assert.deepEqual(states, ["refused", "connecting", "live"]);
});

test("a camera that is full is asked at once by a person, and no more when the picture was closed", async () => {
  const world = new World();
  const client = await world.online("front");
  const session = client.watch("front");
  await world.say({ type: "error", details: "", code: "camera-full" });
  session.retry();
  session.retry();
  assert.equal(world.sent("startSession").length, 2);
  await world.say({ type: "error", details: "", code: "camera-full" });
  session.close();
  await world.advance(15_000);
  assert.equal(world.sent("startSession").length, 2);
});

test("too many sessions is final until a person tries again", async () => {
  const world = new World();
  const client = await world.online("front");
  const session = client.watch("front");
  await world.say({ type: "error", details: "four of yours watch this camera", code: "too-many" });
  assert.deepEqual([session.state, session.code], ["refused", "too-many"]);
  assert.match(session.message, /four of yours/);
  await world.advance(15_000);
  assert.equal(world.sent("startSession").length, 1);
});

test("an offer that the browser does not take is not asked for again, and both sides hear the browser's words", async () => {
  const world = new World();
  const session = (await world.online("front")).watch("front");
  await world.offer("s1", "front", {}, "a=nonsense");
  assert.deepEqual([session.state, session.code], ["refused", "offer-refused"]);
  assert.match(session.message, /cannot play.*\(Failed to set remote video description\)/);
  assert.deepEqual(world.sent("endSession"), [
    { type: "endSession", reason: "offer-refused", detail: "Failed to set remote video description", sessionId: "s1" },
  ]);
  await world.advance(60_000);
  assert.equal(session.state, "refused");
});

test("media that fails is asked for again, and the camera is told", async () => {
  const world = new World();
  const session = await world.live();
  world.peer.become("failed");
  assert.deepEqual([session.state, session.code], ["reconnecting", "media-failed"]);
  assert.deepEqual(world.sent("endSession"), [{ type: "endSession", reason: "media-failed", sessionId: "s1" }]);
  await world.advance(500);
  assert.equal(world.sent("startSession").length, 2);
});

test("a short disconnection is shown and mends without a new session", async () => {
  const world = new World();
  const session = await world.live();
  world.peer.become("disconnected");
  assert.equal(session.state, "reconnecting");
  world.peer.become("connected");
  assert.equal(session.state, "live");
  assert.equal(world.sent("startSession").length, 1);
});

test("a picture that froze is not called live for ever", async () => {
  const world = new World();
  const session = await world.live();
  await world.advance(4_000);
  assert.equal(session.state, "live");
  await world.advance(9_000);
  assert.equal(session.state, "reconnecting");
});

test("a picture that never comes is given up and asked for again", async () => {
  const world = new World();
  const client = await world.online("front");
  const session = client.watch("front");
  await world.offer();
  await world.advance(19_900);
  assert.equal(session.state, "connecting");
  await world.say({ type: "list", producers: [{ id: "front" }] });
  await world.advance(700);
  assert.equal(session.state, "reconnecting");
  assert.equal(world.sent("startSession").length, 2);
});

test("a camera that went away is waited for and asked when it is back", async () => {
  const world = new World();
  const session = await world.live();
  await world.say({ type: "peerStatusChanged", peerId: "front", roles: [] }, { type: "endSession", sessionId: "s1", reason: "camera-gone" });
  assert.deepEqual([session.state, session.code], ["reconnecting", "camera-gone"]);
  await world.advance(15_000);
  assert.equal(world.sent("startSession").length, 1);
  await world.say({ type: "peerStatusChanged", peerId: "front", roles: ["producer"] });
  await world.advance(500);
  assert.equal(world.sent("startSession").length, 2);
});

test("the reason of a camera that ends the media arrives before the page acts", async () => {
  const world = new World();
  const session = await world.live();
  world.peer.transport.state = "closed";
  world.peer.transport.dispatchEvent(new Event("statechange"));
  await world.advance(100);
  await world.say({ type: "endSession", sessionId: "s1", reason: "revoked" });
  await world.advance(5_000);
  assert.deepEqual([session.state, session.code], ["refused", "revoked"]);
  assert.equal(world.sent("startSession").length, 1);
});

test("media that the camera closed without a word is asked for again", async () => {
  const world = new World();
  const session = await world.live();
  world.peer.transport.state = "closed";
  world.peer.transport.dispatchEvent(new Event("statechange"));
  await world.advance(600);
  assert.equal(session.state, "reconnecting");
});

test("when the lease ends the session ends and says so, and only a person asks again", async () => {
  const world = new World();
  const session = await world.live();
  await world.say({ type: "endSession", sessionId: "s1", reason: "lease-ended", detail: "next at 10:00" });
  assert.deepEqual([session.state, session.code], ["ended", "lease-ended"]);
  assert.equal(session.message, `${REASONS["lease-ended"]} (next at 10:00)`);
  assert.deepEqual([session.stream.getTracks().length, session.terms], [0, null]);
  await world.advance(15_000);
  assert.equal(world.sent("startSession").length, 1);
  session.retry();
  assert.equal(world.sent("startSession").length, 2);
});

test("media that ends with the lease while the server is away is not asked for again either", async () => {
  const world = new World();
  const session = await world.live({ lease: 60, perms: ["view"] });
  world.drop();
  await world.play(59_500);
  world.peer.transport.state = "closed";
  world.peer.transport.dispatchEvent(new Event("statechange"));
  await world.advance(1_000);
  assert.deepEqual([session.state, session.code], ["ended", "lease-ended"]);
  await world.welcome("front");
  await world.advance(5_000);
  assert.equal(world.sent("startSession").length, 0);
});

test("terms are told with the session and whenever they change, with what was given and taken", async () => {
  const world = new World();
  const client = await world.online("front");
  const session = client.watch("front");
  const told = [];
  session.addEventListener("terms", ({ detail }) => told.push([detail.given, detail.taken]));
  await world.offer("s1", "front", { secret: "x1", terms: { lease: 60, perms: ["view", "listen"] } });
  assert.deepEqual(session.terms, { until: 60_000, perms: ["view", "listen"], saving: true });
  world.flow();
  await world.advance(1_000);
  await world.say({ type: "grantUpdate", sessionId: "s1", terms: { lease: 120, perms: ["view", "talk"] } });
  assert.deepEqual(session.terms, { until: 121_000, perms: ["view", "talk"], saving: true });
  world.drop();
  await world.play(1_000);
  await world.welcome("front");
  await world.say({ type: "sessionResumed", sessionId: "s1", peerId: "front", terms: { lease: 10, perms: ["view", "listen", "talk"] } });
  assert.deepEqual(session.terms, { until: 12_000, perms: ["view", "listen", "talk"], saving: true });
  await world.say({ type: "grantUpdate", sessionId: "s1", terms: "later" }, { type: "grantUpdate", sessionId: "?", terms: { lease: 1, perms: [] } });
  assert.equal(session.terms.until, 12_000);
  session.close();
  assert.equal(session.terms, null);
  assert.deepEqual(told, [[[], []], [["talk"], ["listen"]], [["listen"], []], [[], []]]);
});

// `latency-clock.test.mjs` has the readings; this is when they begin and end.
test("the latency is measured when it is asked for, of a live picture on an element, and not longer", async () => {
  const world = new World();
  const session = await world.live();
  const reports = [];
  session.addEventListener("latency", ({ detail }) => reports.push(detail.reason));
  session.attach({});
  assert.deepEqual([session.latency, session.latencyReason], [null, "off"]);
  session.measureLatency();
  assert.equal(session.latencyReason, "no-clock");
  world.peer.become("failed");
  assert.equal(session.latencyReason, "off");
  await world.advance(500);
  await world.offer("s2");
  world.flow();
  await world.advance(250);
  assert.deepEqual([session.state, session.latencyReason], ["live", "no-clock"]);
  session.measureLatency(false);
  assert.equal(session.latencyReason, "off");
  assert.deepEqual(reports, ["no-clock", "off", "no-clock", "off"]);
});

test("the last picture leaves the screen when one may no longer watch, and comes back when asked again", async () => {
  const world = new World();
  const session = await world.live();
  const video = {};
  session.attach(video);
  assert.equal(video.srcObject, session.stream);
  await world.say({ type: "endSession", sessionId: "s1", reason: "revoked" });
  assert.equal(video.srcObject, null);
  session.retry();
  await world.offer("s2");
  assert.equal(video.srcObject, session.stream);
});

test("closing ends the session at the camera and for good", async () => {
  const world = new World();
  const session = await world.live();
  session.close();
  assert.deepEqual(world.sent("endSession"), [{ type: "endSession", reason: "viewer-left", sessionId: "s1" }]);
  assert.ok(world.peer.closed);
  assert.equal(session.state, "ended");
  await world.advance(15_000);
  assert.equal(world.sent("startSession").length, 1);
});

test("a session that starts after it was closed is ended at once", async () => {
  const world = new World();
  const client = await world.online("front");
  client.watch("front").close();
  await world.offer();
  assert.deepEqual(world.sent("endSession"), [{ type: "endSession", sessionId: "s1", reason: "viewer-left" }]);
  assert.equal(world.peers.length, 0);
});

test("closing and trying again while the answer is under way asks once", async () => {
  const world = new World();
  const client = await world.online("front");
  const session = client.watch("front");
  session.close();
  session.retry();
  await world.offer();
  await world.advance(100);
  assert.equal(world.sent("startSession").length, 1);
  assert.equal(world.peers.length, 1);
});

test("the seventeenth picture is refused", async () => {
  const world = new World();
  const client = await world.online("front");
  for (let i = 0; i < 16; i += 1) client.watch("front");
  assert.equal(client.watch("front").code, "too-many");
});
