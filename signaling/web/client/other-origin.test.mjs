// SPDX-License-Identifier: MPL-2.0
// The client on a page of another origin: no cookie, a token that is shown each time, and nobody on that page who gets it.
import test from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { MAX_TOKEN, bearerHeader, bearerProtocols, isToken } from "./bearer.js";
import { PortholeClient, VERSION } from "./porthole-client.js";
import { World, settle } from "./world.mjs";

const TOKEN = "eyJh.bGci-._~+OiJ";
const KNOWN = { openAccess: false, authenticated: true, user: "anna", websocket: "/ws", iceServers: [] };
const foreign = (more = {}) => new World({ cookies: false, token: TOKEN, ...more });

test("without a cookie the token goes into a header and a subprotocol, and never into an address", async () => {
  const world = foreign();
  world.config = KNOWN;
  await world.online("front");
  assert.equal(world.client.state, "online");
  assert.deepEqual(world.requests, [`GET /api/config Bearer ${TOKEN}`]);
  assert.deepEqual([...world.credentials], ["omit"]);
  assert.equal(world.socket.url, "ws://host:8080/ws");
  assert.deepEqual(world.socket.protocols, ["porthole", `porthole.bearer.${TOKEN}`]);
});

test("on a page of the server's own a token is traded for a cookie, as ever", async () => {
  const world = new World({ token: TOKEN });
  world.config = { ...KNOWN, authenticated: false };
  await world.online("front");
  assert.deepEqual(world.requests.slice(0, 2), ["GET /api/config", `POST /api/session Bearer ${TOKEN}`]);
  assert.deepEqual(world.socket.protocols, []);
});

test("a token that the server does not know is refused, and shown to no WebSocket", async () => {
  const world = foreign();
  world.config = { ...KNOWN, authenticated: false, openAccess: true };
  world.client.connect();
  await settle();
  assert.deepEqual([world.client.state, world.client.code], ["refused", "unauthorized"]);
  assert.equal(world.sockets.length, 0);
});

test("where anyone may watch, a page of another site needs no token", async () => {
  const world = new World({ cookies: false });
  await world.online("front");
  assert.equal(world.client.state, "online");
  assert.deepEqual(world.socket.protocols, []);
});

test("a share link is not taken from a page of another site, since a cookie stands for it", async () => {
  const world = new World({ cookies: false, share: "secret" });
  world.client.connect();
  await settle();
  assert.deepEqual([world.client.state, world.client.code, world.requests.length], ["refused", "not-permitted", 0]);
});

test("a server that does not name the page's origin is told from one that is away", async () => {
  const world = foreign();
  world.unnamed = true;
  world.client.connect();
  await settle();
  assert.deepEqual([world.client.state, world.client.code], ["refused", "origin-refused"]);
  assert.match(world.client.message, /\[embed\] origins/);
  assert.ok(!world.requests.at(-1).includes(TOKEN), "what is asked for then is for anybody");
  world.down = true;
  world.client.connect();
  const away = foreign();
  away.down = true;
  away.client.connect();
  await settle();
  assert.deepEqual([away.client.state, away.client.code], ["reconnecting", "server-unreachable"]);
});

test("the next token takes the session up where it was, and its media is not touched", async () => {
  const world = foreign();
  world.config = KNOWN;
  const session = await world.live();
  world.client.login("next-token");
  await settle();
  await world.welcome("front");
  assert.deepEqual(world.socket.protocols[1], "porthole.bearer.next-token");
  assert.deepEqual(world.sent("resumeSession"), [{ type: "resumeSession", peerId: "front", sessionId: "s1", secret: "x1" }]);
  assert.equal(session.state, "live");
  assert.equal(world.peers.length, 1);
});

test("signing out forgets the token and asks nobody", async () => {
  const world = foreign();
  world.config = KNOWN;
  await world.online("front");
  const before = world.requests.length;
  assert.equal(await world.client.logout(), "");
  assert.equal(world.requests.length, before);
});

test("what no token can be is not sent", () => {
  for (const fine of [TOKEN, "a", "x".repeat(MAX_TOKEN)]) assert.ok(isToken(fine));
  for (const bad of ["", "a b", "a\r\nb", "a,b", "é", "x".repeat(MAX_TOKEN + 1), null, 7, { toString: () => "a" }, ["a"]]) assert.ok(!isToken(bad), String(bad));
});

test("prototypes that a page has changed see nothing of the token", () => {
  const seen = [];
  const kept = [];
  const spy = (owner, name) => {
    const was = Object.getOwnPropertyDescriptor(owner, name);
    kept.push([owner, name, was]);
    Object.defineProperty(owner, name, { ...was, value(...args) { seen[seen.length] = [this, args]; return Reflect.apply(was.value, this, args); } });
  };
  const inherit = (name) => {
    kept.push([Object.prototype, name, null]);
    Object.defineProperty(Object.prototype, name, { configurable: true, get() { seen[seen.length] = [this]; return undefined; } });
  };
  const found = [];
  try {
    for (const name of ["charCodeAt", "at", "split", "replace", "replaceAll", "concat", "slice", "toString"]) spy(String.prototype, name);
    spy(RegExp.prototype, "exec");
    spy(RegExp.prototype, "test");
    for (const name of ["push", "concat", "join", "map"]) spy(Array.prototype, name);
    spy(Array.prototype, Symbol.iterator);
    for (const name of ["referrer", "signal", "then", "return", "Host"]) inherit(name);
    const header = bearerHeader(TOKEN);
    found[0] = isToken(TOKEN);
    found[1] = header.Authorization;
    found[2] = header.Host;
    const { iterator } = Symbol;
    const walker = bearerProtocols(TOKEN)[iterator]();
    for (let step = walker.next(); !step.done; step = walker.next()) found[found.length] = step.value;
    void walker.return;
  } finally {
    for (const [owner, name, was] of kept) was ? Object.defineProperty(owner, name, was) : delete owner[name];
  }
  assert.deepEqual(found, [true, `Bearer ${TOKEN}`, undefined, "porthole", `porthole.bearer.${TOKEN}`]);
  assert.ok(!seen.some((each) => each.flat(2).some((one) => String(one).includes(TOKEN))));
});

test("the client has the version of its server", () => {
  const [, version] = readFileSync(new URL("../../../Cargo.toml", import.meta.url), "utf8").match(/^version = "([^"]+)"/m);
  assert.equal(VERSION, version);
  assert.equal(PortholeClient.version, version);
});
