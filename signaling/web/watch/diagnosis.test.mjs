// SPDX-License-Identifier: MPL-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { CAUSES, CLOCK_MS, diagnose, supportText, withoutSecrets } from "./diagnosis.js";

const KINDS = { host: 1, srflx: 1, relay: 0, tcp: 0 };
const ROUTES = { local: KINDS, remote: KINDS, failed: 4, waiting: 0, succeeded: 0, mapped: 0, relayError: false, connection: "failed", selected: null };
const WELL = {
  secure: true, network: true, server: "online", serverCode: "", session: { state: "live", code: "" }, servers: { stun: true, turn: true, turnTcp: true },
  routes: { ...ROUTES, failed: 0, succeeded: 1, connection: "connected" }, latencyReason: "no-clock", ahead: 0, talks: false, tested: null,
};
const FAILED = { ...WELL, session: { state: "reconnecting", code: "media-failed" } };
const PLAIN = { stun: true, turn: false, turnTcp: false };
const TRIED = { ok: true, ms: 10, asked: true };
const TESTED = { http: 10, websocket: 12, host: TRIED, srflx: TRIED, relay: TRIED };
const codes = (facts) => diagnose(facts).map(({ code }) => code);

test("where all is well nothing is found", () => {
  assert.deepEqual(diagnose(WELL), []);
  assert.deepEqual(diagnose({ ...WELL, session: null, tested: TESTED }), []);
});

for (const [what, facts, code] of [
  ["a device without a network", { ...FAILED, network: false }, "offline"],
  ["a server that does not answer", { ...WELL, server: "reconnecting" }, "server"],
  ["a proxy that passes no WebSocket", { ...WELL, server: "reconnecting", tested: { ...TESTED, websocket: null } }, "websocket"],
  ["nobody signed in", { ...WELL, server: "refused", serverCode: "unauthorized" }, "signed-out"],
  ["a camera that is off", { ...WELL, session: { state: "reconnecting", code: "camera-offline" } }, "camera-off"],
  ["a right that is over", { ...WELL, session: { state: "ended", code: "lease-ended" } }, "right-over"],
  ["a right that was withdrawn", { ...WELL, session: { state: "refused", code: "revoked" } }, "right-over"],
  ["a booking that has not begun", { ...WELL, session: { state: "refused", code: "no-booking" } }, "right-not-now"],
  ["a codec that the browser does not take", { ...WELL, session: { state: "refused", code: "offer-refused" } }, "codec"],
  ["a camera that sends no picture", { ...WELL, session: { state: "live", code: "no-picture" } }, "camera-no-picture"],
  ["no relay, and networks that do not reach each other", { ...FAILED, servers: PLAIN, routes: ROUTES }, "no-relay"],
  ["no relay and a symmetric network", { ...FAILED, servers: PLAIN, routes: { ...ROUTES, mapped: 2 } }, "symmetric"],
  ["UDP closed", { ...FAILED, routes: { ...ROUTES, local: { ...KINDS, srflx: 0 } } }, "udp-closed"],
  ["UDP closed, and a relay by UDP alone", { ...FAILED, servers: { stun: true, turn: true, turnTcp: false }, routes: { ...ROUTES, local: { ...KINDS, srflx: 0 } } }, "udp-closed-no-tcp"],
  ["a relay that is not reached", { ...FAILED, routes: ROUTES }, "relay-unreachable"],
  ["a relay that is reached and does not help", { ...FAILED, routes: { ...ROUTES, local: { ...KINDS, relay: 1 } } }, "relay-refuses"],
  ["a browser that shows no way", { ...FAILED, routes: { ...ROUTES, local: { host: 0, srflx: 0, relay: 0, tcp: 0 } } }, "browser-blocks"],
  ["a camera that tells no way", { ...FAILED, routes: { ...ROUTES, remote: { host: 0, srflx: 0, relay: 0, tcp: 0 } } }, "camera-silent"],
  ["a picture that was there and stopped", { ...FAILED, routes: { ...ROUTES, succeeded: 1 } }, "media-stopped"],
  ["nothing known of the way", { ...FAILED, routes: null }, "media"],
  ["pairs that fail while it still tries", { ...WELL, servers: PLAIN, session: { state: "connecting", code: "" }, routes: ROUTES }, "no-relay"],
]) {
  test(`${what} is found to be the cause`, () => {
    const [first] = diagnose(facts);
    assert.deepEqual(first, { code, isFault: true });
  });
}

for (const [what, tested, code] of [
  ["without an answer", { ...TESTED, http: null, websocket: null }, "server"], ["without a WebSocket", { ...TESTED, websocket: null }, "websocket"],
  ["without any way", { ...TESTED, host: { ...TRIED, ok: false } }, "browser-blocks"],
  ["without UDP", { ...TESTED, srflx: { ...TRIED, ok: false }, relay: { ...TRIED, ok: false } }, "udp-closed"],
  ["without a relay", { ...TESTED, relay: { ...TRIED, ok: false } }, "relay-unreachable"],
  ["without UDP, before it is known whether there is a relay", { ...TESTED, srflx: { ...TRIED, ok: false }, relay: { ok: false, ms: 0, asked: false } }, "udp-test"],
]) {
  test(`a test ${what} says so before a picture does`, () => assert.deepEqual(codes({ ...WELL, session: null, tested }), [code]));
}

test("a relay by TCP makes good for UDP that is closed", () => {
  assert.deepEqual(codes({ ...WELL, session: null, tested: { ...TESTED, srflx: { ...TRIED, ok: false } } }), []);
});

test("a clock that differs, and a page that gets no microphone, are notes beside the cause", () => {
  assert.deepEqual(diagnose({ ...WELL, latencyReason: "clocks-differ" }), [{ code: "clock", isFault: false }]);
  assert.deepEqual(codes({ ...WELL, ahead: -CLOCK_MS - 1 }), ["clock"]);
  assert.deepEqual(codes({ ...WELL, secure: false }), [], "who may not talk needs no microphone");
  assert.deepEqual(codes({ ...WELL, secure: false, talks: true }), ["insecure"]);
  const without = { ...WELL, servers: PLAIN, tested: { ...TESTED, relay: { ...TRIED, ok: false, asked: false } } };
  assert.deepEqual(codes(without), ["no-relay-note"]);
  assert.deepEqual(codes({ ...without, session: null }), [], "before a session nobody is told of a relay");
});

test("each cause that is found is one that has words", () => {
  for (const code of ["no-relay", "clock", "insecure", "camera-off"]) assert.ok(CAUSES.includes(code));
  assert.equal(new Set(CAUSES).size, CAUSES.length);
});

test("what is copied for support holds no secret and no whole address", () => {
  const text = supportText({
    page: "https://look.example.org/#token=s3cret&camera=front", camera: "Front door\nfound: nothing", routes: ROUTES, empty: "", nothing: null,
    seen: "192.168.178.23:5000 and 2001:db8:85a3::8a2e:370:7334", header: "Bearer abc.def",
  }, [{ code: "no-relay", isFault: true }], new Date(0));
  assert.match(text, /^Porthole, 1970-01-01T00:00:00.000Z\nfound: no-relay\n/);
  assert.match(text, /192\.168\.x\.x:5000 and 2001:db8:…/);
  assert.doesNotMatch(text, /s3cret|abc\.def|178\.23|7334|empty|nothing:/);
  assert.equal(text.split("\n").filter((line) => line.startsWith("found:")).length, 1, "a name writes no line of its own");
});

test("times and versions are left as they are", () => {
  for (const text of ["12:03:07", "Chrome/131.0", "2026-12-01T10:03:07.000Z", "look.example.org:8443"]) assert.equal(withoutSecrets(text), text);
});
