// SPDX-License-Identifier: MPL-2.0
// scripts/turn, and what coturn with its configuration grants to whom: the attacks on a relay, one after the other.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Program, ROOT, scene } from "../browser/lib.mjs";
import { Coturn, credentials, ownAddress, second, TCP, TurnClient } from "../browser/turn-client.mjs";

let folder, coturn;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "porthole-turn-test-"));
  coturn = await Coturn.start({ address: ownAddress() });
});
after(async () => {
  await coturn?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const at = (name) => join(folder, name);

async function run(...args) {
  const program = new Program(join(ROOT, "scripts/turn"), args);
  const code = await program.exit;
  return { code, text: program.lines.join("\n") };
}

/** What the server says to someone with these credentials. */
async function allocate(keep, given) {
  const client = await keep(new TurnClient(coturn.address, coturn.port));
  return { client, code: await client.allocate(given) };
}

const good = (session = "session") => credentials(coturn.secret, `${second(60)}:${session}`);

test("the lines that are printed hold the secret of the file, which is for its owner alone", async () => {
  const output = at("written.conf");
  const { code, text } = await run("--host", "turn.example.org", "--output", output);
  assert.equal(code, 0, text);
  assert.equal(statSync(output).mode & 0o777, 0o600);
  const [, secret] = text.match(/^secret = "(\w{64})"$/m);
  assert.match(readFileSync(output, "utf8"), new RegExp(`^static-auth-secret=${secret}$`, "m"));
  assert.match(text, /"turn:turn\.example\.org:3478\?transport=udp"/);
  assert.doesNotMatch(text, /turns:/);
  assert.equal((await run("--host", "turn.example.org", "--output", output)).code, 2, "never over a file that is there");
});

test("with a certificate there is TLS, for networks that let nothing else through", async () => {
  for (const name of ["cert.pem", "key.pem"]) writeFileSync(at(name), "");
  const { text } = await run("--host", "t", "--output", at("tls.conf"), "--cert", at("cert.pem"), "--key", at("key.pem"));
  assert.match(text, /"turns:t:5349\?transport=tcp"/);
  assert.match(readFileSync(at("tls.conf"), "utf8"), /^cert=.*cert\.pem\npkey=.*key\.pem$/m);
  assert.equal((await run("--host", "t", "--output", at("half.conf"), "--cert", at("cert.pem"))).code, 2);
});

test("what cannot be is refused, and nothing can be smuggled into the file", async () => {
  const lines = "t\nno-auth";
  for (const args of [[], ["--host"], ["--host", lines], ["--host", "t", "--allow-peer", "0.0.0.0\nno-auth"], ["--hots", "t"],
    ["--host", "t", "--ports", "1"], ["--host", "t", "--external-ip", "me"], ["--host", "t", "--cert", at("none"), "--key", at("none")]]) {
    const { code, text } = await run(...args, "--output", at("refused.conf"));
    assert.equal(code, 2, args.join(" "));
    assert.match(text, /^scripts\/turn: /);
  }
  assert.throws(() => statSync(at("refused.conf")), /ENOENT/);
  const help = await run("--help");
  assert.equal(help.code, 0);
  assert.match(help.text, /--allow-peer/);
});

test("good credentials get a relay", () => scene(async (keep) => {
  const { client, code } = await allocate(keep, good());
  assert.equal(code, 0);
  assert.equal(await client.permit("8.8.8.8"), 0);
}));

test("credentials that have expired, are altered, or of another session get nothing", () => scene(async (keep) => {
  const [expired, later] = [`${second(-1)}:session`, `${second(600)}:session`];
  const attacks = {
    expired: credentials(coturn.secret, expired),
    "expired, with a later end written into it": { ...credentials(coturn.secret, expired), username: later },
    "good, with a later end written into it": { ...good(), username: later },
    "another session's password": { ...good(), username: good("other").username },
    "another server's secret": credentials("0".repeat(64), later),
    "no secret": credentials("", later),
    "no password": { username: later, credential: "" },
    "no end": credentials(coturn.secret, "session"),
    "no name": credentials(coturn.secret, ""),
  };
  for (const [name, given] of Object.entries(attacks)) {
    assert.equal((await allocate(keep, given)).code, 401, name);
  }
}));

test("no private network is relayed into, in whatever form its address comes", () => scene(async (keep) => {
  const { client, code } = await allocate(keep, good());
  assert.equal(code, 0);
  const denied = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.0.0.1", "198.18.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255",
  ];
  for (const peer of denied) assert.equal(await client.permit(peer), 403, peer);
  for (const peer of ["9.255.255.255", "11.0.0.0", "100.63.255.255", "172.32.0.0"]) assert.equal(await client.permit(peer), 0, peer);
}));

test("nor by IPv6, also where an IPv4 address hides in it", () => scene(async (keep) => {
  const own = await keep(Coturn.start({ address: ownAddress(), options: ["--listen", "::1"] }));
  const client = await keep(new TurnClient(own.address, own.port));
  assert.equal(await client.allocate({ ...credentials(own.secret, `${second(60)}:s`), ipv6: true }), 0);
  const denied = [
    "::", "::1", "::a00:1", "::ffff:7f00:1", "::ffff:a00:1", "::ffff:808:808", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "100::1",
    "2001::1", "2001:db8::1", "2002:a00:1::1", "fc00::1", "fdff::1", "fe80::1", "fec0::1", "ff02::1", "ff0e::1",
  ];
  for (const peer of denied) assert.equal(await client.permit(peer), 403, peer);
  for (const peer of ["2001:4860:4860::8888", "2606:4700::1111", "2a00::1"]) assert.equal(await client.permit(peer), 0, peer);
}));

test("a peer that is allowed by name is relayed to, and its neighbours are not", () => scene(async (keep) => {
  const own = await keep(Coturn.start({ address: ownAddress(), options: ["--allow-peer", "10.0.0.7"] }));
  const client = await keep(new TurnClient(own.address, own.port));
  assert.equal(await client.allocate(credentials(own.secret, `${second(60)}:s`)), 0);
  assert.deepEqual([await client.permit("10.0.0.7"), await client.permit("10.0.0.8")], [0, 403]);
}));

test("there is no relay for TCP", () => scene(async (keep) => {
  assert.notEqual((await allocate(keep, { ...good(), transport: TCP })).code, 0);
}));

test("one session gets so many relays and no more, and another one still gets its own", () => scene(async (keep) => {
  const QUOTA = 24;
  for (let n = 0; n < QUOTA; n++) assert.equal((await allocate(keep, good("greedy"))).code, 0, `relay ${n}`);
  // Later credentials of the same session are not another session.
  const later = credentials(coturn.secret, `${second(120)}:greedy`);
  for (const given of [good("greedy"), later]) assert.equal((await allocate(keep, given)).code, 486);
  assert.equal((await allocate(keep, good("modest"))).code, 0);
}));

test("coturn's log holds neither the secret nor a session", () => scene(async (keep) => {
  const { credential } = good("logged");
  await allocate(keep, good("logged"));
  await allocate(keep, { ...good("logged"), credential: "wrong" });
  const log = coturn.program.lines.join("\n");
  for (const secret of [coturn.secret, credential]) assert.ok(!log.includes(secret));
}));
