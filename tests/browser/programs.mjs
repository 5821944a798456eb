// SPDX-License-Identifier: MPL-2.0
// Programs on the robot, as the tests of the gateway start them, and a browser that can be frozen.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { asTested, Program, ROOT } from "./lib.mjs";

/** Debian's, which has python3-websockets. */
const PYTHON = "/usr/bin/python3";

/** Where programs connect to, as the camera says it. */
export async function gatewayOf(camera) {
  const [, url] = await camera.line(/programs connect to (ws:\/\/127\.0\.0\.1:\d+)\/SERVICE/);
  return url;
}

/** One of examples/gateway that need no compiler, connected unless it shall not be waited for. */
export async function example(name, url, wait = true) {
  const command = [join(ROOT, "examples/gateway", name), url];
  const program = name.endsWith(".py") ? new Program(PYTHON, command) : new Program(command[0], command.slice(1));
  if (wait) await program.line(new RegExp(`^${name.split(".")[0]}: connected`));
  return program;
}

/** A program that does what the test says (program.py). */
export class Robot {
  static async start(url, service, answer = /^connected$/, within = [], more = []) {
    const robot = new Robot();
    const [command, ...words] = [...within, PYTHON, join(ROOT, "tests/browser/program.py"), `${url}/${service}`, ...more];
    robot.program = new Program(command, words, {}, "pipe");
    await robot.program.line(answer);
    return robot;
  }

  say(told) { this.program.process.stdin.write(`${JSON.stringify(told)}\n`); }

  describe(description) { this.say({ text: `porthole describe ${JSON.stringify(description)}` }); }

  /** What was heard, in order. */
  get heard() { return this.program.lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line)); }
  get texts() { return this.heard.map(({ text }) => text).filter((text) => text !== undefined); }
  /** What the gateway itself said, as `[word, object]`. */
  get words() {
    return this.texts.filter((text) => text.startsWith("porthole ")).map((text) => {
      const [, word, object] = text.match(/^porthole (\w+) (.*)$/);
      return [word, JSON.parse(object)];
    });
  }
  get commands() { return this.texts.filter((text) => !text.startsWith("porthole ")); }

  /** Where the next line will be, for {@link line}. */
  get now() { return this.program.lines.length; }
  /** The next such line from `from` on, come or yet to come. */
  line(pattern, from = 0) { return this.program.line(pattern, { from }); }
  /** A word of the gateway's that has these names and reasons in it, in whatever order. */
  word(word, inside = [], from = 0) {
    return this.line(new RegExp(`porthole ${word} ${inside.map((each) => `(?=.*\\b${each}\\b)`).join("")}`), from);
  }

  stop() { return this.program.stop(); }
}

/** A Chromium of its own, whose every process can be stopped and continued. */
export class Freezer {
  static async start(more = []) {
    const freezer = new Freezer();
    freezer.server = await chromium.launchServer(asTested(undefined, undefined, more));
    freezer.browser = await chromium.connect(freezer.server.wsEndpoint());
    return freezer;
  }

  /** The ids of its processes. */
  #processes() {
    const parents = new Map();
    for (const id of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        const stat = readFileSync(`/proc/${id}/stat`, "utf8");
        parents.set(Number(id), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
      } catch { /* It has ended. */ }
    }
    const found = [this.server.process().pid];
    for (const parent of found) for (const [id, its] of parents) if (its === parent) found.push(id);
    return found;
  }

  #signal(signal) {
    for (const id of this.#processes()) try { process.kill(id, signal); } catch { /* It has ended. */ }
  }

  freeze() { this.#signal("SIGSTOP"); }
  thaw() { this.#signal("SIGCONT"); }

  async stop() {
    this.thaw();
    await this.browser.close();
    await this.server.close();
  }
}
