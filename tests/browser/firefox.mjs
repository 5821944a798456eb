// SPDX-License-Identifier: MPL-2.0
// Debian's Firefox, driven by Marionette, which is built into it: JSON over TCP, each message after its length in bytes
// and a colon. Questions are `[0, id, command, parameters]`, answers `[1, id, error, result]`.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PATIENCE_MS, Program } from "./lib.mjs";

const QUESTION = 0;
/** Port 0 is one that Firefox chooses. A page may play sound without a click, as in Chromium's tests, and has a microphone that hums. */
const PREFERENCES = {
  "marionette.port": 0, "media.autoplay.default": 0, "media.autoplay.blocking_policy": 0, "media.gmp-manager.updateEnabled": false,
  "media.peerconnection.ice.obfuscate_host_addresses": false, "media.peerconnection.ice.loopback": true,
  "media.navigator.streams.fake": true, "media.navigator.permission.disabled": true,
  "app.update.enabled": false, "datareporting.policy.dataSubmissionEnabled": false, "browser.shell.checkDefaultBrowser": false,
};

/** One Firefox with a profile of its own and one page. */
export class Firefox {
  #socket; #ids = 0; #waiting = new Map(); #rest = Buffer.alloc(0);

  /** With more preferences, environment or arguments, if it is to have them. */
  static async start(preferences = {}, { env = {}, args = /** @type {string[]} */ ([]) } = {}) {
    const firefox = new Firefox();
    Object.assign(firefox, { env, args });
    firefox.preferences = { ...PREFERENCES, ...preferences };
    firefox.profile = mkdtempSync(join(tmpdir(), "porthole-firefox-"));
    try {
      await firefox.#run();
    } catch (error) {
      await firefox.stop();
      throw error;
    }
    return firefox;
  }

  async #run() {
    const lines = Object.entries(this.preferences).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`);
    writeFileSync(join(this.profile, "user.js"), `${lines.join("\n")}\n`);
    const args = ["--headless", "--no-remote", "--marionette", "--profile", this.profile, ...this.args, "about:blank"];
    this.program = new Program(process.env.PORTHOLE_FIREFOX ?? "/usr/bin/firefox-esr", args, { HOME: this.profile, ...this.env });
    const [, port] = await this.program.line(/Marionette\s+INFO\s+Listening on port (\d+)/);
    await new Promise((done, fail) => { this.#socket = connect(Number(port), "127.0.0.1", done).once("error", fail); });
    this.#socket.on("data", (bytes) => this.#heard(bytes));
    this.#socket.on("close", () => { for (const { fail } of this.#waiting.values()) fail(new Error("Firefox hung up")); });
    await this.ask("WebDriver:NewSession", { capabilities: { alwaysMatch: { timeouts: { script: PATIENCE_MS, pageLoad: PATIENCE_MS } } } });
  }

  #heard(bytes) {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (;;) {
      const colon = this.#rest.indexOf(":");
      const end = colon + 1 + Number(this.#rest.subarray(0, colon));
      if (colon < 0 || this.#rest.length < end) return;
      const message = JSON.parse(this.#rest.subarray(colon + 1, end));
      this.#rest = this.#rest.subarray(end);
      // The first message is no answer, but who it is.
      if (!Array.isArray(message)) continue;
      const [, id, error, result] = message;
      const { done, fail } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) fail(new Error(`${error.error}: ${error.message}`));
      else done(result);
    }
  }

  ask(command, parameters = {}) {
    const id = ++this.#ids;
    const text = JSON.stringify([QUESTION, id, command, parameters]);
    return new Promise((done, fail) => {
      this.#waiting.set(id, { done, fail });
      this.#socket.write(`${Buffer.byteLength(text)}:${text}`);
    });
  }

  goto(url) {
    return this.ask("WebDriver:Navigate", { url });
  }

  /** What a function, which may be asynchronous and uses nothing outside its arguments, gives in the page. */
  async evaluate(body, ...args) {
    const script = `const done = arguments[arguments.length - 1];
      (async () => (${body})(...Array.from(arguments).slice(0, -1)))().then((value) => done({ value }), (error) => done({ error: String(error) }));`;
    const { value: { value, error } } = await this.ask("WebDriver:ExecuteAsyncScript", { script, args, newSandbox: false });
    if (error) throw new Error(error);
    return value;
  }

  /** The first element that matches, once it is there and visible. */
  async find(selector) {
    await this.evaluate((selector, patience) => new Promise((done, fail) => {
      const until = Date.now() + patience;
      const look = () => {
        if (document.querySelector(selector)?.checkVisibility()) done();
        else if (Date.now() > until) fail(new Error(`no ${selector} in: ${document.body.innerText}`));
        else requestAnimationFrame(look);
      };
      look();
    }), selector, PATIENCE_MS - 1_000);
    const { value } = await this.ask("WebDriver:FindElement", { using: "css selector", value: selector });
    return Object.values(value)[0];
  }

  async click(selector) {
    await this.ask("WebDriver:ElementClick", { id: await this.find(selector) });
  }

  async stop() {
    this.#socket?.destroy();
    await this.program?.stop("SIGTERM");
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 10 });
  }
}
