// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * Why it does not work, from what the page knows. Pure; the words are `watch.cause.…` and `watch.todo.…`.
 *
 * @typedef {import("../client/routes.js").Routes} Routes
 * @typedef {{http: number|null, websocket: number|null, host: Tried, srflx: Tried, relay: Tried}} Tested times in ms, null where it failed
 * @typedef {{ok: boolean, ms: number, asked: boolean}} Tried `asked`: whether there is a server for it
 * @typedef {object} Facts
 * @property {boolean} secure whether the page is from https, or from this device
 * @property {boolean} network whether this device has one
 * @property {string} server the client's state
 * @property {string} serverCode
 * @property {{state: string, code: string}|null} session of the picture, if there is one
 * @property {{stun: boolean, turn: boolean, turnTcp: boolean}} servers for ICE: those of the session, or without one those that anybody is told of
 * @property {Routes|null} routes
 * @property {string} latencyReason
 * @property {number|null} ahead by how much the server's clock is, in ms
 * @property {boolean} talks whether this viewer may talk through a loudspeaker
 * @property {Tested|null} tested
 *
 * @typedef {{code: string, isFault: boolean}} Finding a note is no fault: it explains what is missing and not why nothing comes
 */

/** A clock that differs by less does no harm to anything but the latency. */
export const CLOCK_MS = 30_000;

/** Why a session is not had, by the server's codes: these say it all. @type {Readonly<Record<string, string>>} */
const BY_CODE = Object.freeze({
  "camera-offline": "camera-off", "camera-gone": "camera-off", "no-such-camera": "camera-unknown", "lease-ended": "right-over", "revoked": "right-over",
  "not-permitted": "right-over", "no-booking": "right-not-now", "camera-full": "camera-full", "offer-refused": "codec", "bad-description": "codec",
  "too-many": "too-many", "unauthorized": "signed-out", "no-picture": "camera-no-picture",
});

/** Why media does not get through. @param {Facts} facts @returns {string} */
function blocked({ servers, routes }) {
  if (!routes) return "media";
  const { local, remote } = routes;
  const all = (/** @type {import("../client/routes.js").Kinds} */ kinds) => kinds.host + kinds.srflx + kinds.relay;
  if (routes.connection === "connected" || routes.succeeded > 0) return "media-stopped";
  if (all(local) === 0) return "browser-blocks";
  if (all(remote) === 0) return "camera-silent";
  // The relay was reached, and still there was no way.
  if (local.relay > 0) return "relay-refuses";
  // Whoever asked outside by UDP got no answer at all.
  if (servers.stun && local.srflx === 0) return servers.turn && !servers.turnTcp ? "udp-closed-no-tcp" : "udp-closed";
  if (servers.turn) return "relay-unreachable";
  return routes.mapped > 1 ? "symmetric" : "no-relay";
}

/** What the connection test says, where no picture does. @param {Tested} tested @returns {string} */
function testedCause({ http, websocket, host, srflx, relay }) {
  if (http === null) return "server";
  if (websocket === null) return "websocket";
  if (!host.ok) return "browser-blocks";
  if (relay.asked && !relay.ok) return srflx.ok ? "relay-unreachable" : "udp-closed";
  // Without a session nobody is told of a relay with a password: whether it would help is not known yet.
  return srflx.asked && !srflx.ok && !relay.asked ? "udp-test" : "";
}

/** What was found, the cause first; empty if nothing was. @param {Facts} facts @returns {Finding[]} */
export function diagnose(facts) {
  const { session, tested } = facts;
  const causes = [];
  if (!facts.network) causes.push("offline");
  else if (facts.server === "reconnecting") causes.push(tested?.http && tested.websocket === null ? "websocket" : "server");
  else if (facts.server === "refused") causes.push(BY_CODE[facts.serverCode] ?? "signed-out");
  else if (session && session.state !== "ended" && Object.hasOwn(BY_CODE, session.code)) causes.push(BY_CODE[session.code]);
  else if (session?.code === "lease-ended") causes.push("right-over");
  else if (session?.code === "media-failed") causes.push(blocked(facts));
  else if (session && session.state === "connecting" && facts.routes && facts.routes.failed > 0) causes.push(blocked(facts));
  const found = causes[0] ?? (tested ? testedCause(tested) : "");
  const notes = [];
  if (facts.latencyReason === "clocks-differ" || Math.abs(facts.ahead ?? 0) > CLOCK_MS) notes.push("clock");
  if (!facts.secure && (facts.talks || !session)) notes.push("insecure");
  if (!found && session && tested?.host.ok && !facts.servers.turn) notes.push("no-relay-note");
  return [...(found ? [{ code: found, isFault: true }] : []), ...notes.map((code) => ({ code, isFault: false }))];
}

/** Every cause that there is: each has words. */
export const CAUSES = Object.freeze([...new Set([
  ...Object.values(BY_CODE), "offline", "server", "websocket", "media", "media-stopped", "browser-blocks", "camera-silent", "relay-refuses", "udp-closed-no-tcp",
  "udp-closed", "relay-unreachable", "symmetric", "no-relay", "udp-test", "clock", "insecure", "no-relay-note",
])]);

// -- for support ----------------------------------------------------------------------------------

/** Characters of one value that someone else wrote. */
const MAX_VALUE = 300;

/** Takes out of a text what is nobody's business: addresses are shortened, and what looks like a secret is gone. @param {string} text */
export function withoutSecrets(text) {
  return text
    .replace(/\b(token|share|secret|password|credential|username|access_token|code)=[^\s&#"']+/gi, "$1=…")
    .replace(/\bBearer\s+\S+/gi, "Bearer …")
    .replace(/\b(\d{1,3}\.\d{1,3})\.\d{1,3}\.\d{1,3}\b/g, "$1.x.x")
    .replace(/(?<![\w:.])((?:[0-9a-f]{1,4}:){2})(?:[0-9a-f]{0,4}:?){1,6}[0-9a-f]{0,4}(?![\w:])/gi, (whole, start) => (whole.split(":").length > 4 || whole.includes("::") ? `${start}…` : whole));
}

/**
 * What is copied for whoever helps: plain lines in English, whatever language the page speaks.
 * @param {Record<string, unknown>} facts any values, nested ones as JSON @param {Finding[]} findings @param {Date} time
 */
export function supportText(facts, findings, time) {
  const shown = (/** @type {unknown} */ value) => String(typeof value === "object" && value !== null ? JSON.stringify(value) : value).slice(0, MAX_VALUE).replace(/[\r\n]+/g, " ");
  const lines = Object.entries(facts).filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => `${name}: ${shown(value)}`);
  return withoutSecrets([`Porthole, ${time.toISOString()}`, `found: ${findings.map(({ code }) => code).join(", ") || "nothing"}`, ...lines].join("\n"));
}
