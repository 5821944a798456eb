// SPDX-License-Identifier: MPL-2.0
// Clients of other systems: pages with npm's socket.io-client of two generations, and programs with python-socketio of two
// generations and aiortc (foreign.py).

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { PATIENCE_MS, Program, ROOT, visitor } from "./lib.mjs";

/** As scripts/install puts them: the newer one has all that the older one needs besides. */
const PYTHON = process.env.PORTHOLE_PYTHON ?? join(ROOT, "target/tools/bin/python3");
const PACKAGES = { 4: ["4", "5"], 5: ["5"] };
const MODULES = { 2: "socket.io-client-2/dist/socket.io.js", 4: "socket.io-client/dist/socket.io.js" };

/** A program: `words` are foreign.py's, `generation` is python-socketio's. */
export function program(generation, words, { token = "", tokenIn = "query", transports = "polling,websocket" } = {}) {
  const path = PACKAGES[generation].map((each) => join(ROOT, "target/socketio", each)).join(":");
  return new Program(PYTHON, [join(ROOT, "tests/browser/foreign.py"), ...words], {
    PYTHONPATH: path, FOREIGN_TOKEN: token, FOREIGN_TOKEN_IN: tokenIn, FOREIGN_TRANSPORTS: transports,
  });
}

/** A site of somebody else, with the client in it. */
export class Site {
  static async start() {
    const site = new Site();
    site.server = createServer((request, response) => {
      const generation = request.url.match(/^\/client-(\d)\.js$/)?.[1];
      response.setHeader("content-type", generation ? "text/javascript" : "text/html");
      response.end(generation ? readFileSync(join(ROOT, "tests/browser/node_modules", MODULES[generation]))
        : "<!doctype html><video muted autoplay playsinline></video><canvas width=320 height=180></canvas>");
    });
    await new Promise((done) => site.server.listen(0, "127.0.0.1", done));
    site.origin = `http://127.0.0.1:${site.server.address().port}`;
    return site;
  }

  /** A page of it, which has connected to `url` with these options of the client, as `window.foreign`. */
  async page(chromium, generation, url, options) {
    const page = await visitor(chromium, this.origin);
    await page.addScriptTag({ url: `/client-${generation}.js` });
    await page.evaluate(foreign, { url, options, patience: PATIENCE_MS });
    return page;
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(done));
  }
}

/** Runs in the page. What is heard is in `foreign.heard`, as `[event, data]`. */
function foreign({ url, options, patience }) {
  const socket = window.io(url, { reconnection: false, ...options });
  const me = (window.foreign = { socket, heard: [], peers: {} });
  const waiters = new Set();
  const hear = (event, data) => {
    me.heard.push([event, data]);
    for (const waiter of waiters) waiter();
  };
  const EVENTS = ["connect", "connect_error", "disconnect", "error", "registered", "session-started", "offer", "answer",
    "ice-candidate", "bye", "created", "joined", "full", "new_peer", "invite", "ok", "ice_candidate"];
  for (const event of EVENTS) socket.on(event, (data) => hear(event, data instanceof Error ? data.message : data ?? null));
  me.event = (name) => new Promise((done, fail) => {
    const look = () => {
      const found = me.heard.find(([event]) => event === name);
      if (found) { waiters.delete(look); clearTimeout(timer); done(found[1]); }
    };
    const timer = setTimeout(() => fail(new Error(`no ${name} in ${JSON.stringify(me.heard).slice(0, 2000)}`)), patience);
    waiters.add(look);
    look();
  });
  const connection = (key) => {
    const pc = (me.peers[key] = new RTCPeerConnection());
    pc.onicecandidate = ({ candidate }) => socket.emit("ice-candidate", { to: key, candidate });
    return pc;
  };
  socket.on("ice-candidate", ({ from, candidate }) => me.peers[from]?.addIceCandidate(candidate).catch(() => {}));
  socket.on("bye", ({ from }) => me.peers[from]?.close());
  /** A robot, whose picture is a canvas. */
  me.robot = async (userId) => {
    const canvas = document.querySelector("canvas");
    const context = canvas.getContext("2d");
    setInterval(() => {
      context.fillStyle = `hsl(${(performance.now() / 10) % 360} 80% 50%)`;
      context.fillRect(0, 0, 320, 180);
    }, 40);
    const [track] = canvas.captureStream(25).getTracks();
    socket.on("offer", async ({ from, offer }) => {
      const pc = connection(from);
      pc.addTrack(track);
      await pc.setRemoteDescription(offer);
      await pc.setLocalDescription(await pc.createAnswer());
      socket.emit("answer", { to: from, from: "forged", answer: pc.localDescription });
    });
    socket.emit("register", { userId, userType: "robot" });
    await me.event("registered");
  };
  /** A viewer; gives the frames shown. */
  me.watch = async (to) => {
    socket.emit("register", { userId: "a-page", userType: "user" });
    const pc = connection(to);
    pc.addTransceiver("video", { direction: "recvonly" });
    const video = document.querySelector("video");
    pc.ontrack = ({ track }) => { video.srcObject = new MediaStream([track]); };
    socket.on("answer", ({ answer }) => pc.setRemoteDescription(answer));
    await pc.setLocalDescription(await pc.createOffer());
    socket.emit("offer", { to, offer: pc.localDescription });
    return new Promise((done, fail) => {
      setTimeout(() => fail(new Error(`no picture: ${JSON.stringify(me.heard).slice(0, 2000)}`)), patience);
      let count = 0;
      const frame = () => (++count === 10 ? done(count) : video.requestVideoFrameCallback(frame));
      video.requestVideoFrameCallback(frame);
    });
  };
}
