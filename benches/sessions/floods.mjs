// SPDX-License-Identifier: MPL-2.0
// The two servers beside floods: Porthole's own binary, and the one inside the stock webrtcsink. The floods are a program
// of their own, the same for both.

import { readFileSync } from "node:fs";
import { freePort, scene, Server, Stock } from "../../tests/browser/lib.mjs";
import { own } from "../own.mjs";
import { CAMERA } from "./page.mjs";
import { reload } from "./parts.mjs";

export const FLOODS = 20;

/** `flood` runs the floods by a plan. */
export async function porthole(flood, seconds) {
  let result;
  await scene(async (keep) => {
    const server = await keep(Server.start().then(own));
    const tokens = [];
    for (let i = 0; i < FLOODS; i++) tokens.push((await server.run("viewer", "add", `flood-${i}`, "--url", server.url)).split("#token=")[1]);
    await reload(server);
    const { secret } = JSON.parse(Buffer.from(server.key.slice("phk1.".length), "base64url").toString());
    const plan = { url: `${server.url.replace("http", "ws")}/ws`, cameraId: CAMERA, camera: secret, honest: server.token, floods: tokens, seconds };
    result = await beside(server.program, () => flood(plan));
  }, Infinity);
  return result;
}

/** The stock element runs its server in its own process, where it does nothing else. */
export async function stock(flood, seconds) {
  let result;
  await scene(async (keep) => {
    const plugins = await keep(new Stock());
    const port = await freePort();
    const url = `ws://127.0.0.1:${port}`;
    const program = await keep(own(plugins.launch(
      "videotestsrc is-live=true ! video/x-raw,width=16,height=16,framerate=1/1 ! webrtcsink video-caps=video/x-vp8 stun-server=NULL " +
      `run-signalling-server=true signalling-server-host=127.0.0.1 signalling-server-port=${port} signaller::uri=${url}`,
    )));
    await program.line(/registered as \[Producer\]/);
    const plan = { url, cameraId: null, camera: null, honest: null, floods: Array(FLOODS).fill(null), seconds };
    result = await beside(program, () => flood(plan));
  }, Infinity);
  return result;
}

/** What `body` gives, and by how much the most memory that the program ever had grew meanwhile. */
async function beside(program, body) {
  const before = peakMb(program.process.pid);
  const result = await body();
  return { ...result, grownMb: peakMb(program.process.pid) - before };
}

/** The most resident memory that a process ever had, in MB (10^6 bytes). */
function peakMb(pid) {
  const [, kib] = readFileSync(`/proc/${pid}/status`, "utf8").match(/^VmHWM:\s+(\d+) kB/m);
  return (Number(kib) * 1024) / 1e6;
}
