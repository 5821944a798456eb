// SPDX-License-Identifier: MPL-2.0
// <porthole-camera> in pages of other origins, with their names in the server's configuration and without: the examples, by the package
// as npm has it, and pages that mean it ill. A second port of this machine is another origin.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { House, Site, page as hosting, read } from "./embedding.mjs";
import { Firefox } from "./firefox.mjs";
import { PATIENCE_MS, Program, ROOT, browser, freePort, scene, visitor } from "./lib.mjs";
import { waiting } from "./deadline.mjs";

/** How often a page takes the element away and puts it back. */
const MOVES = 1_000;

let chromium, house, site;
before(async () => {
  chromium = await browser();
  const [named, plain] = [await freePort(), await freePort()];
  const origin = (port) => `http://127.0.0.1:${port}`;
  house = await House.start([origin(named), origin(plain)]);
  house.plain = plain;
  site = await Site.start({ server: house.url, port: named, seconds: 12 });
});
after(async () => {
  await site?.stop();
  await house?.stop();
  await chromium.close();
});

/** Waits until the element is in one of these states; gives what it says. */
const becomes = (page, ...states) => page.waitForFunction((states) => {
  const camera = document.querySelector("porthole-camera");
  return states.includes(camera?.state) && { state: camera.state, code: camera.code, message: camera.message };
}, states).then((handle) => handle.jsonValue());

/** Frames that come while the test waits for them, and the size of the picture. */
const frames = (page, count) => page.evaluate((count) => new Promise((done) => {
  const video = document.querySelector("porthole-camera").shadowRoot.querySelector("video");
  const look = (_, { width, height }) => {
    count -= 1;
    if (count) video.requestVideoFrameCallback(look);
    else done({ width, height });
  };
  video.requestVideoFrameCallback(look);
}), count);

const none = (what) => waiting(what, (async () => {
  for (const end = Date.now() + PATIENCE_MS; await house.count("sessions");) {
    if (Date.now() > end) throw new Error(`${await house.count("sessions")} sessions are left`);
  }
})());

/** A page of a test's, with what the element needs; `script` runs before everything else. */
async function guest(keep, { body = "", port = house.plain, script = "" } = {}) {
  const host = await keep(hosting(`<!doctype html><meta charset="utf-8"><title>Somebody's page</title>
    <script>${script}</script><script type="module" src="${house.url}/embed/porthole-camera.js"></script>${body}`, port));
  return keep(visitor(chromium, host.link));
}

test("docs/embed.md shows the example's own backend and page", () => {
  const docs = read("docs/embed.md");
  const shown = (name) => docs.split(`<!-- ${name} -->\n\`\`\`js\n`)[1].split("\n```")[0];
  assert.ok(read("examples/embed/backend.mjs").includes(shown("token")));
  assert.ok(read("examples/embed/plain.js").includes(shown("provider")));
});

/** What somebody writes with the types alone; each line after a remark is wrong. */
const TYPED = `
import { PortholeCamera, PortholeClient, VERSION } from "porthole-camera";
const camera = document.querySelector("porthole-camera");
if (!camera) throw new Error(VERSION);
camera.tokenProvider = async ({ server, camera }) => server + camera;
const still: Promise<Blob> = camera.snapshot({ type: "image/png" });
const until: number | undefined = camera.terms?.until;
const fps: number | null | undefined = camera.statistics?.fps;
const made = new PortholeCamera();
made.client = new PortholeClient("https://look.example.org/", { token: "t", cookies: false });
camera.session?.talk(true);
// @ts-expect-error there is no such state
if (camera.state === "dead") void still;
// @ts-expect-error a camera has an id, and no number
camera.camera = 7;
console.log(until, fps);
`;

test("the package is one module without dependencies, of the version of Cargo.toml, with types that compile", () => scene(async (keep) => {
  const about = JSON.parse(readFileSync(join(site.package, "package.json"), "utf8"));
  assert.equal(about.version, read("Cargo.toml").match(/^version = "([^"]+)"/m)[1]);
  assert.deepEqual([about.dependencies, about.peerDependencies, about.scripts], [undefined, undefined, undefined]);
  const module = readFileSync(join(site.package, "porthole-camera.js"), "utf8");
  assert.doesNotMatch(module, /^import /m);
  assert.ok(module.includes("embed.play") && !module.includes("parts.sign-in"), "of the words, those that are said");
  const bytes = gzipSync(module).length;
  console.log(`porthole-camera.js: ${(bytes / 1024).toFixed(1)} KiB compressed`);
  writeFileSync(join(site.folder, "typed.ts"), TYPED);
  const compiler = join(ROOT, "tests/browser/node_modules/typescript/bin/tsc");
  const options = ["--noEmit", "--strict", "--target", "es2022", "--module", "es2022", "--moduleResolution", "bundler", "--lib", "es2022,dom"];
  const compiled = await keep(new Program(process.execPath, [compiler, ...options, join(site.folder, "typed.ts")]));
  assert.equal(await compiled.exit, 0, compiled.lines.join("\n"));
}));

test("the plain example shows the camera, and goes on when the token of the beginning is over", () => scene(async (keep) => {
  const page = await keep(visitor(chromium, "about:blank"));
  const asked = [];
  page.on("request", (request) => asked.push(request));
  await page.goto(site.link);
  await becomes(page, "live");
  assert.ok((await frames(page, 20)).width > 0);
  const first = await page.evaluate(() => document.querySelector("porthole-camera").session.sessionId);
  const tokens = () => asked.filter((request) => request.url().includes("/camera-token")).length;
  await waiting("the next token", page.waitForRequest(/camera-token/));
  await page.waitForFunction(() => document.querySelector("porthole-camera").terms?.until > Date.now() + 8_000);
  await frames(page, 100);
  const after = await page.evaluate(() => { const { state, session } = document.querySelector("porthole-camera"); return { state, id: session.sessionId }; });
  assert.deepEqual(after, { state: "live", id: first }, "the same session, with the next token");
  assert.ok(tokens() >= 2);
  // No token in an address, and no cookie of the server's.
  assert.ok(asked.every((request) => !/eyJ/.test(request.url())));
  assert.deepEqual(await page.context().cookies(house.url), []);
  assert.deepEqual(page.problems, []);
}));

test("a session and a video of the page's own are shown, and are the page's to end", () => scene(async (keep) => {
  const page = await keep(visitor(chromium, site.link));
  await becomes(page, "live");
  const shown = await page.evaluate(async () => {
    const first = document.querySelector("porthole-camera");
    const { session } = first;
    const video = Object.assign(document.createElement("video"), { slot: "picture", muted: true, playsInline: true });
    const second = Object.assign(document.createElement("porthole-camera"), { muted: true, session });
    second.append(video);
    document.body.append(second);
    await new Promise((playing) => { video.onplaying = playing; });
    const told = { state: second.state, isOwn: second.video === video, line: second.shadowRoot.querySelector(".state").textContent, width: video.videoWidth };
    second.session = null;
    await new Promise((done) => { second.addEventListener("state", done, { once: true }); });
    second.remove();
    return { ...told, after: second.state, kept: session.state, source: video.srcObject };
  });
  assert.ok(shown.width > 0);
  assert.deepEqual({ ...shown, width: 0 }, { state: "live", isOwn: true, line: "", width: 0, after: "idle", kept: "live", source: null });
}));

test("a snapshot is the picture in its own size, the buttons have names and keys, and pause ends the session", () => scene(async (keep) => {
  const page = await keep(visitor(chromium, site.link));
  await becomes(page, "live");
  const { width, height } = await frames(page, 2);
  const kept = await page.evaluate(async () => {
    const blob = await document.querySelector("porthole-camera").snapshot();
    const { width, height } = await createImageBitmap(blob);
    return { type: blob.type, width, height };
  });
  assert.deepEqual(kept, { type: "image/jpeg", width, height });
  await page.getByRole("button", { name: "Pause" }).focus();
  await page.keyboard.press("Enter");
  assert.equal((await becomes(page, "paused")).state, "paused");
  await none("the end of the session that was paused");
  await page.keyboard.press("Enter");
  await becomes(page, "live");
  await page.evaluate(() => document.querySelector("porthole-camera").remove());
  await none("the end of the session of an element that was removed");
}));

test("the React example shows the camera, and ends its session when it is closed", () => scene(async (keep) => {
  const page = await keep(visitor(chromium, `${site.link}react`));
  await becomes(page, "live");
  await page.locator("figcaption", { hasText: "live" }).waitFor();
  await page.getByRole("button", { name: "Close" }).click();
  await none("the end of the session of the component that was closed");
  await page.getByRole("button", { name: "Open" }).click();
  await becomes(page, "live");
  assert.deepEqual(page.problems, []);
}));

test("Firefox shows the plain example", () => scene(async (keep) => {
  const firefox = await keep(Firefox.start());
  await firefox.goto(site.link);
  const seen = await firefox.evaluate((patience) => new Promise((done, fail) => {
    const camera = document.querySelector("porthole-camera");
    const look = () => {
      if (camera.state !== "live") return;
      const video = camera.shadowRoot.querySelector("video");
      video.requestVideoFrameCallback(() => video.requestVideoFrameCallback((_, { width }) => done({ state: camera.state, width })));
    };
    camera.addEventListener("state", look);
    look();
    setTimeout(() => fail(new Error(`${camera.state} ${camera.code} ${camera.message}`)), patience - 1_000);
  }), PATIENCE_MS);
  assert.equal(seen.state, "live");
  assert.ok(seen.width > 0);
}));

test("a page that the server does not name is told which setting that is, and gets nothing", () => scene(async (keep) => {
  const stranger = await keep(site.beside(0));
  const started = await house.count("sessions_started_total");
  const page = await keep(visitor(chromium, stranger.link));
  const { code, message } = await becomes(page, "refused");
  assert.equal(code, "origin-refused");
  assert.match(message, /\[embed\] origins/);
  assert.match(await page.locator("#state").textContent(), /\[embed\] origins/);
  // By hand, with a token that is good.
  const tried = await page.evaluate(async ([url, token]) => {
    const asked = await fetch(`${url}/api/config`, { headers: { Authorization: `Bearer ${token}` } }).then(() => "read", () => "refused");
    const imported = await import(`${url}/porthole-client.js`).then(() => "read", () => "refused");
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws`, ["porthole", `porthole.bearer.${token}`]);
    const connected = await new Promise((done) => { socket.onopen = () => done("open"); socket.onerror = () => done("refused"); });
    return { asked, imported, connected };
  }, [house.url, house.token]);
  assert.deepEqual(tried, { asked: "refused", imported: "refused", connected: "refused" });
  assert.equal(await house.count("sessions_started_total"), started);
}));

test("the server's own module needs no package: it finds its server, and a token leaves the element when it is read", () => scene(async (keep) => {
  const page = await guest(keep, { body: `<porthole-camera camera="front" token="${house.token}" muted></porthole-camera>` });
  await becomes(page, "live");
  await frames(page, 5);
  const told = await page.evaluate(() => {
    const camera = document.querySelector("porthole-camera");
    return { html: document.documentElement.outerHTML, token: camera.token, attribute: camera.getAttribute("token"), keys: Object.keys(camera) };
  });
  assert.ok(!told.html.includes(house.token));
  assert.deepEqual([told.token, told.attribute], ["", null]);
  assert.deepEqual(told.keys.filter((key) => /token/i.test(key)), []);
}));

test("scripts of a page that have changed what everything inherits, and its style sheets, never see the token", () => scene(async (keep) => {
  const page = await guest(keep, { body: "<style>porthole-camera[token] { background: url(/leak) }</style>" });
  await page.waitForFunction(() => customElements.get("porthole-camera"));
  const leaks = [];
  page.on("request", (request) => { if (request.url().includes("leak")) leaks.push(request.url()); });
  const found = await page.evaluate(async (token) => {
    const seen = [];
    // By index, not by what is watched here: it would call itself without end.
    const includes = String.prototype.includes;
    const has = (value) => typeof value === "string" && Reflect.apply(includes, value, [token]);
    let isLooking = false;
    const look = (what, value) => {
      if (isLooking) return;
      isLooking = true;
      try { inspect(what, value); } finally { isLooking = false; }
    };
    const inspect = (what, value) => {
      if (has(value)) seen[seen.length] = what;
      else if (value && typeof value === "object") {
        for (const name of ["url", "href", "token", "headers", "Authorization", "value", "protocol"]) {
          let inner;
          try { inner = Object.getOwnPropertyDescriptor(value, name)?.value ?? (value instanceof WebSocket && name !== "headers" ? value[name] : undefined); } catch { /* Not there. */ }
          if (has(inner)) seen[seen.length] = `${what}.${name}`;
        }
        if (typeof value.getAttribute === "function" && has(value.getAttribute("token"))) seen[seen.length] = `${what} has the attribute`;
      }
    };
    const spy = (owner, name) => {
      const was = Object.getOwnPropertyDescriptor(owner, name);
      if (typeof was?.value !== "function") return;
      Object.defineProperty(owner, name, {
        ...was,
        value: new Proxy(was.value, {
          apply(target, self, args) {
            look(`${String(name)} of`, self);
            for (let i = 0; i < args.length; i += 1) look(`${String(name)} with`, args[i]);
            return Reflect.apply(target, self, args);
          },
          construct(target, args) {
            for (let i = 0; i < args.length; i += 1) {
              look(`new ${String(name)}`, args[i]);
              if (Array.isArray(args[i])) for (let j = 0; j < args[i].length; j += 1) look(`new ${String(name)}`, args[i][j]);
            }
            return Reflect.construct(target, args);
          },
        }),
      });
    };
    for (const name of ["fetch", "WebSocket", "Request", "Headers", "URL", "XMLHttpRequest", "setTimeout", "btoa", "encodeURIComponent"]) spy(window, name);
    for (const [owner, names] of [
      [String.prototype, ["split", "replace", "slice", "concat", "charCodeAt", "startsWith", "trim", "match"]],
      [Array.prototype, ["push", "join", "map", "splice", "includes", Symbol.iterator]],
      [RegExp.prototype, ["exec", "test"]],
      [Map.prototype, ["set", "get"]], [Set.prototype, ["add"]],
      [WebSocket.prototype, ["send", "close"]],
      [EventTarget.prototype, ["addEventListener", "dispatchEvent"]],
      [Element.prototype, ["getAttribute", "setAttribute", "removeAttribute", "hasAttribute"]],
      [JSON, ["stringify", "parse"]],
      [Function.prototype, ["call", "apply", "bind"]],
      [Promise.prototype, ["then"]],
      [Object, ["assign", "entries", "keys"]],
    ]) for (const name of names) spy(owner, name);
    for (const name of ["referrer", "integrity", "priority", "duplex", "window", "mode", "share", "return"]) {
      Object.defineProperty(Object.prototype, name, { configurable: true, get() { look(`${name} of`, this); return undefined; }, set(value) { Object.defineProperty(this, name, { value, writable: true, configurable: true, enumerable: true }); } });
    }
    const camera = document.createElement("porthole-camera");
    camera.muted = true;
    camera.camera = "front";
    camera.token = token;
    document.body.append(camera);
    await new Promise((done) => {
      const end = () => { if (camera.state === "live" || camera.state === "refused") done(); };
      camera.addEventListener("state", end);
      end();
    });
    // Another server is no reason to show it there.
    camera.setAttribute("server", `${location.origin}/leak/`);
    await new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); });
    // What is watched is watched: a client that did one of these would be seen.
    const count = seen.length;
    encodeURIComponent(token);
    JSON.stringify({ token });
    for (const each of [token]) token.concat(each);
    new WebSocket(`ws://127.0.0.1:9/?access_token=${token}`).close();
    return { seen: seen.slice(0, count), control: new Set(seen.slice(count)).size, state: camera.state };
  }, house.token);
  assert.ok(found.control >= 5, `${found.control} of what a client could do were seen`);
  assert.deepEqual(found.seen, []);
  assert.ok(leaks.every((url) => !url.includes(house.token)), leaks.join());
}));

test("a page that takes the element away and puts it back a thousand times leaves no session behind", () => scene(async (keep) => {
  const page = await guest(keep, { body: '<main></main><aside></aside>' });
  await page.evaluate(async ([token, moves]) => {
    await customElements.whenDefined("porthole-camera");
    const camera = document.createElement("porthole-camera");
    Object.assign(camera, { muted: true, camera: "front", token });
    const places = [document.querySelector("main"), document.querySelector("aside")];
    const turns = [() => Promise.resolve(), () => new Promise((done) => { setTimeout(done); }), () => null, () => new Promise((done) => { requestAnimationFrame(done); })];
    for (let i = 0; i < moves; i += 1) {
      places[i % 2].append(camera);
      await turns[i % turns.length]();
      // Every third time it is put elsewhere at once, as a list that is sorted does.
      if (i % 3) camera.remove();
      await turns[(i >> 2) % turns.length]();
    }
    camera.remove();
  }, [house.token, MOVES]);
  await none("the end of all sessions");
  const open = await page.evaluate(() => window.peers.filter(({ connectionState }) => connectionState !== "closed").length);
  assert.equal(open, 0);
  // It works as on the first day.
  await page.evaluate(() => {
    const camera = document.createElement("porthole-camera");
    Object.assign(camera, { muted: true, camera: "front" });
    document.body.append(camera);
    window.kept = camera;
  });
  await page.evaluate((token) => { window.kept.token = token; }, house.token);
  await becomes(page, "live");
}));

test("one that is moved keeps its session, and the picture goes on", () => scene(async (keep) => {
  const page = await guest(keep, { body: `<main><porthole-camera camera="front" token="${house.token}" muted></porthole-camera></main><aside></aside>` });
  await becomes(page, "live");
  const id = () => page.evaluate(() => document.querySelector("porthole-camera").session.sessionId);
  const before = await id();
  await page.evaluate(() => document.querySelector("aside").append(document.querySelector("porthole-camera")));
  await frames(page, 10);
  assert.equal(await id(), before);
}));

test("the viewer's page stands in a frame of a page that is named; the administrator's, and others' frames, stay empty", () => scene(async (keep) => {
  const shown = async (port, path) => {
    const host = await keep(hosting(`<!doctype html><title>Frames</title><iframe src="${house.url}${path}"></iframe>`, port));
    const page = await keep(visitor(chromium, host.link));
    const frame = page.frames().find((each) => each !== page.mainFrame());
    await frame.waitForLoadState();
    // In the place of what was refused there is a page of the browser's own.
    const there = frame.url().startsWith(house.url);
    await host.close();
    return there;
  };
  assert.equal(await shown(house.plain, "/"), true);
  assert.equal(await shown(house.plain, "/admin"), false);
  assert.equal(await shown(0, "/"), false);
}));
