// SPDX-License-Identifier: MPL-2.0
import test from "node:test";
import assert from "node:assert/strict";
import { readRecoveryCodes, readSecond } from "../client/second-factor.js";
import { inGroups } from "./second-factor.js";

const NONE = { sealed: "", secret: "", link: "", picture: "", app: true, passkey: null, again: false };

test("what is asked for besides the password is read from the server's answer, and hostile parts of it are left out", () => {
  assert.equal(readSecond({ code: "wrong-credentials" }), null);
  assert.equal(readSecond(null), null);
  assert.deepEqual(readSecond({ code: "code-needed" }), NONE);
  assert.deepEqual(readSecond({ code: "wrong-code", enrolment: "x" }), { ...NONE, again: true });
  assert.deepEqual(readSecond({ code: "wrong-passkey" }), { ...NONE, again: true });
  const passkey = { options: { publicKey: { challenge: "AA" } }, challenge: "sealed" };
  assert.deepEqual(readSecond({ code: "code-needed", app: false, passkey }), { ...NONE, app: false, passkey });
  for (const broken of [7, {}, { challenge: "x" }, { ...passkey, options: { publicKey: null } }, { ...passkey, challenge: 7 }]) {
    assert.equal(readSecond({ code: "code-needed", passkey: broken })?.passkey, null);
  }
  const told = { code: "second-factor-needed", enrolment: "sealed", secret: "GEZD", link: "otpauth://totp/x", qr: "data:image/svg+xml;base64,AA==" };
  assert.deepEqual(readSecond(told), { ...NONE, sealed: "sealed", secret: "GEZD", link: told.link, picture: told.qr });
  const hostile = { ...told, link: "javascript:alert(1)", qr: "https://evil.example/picture.svg", secret: 7 };
  assert.deepEqual(readSecond(hostile), { ...NONE, sealed: "sealed" });
});

test("recovery codes are a bounded list of texts", () => {
  assert.deepEqual(readRecoveryCodes({ recoveryCodes: ["a-b", 7, "", "c-d"] }), ["a-b", "c-d"]);
  assert.equal(readRecoveryCodes({ recoveryCodes: Array(1_000).fill("x") }).length, 32);
  for (const none of [null, {}, { recoveryCodes: "x" }]) assert.deepEqual(readRecoveryCodes(none), []);
  assert.equal(inGroups("GEZDGNBVGY"), "GEZD GNBV GY");
  assert.equal(inGroups(""), "");
});
