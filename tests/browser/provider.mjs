// SPDX-License-Identifier: MPL-2.0
// An identity provider that others have written (npm's oidc-provider, certified by the OpenID Foundation), on loopback: its own forms,
// its own cookies, its own way of saying who someone is.

import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";
import { freePort } from "./lib.mjs";

/** Its people: any password does. */
const PEOPLE = { alice: ["family"], bob: ["strangers"], chief: ["operators", "strangers"] };
export const CLIENT = "porthole";
export const SECRET = "a secret: with signs + blanks%";

/** A private key for signatures, as a JSON Web Key. */
function key(kid, alg) {
  const { privateKey } = alg === "RS256" ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { ...privateKey.export({ format: "jwk" }), kid, alg, use: "sig" };
}

export class Identities {
  static async place() {
    const identities = new Identities();
    identities.port = await freePort();
    identities.issuer = `http://127.0.0.1:${identities.port}`;
    return identities;
  }

  /**
   * Starts it, for the server at `url`, with a key of its own. A public client unless it has a `secret`; `thin` ID tokens say no more than
   * they must.
   */
  async start(url, { alg = "RS256", secret, thin = true } = {}) {
    this.provider = new Provider(this.issuer, {
      clients: [{
        client_id: CLIENT, redirect_uris: [`${url}/api/openid/callback`], post_logout_redirect_uris: [`${url}/`], response_types: ["code"],
        grant_types: ["authorization_code"], id_token_signed_response_alg: alg,
        ...(secret ? { client_secret: secret, token_endpoint_auth_method: "client_secret_basic" } : { token_endpoint_auth_method: "none" }),
      }],
      claims: { openid: ["sub"], profile: ["preferred_username", "groups"] },
      conformIdTokenClaims: thin,
      findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, preferred_username: id, groups: PEOPLE[id] ?? [] }) }),
      features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
      pkce: { required: () => true },
      enabledJWA: { idTokenSigningAlgValues: ["RS256", "ES256"] },
      jwks: { keys: [key(`${alg}-${Date.now()}`, alg)] },
      cookies: { keys: ["only for tests"] },
      ttl: { Session: 600, Interaction: 600, Grant: 600, IdToken: 600, AccessToken: 600 },
    });
    this.server = this.provider.listen(this.port, "127.0.0.1");
    await new Promise((done, fail) => { this.server.once("listening", done).once("error", fail); });
    return this;
  }

  async stop() {
    const server = this.server;
    if (!server) return;
    this.server = undefined;
    server.closeAllConnections();
    await new Promise((done) => { server.close(done); });
  }
}

/** Fills in the provider's forms, as far as it shows them. */
export async function signInThere(page, identities, name) {
  await page.waitForURL((at) => at.origin === identities.issuer);
  await page.getByPlaceholder("Enter any login").fill(name);
  await page.getByPlaceholder("and password").fill("any");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
}
