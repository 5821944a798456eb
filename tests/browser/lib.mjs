// SPDX-License-Identifier: MPL-2.0
// The vocabulary of the browser tests: a camera (a real gst-launch-1.0 process), a server (the real
// binary), a browser (Debian's Chromium). Nothing here waits for a fixed time: it waits for something.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { deadline, waiting, within } from "./deadline.mjs";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const BUILT = process.env.PORTHOLE_BUILT ?? join(ROOT, "target/release");
// A folder of its own: GStreamer scans folders in depth, and beside the build lie stock plugins.
export const PLUGINS = process.env.PORTHOLE_PLUGINS ?? join(ROOT, "target/gstreamer");
/** Longest wait for anything: a loaded machine is slow, a broken program is slower. */
export const PATIENCE_MS = 30_000;
/**
 * Longest time without a new frame in a picture that goes on: half a second on a machine that does nothing else, as
 * `scripts/bench sessions` counts it. Here others run besides; a session that begins anew is seen by its messages.
 */
export const GAP_MS = 2_000;
/**
 * From the end of a permission to the end of what it permitted, across processes and on a machine on which others run besides. The
 * promise is a second; it is proven under a clock of its own in src/signaller/gate_tests.rs, and counted by `scripts/bench sessions`.
 */
export const END_MS = 4_000;
/** Longest wait for what a page was asked to do, whose own waits are bounded by {@link PATIENCE_MS}. */
const PAGE_MS = 2 * PATIENCE_MS;
/** Longest time for a whole scene that does not name another. */
const SCENE_MS = 120_000;
/** Longest time for the end of what a scene has started. */
const STOP_MS = 20_000;

/** A program whose output is read line by line. Ended by `stop`, by its id alone. */
export class Program {
  constructor(command, args, env = {}, input = /** @type {"ignore"|"pipe"} */ ("ignore")) {
    this.name = basename(command);
    this.lines = [];
    this.waiters = new Set();
    this.process = spawn(command, args, { env: { ...process.env, ...env }, stdio: [input, "pipe", "pipe"] });
    this.exit = new Promise((done) => {
      this.process.once("close", (code, signal) => done(code ?? signal));
      this.process.once("error", (error) => { this.#heard(error.message); done(error.code); });
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      let rest = "";
      stream.setEncoding("utf8").on("data", (chunk) => {
        const parts = (rest + chunk).split("\n");
        rest = parts.pop();
        parts.forEach((line) => this.#heard(line));
      });
    }
    this.exit.then(() => this.#heard("(exited)"));
  }

  #heard(line) {
    this.lines.push(line);
    for (const waiter of this.waiters) waiter(line);
  }

  /** The first match of `pattern` among the lines from number `from` on, come or yet to come. */
  line(pattern, { from = 0, patience = PATIENCE_MS } = {}) {
    for (const line of this.lines.slice(from)) {
      const match = line.match(pattern);
      if (match) return Promise.resolve(match);
    }
    return waiting(`${this.name} to say ${pattern}`, new Promise((done, fail) => {
      const end = () => {
        clearTimeout(timer);
        this.waiters.delete(look);
      };
      const look = (line) => {
        const match = line.match(pattern);
        if (match) { end(); done(match); }
        else if (line === "(exited)") { end(); fail(new Error(`ended before ${pattern}:\n${this.lines.join("\n")}`)); }
      };
      const timer = setTimeout(() => { end(); fail(new Error(`no ${pattern} in:\n${this.lines.slice(-60).join("\n")}`)); }, patience);
      this.waiters.add(look);
    }));
  }

  async stop(signal = "SIGINT") {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill(signal);
    const timer = setTimeout(() => this.process.kill("SIGKILL"), 10_000);
    const code = await this.exit;
    clearTimeout(timer);
    return code;
  }
}

/**
 * A gst-launch-1.0 process with the plugin. A `pipeline` in one text is split at blanks; the words `within` come first, such as
 * those that enter a network namespace.
 */
export function launch(pipeline, env = {}, within = []) {
  const words = Array.isArray(pipeline) ? pipeline : pipeline.split(/\s+/);
  const [command, ...args] = [...within, "gst-launch-1.0", "-m", ...words];
  return new Program(command, args, {
    GST_PLUGIN_PATH: PLUGINS,
    PORTHOLE_CAMERA_KEY: "",
    ...env,
  });
}

/** A camera with the server in its process; `link` is what a viewer opens. */
export async function camera(pipeline, env, within) {
  const program = launch(pipeline, env, within);
  const [, link] = await program.line(/porthole: watch at (http:\/\/127\.\S+)/);
  await program.line(/porthole\/server, state=\(string\)online/);
  program.link = link;
  program.origin = new URL(link).origin;
  program.token = new URLSearchParams(new URL(link).hash.slice(1)).get("token");
  return program;
}

/** Stock webrtcsink and webrtcsrc, in a plugin folder of their own: cargo builds them beside our plugin. */
export class Stock {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "porthole-stock-"));
    const deps = join(BUILT, "deps");
    for (const name of ["rswebrtc", "rsrtp"]) {
      const built = readdirSync(deps).filter((file) => file.startsWith(`libgst${name}-`) && file.endsWith(".so"));
      const age = (file) => statSync(join(deps, file)).mtimeMs;
      const newest = built.sort((a, b) => age(b) - age(a))[0];
      if (!newest) throw new Error(`no libgst${name}-*.so in ${deps}: run cargo build --release`);
      symlinkSync(join(deps, newest), join(this.folder, `libgst${name}.so`));
    }
  }

  launch(pipeline, within) {
    return launch(pipeline, { GST_PLUGIN_PATH: this.folder, GST_REGISTRY: join(this.folder, "registry.bin") }, within);
  }

  stop() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A camera enrolled at `server`, online. */
export async function enrolled(server, pipeline = "portholesrc camera=test idle-timeout=0 ! portholesink", env = {}) {
  const program = launch(pipeline, { PORTHOLE_CAMERA_KEY: server.key, ...env });
  await program.line(/porthole\/server, state=\(string\)online/);
  return program;
}

/** The stand-alone server with a configuration of its own in `folder`. */
export class Server {
  /**
   * `viewer` is what alice may, `bob` a second one, if there is to be one; `url` where both are told to go; `env` what the server
   * finds in its environment; `within` begins its command line, and `host` is where it listens.
   */
  static async start({ viewer = [], bob, url, env = {}, within = [], host = "127.0.0.1" } = {}) {
    const server = new Server();
    Object.assign(server, { env, within, host });
    server.folder = mkdtempSync(join(tmpdir(), "porthole-"));
    server.config = join(server.folder, "porthole.toml");
    server.port = await freePort();
    server.url = url ?? `http://127.0.0.1:${server.port}`;
    server.key = await server.run("camera", "add", "Front", "--url", server.url);
    server.link = await server.admit("alice", viewer);
    if (bob) server.bob = await server.admit("bob", bob);
    server.token = server.link.split("#token=")[1];
    await server.serve();
    return server;
  }

  /** Lets one more viewer in; gives the link. */
  admit(name, options) {
    return this.run("viewer", "add", name, "--url", this.url, ...options);
  }

  /** Changes a key of a viewer in the configuration. */
  edit(name, key, value) {
    const tables = readFileSync(this.config, "utf8").split(/^(?=\[)/m);
    const edited = tables.map((table) => (table.startsWith("[[viewer]]") && table.includes(`name = "${name}"`)
      ? table.replace(new RegExp(`^${key} = .*$`, "m"), `${key} = ${JSON.stringify(value)}`) : table));
    if (edited.join("") === tables.join("")) throw new Error(`${name} has no ${key}, or that value already`);
    writeFileSync(this.config, edited.join(""));
  }

  /** Has the server read its configuration again; gives the time (`Date.now()`) just before. */
  async reload() {
    const [from, before] = [this.program.lines.length, Date.now()];
    this.program.process.kill("SIGHUP");
    await this.program.line(/read the configuration again/, { from });
    return before;
  }

  async run(...args) {
    const program = new Program(join(BUILT, "porthole-signaling"), [...args, "--config", this.config]);
    const code = await program.exit;
    if (code !== 0) throw new Error(`${args.join(" ")}: exit code ${code}\n${program.lines.join("\n")}`);
    return program.lines.filter((line) => line !== "(exited)" && /^(phk1|http)/.test(line)).join("\n").trim();
  }

  async serve() {
    const [command, ...args] = [...this.within, join(BUILT, "porthole-signaling"), "serve", "--config", this.config, "--listen", `${this.host}:${this.port}`];
    this.program = new Program(command, args, this.env);
    await this.program.line(/listening on/);
  }

  /** Gone at once, without a goodbye to anyone. */
  kill() {
    return this.program.stop("SIGKILL");
  }

  async stop() {
    await this.program.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A port that was free a moment ago, for where port 0 cannot be told to others in time. */
export async function freePort() {
  const { createServer } = await import("node:net");
  return new Promise((done) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });
}

/** Chromium, or a program that becomes it, with the flags that video in a headless test needs, and `more`. */
export function browser(env, executablePath, more) {
  return chromium.launch(asTested(env, executablePath, more));
}

/** Pages that were not fetched from this machine may not reach it, as far as Chromium knows. */
const FROM_DISK = process.env.PORTHOLE_WEB ? ",LocalNetworkAccessChecks" : "";

/** How it is started. */
export function asTested(env = {}, executablePath = process.env.PORTHOLE_CHROMIUM ?? "/usr/bin/chromium", more = []) {
  return {
    env: { ...process.env, ...env },
    executablePath,
    headless: true,
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", `--disable-features=WebRtcHideLocalIpsWithMdns${FROM_DISK}`,
      "--autoplay-policy=no-user-gesture-required", ...more,
    ],
  };
}

/** What a page and its server say to each other over WebSockets, as `{by: "page"|"server", ...message}`. */
class Talk {
  messages = [];
  #waiters = new Set();

  constructor(page) {
    page.on("websocket", (socket) => {
      socket.on("framesent", ({ payload }) => this.#heard("page", payload));
      socket.on("framereceived", ({ payload }) => this.#heard("server", payload));
    });
  }

  #heard(by, payload) {
    if (payload.length > 32_768) return; // A flood is not kept.
    let message;
    try { message = { by, ...JSON.parse(payload) }; } catch { return; }
    this.messages.push(message);
    for (const waiter of this.#waiters) waiter(message);
  }

  /** The first such message from number `from` on, come or yet to come. */
  message(by, type, from = 0) {
    const fits = (message) => message.by === by && message.type === type;
    const there = this.messages.slice(from).find(fits);
    if (there) return Promise.resolve(there);
    return waiting(`${type} from the ${by}`, new Promise((done, fail) => {
      const end = () => { clearTimeout(timer); this.#waiters.delete(look); };
      const look = (message) => { if (fits(message)) { end(); done(message); } };
      const timer = setTimeout(() => { end(); fail(new Error(`no ${type} from the ${by}`)); }, PATIENCE_MS);
      this.#waiters.add(look);
    }));
  }

  /** How many such messages there were. */
  count(by, type) {
    return this.messages.filter((message) => message.by === by && message.type === type).length;
  }
}

/**
 * A new person with a browser of their own: no cookies shared. One that `clings` never ends a peer connection itself; of one
 * behind a firewall only a `relay` gets out; the rest of the options is the browser's. What the pages' content security
 * policy had to stop is in `page.problems`.
 */
export async function visitor(chromium, link, { clings = false, relay = false, ...options } = {}) {
  const context = await chromium.newContext({ viewport: { width: 1100, height: 760 }, ...options });
  if (process.env.PORTHOLE_WEB) await fromDisk(context);
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  bound(page);
  page.problems = [];
  page.talk = new Talk(page);
  await page.addInitScript(({ clings, relay }) => {
    const Native = RTCPeerConnection;
    if (clings) Native.prototype.close = () => {};
    window.peers = [];
    window.RTCPeerConnection = class extends Native {
      constructor(config) {
        super({ ...config, ...(relay && { iceTransportPolicy: "relay" }) });
        window.peers.push(this);
      }
    };
  }, { clings, relay });
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && /Content Security Policy/.test(message.text())) page.problems.push(message.text());
  });
  await page.goto(link);
  return page;
}

const WEB = join(ROOT, "signaling/web");
const KINDS = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

/** Has a browser get the pages as they are on the disk, not as they were built: for who works on them, with PORTHOLE_WEB=1. */
function fromDisk(context) {
  const file = ({ pathname }) => {
    const name = { "/": "index.html", "/admin": "admin.html", "/calendar": "calendar.html", "/calls": "calls.html" }[pathname] ?? pathname.slice(1);
    return name && extname(name) in KINDS && existsSync(join(WEB, name)) ? join(WEB, name) : null;
  };
  return context.route((url) => file(url) !== null, async (route) => {
    const found = file(new URL(route.request().url()));
    // Of a server in another network this process gets nothing.
    const built = await route.fetch().catch(() => null);
    const { "content-encoding": _, etag, ...headers } = built?.headers() ?? {};
    await route.fulfill({ status: 200, headers: { ...headers, "content-type": KINDS[extname(found)] }, body: readFileSync(found) });
  });
}

/** Has what a page is asked, which playwright waits for without end, fail after a time and say what it was. */
function bound(page) {
  for (const name of ["evaluate", "waitForFunction"]) {
    const plain = page[name].bind(page);
    page[name] = (body, ...rest) => within(PAGE_MS, `the page: ${shortened(body)}`, plain(body, ...rest));
  }
}

const shortened = (body) => String(body).replace(/\s+/g, " ").slice(0, 200);

/** Opens the camera, unless it comes by itself, as to who has a link to it alone; and waits until it is live. */
export async function watch(page, id) {
  await opened(page, id);
  await state(page, id, "live");
}

/** Has the camera's picture, whatever becomes of it. */
export async function opened(page, id) {
  const picture = page.getByTestId(`state-${id}`);
  const end = Date.now() + PATIENCE_MS;
  // The card goes away when the picture of a link comes: a click that waits for it would wait for good.
  while (!(await picture.count())) {
    await page.getByTestId(`camera-${id}`).click({ timeout: 1_000 }).catch((problem) => { if (Date.now() > end) throw problem; });
  }
}

/** Waits until the camera's state is `name`; gives its text and code. */
export async function state(page, id, name) {
  const element = page.locator(`[data-testid="state-${id}"][data-state="${name}"]`);
  await waiting(`the state ${name} of ${id}`, element.waitFor());
  return { text: await element.textContent(), code: await element.getAttribute("data-code") };
}

/** Frames decoded and presented in `ms`, the size of the picture, and whether it changed meanwhile. */
export function frames(page, id, ms) {
  return page.getByTestId(`video-${id}`).evaluate(async (video, ms) => {
    const pixels = () => {
      const canvas = new OffscreenCanvas(64, 36);
      const context = canvas.getContext("2d");
      context.drawImage(video, 0, 0, 64, 36);
      return context.getImageData(0, 0, 64, 36).data;
    };
    const before = pixels();
    const first = video.getVideoPlaybackQuality().totalVideoFrames;
    const start = performance.now();
    await new Promise((done) => setTimeout(done, ms));
    const count = video.getVideoPlaybackQuality().totalVideoFrames - first;
    const after = pixels();
    const changed = before.reduce((sum, value, i) => sum + Math.abs(value - after[i]), 0);
    return { count, fps: (count * 1000) / (performance.now() - start), width: video.videoWidth, height: video.videoHeight, changed };
  }, ms);
}

/** The colours near the four corners, as [red, green, blue]. */
export function corners(page, id) {
  return page.getByTestId(`video-${id}`).evaluate((video) => {
    const { videoWidth: w, videoHeight: h } = video;
    const canvas = new OffscreenCanvas(w, h);
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0);
    const at = (x, y) => [...context.getImageData(x, y, 1, 1).data.slice(0, 3)];
    const [l, t, r, b] = [w * 0.03, h * 0.1, w * 0.97, h * 0.9].map(Math.round);
    return { topLeft: at(l, t), topRight: at(r, t), bottomLeft: at(l, b), bottomRight: at(r, b) };
  });
}

/** The loudest sample heard, 0 to 1; ends early once it is over `enough`. */
export function loudness(page, id, enough) {
  return page.getByTestId(`video-${id}`).evaluate((video, enough) => new Promise((done) => {
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    context.createMediaStreamSource(video.srcObject).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const until = performance.now() + 10_000;
    let peak = 0;
    const look = () => {
      analyser.getFloatTimeDomainData(samples);
      peak = Math.max(peak, ...samples.map(Math.abs));
      if (peak > enough || performance.now() > until) done(peak);
      else requestAnimationFrame(look);
    };
    look();
  }), enough);
}

/** Audio packets received so far. */
export function audioPackets(page) {
  return page.evaluate(async () => {
    let packets = 0;
    for (const peer of window.peers) {
      for (const report of (await peer.getStats()).values()) {
        if (report.type === "inbound-rtp" && report.kind === "audio") packets += report.packetsReceived;
      }
    }
    return packets;
  });
}

/**
 * Runs `body` and stops what it started, last first; also what is only given to be kept after the scene's end. What is not over
 * after `ms` says where it stood.
 */
export async function scene(body, ms = SCENE_MS) {
  const started = [];
  let isOver = false;
  const keep = async (thing) => {
    const value = await thing;
    if (isOver) await stop(value);
    else started.push(value);
    return value;
  };
  const problems = [];
  await deadline(ms, body(keep)).catch((problem) => problems.push(problem));
  isOver = true;
  for (const thing of started.reverse()) await stop(thing).catch((problem) => problems.push(problem));
  // What went wrong first is why the rest did.
  if (problems.length) throw problems[0];
}

async function stop(thing) {
  await within(STOP_MS, `the end of ${thing.constructor?.name}`, Promise.resolve(thing.close?.() ?? thing.stop?.()));
}
