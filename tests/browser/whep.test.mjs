// SPDX-License-Identifier: MPL-2.0
// WHEP with players that were not written here: whip-whep and Eyevinn's in Chromium, aiortc. Each is let in by a right, refused
// without one, and thrown out when it ends.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { browser, camera, END_MS, enrolled, PATIENCE_MS, Program, ROOT, scene, Server, visitor } from "./lib.mjs";

const PYTHON = join(ROOT, "target/tools/bin/python3");
const MODULES = createRequire(import.meta.url);

/** From a player's end without a word to the end of its session, which takes 48 s where nothing else runs. */
const GONE_MS = 90_000;
/** The same of one that ends its DTLS: less than it takes to miss it. */
const GOODBYE_MS = 20_000;

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

/** A CommonJS module and what it needs, as one script for a page: `require(name)` is there afterwards. */
function bundle(name) {
  const files = new Map();
  const add = (file) => {
    if (files.has(file)) return;
    const needs = {};
    files.set(file, needs);
    const text = readFileSync(file, "utf8");
    for (const [, wanted] of text.matchAll(/\brequire\("([^"./][^"]*|\.[^"]*)"\)/g)) {
      // What shows advertisements is for pages that have some, and "events" is Node's own as well.
      if (wanted === "@eyevinn/csai-manager") continue;
      needs[wanted] = createRequire(file).resolve(wanted === "events" ? "events/" : wanted);
      add(needs[wanted]);
    }
  };
  const entry = MODULES.resolve(name);
  add(entry);
  const bodies = [...files].map(([file, needs]) =>
    `${JSON.stringify(file)}: [${JSON.stringify(needs)}, function (module, exports, require) {${readFileSync(file, "utf8")}\n}]`);
  return `window.load = (() => { const all = {${bodies.join(",\n")}}; const made = {};
    const load = (file) => {
      if (made[file]) return made[file].exports;
      const module = made[file] = { exports: {} };
      all[file][1](module, module.exports, (name) => (all[file][0][name] ? load(all[file][0][name]) : {}));
      return module.exports;
    };
    return () => load(${JSON.stringify(entry)}); })();`;
}

/** The page of another site, with the players in it. */
async function players(keep, options) {
  const files = createServer((request, response) => {
    const scripts = {
      "/whep.js": () => readFileSync(MODULES.resolve("whip-whep/whep.js")),
      "/eyevinn.js": () => bundle("@eyevinn/webrtc-player"),
    };
    const script = scripts[request.url];
    response.setHeader("content-type", script ? "text/javascript" : "text/html");
    response.end(script ? script() : "<!doctype html><video muted autoplay playsinline></video>");
  });
  await new Promise((done) => files.listen(0, "127.0.0.1", done));
  await keep({ stop: () => new Promise((done) => { files.closeAllConnections(); files.close(done); }) });
  const page = await visitor(chromium, `http://127.0.0.1:${files.address().port}/`, options);
  page.requests = [];
  page.on("response", (response) => {
    const { pathname } = new URL(response.url());
    if (pathname.startsWith("/whep/")) page.requests.push([response.request().method(), response.status(), pathname]);
  });
  return page;
}

/** Has each player of the page ask for `url`; resolves when the answer is taken, or with what went wrong. */
const PLAYERS = {
  "whip-whep": (page, url, token) => page.evaluate(async ([url, token]) => {
    const { WHEPClient } = await import("/whep.js");
    const peer = new RTCPeerConnection();
    peer.addTransceiver("video", { direction: "recvonly" });
    peer.addTransceiver("audio", { direction: "recvonly" });
    const stream = new MediaStream();
    peer.ontrack = ({ track }) => { stream.addTrack(track); document.querySelector("video").srcObject = stream; };
    window.player = new WHEPClient();
    try { await window.player.view(peer, url, token); } catch (error) { return error.message; }
  }, [url, token]),
  "Eyevinn's player": (page, url, token) => page.evaluate(async ([url, token]) => {
    await new Promise((done, fail) => document.head.append(Object.assign(document.createElement("script"), { src: "/eyevinn.js", onload: done, onerror: fail })));
    const { WebRTCPlayer } = window.load();
    window.player = new WebRTCPlayer({ video: document.querySelector("video"), type: "whep", iceServers: [] });
    const failed = new Promise((done) => ["initial-connection-failed", "connect-error"].forEach((name) => window.player.on(name, () => done(name))));
    await window.player.load(new URL(url), token && `Bearer ${token}`);
    const shown = new Promise((done) => { document.querySelector("video").onloadeddata = () => done(undefined); });
    return Promise.race([failed, shown]);
  }, [url, token]),
};

/** Asks as often as the camera, which may just have begun on a busy machine, does not answer in time; gives what else went wrong. */
async function letIn(ask, page, url, token) {
  for (;;) {
    const from = page.requests.length;
    const problem = await ask(page, url, token);
    if (!page.requests.slice(from).some(([, status]) => status === 504)) return problem;
  }
}

const shown = (page) => page.evaluate(() => document.querySelector("video").getVideoPlaybackQuality().totalVideoFrames);

/** Waits until so many more pictures are shown. */
async function goesOn(page, more = 10) {
  const first = await shown(page);
  await page.waitForFunction((count) => document.querySelector("video").getVideoPlaybackQuality().totalVideoFrames >= count, first + more);
}

/** Waits until no picture comes any more. */
async function stops(page) {
  const start = performance.now();
  for (let before = -1, now = await shown(page); before !== now;) {
    assert.ok(performance.now() - start < PATIENCE_MS, "the picture goes on");
    before = now;
    await page.waitForTimeout(500);
    now = await shown(page);
  }
}

const offering = (more) => Server.start({ env: { PORTHOLE_WHEP_ALLOW_ORIGINS: "*" }, ...more });
const SOUND = "portholesrc name=cam camera=test idle-timeout=0 ! portholesink name=out cam.audio ! out.audio";

for (const [name, ask] of Object.entries(PLAYERS)) {
  test(`${name} is let in by a right and thrown out when it ends`, () => scene(async (keep) => {
    const server = await keep(offering());
    const front = await keep(enrolled(server, SOUND));
    const page = await players(keep);
    const url = `${server.url}/whep/front`;
    assert.equal(await letIn(ask, page, url, server.token), undefined);
    await front.line(/porthole\/viewer-joined.*user=\(string\)alice/);
    await goesOn(page);
    const from = front.lines.length;
    await server.run("viewer", "remove", "alice");
    const before = await server.reload();
    await front.line(/porthole\/viewer-left.*reason=\(string\)revoked/, { from });
    assert.ok(Date.now() - before < END_MS);
    await stops(page);
    const posts = page.requests.filter(([method]) => method === "POST");
    assert.deepEqual(posts.at(-1), ["POST", 201, "/whep/front"]);
    const patches = page.requests.filter(([method]) => method === "PATCH");
    assert.ok(patches.every(([, status]) => status === 204), JSON.stringify(patches));
    assert.equal(await ask(page, url, server.token), name === "whip-whep" ? "Request rejected with status 401" : "initial-connection-failed");
  }));

  test(`${name} is refused without a right`, () => scene(async (keep) => {
    const server = await keep(offering());
    const front = await keep(enrolled(server));
    const page = await players(keep);
    const refused = name === "whip-whep" ? "Request rejected with status 401" : "initial-connection-failed";
    for (const token of [undefined, "made-up"]) assert.equal(await ask(page, `${server.url}/whep/front`, token), refused);
    assert.ok(!front.lines.some((line) => /viewer-joined/.test(line)));
  }));
}

test("whip-whep ends its session, and its place is free at once", () => scene(async (keep) => {
  const server = await keep(offering());
  const front = await keep(enrolled(server));
  const page = await players(keep);
  assert.equal(await letIn(PLAYERS["whip-whep"], page, `${server.url}/whep/front`, server.token), undefined);
  await goesOn(page);
  const from = front.lines.length;
  await page.evaluate(() => window.player.stop());
  await front.line(/porthole\/viewer-left.*reason=\(string\)viewer-left/, { from });
  // It closes its connection first, which the camera may hear of before the server hears of the DELETE.
  assert.ok(page.requests.some(([method, status]) => method === "DELETE" && [200, 404].includes(status)));
}));

/** A player of its own in `page`, which trickles nothing and deletes nothing. */
async function bare(page, server) {
  await page.goto(`${server.url}/health`);
  const answer = await page.evaluate(async ([token]) => {
    const peer = window.peer = new RTCPeerConnection();
    peer.addTransceiver("video", { direction: "recvonly" });
    await peer.setLocalDescription(await peer.createOffer());
    const headers = { "content-type": "application/sdp", authorization: `Bearer ${token}` };
    const response = await fetch("/whep/front", { method: "POST", body: peer.localDescription.sdp, headers });
    await peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
    while (peer.connectionState !== "connected") await new Promise((done) => peer.addEventListener("connectionstatechange", done, { once: true }));
    return response.status;
  }, [server.token]);
  assert.equal(answer, 201);
}

test("a player that is gone without a word leaves its place free", () => scene(async (keep) => {
  const server = await keep(offering());
  const front = await keep(enrolled(server));
  const other = await keep(browser());
  await bare(await other.newPage(), server);
  const from = front.lines.length;
  await other.close();
  await front.line(/porthole\/viewer-left/, { from, patience: GONE_MS });
}, 2 * GONE_MS));

test("a player that says goodbye to the camera alone leaves its place free at once", () => scene(async (keep) => {
  const server = await keep(offering());
  const front = await keep(enrolled(server));
  const page = await visitor(chromium, `${server.url}/health`);
  await bare(page, server);
  const from = front.lines.length;
  const before = Date.now();
  await page.evaluate(() => window.peer.close());
  await front.line(/porthole\/viewer-left/, { from });
  assert.ok(Date.now() - before < GOODBYE_MS, "it was missed, not heard");
}));

const aiortc = (keep, ...args) => keep(new Program(PYTHON, [join(ROOT, "tests/browser/whep.py"), ...args], {}, "pipe"));

test("aiortc, which does not trickle, sees and hears, and is thrown out", () => scene(async (keep) => {
  const server = await keep(offering());
  const front = await keep(enrolled(server, SOUND));
  const client = await aiortc(keep, `${server.url}/whep/front`, server.token);
  await client.line(/^status 201/);
  await Promise.all([client.line(/^frame 31/), client.line(/^sound/)]);
  const [, location] = await client.line(/^location (.+)/);
  await server.run("viewer", "remove", "alice");
  await server.reload();
  await front.line(/porthole\/viewer-left.*reason=\(string\)revoked/);
  await client.line(/^ended/);
  const gone = await fetch(new URL(location, server.url), { method: "DELETE" });
  assert.equal(gone.status, 404);
}));

test("aiortc shows its token in the address, and is refused without", () => scene(async (keep) => {
  const server = await keep(offering());
  await keep(enrolled(server));
  const client = await aiortc(keep, `${server.url}/whep/front?access_token=${server.token}`);
  await client.line(/^frame 11/);
  const stranger = await aiortc(keep, `${server.url}/whep/front`);
  await stranger.line(/^status 401/);
  assert.ok(!server.program.lines.some((line) => line.includes(server.token)), "a token in the log");
}));

test("the server inside of a camera's own pipeline offers it as well, with the token of its link", () => scene(async (keep) => {
  const front = await keep(camera("portholesrc camera=test idle-timeout=0 ! portholesink listen=127.0.0.1:0 camera-name=front whep=true"));
  const url = `${front.origin}/whep/front`;
  const client = await aiortc(keep, url, front.token);
  await client.line(/^frame 11/);
  const stranger = await aiortc(keep, url, "made-up-token-of-nobody");
  await stranger.line(/^status 401/);
}));

test("and does not where nobody has asked for it", () => scene(async (keep) => {
  const front = await keep(camera("portholesrc camera=test ! portholesink listen=127.0.0.1:0 camera-name=front"));
  const client = await aiortc(keep, `${front.origin}/whep/front`, front.token);
  await client.line(/^status 404/);
}));

test("offers that no camera can work with are refused, and the camera goes on", () => scene(async (keep) => {
  const server = await keep(offering());
  const front = await keep(enrolled(server));
  const headers = { "content-type": "application/sdp", authorization: `Bearer ${server.token}` };
  const post = async (body) => (await fetch(`${server.url}/whep/front`, { method: "POST", body, headers })).status;
  const head = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
  assert.equal(await post(head + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n".repeat(500)), 422);
  assert.equal(await post(`v=0${"x".repeat(24_000)}`), 422);
  assert.equal(await post("x".repeat(1 << 20)), 413);
  await front.line(/porthole\/viewer-left.*reason=\(string\)bad-description/);
  const client = await aiortc(keep, `${server.url}/whep/front`, server.token);
  await client.line(/^frame 11/);
}));
