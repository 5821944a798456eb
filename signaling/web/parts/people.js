// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** How people are called who are no account: guests, who may have said a name. Pure. */
import { isolated } from "../client/rules.js";
import { t } from "../words/words.js";

/** Everybody who comes without a credential, where that is allowed, and who comes by a link. What is behind a stroke they say themselves. */
const GUEST = /^(?:guest|share:[^/]*)(?:\/(.*))?$/s;

/**
 * A viewer in words: `alice`, `Anna (guest)`, `a guest`. That it is one is always said: a guest may say anybody's name.
 * @param {string} user as the camera tells it; empty if it does not
 */
export function personInWords(user) {
  const guest = user.match(GUEST);
  if (!guest) return user ? isolated(user) : t("drive.someone");
  return guest[1] ? t("drive.guest-called", { name: isolated(guest[1]) }) : t("drive.guest");
}
