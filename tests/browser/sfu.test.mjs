// SPDX-License-Identifier: MPL-2.0
// Who watches at an SFU watches on this server's word: Chromium gets its picture from aiortc's, and that ends with the right, and
// with the server. `from-viewers = 0`: nobody watches the camera itself.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Accounts } from "./accounts.mjs";
import { browser, END_MS, enrolled, frames, freePort, Program, ROOT, scene, state, visitor } from "./lib.mjs";

const [SECOND, HOUR] = [1_000, 3_600_000];
const [PUBLISH, READ] = ["let me publish", "let me read"];

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

async function sfu() {
  const program = new Program(join(ROOT, "target/tools/bin/python"), [join(ROOT, "tests/browser/sfu.py")], { PUBLISH, READ }, "pipe");
  const [, port] = await program.line(/^listening (\d+)/);
  program.url = `http://127.0.0.1:${port}`;
  return program;
}

/** The same by people's own: https://github.com/bluenviron/mediamtx. */
async function mediamtx(folder) {
  const config = join(folder, "mediamtx.yml");
  const port = await freePort();
  const off = ["rtsp", "rtmp", "hls", "srt", "moq"].map((name) => `${name}: no\n`).join("");
  writeFileSync(config, `${off}webrtcAddress: 127.0.0.1:${port}\nwebrtcLocalUDPAddress: 127.0.0.1:0\nwebrtcEncryption: no\npaths:\n  all_others:\n`);
  const program = new Program(process.env.MEDIAMTX ?? "", [config]);
  await program.line(/WebRTC.*(listener opened|started with listeners)/);
  program.url = `http://127.0.0.1:${port}`;
  return program;
}

/** A server that has all watch at the SFU, and a camera that sends its picture there. */
async function house(keep, there, published = /^video 30 /) {
  const configured = (url, folder) => {
    writeFileSync(join(folder, "publish.token"), `${PUBLISH}\n`);
    writeFileSync(join(folder, "read.token"), `${READ}\n`);
    return `[sfu]\nwhep = "${there.url}/{camera}/whep"\ntoken-file = "read.token"\nfrom-viewers = 0\n`;
  };
  const server = await keep(Accounts.start({ configured }));
  const whip = `whip=${there.url}/front/whip whip-token-file=${join(server.data, "publish.token")}`;
  const pipeline = `portholesrc camera=test ! videoscale ! video/x-raw,width=320,height=180 ! portholesink codec=vp8 ${whip}`;
  await keep(enrolled(await server.camera("Front door", "front"), pipeline));
  await there.line(published);
  return { there, server };
}

async function guest(keep, server) {
  const { password } = await server.user("alice");
  const booking = await server.book("front", "alice", -SECOND, HOUR, { perms: ["view", "listen"] });
  const page = await keep(server.signedIn(chromium, "alice", password, { clings: true }));
  return { page, booking };
}

test("a viewer watches at the SFU, and is out when the right ends", () => scene(async (keep) => {
  const { there, server } = await house(keep, await keep(sfu()));
  const { page, booking } = await guest(keep, server);
  await state(page, "front", "live");
  const [, name] = await there.line(/^(whep-\d+) connected/);
  const seen = await frames(page, "front", 2_000);
  assert.ok(seen.count > 10 && seen.changed, JSON.stringify(seen));
  const from = there.lines.length;
  const ended = Date.now();
  await server.ask("DELETE", `bookings/${booking.id}`);
  await there.line(new RegExp(`^${name} deleted`), { from });
  assert.ok(Date.now() - ended < END_MS, `${Date.now() - ended} ms`);
  await page.getByTestId("state-front").filter({ hasNotText: "Live" }).or(page.getByTestId("next-booking")).first().waitFor();
  assert.ok(!JSON.stringify(server.program.lines).includes(READ), "the token is in no log");
}));

test("a server that is killed ends, when it is back, what nobody watched over", () => scene(async (keep) => {
  const { there, server } = await house(keep, await keep(sfu()));
  const { page } = await guest(keep, server);
  await state(page, "front", "live");
  const [, name] = await there.line(/^(whep-\d+) connected/);
  await page.context().close();
  // Before it can hear that the page is gone.
  await server.program.stop("SIGKILL");
  await server.serve();
  await there.line(new RegExp(`^${name} deleted`));
}));

test("an SFU that gives no picture is told to the viewer, who does not get round the rule", () => scene(async (keep) => {
  const { there, server } = await house(keep, await keep(sfu()));
  there.process.stdin.write("refuse 503\n");
  await there.line(/^told refuse/);
  const { page } = await guest(keep, server);
  const { code } = await state(page, "front", "refused");
  assert.equal(code, "camera-full");
  there.process.stdin.write("take\n");
  await state(page, "front", "live");
}));

test("mediamtx does it as well", { skip: process.env.MEDIAMTX ? false : "MEDIAMTX names no binary" }, () => scene(async (keep) => {
  const folder = mkdtempSync(join(tmpdir(), "porthole-mediamtx-"));
  await keep({ stop: async () => rmSync(folder, { recursive: true, force: true }) });
  const { there, server } = await house(keep, await keep(mediamtx(folder)), /is publishing to path 'front'/);
  const { page, booking } = await guest(keep, server);
  await state(page, "front", "live");
  const seen = await frames(page, "front", 2_000);
  assert.ok(seen.count > 10 && seen.changed, JSON.stringify(seen));
  await there.line(/is reading from path 'front'/);
  const from = there.lines.length;
  await server.ask("DELETE", `bookings/${booking.id}`);
  await there.line(/\[WebRTC\].*session.* closed/, { from });
}));
