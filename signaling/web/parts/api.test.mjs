// SPDX-License-Identifier: MPL-2.0
import test from "node:test";
import assert from "node:assert/strict";
import { Api, Problem, segment } from "./api.js";

/** An API whose server gives these answers, one after the other; `asked` is what it was asked. */
function server(...answers) {
  const asked = [];
  const api = new Api("http://host:8080/look/", async (url, { method, headers, body }) => {
    asked.push({ method, url, headers, body });
    const { status = 200, body: json, retryAfter } = answers.shift() ?? {};
    if (status === 0) throw new TypeError("no route");
    const text = json === undefined ? "" : JSON.stringify(json);
    return new Response(status === 204 ? null : text, { status, headers: retryAfter ? { "Retry-After": retryAfter } : {} });
  });
  return { api, asked };
}

test("what is asked goes to the folder of the page, with a type only where there is a body", async () => {
  const { api, asked } = server();
  await api.get("calendar", { from: "a b", camera: undefined, user: "" });
  await api.post("cameras", { name: "Front" });
  await api.post("cameras/front/rotate");
  assert.deepEqual(asked.map(({ method, url, headers, body }) => [method, url, headers["Content-Type"], body]), [
    ["GET", "http://host:8080/look/api/calendar?from=a+b", undefined, undefined],
    ["POST", "http://host:8080/look/api/cameras", "application/json", '{"name":"Front"}'],
    ["POST", "http://host:8080/look/api/cameras/front/rotate", undefined, undefined],
  ]);
  assert.equal(segment("a/b?c#d e"), "a%2Fb%3Fc%23d%20e");
});

test("a long list is put together from its pages, and one without an end is cut", async () => {
  const { api, asked } = server({ body: { items: [1, 2], next: "two" } }, { body: { items: [3] } });
  assert.deepEqual(await api.all("users"), [1, 2, 3]);
  assert.match(asked[1].url, /after=two/);
  const endless = server(...Array(9).fill({ body: { items: [1], next: "again" } }));
  assert.equal((await endless.api.all("users")).length, 4);
});

test("a problem has its code and its words, and no answer is one too", async () => {
  const problem = async (answer) => server(answer).api.get("me").then(() => null, (error) => error);
  const taken = await problem({ status: 409, body: { code: "control-taken", detail: "It is taken.", start: "x" } });
  assert.ok(taken instanceof Problem);
  assert.deepEqual([taken.status, taken.code, taken.message, taken.body.start], [409, "control-taken", "It is taken.", "x"]);
  assert.deepEqual([(await problem({ status: 502 })).code, (await problem({ status: 502 })).message], ["other", "The server answered 502."]);
  assert.deepEqual([(await problem({ status: 0 })).status, (await problem({ status: 0 })).code], [0, "server-unreachable"]);
  assert.equal((await problem({ status: 429, retryAfter: "7", body: {} })).retryAfter, "7");
  assert.ok((await problem({ status: 400, body: { detail: "x".repeat(9_999) } })).message.length < 400);
});

test("an answer without a body is none", async () => {
  assert.equal(await server({ status: 204 }).api.delete("users/alice"), null);
});
