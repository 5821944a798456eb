// SPDX-License-Identifier: MPL-2.0
// Signing in with an identity provider that we did not write, through its own forms.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Accounts, screenshot } from "./accounts.mjs";
import { browser, enrolled, frames, scene, visitor, watch } from "./lib.mjs";
import { CLIENT, Identities, SECRET, signInThere } from "./provider.mjs";

const CAMERA = "portholesrc camera=test idle-timeout=0 ! videoscale ! video/x-raw,width=320,height=180 ! portholesink";

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

/** A server that knows this provider, and an administrator of its own beside. */
function house({ issuer }, secret) {
  return Accounts.start({
    configured: (url, folder) => {
      if (secret) writeFileSync(join(folder, "openid.secret"), `${secret}\n`, { mode: 0o600 });
      return `
        url = "${url}"
        [auth]
        name-claim = "preferred_username"
        groups-claim = "groups"
        [[auth.group]]
        name = "family"
        cameras = ["front"]
        [[auth.group]]
        name = "operators"
        role = "administrator"
        [auth.openid]
        issuer = "${issuer}"
        client-id = "${CLIENT}"
        name = "Example"
        scopes = ["profile"]
        log-out = true
        ${secret ? 'client-secret-file = "openid.secret"' : ""}`;
    },
  });
}

/** It is not seen over a picture. */
const connected = (page) => page.getByTestId("connection-state").filter({ hasText: "Connected" }).waitFor({ state: "attached" });

/** The code of the page that says why nobody is signed in, and its sentence. */
async function problem(page) {
  const section = page.getByTestId("openid-problem");
  await section.waitFor();
  return { code: await section.getAttribute("data-code"), words: await section.textContent() };
}

test("one signs in at the provider, sees the camera that one's group may, and is signed out there as well", () => scene(async (keep) => {
  const identities = await keep(Identities.place());
  const server = await keep(house(identities));
  await identities.start(server.url);
  await keep(enrolled(await server.camera("Front door", "front"), CAMERA));
  await server.camera("Yard", "yard");

  const page = await keep(visitor(chromium, `${server.url}/#camera=front`));
  const button = page.getByTestId("openid");
  await button.filter({ hasText: /Sign in with .?Example/ }).waitFor();
  await page.screenshot({ path: screenshot("openid.png") });
  const callbacks = [];
  page.on("request", (request) => { if (request.url().includes("/api/openid/callback")) callbacks.push(request.url()); });
  await button.click();
  await signInThere(page, identities, "alice");
  await connected(page);
  assert.equal(await page.locator("#user").textContent(), "alice");
  // The picture that the page was opened for comes by itself.
  await watch(page, "front");
  assert.ok((await frames(page, "front", 1_000)).count > 5);
  assert.equal(await page.getByTestId("camera-yard").count(), 0);
  assert.equal(await page.getByTestId("administration").isVisible(), false);
  assert.ok(!page.url().includes("code="), page.url());
  const cookies = await page.context().cookies(server.url);
  const own = cookies.find(({ name }) => name === `porthole-${server.port}`);
  assert.deepEqual([own.httpOnly, own.sameSite], [true, "Strict"]);
  assert.equal(cookies.some(({ name }) => name.endsWith("-openid")), false, "what was kept for the way is gone");

  // The address of the answer is worth nothing any more, here and in another browser.
  assert.equal(callbacks.length, 1);
  const other = await keep(visitor(chromium, callbacks[0]));
  assert.equal((await problem(other)).code, "openid-state");
  await page.goto(callbacks[0]);
  assert.equal((await problem(page)).code, "openid-state");
  await page.getByRole("link", { name: "Back" }).click();
  await connected(page);

  await page.getByTestId("menu-front").click();
  await page.getByTestId("logout").click();
  await page.getByRole("button", { name: "Yes, sign me out" }).click();
  await page.waitForURL(`${server.url}/`);
  await button.click();
  await page.getByPlaceholder("Enter any login").waitFor();
  assert.deepEqual(page.problems, []);
}));

test("who has none of the groups is told so in a sentence, and an administrator comes back to where one was", () => scene(async (keep) => {
  const identities = await keep(Identities.place());
  const server = await keep(house(identities, SECRET));
  await identities.start(server.url, { alg: "ES256", secret: SECRET, thin: false });

  const stranger = await keep(visitor(chromium, server.url));
  await stranger.getByTestId("openid").click();
  await signInThere(stranger, identities, "bob");
  const { code, words } = await problem(stranger);
  assert.equal(code, "openid-not-permitted");
  assert.match(words, /Example knows you.*none of its groups/);
  await stranger.screenshot({ path: screenshot("openid-refused.png") });
  assert.deepEqual(await stranger.evaluate(() => fetch("/api/me").then(({ status }) => status)), 401);
  assert.deepEqual(stranger.problems, []);

  const chief = await keep(visitor(chromium, `${server.url}/admin#users`));
  await chief.getByTestId("openid").click();
  await signInThere(chief, identities, "chief");
  await chief.getByTestId("user-admin").waitFor();
  assert.equal(chief.url(), `${server.url}/admin#users`);
  assert.deepEqual(chief.problems, []);
}));

test("who says no there is not signed in here", () => scene(async (keep) => {
  const identities = await keep(Identities.place());
  const server = await keep(house(identities));
  await identities.start(server.url);
  const page = await keep(visitor(chromium, server.url));
  await page.getByTestId("openid").click();
  await page.getByRole("link", { name: "Cancel" }).click();
  assert.equal((await problem(page)).code, "openid-denied");
  await page.getByTestId("openid-again").click();
  await signInThere(page, identities, "alice");
  await connected(page);
}));

test("a provider that comes up after the server, goes, and comes back with another key", () => scene(async (keep) => {
  const identities = await keep(Identities.place());
  const server = await keep(house(identities));
  const early = await keep(visitor(chromium, server.url));
  await early.getByTestId("openid").click();
  const { code, words } = await problem(early);
  assert.equal(code, "openid-unavailable");
  assert.match(words, /Example does not answer/);

  for (const alg of ["RS256", "RS256", "ES256"]) {
    await identities.start(server.url, { alg });
    const page = await keep(visitor(chromium, server.url));
    // It is looked for at most once a second.
    await page.getByTestId("openid").click();
    while (page.url().startsWith(server.url)) await page.getByTestId("openid-again").click();
    await signInThere(page, identities, "alice");
    await connected(page);
    await identities.stop();
    // Who is signed in stays so.
    await page.reload();
    await connected(page);
  }
}));
