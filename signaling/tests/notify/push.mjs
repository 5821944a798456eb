// SPDX-License-Identifier: MPL-2.0
// The browser's and the push service's side of Web Push, in Node's own cryptography: `push.mjs keys` prints a subscription's keys,
// `push.mjs open` reads {private, auth, serverKey, authorization, body} from stdin, checks the token and prints what it says and
// what was told.
import assert from "node:assert";
import { createDecipheriv, createECDH, createPublicKey, hkdfSync, randomBytes, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const b64 = (bytes) => Buffer.from(bytes).toString("base64url");
const bytes = (text) => Buffer.from(text, "base64url");

function keys() {
  const pair = createECDH("prime256v1");
  pair.generateKeys();
  return { private: b64(pair.getPrivateKey()), p256dh: b64(pair.getPublicKey()), auth: b64(randomBytes(16)) };
}

/** RFC 8292: the token is signed with the key that the browser subscribed for. */
function claims(authorization, serverKey) {
  const [, token, key] = /^vapid t=([\w.-]+), k=([\w-]+)$/.exec(authorization) ?? assert.fail(authorization);
  assert.equal(key, serverKey);
  const point = bytes(key);
  assert.equal(point.length, 65);
  const jwk = { kty: "EC", crv: "P-256", x: b64(point.subarray(1, 33)), y: b64(point.subarray(33)) };
  const [head, body, signature] = token.split(".");
  assert.equal(JSON.parse(bytes(head)).alg, "ES256");
  const with_ = { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" };
  assert(verify("sha256", Buffer.from(`${head}.${body}`), with_, bytes(signature)), "the signature is wrong");
  return JSON.parse(bytes(body));
}

/** RFC 8291 and RFC 8188. */
function open(body, privateKey, auth) {
  const salt = body.subarray(0, 16);
  const size = body.readUInt32BE(16);
  const sender = body.subarray(21, 21 + body[20]);
  const record = body.subarray(21 + body[20]);
  assert(record.length <= size && body.length <= 4096);
  const own = createECDH("prime256v1");
  own.setPrivateKey(bytes(privateKey));
  const info = Buffer.concat([Buffer.from("WebPush: info\0"), own.getPublicKey(), sender]);
  const input = hkdfSync("sha256", own.computeSecret(sender), bytes(auth), info, 32);
  const derive = (name, length) => Buffer.from(hkdfSync("sha256", Buffer.from(input), salt, `Content-Encoding: ${name}\0`, length));
  const cipher = createDecipheriv("aes-128-gcm", derive("aes128gcm", 16), derive("nonce", 12));
  cipher.setAuthTag(record.subarray(-16));
  const plain = Buffer.concat([cipher.update(record.subarray(0, -16)), cipher.final()]);
  const end = plain.lastIndexOf(2);
  assert(end >= 0 && plain.subarray(end + 1).every((byte) => byte === 0));
  return JSON.parse(plain.subarray(0, end));
}

if (process.argv[2] === "keys") {
  console.log(JSON.stringify(keys()));
} else {
  const asked = JSON.parse(readFileSync(0));
  const said = claims(asked.authorization, asked.serverKey);
  console.log(JSON.stringify({ claims: said, told: open(bytes(asked.body), asked.private, asked.auth) }));
}
