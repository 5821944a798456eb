// SPDX-License-Identifier: MPL-2.0
// A server with a data directory: accounts, bookings and share links, made through its REST API, as an administrator does.

import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUILT, freePort, Program, ROOT, visitor } from "./lib.mjs";

const BINARY = join(BUILT, "porthole-signaling");
/** The first administrator, whom `init` makes. */
export const ADMIN = "admin";
/** Pictures of the pages for docs/. */
const SCREENSHOTS = join(ROOT, "target/screenshots");

/** The path of a picture of the pages. */
export function screenshot(name) {
  mkdirSync(SCREENSHOTS, { recursive: true });
  return join(SCREENSHOTS, name);
}

/** So many ms from now, as the API takes it. */
export const time = (ms) => new Date(Date.now() + ms).toISOString();

export class Accounts {
  /**
   * `configured` gives the text of the configuration file for the server's address; it may leave other files in `folder`. Without
   * `enters` the administrator is not logged in, and nothing can be asked of the API.
   */
  static async start({ configured, enters = true } = /** @type {{configured?: (url: string, folder: string) => string, enters?: boolean}} */ ({})) {
    const accounts = new Accounts();
    accounts.folder = mkdtempSync(join(tmpdir(), "porthole-"));
    accounts.data = join(accounts.folder, "data");
    accounts.port = await freePort();
    accounts.url = `http://127.0.0.1:${accounts.port}`;
    const init = new Program(BINARY, ["init", "--json", "--data-dir", accounts.data]);
    if ((await init.exit) !== 0) {
      rmSync(accounts.folder, { recursive: true, force: true });
      throw new Error(`init:\n${init.lines.join("\n")}`);
    }
    if (configured) writeFileSync(join(accounts.data, "config.toml"), configured(accounts.url, accounts.data), { mode: 0o600 });
    accounts.password = JSON.parse(init.lines.find((line) => line.startsWith("{"))).password;
    await accounts.serve();
    if (!enters) return accounts;
    const answer = await accounts.#fetch("POST", "session", { user: ADMIN, password: accounts.password });
    accounts.cookie = answer.headers.getSetCookie()[0].split(";")[0];
    return accounts;
  }

  async serve() {
    this.program = new Program(BINARY, ["serve", "--data-dir", this.data, "--listen", `127.0.0.1:${this.port}`]);
    await this.program.line(/listening on/);
  }

  async #fetch(method, path, body) {
    const headers = { Origin: this.url, ...(this.cookie && { Cookie: this.cookie }), ...(body && { "Content-Type": "application/json" }) };
    const answer = await fetch(`${this.url}/api/${path}`, { method, headers, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }

  /** Asks the REST API, as the administrator. */
  async ask(method, path, body) {
    const answer = await this.#fetch(method, path, body);
    return answer.status === 204 ? null : answer.json();
  }

  /** A camera; `key` is what it is started with, for `enrolled` of lib.mjs. */
  async camera(name, id) {
    const { key } = await this.ask("POST", "cameras", { name, id });
    return { url: this.url, key };
  }

  /** A viewer, with a password. */
  async user(name) {
    return this.ask("POST", "users", { name });
  }

  /** A booking from so many ms from now, for so many. */
  book(camera, user, start, length, more = {}) {
    return this.ask("POST", "bookings", { camera, user, start: time(start), end: time(start + length), ...more });
  }

  /** Someone who has signed in on the page with a name and a password. */
  async signedIn(chromium, name, password, { path = "/", ...options } = {}) {
    const page = await visitor(chromium, `${this.url}${path}`, options);
    await signIn(page, name, password);
    return page;
  }

  /** The administrator, on a part of the page for administrators. */
  async administrator(chromium, { part = "cameras", ...options } = {}) {
    const page = await this.signedIn(chromium, ADMIN, this.password, { path: `/admin#${part}`, ...options });
    await page.getByTestId("tab-cameras").waitFor();
    return page;
  }

  async stop() {
    await this.program.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Fills in the form of a page. */
export async function signIn(page, name, password) {
  await page.getByTestId("user-input").fill(name);
  await page.getByTestId("password-input").fill(password);
  await page.keyboard.press("Enter");
}
