// SPDX-License-Identifier: MPL-2.0
// A server for the pages of the stock element and of the browser alone, to be run at an address: `node serve.mjs HOST`. A program
// of its own, so that it can stand in a network namespace. Prints the port that it took.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const FILES = {
  "/gstwebrtc-api.js": join(ROOT, "tests/browser/node_modules/gstwebrtc-api/dist/gstwebrtc-api-3.0.0.esm.js"),
  "/client/latency-clock.js": join(ROOT, "signaling/web/client/latency-clock.js"),
  "/alone.html": join(import.meta.dirname, "alone.html"),
  "/stock.html": join(import.meta.dirname, "stock.html"),
};

const server = createServer(({ url }, response) => {
  const path = new URL(url, "http://localhost").pathname;
  const file = FILES[path];
  if (!file) return response.writeHead(404).end();
  response.setHeader("content-type", path.endsWith(".js") ? "text/javascript" : "text/html");
  return response.end(readFileSync(file));
});
server.listen(0, process.argv[2] ?? "127.0.0.1", () => console.log(`serving on ${server.address().port}`));
