// SPDX-License-Identifier: MPL-2.0
// The pages before a server and a camera that say what the test wants: both are fakes inside the page, but the picture
// comes over a real peer connection. The page is served from a folder, as behind a proxy.

import { createServer } from "node:http";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, visitor } from "./lib.mjs";

const WEB = join(ROOT, "signaling/web");
const TYPES = { html: "text/html", css: "text/css", js: "text/javascript", svg: "image/svg+xml", png: "image/png", webmanifest: "application/manifest+json" };
// As the server's own (signaling/src/page.rs).
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/** What browsers let the page use, such as the microphone. */
const PERMISSIONS = readFileSync(join(ROOT, "signaling/src/page.rs"), "utf8").match(/"permissions-policy",\s*"([^"]+)"/)[1];
export const CONFIG = { openAccess: true, authenticated: false, websocket: "/ws", iceServers: [] };

/** The files of the pages, at `link`; with a `script`, the fake server and that run first, for browsers that start no scripts of a test. */
export async function served(script = null, port = 0) {
  const server = createServer(({ url }, response) => {
    const name = url.match(/^\/look\/([^?]*)/)?.[1];
    const file = join(WEB, { "": "index.html", admin: "admin.html", calendar: "calendar.html", calls: "calls.html" }[name] ?? name ?? "");
    if (name === "api/config") return response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(CONFIG));
    if (script && name === "test.js") return response.writeHead(200, { "content-type": TYPES.js }).end(`(${fakeServer})({}); (${script})();`);
    if (name === undefined || !existsSync(file)) return response.writeHead(404).end();
    const headers = { "content-type": TYPES[file.split(".").at(-1)], "content-security-policy": POLICY, "permissions-policy": PERMISSIONS };
    const content = readFileSync(file);
    return response.writeHead(200, headers).end(script && file.endsWith(".html") ? content.toString().replace("<script", '<script src="test.js"></script><script') : content);
  });
  await new Promise((done) => { server.listen(port, "127.0.0.1", done); });
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { link: `http://127.0.0.1:${server.address().port}/look/`, port: server.address().port, close };
}

/** A signaling server with one camera, in the page. `window.server` is what a test steers it by. */
function fakeServer(api) {
  const server = (window.server = { sent: [], sockets: [], deaf: false, full: false, terms: { lease: 7_200, perms: ["view", "listen"] }, cameras: [{ id: "front", meta: { name: "Front door" } }], api, asked: [] });
  let sessions = 0;
  /** Their ends, by session. */
  const ends = (server.ends = new Map());

  /** A picture that changes, unless the server is `still`, and a tone. */
  const media = () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
    const context = canvas.getContext("2d");
    let hue = 0;
    setInterval(() => {
      context.fillStyle = `hsl(${server.still ? 200 : hue++ % 360} 60% 50%)`;
      context.fillRect(0, 0, 320, 180);
      if (server.still) still(context);
    }, server.still ? 200 : 100);
    const sound = new AudioContext();
    const tone = sound.createMediaStreamDestination();
    const oscillator = sound.createOscillator();
    oscillator.connect(tone);
    oscillator.start();
    return new MediaStream([...canvas.captureStream(25).getTracks(), ...tone.stream.getTracks()]);
  };

  /** A circle, which shows whether a picture is cut or pulled. */
  const still = (context) => {
    context.fillStyle = "hsl(40 60% 60%)";
    context.beginPath();
    context.arc(160, 90, 70, 0, 2 * Math.PI);
    context.fill();
  };

  const end = ({ sessionId }) => {
    ends.get(sessionId)?.close();
    ends.delete(sessionId);
  };
  server.say = (message) => {
    if (message.type === "endSession") end(message);
    server.sockets.at(-1).onmessage?.({ data: JSON.stringify(message) });
  };
  server.drop = (code = 1006, reason = "") => {
    server.sockets.at(-1).readyState = 3;
    server.sockets.at(-1).onclose?.({ code, reason });
  };
  const answers = {
    list: () => server.say({ type: "list", producers: server.cameras }),
    listConsumers: () => server.say({ type: "listConsumers", consumers: [] }),
    resumeSession: ({ sessionId, peerId }) => server.say({ type: "sessionResumed", sessionId, peerId, terms: server.terms }),
    async startSession({ peerId }) {
      if (server.refusal) return server.say({ type: "error", details: "", ...server.refusal });
      const sessionId = `s${++sessions}`;
      server.say({ type: "sessionStarted", peerId, sessionId, secret: `secret of ${sessionId}`, terms: server.terms });
      if (server.full) return server.say({ type: "endSession", sessionId, reason: "camera-full" });
      const camera = new RTCPeerConnection();
      ends.set(sessionId, camera);
      const stream = media();
      for (const track of stream.getTracks()) camera.addTrack(track, stream);
      server.robot?.(camera);
      camera.onicecandidate = ({ candidate }) => candidate && server.say({ type: "peer", sessionId, ice: candidate.toJSON() });
      await camera.setLocalDescription(await camera.createOffer());
      server.say({ type: "peer", sessionId, sdp: { type: "offer", sdp: camera.localDescription.sdp } });
    },
    peer: ({ sessionId, sdp, ice }) => (sdp ? ends.get(sessionId)?.setRemoteDescription(sdp) : ends.get(sessionId)?.addIceCandidate(ice)),
    endSession: end,
  };
  const network = window.fetch;
  window.fetch = async (url, options = {}) => {
    const route = `${options.method ?? "GET"} ${new URL(url, location.href).pathname.replace("/look/", "")}`;
    if (!(route in server.api)) return network(url, options);
    server.asked.push({ route, body: options.body && JSON.parse(options.body) });
    const { status = 200, ...body } = server.api[route];
    return new Response(status === 204 ? null : JSON.stringify(body), { status });
  };
  window.WebSocket = class {
    readyState = 1;
    constructor(url) {
      this.url = url;
      server.sockets.push(this);
      queueMicrotask(() => { if (!server.deaf) server.say({ type: "welcome", peerId: "me" }); });
    }
    close() { this.readyState = 3; }
    send(text) {
      const message = JSON.parse(text);
      server.sent.push(message);
      answers[message.type]?.(message);
    }
  };
}

/** A person at the page, before the fake server, whose REST API answers as `api` says; `script` runs in the page after it, and `before` outside of it. */
export async function person(chromium, link, { path = "", api = {}, script = null, before = null, ...options } = {}) {
  const page = await visitor(chromium, "about:blank", options);
  await page.addInitScript(fakeServer, api);
  if (script) await page.addInitScript(script);
  await before?.(page);
  await page.goto(link + path);
  return page;
}

/** What the page has sent of one type. */
export const said = (page, type) => page.evaluate((type) => window.server.sent.filter((message) => message.type === type), type);
/** Has the server say something. */
export const say = (page, message) => page.evaluate((message) => window.server.say(message), message);
