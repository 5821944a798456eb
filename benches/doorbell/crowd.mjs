// SPDX-License-Identifier: MPL-2.0
// Many doorbells on one server, which are pressed within a second. Cameras and people are connections that say what the protocol has.

import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { rule } from "../../tests/browser/house.mjs";
import { PATIENCE_MS } from "../../tests/browser/lib.mjs";
import { Hook, serverWith } from "./hook.mjs";

const WebSocket = createRequire(new URL("../../tests/browser/package.json", import.meta.url))("ws");

export const DOORS = 100;
/** From the first press to the last. */
const WITHIN_MS = 1_000;

/** Someone who is connected, and hears messages. */
class Line {
  #waits = new Set();
  heard = [];

  static async open(url, token, status) {
    const line = new Line();
    line.socket = new WebSocket(`${url.replace("http", "ws")}/ws`, { headers: { Authorization: `Bearer ${token}` } });
    line.socket.on("message", (data) => {
      const message = { at: performance.now(), ...JSON.parse(data.toString()) };
      line.heard.push(message);
      for (const look of line.#waits) look(message);
    });
    await new Promise((done, fail) => { line.socket.once("open", done).once("error", fail); });
    line.say({ type: "setPeerStatus", meta: null, ...status });
    line.say({ type: "list" });
    // Answered after all that was said before.
    await line.message("list");
    return line;
  }

  say(message) { this.socket.send(JSON.stringify(message)); }

  message(type) {
    const there = this.heard.find((each) => each.type === type);
    if (there) return Promise.resolve(there);
    return new Promise((done, fail) => {
      const end = () => { clearTimeout(timer); this.#waits.delete(look); };
      const look = (message) => { if (message.type === type) { end(); done(message); } };
      const timer = setTimeout(() => { end(); fail(new Error(`no ${type}, but ${JSON.stringify(this.heard)}`)); }, PATIENCE_MS);
      this.#waits.add(look);
    });
  }

  stop() { this.socket.terminate(); }
}

export async function crowd() {
  const hook = await Hook.start();
  const started = [hook];
  try {
    const names = Array.from({ length: DOORS }, (_, n) => `door-${n}`);
    const { accounts, notifies } = await serverWith(names.map((name) => rule(name, [`at-${name}`])).join(""), hook.table("none"));
    started.push(accounts);
    console.error(`${DOORS} doors`);
    const doors = [];
    for (const name of names) {
      const { key } = await accounts.camera(name, name);
      const { secret } = JSON.parse(Buffer.from(key.replace("phk1.", ""), "base64url").toString());
      await accounts.user(`at-${name}`);
      const { link } = await accounts.ask("POST", `users/at-${name}/token`);
      const token = new URLSearchParams(new URL(link).hash.slice(1)).get("token");
      const person = await Line.open(accounts.url, token, { roles: ["listener"], porthole: { version: 1 } });
      const camera = await Line.open(accounts.url, secret, { roles: ["producer"], porthole: { version: 1, nonce: randomUUID() } });
      started.push(person, camera);
      doors.push({ person, camera });
    }
    const first = performance.now();
    const pressed = await Promise.all(doors.map(({ camera }, n) => new Promise((done) => {
      setTimeout(() => {
        const at = performance.now();
        camera.say({ type: "ring", ringId: randomUUID() });
        done(at);
      }, (n * WITHIN_MS) / DOORS);
    })));
    const calls = await Promise.all(doors.map(({ person }) => person.message("call")));
    const rings = calls.map(({ at }, n) => at - pressed[n]);
    const notices = [];
    if (notifies) {
      for (const [n, { call }] of calls.entries()) notices.push((await hook.of("none", call.id) ?? pressed[n] + 10_000) - pressed[n]);
    }
    return { rings, notices, took: Math.max(...pressed) - first };
  } finally {
    for (const thing of started.reverse()) await thing.stop();
  }
}
