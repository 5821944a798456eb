// SPDX-License-Identifier: MPL-2.0
// As much of a TURN client (RFC 8656) as it takes to see what a server grants, over UDP; and coturn itself.

import { createHash, createHmac, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { isIPv4 } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, PATIENCE_MS, Program, ROOT } from "./lib.mjs";

const COOKIE = 0x2112a442;
const ALLOCATE = 0x0003, CREATE_PERMISSION = 0x0008;
const USERNAME = 0x0006, INTEGRITY = 0x0008, ERROR_CODE = 0x0009, PEER = 0x0012, REALM = 0x0014, NONCE = 0x0015,
  FAMILY = 0x0017, TRANSPORT = 0x0019;
export const UDP = 17, TCP = 6;
/** A lost datagram is sent again after so long. */
const AGAIN_MS = 500;

/** What coturn's `use-auth-secret` takes, made by other code than the server's. */
export function credentials(secret, user) {
  return { username: user, credential: createHmac("sha1", secret).update(user).digest("base64") };
}

/** The second that is so far from now. */
export const second = (from) => Math.floor(Date.now() / 1000) + from;

/** An IPv4 address of this machine that others in its network could use: libnice and Chromium ask no relay on loopback. */
export function ownAddress() {
  const all = Object.values(networkInterfaces()).flat();
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
}

function attribute(type, value) {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc(-value.length & 3)]);
}

function message(type, id, attributes, key) {
  const compose = (body) => {
    const head = Buffer.alloc(8);
    head.writeUInt16BE(type, 0);
    head.writeUInt16BE(body.length, 2);
    head.writeUInt32BE(COOKIE, 4);
    return Buffer.concat([head, id, body]);
  };
  const body = Buffer.concat(attributes);
  if (!key) return compose(body);
  // The length that is signed already counts the signature.
  const signed = compose(Buffer.concat([body, Buffer.alloc(24)])).subarray(0, -24);
  return compose(Buffer.concat([body, attribute(INTEGRITY, createHmac("sha1", key).update(signed).digest())]));
}

function read(bytes) {
  const attributes = new Map();
  for (let at = 20; at + 4 <= bytes.length;) {
    const [type, length] = [bytes.readUInt16BE(at), bytes.readUInt16BE(at + 2)];
    attributes.set(type, bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length + (-length & 3);
  }
  const error = attributes.get(ERROR_CODE);
  return { id: bytes.subarray(8, 20), attributes, code: error ? error[2] * 100 + error[3] : 0 };
}

/** An address as the protocol wants it, which is not as it is. */
function xored(address, id) {
  const parts = isIPv4(address) ? address.split(".").map(Number) : mapped(address);
  const mask = Buffer.concat([Buffer.from([0x21, 0x12, 0xa4, 0x42]), id]);
  return Buffer.from([0, parts.length === 4 ? 1 : 2, 0, 0, ...parts.map((part, n) => part ^ mask[n])]);
}

function mapped(address) {
  const [left, right = ""] = address.split("::").map((half) => half.split(":").filter(Boolean).map((word) => parseInt(word, 16)));
  const words = [...left, ...Array(8 - left.length - right.length).fill(0), ...right];
  return words.flatMap((word) => [word >> 8, word & 255]);
}

/** One client, on a port of its own. Each question answers with the server's error code, or 0. */
export class TurnClient {
  #socket = createSocket("udp4"); #server; #waiting = new Map(); #auth = [];

  /** @param {string} address @param {number} port */
  constructor(address, port) {
    this.#server = [port, address];
    this.#socket.on("message", (bytes) => {
      const answer = read(bytes);
      this.#waiting.get(answer.id.toString("hex"))?.(answer);
    });
  }

  /** Asks for a relay with these credentials, as a client does: first without them. */
  async allocate({ username, credential, transport = UDP, ipv6 = false }) {
    const wanted = [attribute(TRANSPORT, Buffer.from([transport, 0, 0, 0]))];
    if (ipv6) wanted.push(attribute(FAMILY, Buffer.from([2, 0, 0, 0])));
    const first = await this.#ask(ALLOCATE, () => wanted);
    if (first.code !== 401) return first.code;
    const [realm, nonce] = [REALM, NONCE].map((type) => first.attributes.get(type));
    this.key = createHash("md5").update(`${username}:${realm}:${credential}`).digest();
    this.#auth = [attribute(USERNAME, Buffer.from(username)), attribute(REALM, realm), attribute(NONCE, nonce)];
    return (await this.#ask(ALLOCATE, () => [...wanted, ...this.#auth])).code;
  }

  /** Asks that this peer may be talked to. */
  async permit(peer) {
    return (await this.#ask(CREATE_PERMISSION, (id) => [attribute(PEER, xored(peer, id)), ...this.#auth])).code;
  }

  #ask(type, attributes) {
    const id = randomBytes(12);
    const bytes = message(type, id, attributes(id), this.key);
    return new Promise((done, fail) => {
      const say = () => this.#socket.send(bytes, ...this.#server);
      const again = setInterval(say, AGAIN_MS);
      const end = (then, what) => { clearInterval(again); clearTimeout(late); this.#waiting.delete(id.toString("hex")); then(what); };
      const late = setTimeout(() => end(fail, new Error("no answer from the TURN server")), PATIENCE_MS);
      this.#waiting.set(id.toString("hex"), (answer) => end(done, answer));
      say();
    });
  }

  stop() {
    return new Promise((done) => this.#socket.close(done));
  }
}

/** coturn with what `scripts/turn` writes. */
export class Coturn {
  static async start({ address, options = [] }) {
    const coturn = new Coturn();
    coturn.folder = mkdtempSync(join(tmpdir(), "porthole-turn-"));
    coturn.address = address;
    coturn.port = await freePort();
    try {
      await coturn.#run(options);
    } catch (error) {
      await coturn.stop();
      throw error;
    }
    return coturn;
  }

  async #run(options) {
    const { address, folder, port } = this;
    const file = join(folder, "turnserver.conf");
    const script = new Program(join(ROOT, "scripts/turn"), [
      "--host", address, "--listen", address, "--port", String(port), "--output", file, ...options,
    ]);
    if ((await script.exit) !== 0) throw new Error(script.lines.join("\n"));
    this.table = script.lines.slice(script.lines.indexOf("[turn]"), -1).filter((line) => !line.startsWith("porthole:")).join("\n");
    this.secret = readFileSync(file, "utf8").match(/^static-auth-secret=(\S+)$/m)[1];
    this.program = new Program("turnserver", ["-c", file, "--pidfile", join(folder, "pid"), "--userdb", join(folder, "db")]);
    // It does not say when it listens, but answers then.
    const probe = new TurnClient(address, port);
    await probe.allocate({ username: "", credential: "" }).finally(() => probe.stop());
  }

  async stop() {
    await this.program?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
