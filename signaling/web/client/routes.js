// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * By which ways a picture was looked for, and found: what `getStats` says of the candidates, without an address. Pure.
 *
 * @typedef {{host: number, srflx: number, relay: number, tcp: number}} Kinds candidates by their kind; `tcp`: those of them that are not UDP
 * @typedef {{local: Kinds, remote: Kinds, failed: number, waiting: number, succeeded: number, mapped: number, relayError: boolean, connection: string,
 *   selected: {local: string, remote: string, protocol: string, relayProtocol: string}|null}} Routes pairs by their state; `mapped`: ports under which one
 *   own port was seen from outside, more than one behind a symmetric network
 */

/** Candidates read from one report; a connection has a few dozen. */
const MAX_ENTRIES = 2_000;
const MAPPED = ["srflx", "prflx"];

/** @returns {Kinds} */
const none = () => ({ host: 0, srflx: 0, relay: 0, tcp: 0 });

/** @param {any} candidate */
const kindOf = ({ candidateType }) => (candidateType === "relay" ? "relay" : MAPPED.includes(candidateType) ? "srflx" : candidateType === "host" ? "host" : "");

/** @param {any[]} candidates @returns {Kinds} */
function count(candidates) {
  const kinds = none();
  for (const each of candidates) {
    const kind = kindOf(each);
    if (!kind) continue;
    kinds[kind] += 1;
    if (each.protocol === "tcp") kinds.tcp += 1;
  }
  return kinds;
}

/** As many ports as the same own one was seen by from outside. @param {any[]} local */
function mappings(local) {
  const seen = new Map();
  for (const { candidateType, protocol, relatedAddress, relatedPort, port } of local) {
    // Browsers that hide the own address say port 0 or 9.
    if (candidateType !== "srflx" || protocol === "tcp" || !(relatedPort > 9)) continue;
    const own = `${relatedAddress} ${relatedPort}`;
    seen.set(own, (seen.get(own) ?? new Set()).add(port));
  }
  return Math.max(0, ...[...seen.values()].map(({ size }) => size));
}

/** @param {any} report of `getStats` @param {string} connection its `connectionState` @param {boolean} [relayError] whether a relay refused, or did not answer @returns {Routes} */
export function readRoutes(report, connection, relayError = false) {
  /** @type {any[]} */ const entries = [];
  report.forEach((/** @type {any} */ entry) => { if (entries.length < MAX_ENTRIES) entries.push(entry); });
  const of = (/** @type {string} */ type) => entries.filter((entry) => entry.type === type);
  const [local, remote, pairs] = [of("local-candidate"), of("remote-candidate"), of("candidate-pair")];
  const chosen = of("transport").find(({ selectedCandidatePairId }) => selectedCandidatePairId)?.selectedCandidatePairId;
  const pair = pairs.find(({ id }) => id === chosen) ?? pairs.find(({ nominated, state }) => nominated && state === "succeeded");
  const end = (/** @type {any[]} */ side, /** @type {string} */ id) => side.find((each) => each.id === id);
  const [here, there] = pair ? [end(local, pair.localCandidateId), end(remote, pair.remoteCandidateId)] : [];
  const states = (/** @type {string[]} */ ...names) => pairs.filter(({ state }) => names.includes(state)).length;
  return {
    local: count(local), remote: count(remote), failed: states("failed"), waiting: states("waiting", "in-progress", "frozen"), succeeded: states("succeeded"),
    mapped: mappings(local), relayError, connection,
    selected: here && there ? { local: kindOf(here), remote: kindOf(there), protocol: here.protocol === "tcp" ? "tcp" : "udp", relayProtocol: String(here.relayProtocol ?? "") } : null,
  };
}

/** What the configured servers for ICE are: none of their addresses, and no password. @param {any} iceServers */
export function readServers(iceServers) {
  const urls = (Array.isArray(iceServers) ? iceServers : []).slice(0, MAX_ENTRIES)
    .flatMap((each) => [each?.urls ?? each?.url ?? []].flat()).filter((url) => typeof url === "string");
  const some = (/** @type {RegExp} */ pattern) => urls.some((url) => pattern.test(url));
  return { stun: some(/^(stun|turn)s?:/i), turn: some(/^turns?:/i), turnTcp: some(/^turns:|^turn:.*transport=tcp/i) };
}
