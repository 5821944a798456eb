// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { readRoutes, readServers } from "./routes.js";

const report = (...entries) => new Map(entries.map((entry, i) => [String(i), { id: String(i), ...entry }]));
const local = (candidateType, more = {}) => ({ type: "local-candidate", candidateType, protocol: "udp", port: 4_000, address: "192.168.1.7", ...more });
const remote = (candidateType, more = {}) => ({ type: "remote-candidate", candidateType, protocol: "udp", port: 5_000, address: "10.0.0.2", ...more });

test("candidates and pairs are counted, and no address is kept", () => {
  const routes = readRoutes(report(
    local("host"), local("host", { protocol: "tcp" }), local("srflx"), local("relay", { relayProtocol: "tls" }), remote("host"), remote("prflx"),
    { type: "candidate-pair", state: "failed" }, { type: "candidate-pair", state: "in-progress" },
    { type: "candidate-pair", id: "p", state: "succeeded", localCandidateId: "3", remoteCandidateId: "5" },
    { type: "transport", selectedCandidatePairId: "p" },
  ), "connected");
  assert.deepEqual(routes.local, { host: 2, srflx: 1, relay: 1, tcp: 1 });
  assert.deepEqual(routes.remote, { host: 1, srflx: 1, relay: 0, tcp: 0 });
  assert.deepEqual([routes.failed, routes.waiting, routes.succeeded], [1, 1, 1]);
  assert.deepEqual(routes.selected, { local: "relay", remote: "srflx", protocol: "udp", relayProtocol: "tls" });
  assert.doesNotMatch(JSON.stringify(routes), /192\.168|10\.0/);
});

test("a network that shows one port as several is seen, where the browser says so", () => {
  const own = { relatedAddress: "192.168.1.7", relatedPort: 4_000 };
  assert.equal(readRoutes(report(local("srflx", { ...own, port: 6_000 }), local("srflx", { ...own, port: 6_001 })), "failed").mapped, 2);
  assert.equal(readRoutes(report(local("srflx", { ...own, port: 6_000 }), local("srflx", { ...own, port: 6_000 })), "failed").mapped, 1);
  assert.equal(readRoutes(report(local("srflx", { relatedPort: 0, port: 1 }), local("srflx", { relatedPort: 0, port: 2 })), "failed").mapped, 0);
});

test("a report without anything, or with junk, is read", () => {
  assert.equal(readRoutes(report(), "new").selected, null);
  assert.equal(readRoutes(report({ type: "candidate-pair", nominated: true, state: "succeeded" }, { type: "local-candidate", candidateType: "__proto__" }), "new").local.host, 0);
});

test("of the servers for ICE it is kept what they can, and not where they are", () => {
  assert.deepEqual(readServers([{ urls: ["stun:a"] }, { urls: "turn:a?transport=udp", username: "u", credential: "c" }]), { stun: true, turn: true, turnTcp: false });
  assert.deepEqual(readServers([{ urls: "turns:a:443" }]), { stun: true, turn: true, turnTcp: true });
  for (const junk of [undefined, null, 7, [null, { urls: 7 }, {}]]) assert.deepEqual(readServers(junk), { stun: false, turn: false, turnTcp: false });
});
