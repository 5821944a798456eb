// SPDX-License-Identifier: MPL-2.0
// Passkeys as people meet them, with Chromium's own authenticator (WebAuthn's automation, chapter 11): what it makes and signs is
// none of ours.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { Accounts, ADMIN, screenshot, signIn } from "./accounts.mjs";
import { browser, BUILT, Program, scene, visitor } from "./lib.mjs";

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

/** A telephone with a finger on it, at one page. */
class Device {
  static async at(page) {
    const device = new Device();
    device.page = page;
    device.cdp = await page.context().newCDPSession(page);
    await device.cdp.send("WebAuthn.enable");
    const options = {
      protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
    };
    const { authenticatorId } = await device.cdp.send("WebAuthn.addVirtualAuthenticator", { options });
    device.id = authenticatorId;
    return device;
  }

  async keys() {
    return (await this.cdp.send("WebAuthn.getCredentials", { authenticatorId: this.id })).credentials;
  }

  /** Whether the finger is the owner's. */
  verified(isUserVerified) {
    return this.cdp.send("WebAuthn.setUserVerified", { authenticatorId: this.id, isUserVerified });
  }

  /** Gives it back a key as it was: a copy, or a backup. */
  async restore(credential) {
    await this.cdp.send("WebAuthn.removeCredential", { authenticatorId: this.id, credentialId: credential.credentialId });
    await this.cdp.send("WebAuthn.addCredential", { authenticatorId: this.id, credential });
  }
}

/** A server with a name, since a passkey is for one; `named` is where its pages are. */
async function start(keep, more = "") {
  let named = "";
  const configured = (url) => {
    named = url.replace("127.0.0.1", "localhost");
    return `url = "${named}"\n${more}`;
  };
  const server = await keep(Accounts.start({ configured, enters: more === "" }));
  server.named = named;
  return server;
}

const error = (page, words) => page.getByTestId("sign-in-error").filter({ hasText: words }).waitFor();

test("an administrator has a passkey in place of an app, signs in with it, and with a recovery code when it is lost", () => scene(async (keep) => {
  const server = await start(keep, 'second-factor = "administrators"');
  const page = await keep(visitor(chromium, `${server.named}/admin`));
  const device = await Device.at(page);
  await signIn(page, ADMIN, server.password);
  await page.getByTestId("qr").waitFor();
  await page.getByTestId("use-passkey").click();
  const shown = page.getByTestId("recovery-codes").locator("li");
  await shown.nth(9).waitFor();
  const codes = await shown.allTextContents();
  await page.getByTestId("recovery-dialog").getByRole("button").click();
  await page.getByTestId("tab-cameras").waitFor();
  const keys = await device.keys();
  assert.deepEqual(keys.map(({ rpId }) => rpId), ["localhost"]);

  await page.getByTestId("logout").click();
  await signIn(page, ADMIN, server.password);
  await page.getByTestId("use-passkey").waitFor();
  assert.equal(await page.getByTestId("qr").isVisible(), false);
  await page.screenshot({ path: screenshot("passkey.png") });
  // A finger that is not the owner's opens nothing.
  await device.verified(false);
  await page.getByTestId("use-passkey").click();
  await error(page, "did not answer");
  await device.verified(true);
  await page.getByTestId("use-passkey").click();
  await page.getByTestId("tab-cameras").waitFor();

  // A copy of the device counts back.
  await page.getByTestId("logout").click();
  await device.restore({ ...keys[0], signCount: 0 });
  await signIn(page, ADMIN, server.password);
  await page.getByTestId("use-passkey").click();
  await error(page, "was not taken");
  await page.getByTestId("code-input").fill(codes[4]);
  await page.keyboard.press("Enter");
  await page.getByTestId("tab-cameras").waitFor();
  assert.equal(await page.getByTestId("recovery-dialog").count() && await page.getByTestId("recovery-dialog").isVisible(), false);
  await page.getByTestId("tab-audit").click();
  await page.getByTestId("audit-entries").getByText("there may be a copy of it").waitFor();
  assert.deepEqual(page.problems, []);

  const reset = new Program(join(BUILT, "porthole-signaling"), ["user", "second-factor", "reset", ADMIN, "--data-dir", server.data]);
  assert.equal(await reset.exit, 0, reset.lines.join("\n"));
  await page.reload();
  await signIn(page, ADMIN, server.password);
  await page.getByTestId("qr").waitFor();
}));

test("a viewer adds a passkey, is asked for it elsewhere, and takes it away again", () => scene(async (keep) => {
  const server = await start(keep);
  const { password } = await server.user("anna");
  const page = await keep(visitor(chromium, server.named));
  const device = await Device.at(page);
  await signIn(page, "anna", password);
  await page.getByTestId("passkeys").click();
  const dialog = page.getByTestId("passkeys-dialog");
  await dialog.getByText("You have none yet.").waitFor();
  const add = async (secret, name) => {
    await page.getByTestId("passkey-name").fill(name);
    await page.getByTestId("passkey-password").fill(secret);
    await page.keyboard.press("Enter");
  };
  await add("not the password", "Telephone");
  await page.getByTestId("passkeys-error").filter({ hasText: "password is not right" }).waitFor();
  await add(password, "Telephone");
  await page.getByTestId("recovery-codes").locator("li").nth(9).waitFor();
  await page.getByTestId("recovery-dialog").getByRole("button").click();
  const items = page.getByTestId("passkey-list").locator("li");
  await items.first().waitFor();
  assert.equal(await items.first().getByLabel("Name").inputValue(), "Telephone");
  await add(password, "Again");
  await page.getByTestId("passkeys-error").filter({ hasText: "has a passkey of yours already" }).waitFor();
  await items.first().getByLabel("Name").fill("Old telephone");
  await items.first().getByLabel("Name").press("Tab");
  await page.screenshot({ path: screenshot("passkeys.png") });
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.getByTestId("passkeys").click();
  await page.waitForFunction(() => document.querySelector(".passkeys input")?.value === "Old telephone");
  await dialog.getByRole("button", { name: "Close" }).click();

  await page.getByTestId("logout").click();
  await signIn(page, "anna", password);
  await page.getByTestId("use-passkey").click();
  await page.getByTestId("passkeys").waitFor();
  // Where there is no such device a recovery code is asked for.
  const other = await keep(visitor(chromium, server.named));
  await signIn(other, "anna", password);
  await other.getByText("Recovery code", { exact: true }).waitFor();

  await page.getByTestId("passkeys").click();
  const remove = items.first().getByRole("button");
  await remove.click();
  assert.equal(await remove.textContent(), "Remove it?");
  await remove.click();
  await dialog.getByText("You have none yet.").waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.getByTestId("logout").click();
  await signIn(page, "anna", password);
  await page.getByTestId("passkeys").waitFor();
  assert.equal((await device.keys()).length, 1, "the device is not asked to forget");
  assert.deepEqual([...page.problems, ...other.problems], []);
}));

test("at an address that is none for passkeys the page has no button for them", () => scene(async (keep) => {
  const server = await keep(Accounts.start());
  const { password } = await server.user("anna");
  const page = await keep(visitor(chromium, server.url));
  await signIn(page, "anna", password);
  await page.getByTestId("password").waitFor();
  assert.equal(await page.getByTestId("passkeys").isVisible(), false);
}));
