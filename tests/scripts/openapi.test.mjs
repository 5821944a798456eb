// SPDX-License-Identifier: MPL-2.0
// The API does what its description says, whatever it is sent: schemathesis makes the requests out of the description.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Accounts, ADMIN } from "../browser/accounts.mjs";
import { Program, ROOT, scene } from "../browser/lib.mjs";

const TOOLS = join(ROOT, "target/tools");
const SCHEMATHESIS = join(TOOLS, "bin/schemathesis");
/** Requests for each operation. */
const EXAMPLES = "25";
const CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/** These end the log-in that the requests are made by. */
const EXCLUDED = ["/api/v1/session", "/api/v1/me/password"];

test("no request makes the API fail, or answer otherwise than it says", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  await server.camera("Front door", "front");
  await server.user("alice");
  await server.book("front", "alice", 0, 3_600_000);
  // Else it keeps what it found beside the sources, where it was committed once.
  const config = join(TOOLS, "schemathesis.toml");
  writeFileSync(config, `[cache]\ndirectory = ${JSON.stringify(join(TOOLS, "cache"))}\n`);
  const run = await keep(new Program(SCHEMATHESIS, [
    "--config-file", config, "run", `${server.url}/api/openapi.json`, "--no-color", "--checks", CHECKS, "--max-examples", EXAMPLES,
    "--phases", "examples,coverage,fuzzing", "--generation-deterministic", "--exclude-name", `/users/${ADMIN}`,
    ...EXCLUDED.flatMap((path) => ["--exclude-path", path]),
    "-H", `Cookie: ${server.cookie}`, "-H", `Origin: ${server.url}`,
  ]));
  const code = await run.exit;
  assert.equal(code, 0, run.lines.slice(-80).join("\n"));
  assert.ok(run.lines.some((line) => /[1-9]\d* generated/.test(line)), "it made no request");
}));
