// SPDX-License-Identifier: MPL-2.0
// Sites that show our cameras: the example, run as its readers run it, and pages that a test makes up.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Program, ROOT, Server, enrolled, freePort } from "./lib.mjs";

const MODULES = join(ROOT, "tests/browser/node_modules");
/** What the example's backend signs its tokens with. */
const SECRET = "what only the site and the server know";
const SITE = "https://www.example.org";

async function done(command, args, options) {
  const program = new Program(command, args, options);
  const code = await program.exit;
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${code}\n${program.lines.slice(-30).join("\n")}`);
  return program.lines.filter((line) => line !== "(exited)");
}

/** The examples beside the package as npm unpacks it, built as their readers build them. */
export class Site {
  static async start({ server, port, seconds = 300 }) {
    const site = new Site();
    site.folder = mkdtempSync(join(tmpdir(), "porthole-site-"));
    try {
      await site.#build();
      site.env = { SERVER: server, SECRET, TOKEN_SECONDS: String(seconds) };
      await site.#serve(port);
    } catch (error) {
      await site.stop();
      throw error;
    }
    return site;
  }

  async #serve(port) {
    this.program = new Program(process.execPath, [join(this.folder, "backend.mjs")], { ...this.env, PORT: String(port) });
    [, this.link] = await this.program.line(/^(http\S+)$/);
  }

  /** The same at another port, which is another origin. */
  async beside(port) {
    const other = Object.assign(new Site(), { env: this.env, folder: this.folder, isGuest: true });
    await other.#serve(port);
    return other;
  }

  async #build() {
    const inside = (...names) => join(this.folder, ...names);
    cpSync(join(ROOT, "examples/embed"), this.folder, { recursive: true });
    const [packed] = await done(join(ROOT, "scripts/package-npm"), [inside("npm/package")]);
    const own = inside("node_modules/porthole-camera");
    mkdirSync(own, { recursive: true });
    await done("tar", ["--extract", "--gzip", "--file", packed, "--directory", own, "--strip-components=1"]);
    for (const name of ["react", "react-dom", "scheduler"]) symlinkSync(join(MODULES, name), inside("node_modules", name));
    const { build } = await import("esbuild");
    await build({ entryPoints: [inside("react.js")], bundle: true, format: "esm", outfile: inside("built/react.js"), define: { "process.env.NODE_ENV": '"development"' }, logLevel: "warning" });
    this.package = own;
  }

  async stop() {
    await this.program?.stop("SIGTERM");
    if (!this.isGuest) rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A page of any content at an origin of its own, without a policy of its own. */
export async function page(html, port = 0) {
  const server = createServer((_, response) => response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(html));
  await new Promise((listening) => { server.listen(port, "127.0.0.1", listening); });
  const origin = `http://127.0.0.1:${server.address().port}`;
  return { origin, link: `${origin}/`, close: () => new Promise((closed) => { server.close(closed); server.closeAllConnections(); }) };
}

/** A server with the camera `front` that names these origins and believes the example's tokens, and how many sessions it has. */
export class House {
  static async start(origins) {
    const house = new House();
    const metrics = await freePort();
    house.metrics = `http://127.0.0.1:${metrics}/metrics`;
    house.server = await Server.start({
      env: {
        PORTHOLE_EMBED_ORIGINS: origins.join(","), PORTHOLE_METRICS_LISTEN: `127.0.0.1:${metrics}`,
        PORTHOLE_AUTH_ISSUER: SITE, PORTHOLE_AUTH_AUDIENCE: "porthole", PORTHOLE_AUTH_HS256_SECRET: SECRET,
      },
    });
    try {
      house.camera = await enrolled(house.server);
    } catch (error) {
      await house.stop();
      throw error;
    }
    return house;
  }

  get url() { return this.server.url; }
  get token() { return this.server.token; }

  /** A figure of the server's, such as `sessions`. */
  async count(name) {
    const text = await (await fetch(this.metrics)).text();
    return Number(text.match(new RegExp(`^porthole_${name} (\\d+)`, "m"))?.[1] ?? NaN);
  }

  async stop() {
    await this.camera?.stop();
    await this.server.stop();
  }
}

export const read = (name) => readFileSync(join(ROOT, name), "utf8");
