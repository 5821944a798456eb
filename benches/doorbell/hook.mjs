// SPDX-License-Identifier: MPL-2.0
// What notifiers hand to the network: webhooks on this machine, one for each kind of message.

import { createServer } from "node:http";
import { Accounts } from "../../tests/browser/accounts.mjs";
import { own } from "../own.mjs";

/** A program that notes when it was told of which call. */
export class Hook {
  /** When each call was told of, on the clock of `performance`, by the last part of the path. @type {Map<string, Map<string, number>>} */
  heard = new Map();
  #waits = new Set();

  static async start() {
    const hook = new Hook();
    hook.server = createServer(async (request, response) => {
      const at = performance.now();
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      response.writeHead(204).end();
      const { kind, call, snapshot } = JSON.parse(Buffer.concat(chunks).toString());
      if (kind !== "ring") return;
      // One that was to have a picture and has none is no sample.
      const path = request.url.slice(1);
      if (path === "inline" && !snapshot) return void console.error("a notification came without its picture");
      if (!hook.heard.has(path)) hook.heard.set(path, new Map());
      hook.heard.get(path).set(call, at);
      for (const look of hook.#waits) look();
    });
    await new Promise((done) => { hook.server.listen(0, "127.0.0.1", done); });
    return hook;
  }

  /** In the configuration. @param {string} snapshot */
  table(snapshot) {
    return `\n[[notify]]\nkind = "webhook"\nurl = "http://127.0.0.1:${this.server.address().port}/${snapshot}"\nsnapshot = "${snapshot}"\n`;
  }

  /** When it was told of a call; `null` if it is not within `ms`. @param {string} path @param {string} call */
  async of(path, call, ms = 10_000) {
    const there = () => this.heard.get(path)?.get(call);
    if (there() !== undefined) return there();
    return new Promise((done) => {
      const end = (at) => { clearTimeout(timer); this.#waits.delete(look); done(at); };
      const look = () => { if (there() !== undefined) end(there()); };
      const timer = setTimeout(() => end(null), ms);
      this.#waits.add(look);
    });
  }

  stop() { return new Promise((done) => { this.server.close(done); this.server.closeAllConnections(); }); }
}

/** A server with these tables, or, where it does not know them, without; whether it has notifiers. @param {string} rules @param {string} tables */
export async function serverWith(rules, tables) {
  const start = (/** @type {string} */ more) => Accounts.start({ configured: (url) => `url = "${url}/"\n${rules}${more}` });
  try {
    return { accounts: own(await start(tables)), notifies: true };
  } catch (error) {
    if (!/notify/.test(error.message)) throw error;
    return { accounts: own(await start("")), notifies: false };
  }
}
