// SPDX-License-Identifier: MPL-2.0
// nginx in front of the server, as people set it up: `Host` as it makes it by itself.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { browser, enrolled, frames, freePort, Program, ROOT, scene, Server, visitor, watch } from "./lib.mjs";

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

/** What docs/operate.md has people write for nginx, with these ports and without a certificate. */
function documented(port, upstream) {
  const [, text] = readFileSync(join(ROOT, "docs/operate.md"), "utf8").match(/```nginx\n([^]*?)```/);
  return text.replace("listen 443 ssl;", `listen 127.0.0.1:${port};`).replace("127.0.0.1:8080", `127.0.0.1:${upstream}`)
    .replace("server_name look.example.org;", "").replace(/ssl_certificate.*;\n/g, "");
}

/** nginx on `port` before what listens on `upstream`, with files of its own. */
async function nginx(keep, port, upstream) {
  const folder = mkdtempSync(join(tmpdir(), "porthole-nginx-"));
  await keep({ stop: () => rmSync(folder, { recursive: true, force: true }) });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`);
  // Its workers are to read their folder, which belongs to whoever runs this.
  writeFileSync(join(folder, "nginx.conf"), `
    ${process.getuid() === 0 ? "user root;" : ""}
    daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr notice;
    events { worker_connections 64; }
    http {
      access_log off; ${temporary.join(" ")}
      ${documented(port, upstream)}
    }`);
  const program = await keep(new Program("/usr/sbin/nginx", ["-e", "stderr", "-p", folder, "-c", join(folder, "nginx.conf")]));
  await program.line(/start worker process/);
  return program;
}

test("behind nginx with its default Host, and url set, one logs in and sees the picture", () => scene(async (keep) => {
  const port = await freePort();
  const server = await keep(Server.start({ url: `http://localhost:${port}` }));
  await nginx(keep, port, server.port);
  await keep(enrolled(server));
  assert.equal(new URL(server.link).port, String(port));
  const page = await visitor(chromium, server.link);
  await watch(page, "front");
  assert.ok((await frames(page, "front", 1_000)).count > 5);
  await page.reload();
  await watch(page, "front");
  assert.deepEqual(page.problems, []);
}));

test("behind a proxy of which the server does not know, the page says what to set", () => scene(async (keep) => {
  const server = await keep(Server.start());
  const port = await freePort();
  await nginx(keep, port, server.port);
  await keep(enrolled(server));
  const page = await visitor(chromium, `http://127.0.0.1:${port}/#token=${server.token}`);
  await page.getByTestId("sign-in-error").filter({ hasText: /set url in its configuration/ }).waitFor();
  assert.equal(await page.getByTestId("camera-front").count(), 0);
  const own = await visitor(chromium, server.link);
  await watch(own, "front");
}));
