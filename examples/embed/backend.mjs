// SPDX-License-Identifier: MPL-2.0
// A site that shows a camera: it serves the pages beside it, and gives a token for one camera and five minutes to whoever it knows.
//
//   SECRET=... SERVER=https://look.example.org node backend.mjs
//
// The server's configuration knows the same secret, in [auth], and the site's address, in [embed]: docs/embed.md.

import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const { PORT = "3000", SERVER = "https://look.example.org", SITE = "https://www.example.org", SECRET, TOKEN_SECONDS = "300" } = process.env;
if (!SECRET) throw new Error("set SECRET to the hs256-secret of the server's [auth]");

// -- the ten lines -------------------------------------------------------------------------------

/** A token with which `user` may see and hear `camera`, and nothing else. */
function cameraToken(user, camera, seconds) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: SITE, aud: "porthole", sub: user, exp: now + seconds, cameras: [camera], perms: ["view", "listen"] };
  const encoded = (part) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const text = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded(claims)}`;
  return `${text}.${createHmac("sha256", SECRET).update(text).digest("base64url")}`;
}

// -- the site ------------------------------------------------------------------------------------

const CAMERAS = ["front"];
const FILES = {
  "/": ["plain.html", "text/html"],
  "/plain.js": ["plain.js", "text/javascript"],
  "/react": ["react.html", "text/html"],
  "/react.js": ["built/react.js", "text/javascript"],
  "/porthole-camera.js": ["node_modules/porthole-camera/porthole-camera.js", "text/javascript"],
};
/** Scripts of this site alone, and what the element connects to. */
const POLICY = `default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ${SERVER} ${SERVER.replace("http", "ws")}; frame-ancestors 'none'`;

createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, SITE);
  if (pathname === "/camera-token") {
    // Here your site looks who is signed in, and whether that person may see this camera.
    const user = "anna";
    const camera = searchParams.get("camera");
    if (!CAMERAS.includes(camera)) return response.writeHead(403).end();
    response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
    return response.end(JSON.stringify({ token: cameraToken(user, camera, Number(TOKEN_SECONDS)) }));
  }
  const [name, type] = FILES[pathname] ?? [];
  if (!name) return response.writeHead(404).end();
  const text = readFileSync(new URL(name, import.meta.url), "utf8").replaceAll("https://look.example.org", SERVER);
  return response.writeHead(200, { "content-type": `${type}; charset=utf-8`, "content-security-policy": POLICY }).end(text);
}).listen(Number(PORT), "127.0.0.1", function () { console.log(`http://127.0.0.1:${this.address().port}/`); });
