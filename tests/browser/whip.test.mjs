// SPDX-License-Identifier: MPL-2.0
// The picture goes on to an SFU: aiortc plays it here, and mediamtx where MEDIAMTX names its binary.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { camera, Program, ROOT, scene } from "./lib.mjs";

const PYTHON = join(ROOT, "target/tools/bin/python");
const SOURCE = "portholesrc name=cam camera=test idle-timeout=0 ! videoscale ! video/x-raw,width=320,height=180 ! portholesink name=out";

let folder, token;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "porthole-whip-"));
  token = join(folder, "token");
  writeFileSync(token, "let me publish\n");
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function sfu() {
  const program = new Program(PYTHON, [join(ROOT, "tests/browser/sfu.py")], { PUBLISH: "let me publish", READ: "let me read" }, "pipe");
  const [, port] = await program.line(/^listening (\d+)/);
  program.whip = `http://127.0.0.1:${port}/front/whip`;
  program.tell = (words) => program.process.stdin.write(`${words}\n`);
  return program;
}

const publish = (url, more = "") =>
  camera(`${SOURCE} listen=127.0.0.1:0 whip=${url} ${more} audiotestsrc is-live=true ! out.audio`);

test("picture and sound reach an SFU, without a viewer, and the end of the camera ends it there", () => scene(async (keep) => {
  const server = await keep(sfu());
  const robot = await keep(publish(server.whip, `whip-token-file=${token}`));
  const [, width, height] = await server.line(/^video 30 (\d+)x(\d+)/);
  assert.equal(width / height, 320 / 180);
  await server.line(/^audio 30 48000 Hz/);
  await robot.line(/porthole\/whip, state=\(string\)live/);
  await robot.line(/porthole\/viewer-joined.*user=\(string\)whip:127\.0\.0\.1/);
  assert.ok(!robot.lines.some((line) => line.includes("let me publish")), "the token is told to nobody");
  await robot.stop();
  await server.line(/^whip-1 deleted/);
}));

test("an SFU that refuses, drops and comes back gets the picture again, and the pipeline goes on meanwhile", () => scene(async (keep) => {
  const server = await keep(sfu());
  server.tell("refuse 503");
  await server.line(/^told refuse/);
  const robot = await keep(publish(server.whip, `whip-token-file=${token}`));
  await robot.line(/porthole\/whip, state=\(string\)lost.*no.*room/);
  server.tell("take");
  await server.line(/^video 30 /);
  let from = robot.lines.length;
  const heard = server.lines.length;
  server.tell("drop");
  await robot.line(/porthole\/whip, state=\(string\)lost/, { from });
  from = robot.lines.length;
  await robot.line(/porthole\/whip, state=\(string\)live/, { from });
  await server.line(/^video 30 /, { from: heard });
}));

test("a wrong token is said with its fix", () => scene(async (keep) => {
  const server = await keep(sfu());
  const robot = await keep(publish(server.whip));
  await robot.line(/whip=http:\/\/127\.\S+: the SFU refuses the credential \(HTTP 401\): look at the token that it is shown/);
}));

test("mediamtx takes it", { skip: process.env.MEDIAMTX ? false : "MEDIAMTX names no binary" }, () => scene(async (keep) => {
  const config = join(folder, "mediamtx.yml");
  writeFileSync(config, "rtsp: no\nrtmp: no\nhls: no\nsrt: no\nmoq: no\nwebrtcAddress: 127.0.0.1:18889\nwebrtcLocalUDPAddress: 127.0.0.1:0\nwebrtcEncryption: no\npaths:\n  all_others:\n");
  const server = await keep(new Program(process.env.MEDIAMTX, [config]));
  await server.line(/WebRTC.*(listener opened|started with listeners)/);
  const robot = await keep(publish("http://127.0.0.1:18889/front/whip"));
  await server.line(/is publishing to path 'front'/);
  await robot.line(/porthole\/whip, state=\(string\)live/);
}));
