// SPDX-License-Identifier: MPL-2.0
// A gateway that does what the test wants, for the programs of examples/gateway: just enough of a WebSocket server.

import { createHash } from "node:crypto";
import { createServer } from "node:http";

const ACCEPT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;

export class FakeGateway {
  /** What was said, and whatever else happened, in order. */
  heard = [];
  paths = [];
  /** Of the last request. */
  headers = {};
  /** Instead of a connection. */
  status = 0;
  #server; #waiters = new Set(); #socket = null; #sockets = new Set();

  static async start(port = 0) {
    const gateway = new FakeGateway();
    gateway.#server = createServer((_, response) => response.writeHead(400).end());
    gateway.#server.on("upgrade", (request, socket) => gateway.#upgrade(request, socket));
    await new Promise((done) => { gateway.#server.listen(port, "127.0.0.1", done); });
    gateway.port = gateway.#server.address().port;
    gateway.url = `ws://127.0.0.1:${gateway.port}`;
    return gateway;
  }

  /** @param {string|Buffer} message */
  say(message) { this.#frame(typeof message === "string" ? TEXT : BINARY, Buffer.from(message)); }

  /** Goes without a goodbye. */
  cut() { this.#socket?.destroy(); }

  async stop() {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((done) => { this.#server.close(done); });
  }

  /** The first text from number `from` on that `fits`, come or yet to come. */
  async text(fits, from = 0, patience = 30_000) {
    const there = this.heard.slice(from).find(fits);
    if (there !== undefined) return there;
    return new Promise((done, fail) => {
      const look = (text) => { if (fits(text)) { end(); done(text); } };
      const end = () => { clearTimeout(timer); this.#waiters.delete(look); };
      const timer = setTimeout(() => { end(); fail(new Error(`not heard, but: ${this.heard.slice(-20).join("\n")}`)); }, patience);
      this.#waiters.add(look);
    });
  }

  #upgrade(request, socket) {
    this.paths.push(request.url);
    this.headers = request.headers;
    socket.on("error", () => {});
    if (this.status) return socket.end(`HTTP/1.1 ${this.status} No\r\nContent-Length: 0\r\n\r\n`);
    const key = createHash("sha1").update(request.headers["sec-websocket-key"] + ACCEPT).digest("base64");
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`);
    this.#socket = socket;
    this.#sockets.add(socket);
    let rest = Buffer.alloc(0);
    socket.on("data", (chunk) => { rest = this.#read(Buffer.concat([rest, chunk])); });
    return undefined;
  }

  /** Takes the whole frames; gives what is left. A client's frames are masked, and these are short. */
  #read(bytes) {
    while (bytes.length >= 6) {
      const short = bytes[1] & 0x7f;
      const start = short === 126 ? 4 : 2;
      const length = short === 126 ? bytes.readUInt16BE(2) : short;
      if (bytes.length < start + 4 + length) break;
      const mask = bytes.subarray(start, start + 4);
      const payload = Buffer.from(bytes.subarray(start + 4, start + 4 + length).map((byte, i) => byte ^ mask[i % 4]));
      this.#take(bytes[0] & 0x0f, payload);
      bytes = bytes.subarray(start + 4 + length);
    }
    return bytes;
  }

  #take(opcode, payload) {
    if (opcode === PING) return this.#frame(PONG, payload);
    if (opcode === CLOSE) {
      this.#frame(CLOSE, payload);
      this.#socket.end();
    }
    const text = opcode === TEXT ? payload.toString() : `(opcode ${opcode})`;
    this.heard.push(text);
    for (const waiter of this.#waiters) waiter(text);
    return undefined;
  }

  #frame(opcode, payload) {
    const head = payload.length < 126 ? [0x80 | opcode, payload.length] : [0x80 | opcode, 126, payload.length >> 8, payload.length & 0xff];
    this.#socket?.write(Buffer.concat([Buffer.from(head), payload]));
  }
}
