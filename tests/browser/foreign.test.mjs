// SPDX-License-Identifier: MPL-2.0
// Robots, doorbells, pages and programs that know nothing of Porthole: they show what was given to them, and go on as they are.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { program, Site } from "./foreign.mjs";
import { browser, enrolled, frames, scene, Server, state, visitor, watch } from "./lib.mjs";

const SCENE_MS = 300_000;
/** For a program to say its first word: aiortc alone takes ten seconds to load where others compute. */
const FIRST = { patience: 90_000 };

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

const secretOf = (key) => JSON.parse(Buffer.from(key.slice("phk1.".length), "base64url").toString()).secret;
const tokenOf = (link) => link.split("#token=")[1];

/** A server with these cameras and viewers besides "front" and alice; `secrets` and `tokens` are theirs. */
async function house(keep, { cameras = [], viewers = {} } = {}) {
  const site = await keep(Site.start());
  const env = { PORTHOLE_SOCKETIO_ORIGINS: site.origin, PORTHOLE_THREE_SERVICE_ENABLED: "true" };
  const server = await keep(Server.start({ env }));
  const [secrets, tokens] = [{}, {}];
  for (const name of cameras) secrets[name] = secretOf(await server.run("camera", "add", name, "--url", server.url));
  for (const [name, options] of Object.entries(viewers)) tokens[name] = tokenOf(await server.admit(name, options));
  await server.reload();
  return { site, server, secrets, tokens };
}

const page = (keep, { site, server }, generation, token, options = {}) =>
  keep(site.page(chromium, generation, server.url, { query: { access_token: token }, ...options }));

test("robots of four kinds, and one of a three-service system, are cameras whose picture our page shows", () => scene(async (keep) => {
  const cameras = ["robot-5", "bell-4", "canvas-4", "canvas-2", "three"];
  const here = await house(keep, { cameras, viewers: { brief: ["--lease", "6"] } });
  const { server, secrets, tokens } = here;
  const robots = {};
  const start = async (name, generation, words, options) => {
    const robot = await keep(program(generation, [...words, "robot", server.url, name], { token: secrets[name], ...options }));
    robots[name] = robot;
    await robot.line(/^event (registered|created)/, FIRST);
  };
  await start("robot-5", 5, ["socketio", "robots"], { tokenIn: "register" });
  await start("bell-4", 4, ["socketio", "lab"], { tokenIn: "query", transports: "polling" });
  await start("three", 5, ["three-service", "robots"], {});
  for (const [name, generation, options] of [["canvas-4", 4, { transports: ["websocket"] }], ["canvas-2", 2, {}]]) {
    robots[name] = await page(keep, here, generation, secrets[name], options);
    await robots[name].evaluate((name) => window.foreign.robot(name), name);
  }
  const viewer = await visitor(chromium, server.link);
  for (const name of cameras) {
    await watch(viewer, name);
    assert.ok((await frames(viewer, name, 1000)).count > 5, name);
  }
  // At the end of a lease both ends are told, of robots as of ours.
  const brief = await keep(program(5, ["socketio", "robots", "viewer", server.url, "robot-5"], { token: tokens.brief, tokenIn: "auth" }));
  await brief.line(/^frames/, FIRST);
  await brief.line(/^event bye .*"from": "robot-5", "reason": "lease-ended"/);
  await robots["robot-5"].line(/^event bye .*"reason": "lease-ended"/);
  // A camera that was taken back is thrown out, and so is who watches it.
  for (const name of cameras) await server.run("camera", "remove", name);
  await server.reload();
  for (const name of cameras) {
    await state(viewer, name, "refused");
    const robot = robots[name];
    if (robot.line) {
      await robot.line(/^event error .*"code": "revoked"/);
      await robot.line(/^disconnected/);
    } else {
      assert.equal((await robot.evaluate(() => window.foreign.event("error"))).code, "revoked");
      await robot.evaluate(() => window.foreign.event("disconnect"));
    }
  }
}, SCENE_MS));

test("viewers of five kinds see a camera of ours, and are thrown out when they may no more", () => scene(async (keep) => {
  const names = ["page-4", "page-2", "program-5", "program-4", "three"];
  const here = await house(keep, { viewers: Object.fromEntries(names.map((name) => [name, []])) });
  const { server, tokens } = here;
  const front = await keep(enrolled(server));
  const viewers = {};
  const start = async (name, generation, words, options) => {
    const viewer = await keep(program(generation, [...words, "viewer", server.url, "front"], { token: tokens[name], ...options }));
    viewers[name] = viewer;
    await viewer.line(/^frames/, FIRST);
  };
  await start("program-5", 5, ["socketio", "robots"], { tokenIn: "header" });
  await start("program-4", 4, ["socketio", "lab"], { tokenIn: "query" });
  assert.ok(Number((await viewers["program-4"].line(/^candidates (\d+)/))[1]) > 0, "the answer holds the candidates");
  await start("three", 5, ["three-service", "robots"], { tokenIn: "register" });
  for (const [name, generation, options] of [["page-4", 4, { query: {}, auth: { token: tokens["page-4"] } }], ["page-2", 2, {}]]) {
    viewers[name] = await page(keep, here, generation, tokens[name], options);
    assert.equal(await viewers[name].evaluate(() => window.foreign.watch("front")), 10, name);
  }
  for (const name of names) await server.run("viewer", "remove", name);
  await server.reload();
  for (const name of names) {
    const viewer = viewers[name];
    if (viewer.line) {
      await viewer.line(/^event bye/);
      await viewer.line(/^event error .*"code": "revoked"/);
      await viewer.line(/^disconnected/);
    } else {
      assert.equal((await viewer.evaluate(() => window.foreign.event("bye"))).reason, "revoked");
      assert.equal((await viewer.evaluate(() => window.foreign.event("error"))).code, "revoked");
      await viewer.evaluate(() => window.foreign.event("disconnect"));
    }
    // A program that closes its connection at once may be gone before its camera hears why.
    await front.line(new RegExp(`porthole/viewer-left.*user=\\(string\\)${name}, .*reason=\\(string\\)(revoked|viewer-left)`));
  }
}, SCENE_MS));

test("without a credential, or with one that is none, nobody is let in, whichever client it has", () => scene(async (keep) => {
  const here = await house(keep, { cameras: ["elsewhere"], viewers: { other: ["--cameras", "elsewhere"] } });
  const { server, tokens } = here;
  await keep(enrolled(server));
  const wrong = "not-a-token-that-anybody-was-given-here";
  const tries = [[5, "query", /^refused/], [5, "auth", /^refused/], [5, "register", /^event error .*"code": "unauthorized"/],
    [4, "query", /^refused/], [4, "register", /^event error .*"code": "unauthorized"/]];
  for (const [generation, tokenIn, answer] of tries) {
    for (const token of ["", wrong]) {
      const words = ["socketio", "robots", "viewer", server.url, "front"];
      const viewer = await keep(program(generation, words, { token, tokenIn, transports: "websocket" }));
      await viewer.line(token ? answer : /^event error .*"code": "unauthorized"/, FIRST);
    }
  }
  for (const generation of [2, 4]) {
    const stranger = await page(keep, here, generation, wrong, { transports: ["polling"] });
    await stranger.evaluate((event) => window.foreign.event(event), "connect_error");
    // Let in, and not to this camera: the room says so.
    const other = await page(keep, here, generation, tokens.other);
    await other.evaluate(() => { window.foreign.watch("front").catch(() => {}); });
    assert.equal((await other.evaluate(() => window.foreign.event("error"))).code, "no-such-camera");
  }
  const lab = await keep(program(4, ["socketio", "lab", "viewer", server.url, "front"], { token: tokens.other }));
  await lab.line(/^event error .*"code": "no-such-camera"/, FIRST);
}, SCENE_MS));
