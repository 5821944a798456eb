// SPDX-License-Identifier: MPL-2.0
// Records what real clients say to a real portholesink: run `node tests/descriptions/record.mjs [CLIENT...]` after a build.
// Browsers run gstwebrtc-api (and Chromium our page too) and post what passes their peer connection; what webrtcsrc
// says is read from webrtcbin's log in the camera.

import { spawn } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { browser, launch, scene, Server, state, Stock, visitor } from "../browser/lib.mjs";

const HERE = new URL(".", import.meta.url).pathname;
const MODULE = new URL("../browser/node_modules/gstwebrtc-api/dist/gstwebrtc-api-3.0.0.esm.js", import.meta.url);
const CODECS = { vp8: "video/x-vp8", h264: "video/x-h264", all: null };
const STUN = "stun-server=stun://127.0.0.1:9";

/** Runs in the page, before anything else: posts each description and candidate of this side and of the other. */
const TAP = `(() => {
  const post = (what) => fetch(location.origin + "/heard", { method: "POST", body: JSON.stringify(what) }).catch(() => {});
  const tell = window.heard ?? post;
  const at = RTCPeerConnection.prototype;
  const wrap = (name, of) => {
    const native = at[name];
    at[name] = function (...args) {
      const result = native.apply(this, args);
      Promise.resolve(result).then(() => of(this, args), () => {});
      return result;
    };
  };
  wrap("setLocalDescription", (peer) => tell({ side: "viewer", ...peer.localDescription.toJSON() }));
  wrap("setRemoteDescription", (peer, [d]) => tell({ side: "camera", type: d.type, sdp: d.sdp }));
  const Native = RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(...args) {
      super(...args);
      this.addEventListener("icecandidate", ({ candidate }) => candidate && tell({ side: "viewer", type: "candidate", sdp: candidate.candidate }));
    }
  };
})();`;

const consumer = (url, offer, audio) => `<!doctype html><video muted autoplay playsinline></video><script>${TAP}</script><script type="module">
  const { default: fallback, GstWebRTCAPI = fallback } = await import("/api.js");
  const api = new GstWebRTCAPI({ signalingServerUrl: ${JSON.stringify(url)}, reconnectionTimeout: 0, webrtcConfig: { iceServers: [] } });
  api.registerPeerListener({
    producerAdded(producer) {
      const session = ${offer}
        ? api.createConsumerSessionWithOfferOptions(producer.id, { offerToReceiveVideo: true, offerToReceiveAudio: ${audio} })
        : api.createConsumerSession(producer.id);
      const video = document.querySelector("video");
      session.addEventListener("streamsChanged", () => {
        video.srcObject = session.streams[0];
        let count = 0;
        const frame = () => (++count === 5 ? fetch("/done", { method: "POST" }) : video.requestVideoFrameCallback(frame));
        video.requestVideoFrameCallback(frame);
      });
      session.connect();
    },
    producerRemoved() {},
  });
</script>`;

/** Serves the consumer's page; `done` is what it heard by the time it shows frames. */
async function listener(keep, page) {
  const heard = [];
  let finish;
  const done = new Promise((ok, fail) => { finish = ok; setTimeout(() => {
    // A browser without the codec answers as well: it rejects the media line.
    if (heard.some(({ type }) => type === "answer")) ok(Object.assign(heard, { rejected: true }));
    else fail(new Error(`heard only ${JSON.stringify(heard).slice(0, 200)}`));
  }, 15_000); });
  const files = createServer((request, response) => {
    let body = "";
    request.on("data", (part) => { body += part; }).on("end", () => {
      if (request.url === "/heard") heard.push(JSON.parse(body));
      if (request.url === "/done") finish(heard);
      const script = request.url === "/api.js";
      response.setHeader("content-type", script ? "text/javascript" : "text/html");
      response.end(script ? readFileSync(MODULE) : page);
    });
  });
  await new Promise((ok) => files.listen(0, "127.0.0.1", ok));
  await keep({ stop: () => new Promise((ok) => { files.closeAllConnections(); files.close(ok); }) });
  return { url: `http://127.0.0.1:${files.address().port}/`, done };
}

function save(name, heard) {
  for (const kind of ["offer", "answer"]) {
    // Chromium gathers for a while; what the other side was sent is the first.
    const text = heard.find(({ type }) => type === kind)?.sdp;
    if (!text) throw new Error(`${name}: no ${kind}`);
    writeFileSync(join(HERE, `${name}.${kind}.sdp`), text.replace(/\r?\n/g, "\r\n"));
  }
  for (const { side, type, sdp } of heard) {
    if (side === "viewer" && type === "candidate" && sdp) appendFileSync(join(HERE, "candidates.txt"), `${sdp}\n`);
  }
  console.log("recorded", name);
}

async function camera(keep, server, codec, audio, env = {}) {
  const caps = CODECS[codec] ? ` video-caps=${CODECS[codec]}` : "";
  const line = audio
    ? `portholesrc camera=test idle-timeout=0 name=cam ! portholesink name=out${caps} cam.audio ! out.audio`
    : `portholesrc camera=test idle-timeout=0 ! portholesink${caps}`;
  const program = await keep(launch(line, { PORTHOLE_CAMERA_KEY: server.key, ...env }));
  await program.line(/porthole\/server, state=\(string\)online/);
}

const socket = (server) => `${server.url.replace("http", "ws")}/ws?access_token=${server.token}`;

async function firefox(keep, url) {
  const profile = mkdtempSync(join(tmpdir(), "porthole-firefox-"));
  writeFileSync(join(profile, "user.js"), 'user_pref("media.autoplay.default", 0);\nuser_pref("media.gmp-manager.updateEnabled", false);\n');
  const child = spawn("firefox-esr", ["--headless", "--no-remote", "--profile", profile, url], { stdio: "ignore", env: { ...process.env, HOME: profile } });
  await keep({
    stop: async () => {
      child.kill();
      await new Promise((ok) => child.once("close", ok));
      rmSync(profile, { recursive: true, force: true });
    },
  });
}

const clients = {
  async page(keep, server) {
    const chromium = await keep(browser());
    const page = await visitor(chromium, "about:blank");
    const heard = [];
    await page.exposeFunction("heard", (what) => { heard.push(what); });
    await page.addInitScript(TAP);
    await page.goto(server.link);
    await page.getByTestId("camera-front").click();
    await state(page, "front", "live");
    return heard;
  },
  async chromium(keep, server, offer, audio) {
    const { url, done } = await listener(keep, consumer(socket(server), offer, audio));
    const chromium = await keep(browser());
    const page = await (await chromium.newContext()).newPage();
    await page.goto(url);
    return done;
  },
  async firefox(keep, server, offer, audio) {
    const { url, done } = await listener(keep, consumer(socket(server), offer, audio));
    await firefox(keep, url);
    return done;
  },
};

async function webrtcsrc(keep, server, log) {
  const stock = await keep(new Stock());
  const client = await keep(stock.launch([
    "webrtcsrc", STUN, "connect-to-first-producer=true", `signaller::uri=${server.url.replace("http", "ws")}/ws`,
    `signaller::headers=headers,authorization=(string)"Bearer\\ ${server.token}"`,
    "!", "videoconvert", "!", "video/x-raw,format=I420", "!", "fakesink", "num-buffers=10",
  ]));
  await client.line(/Got EOS from element/);
  const heard = [];
  const text = readFileSync(log, "utf8");
  for (const [, source, type, sdp] of text.matchAll(/Attempting to set (\w+) (offer|answer) in [^\n]*\n[^\n]*SDP contents\r?\n(v=0[\s\S]*?)\r?\n\r?\n?\d+:\d\d:/g)) {
    heard.push({ side: source === "local" ? "camera" : "viewer", type, sdp: `${sdp.trimEnd()}\n` });
  }
  return heard;
}

const wanted = process.argv.slice(2);
for (const codec of Object.keys(CODECS)) {
  for (const audio of [false, true]) {
    for (const client of ["page", "chromium", "chromium-offers", "firefox", "firefox-offers", "webrtcsrc"]) {
      if (wanted.length && !wanted.includes(client)) continue;
      if (codec === "all" && client === "webrtcsrc") continue;
      const name = `${client}-${codec}${audio ? "-audio" : ""}`;
      await scene(async (keep) => {
        const server = await keep(Server.start());
        const [who, offers] = client.split("-");
        if (who === "webrtcsrc") {
          const folder = mkdtempSync(join(tmpdir(), "porthole-"));
          const log = join(folder, "log");
          await camera(keep, server, codec, audio, { GST_DEBUG: "webrtcbin:7", GST_DEBUG_FILE: log, GST_DEBUG_NO_COLOR: "1" });
          save(name, await webrtcsrc(keep, server, log));
          rmSync(folder, { recursive: true });
        } else {
          await camera(keep, server, codec, audio);
          const heard = await clients[who](keep, server, Boolean(offers), audio);
          save(heard.rejected ? `${name}-rejected` : name, heard);
        }
      }).catch((error) => console.log("failed", name, String(error).slice(0, 1500)));
    }
  }
}
process.exit(0);
