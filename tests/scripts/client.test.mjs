// SPDX-License-Identifier: MPL-2.0
// A client that others generate from the API's description compiles, and does what it says.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Accounts, ADMIN } from "../browser/accounts.mjs";
import { Program, ROOT, scene } from "../browser/lib.mjs";

const MODULES = join(ROOT, "tests/browser/node_modules");
const TSCONFIG = {
  compilerOptions: {
    strict: true, noUncheckedIndexedAccess: true, target: "es2022", module: "es2022", moduleResolution: "bundler", lib: ["es2022", "dom"],
    types: [], skipLibCheck: true,
  },
  // What was generated is a source here: in a declaration file nobody would look at it.
  files: ["schema.ts", "client.ts"],
};
/** What somebody writes who has the description and nothing else. */
const CLIENT = `
import createClient from "openapi-fetch";
import type { operations, paths } from "./schema";
declare const process: { argv: string[] };

const [, , baseUrl, token] = process.argv;
if (!baseUrl || !token) throw new Error("give the server and a token");
const api = createClient<paths>({ baseUrl, headers: { Authorization: "Bearer " + token } });
type Query = NonNullable<operations["listCameras"]["parameters"]["query"]>;
const names: string[] = [];
let query: Query = { limit: 2 };
for (;;) {
  const { data, error } = await api.GET("/api/v1/cameras", { params: { query } });
  if (!data) throw new Error(error.code);
  names.push(...data.items.map((camera) => camera.name));
  if (!data.next) break;
  query = { ...query, after: data.next };
}
const made = await api.POST("/api/v1/users", { body: { name: "alice", role: "viewer" } });
const missing = await api.GET("/api/v1/cameras/{id}", { params: { path: { id: "nowhere" } } });
const code: string | undefined = missing.error?.code;
console.log(JSON.stringify({ names, made: made.data?.user.name, code }));
`;

/** Runs it to its end. */
async function done(keep, path, args) {
  const run = await keep(new Program(path, args));
  assert.equal(await run.exit, 0, run.lines.slice(-40).join("\n"));
  return run.lines;
}

test("a client that is generated from the description compiles, lists all cameras and tells what is wrong", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  const wanted = ["Front door", "Garden", "Workshop", "Yard", "Attic"].sort();
  for (const name of wanted) await server.camera(name, name.toLowerCase().replace(" ", "-"));
  const { link } = await server.ask("POST", `users/${ADMIN}/token`, {});
  const token = new URLSearchParams(new URL(link).hash.slice(1)).get("token");

  const folder = mkdtempSync(join(tmpdir(), "porthole-client-"));
  await keep({ stop: () => rmSync(folder, { recursive: true, force: true }) });
  symlinkSync(MODULES, join(folder, "node_modules"));
  const write = (name, text) => writeFileSync(join(folder, name), text);
  write("api.json", await (await fetch(`${server.url}/api/v1/openapi.json`)).text());
  write("client.ts", CLIENT);
  write("package.json", JSON.stringify({ type: "module" }));
  write("tsconfig.json", JSON.stringify(TSCONFIG));
  const tool = (name) => join(MODULES, name);
  await done(keep, process.execPath, [tool("openapi-typescript/bin/cli.js"), join(folder, "api.json"), "--output", join(folder, "schema.ts")]);
  await done(keep, process.execPath, [tool("typescript/bin/tsc"), "--project", folder]);
  const lines = await done(keep, process.execPath, [join(folder, "client.js"), server.url, token]);
  const { names, made, code } = JSON.parse(lines.find((line) => line.startsWith("{")));
  assert.deepEqual({ names: names.sort(), made, code }, { names: wanted, made: "alice", code: "not-found" });
}));
