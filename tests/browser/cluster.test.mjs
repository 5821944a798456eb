// SPDX-License-Identifier: MPL-2.0
// Several servers as one, behind a balancer of connections, on a PostgreSQL and a NATS of their own: a camera of gst-launch-1.0 and
// a page in Chromium, as they are, while each server in turn is killed or told to end.

import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { signIn } from "./accounts.mjs";
import { browser, BUILT, END_MS, enrolled, freePort, GAP_MS, Program, ROOT, scene, state, visitor, watch } from "./lib.mjs";
import { lastPacket, longestGap, presented, record } from "./record.mjs";

const BINARY = join(BUILT, "porthole-signaling");
const SERVERS = 3;
const SOURCE = "portholesrc name=cam camera=test idle-timeout=0 ! videoscale ! video/x-raw,width=320,height=180 ! portholesink";
/** Each of the servers is killed, comes back, is told to end and comes back, all of them by turns. */
const FLEET_MS = 300_000;

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

/** Debian's PostgreSQL, for as long as its script may read. */
class Postgres {
  static async start() {
    const [versions, script] = ["/usr/lib/postgresql", readFileSync(join(ROOT, "signaling/tests/store/postgres.sh"), "utf8")];
    const latest = readdirSync(versions).sort((a, b) => Number(a) - Number(b)).at(-1);
    const postgres = new Postgres();
    const folder = join(tmpdir(), `porthole-postgres-${process.pid}-${Date.now()}`);
    const shell = ["sh", "-c", script, "postgres.sh", join(versions, latest, "bin"), folder];
    const words = userInfo().uid === 0 ? ["runuser", "-u", "postgres", "--", ...shell] : shell;
    postgres.program = new Program(words[0], words.slice(1), {}, "pipe");
    await postgres.program.line(/^ready$/);
    postgres.url = `postgres://porthole@localhost/postgres?host=${folder}`;
    return postgres;
  }

  async stop() {
    this.program.process.stdin.end();
    await this.program.exit;
  }
}

/** Hands each connection to the next server that takes it. */
async function balancer(ports) {
  let turn = 0;
  const open = new Set();
  const proxy = createServer((client) => {
    open.add(client);
    client.on("close", () => open.delete(client)).on("error", () => client.destroy());
    const attempt = (left) => {
      if (left === 0) return client.destroy();
      const server = connect(ports[turn++ % ports.length], "127.0.0.1");
      server.once("connect", () => {
        client.pipe(server).pipe(client);
        server.on("close", () => client.destroy());
        client.on("close", () => server.destroy());
      });
      server.on("error", () => (server.connecting || server.pending ? attempt(left - 1) : client.destroy()));
      return undefined;
    };
    attempt(ports.length);
  });
  await new Promise((done) => { proxy.listen(0, "127.0.0.1", done); });
  proxy.stop = () => {
    open.forEach((client) => client.destroy());
    return new Promise((done) => { proxy.close(done); });
  };
  return proxy;
}

class Fleet {
  static async start(keep) {
    const fleet = new Fleet();
    fleet.folder = mkdtempSync(join(tmpdir(), "porthole-"));
    await keep({ stop: async () => rmSync(fleet.folder, { recursive: true, force: true }) });
    const postgres = await keep(Postgres.start());
    const conf = join(fleet.folder, "nats.conf");
    writeFileSync(conf, 'listen: "127.0.0.1:-1"\nauthorization { user: porthole, password: "secret of nats" }\n');
    const nats = await keep(new Program("nats-server", ["-c", conf]));
    const [, port] = await nats.line(/Listening for client connections on 127\.0\.0\.1:(\d+)/);
    fleet.ports = [];
    for (let n = 0; n < SERVERS; n++) fleet.ports.push(await freePort());
    const proxy = await keep(balancer(fleet.ports));
    fleet.url = `http://127.0.0.1:${proxy.address().port}`;
    const config = `url = "${fleet.url}"\n[database]\nurl = "${postgres.url}"\n[cluster]\nnats = "nats://porthole:secret%20of%20nats@127.0.0.1:${port}"\n`;
    const data = (n) => join(fleet.folder, `data${n}`);
    fleet.data = data;
    for (let n = 0; n < SERVERS; n++) {
      if (n > 0) cpSync(data(0), data(n), { recursive: true });
      else {
        mkdirSync(data(0), { mode: 0o700 });
        writeFileSync(join(data(0), "config.toml"), config, { mode: 0o600 });
        const init = new Program(BINARY, ["init", "--json", "--data-dir", data(0)]);
        assert.equal(await init.exit, 0, init.lines.join("\n"));
        fleet.password = JSON.parse(init.lines.find((line) => line.startsWith("{"))).password;
      }
    }
    fleet.servers = [];
    await keep({ stop: () => Promise.all(fleet.servers.map((server) => server.stop("SIGKILL"))) });
    for (let n = 0; n < SERVERS; n++) await fleet.serve(n);
    const answer = await fleet.fetch("POST", "session", { user: "admin", password: fleet.password });
    fleet.cookie = answer.headers.getSetCookie()[0].split(";")[0];
    return fleet;
  }

  async serve(n) {
    this.servers[n] = new Program(BINARY, ["serve", "--data-dir", this.data(n), "--listen", `127.0.0.1:${this.ports[n]}`]);
    await this.servers[n].line(/listening on/);
  }

  async fetch(method, path, body) {
    const headers = { Origin: this.url, Connection: "close", ...(this.cookie && { Cookie: this.cookie }), ...(body && { "Content-Type": "application/json" }) };
    const answer = await fetch(`${this.url}/api/${path}`, { method, headers, body: body && JSON.stringify(body) });
    assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
    return answer;
  }

  async ask(method, path, body) {
    const answer = await this.fetch(method, path, body);
    return answer.status === 204 ? null : answer.json();
  }
}

test("while servers are killed and end by turns the picture goes on in one session, which ends with its booking", () => scene(async (keep) => {
  const fleet = await Fleet.start(keep);
  const { key } = await fleet.ask("POST", "cameras", { name: "Front", id: "front" });
  const { password } = await fleet.ask("POST", "users", { name: "alice" });
  const start = new Date(Date.now() - 60_000).toISOString();
  const booking = await fleet.ask("POST", "bookings", { camera: "front", user: "alice", start, end: new Date(Date.now() + 3_600_000).toISOString() });
  const front = await keep(enrolled({ key }, SOURCE));
  const page = await visitor(chromium, fleet.url, { clings: true });
  await signIn(page, "alice", password);
  await watch(page, "front");
  await record(page, "front");
  await presented(page, 10);
  const { sessionId } = await page.talk.message("server", "sessionStarted");

  for (const signal of ["SIGKILL", "SIGTERM"]) {
    for (let n = 0; n < SERVERS; n++) {
      await fleet.servers[n].stop(signal);
      await presented(page, 60);
      await fleet.serve(n);
      await presented(page, 30);
    }
  }
  assert.ok(page.talk.count("server", "sessionResumed") > 0, "nothing was moved");
  assert.equal((await page.talk.message("server", "sessionResumed")).sessionId, sessionId);
  await state(page, "front", "live");
  assert.equal(page.talk.count("page", "startSession"), 1);
  const gap = await longestGap(page);
  assert.ok(gap < GAP_MS, `${gap} ms without a new frame`);
  assert.ok(!front.lines.some((line) => /porthole\/viewer-left/.test(line)));

  const at = Date.now();
  await fleet.ask("DELETE", `bookings/${booking.id}`);
  assert.equal((await state(page, "front", "refused")).code, "revoked");
  const late = (await lastPacket(page, "video")) - at;
  await front.line(/porthole\/viewer-left.*reason=\(string\)revoked/);
  assert.ok(late < END_MS, `video came ${late} ms after its booking`);
}, FLEET_MS));
