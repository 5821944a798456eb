// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * Tries the ways that a picture takes, before there is one: two peer connections of this page find each other, once by each kind of way.
 * Pure: the browser is an argument.
 *
 * @typedef {import("./diagnosis.js").Tested} Tested
 * @typedef {import("./diagnosis.js").Tried} Tried
 * @typedef {{RTCPeerConnection: any, now: () => number, setTimeout: (call: () => void, ms: number) => any, clearTimeout: (timer: any) => void}} Env
 * @typedef {{http: () => Promise<void>, websocket: () => Promise<number|null>}} Server
 */
import { readServers } from "../client/routes.js";

/** For one kind of way. A relay by TLS takes some round trips; what takes longer is no way for a picture. */
export const WAY_MS = 8_000;

/** @typedef {"host"|"srflx"|"relay"} Kind */

/** Such a server is not configured, or it did not work. @param {boolean} asked @returns {Tried} */
const failed = (asked) => ({ ok: false, ms: 0, asked });

/**
 * Until it is done, and no longer than {@link WAY_MS}. @param {Env} env @param {(done: () => void) => void} begin @returns {Promise<number|null>} ms
 */
function timed(env, begin) {
  return new Promise((resolve) => {
    const start = env.now();
    const timer = env.setTimeout(() => resolve(null), WAY_MS);
    begin(() => {
      env.clearTimeout(timer);
      resolve(Math.round(env.now() - start));
    });
  });
}

/** Whether two ends in this page hear each other by this kind of way alone. @param {Env} env @param {any[]} iceServers @param {"host"|"relay"} kind */
async function loop(env, iceServers, kind) {
  const config = kind === "relay" ? { iceServers, iceTransportPolicy: "relay" } : { iceServers: [] };
  /** @type {any[]} */ const ends = [];
  try {
    const [one, other] = [0, 1].map(() => { ends.push(new env.RTCPeerConnection(config)); return ends.at(-1); });
    return await timed(env, (done) => {
      for (const [from, to] of [[one, other], [other, one]]) {
        from.onicecandidate = (/** @type {any} */ { candidate }) => { if (candidate) to.addIceCandidate(candidate).catch(() => {}); };
      }
      one.createDataChannel("test").onopen = done;
      (async () => {
        await one.setLocalDescription(await one.createOffer());
        await other.setRemoteDescription(one.localDescription);
        await other.setLocalDescription(await other.createAnswer());
        await one.setRemoteDescription(other.localDescription);
      })().catch(() => {}); // It runs out of time.
    });
  } catch {
    return null; // No such browser, or servers that it cannot read.
  } finally {
    for (const end of ends) end.close();
  }
}

/** Whether a server outside tells this page how it is seen: by UDP. @param {Env} env @param {any[]} iceServers */
async function seen(env, iceServers) {
  /** @type {any} */ let end;
  try {
    end = new env.RTCPeerConnection({ iceServers });
    return await timed(env, (done) => {
      end.onicecandidate = (/** @type {any} */ { candidate }) => { if (candidate?.type === "srflx" || / typ srflx /.test(candidate?.candidate ?? "")) done(); };
      end.createDataChannel("test");
      end.createOffer().then((/** @type {any} */ offer) => end.setLocalDescription(offer)).catch(() => {});
    });
  } catch {
    return null;
  } finally {
    end?.close();
  }
}

/**
 * One after the other, so that each is told when it is known.
 * @param {Env} env @param {Server} server @param {any[]} iceServers @param {(sofar: Partial<Tested>) => void} told
 * @returns {Promise<Tested>}
 */
export async function testConnection(env, server, iceServers, told) {
  const servers = readServers(iceServers);
  const result = /** @type {Tested} */ ({ http: null, websocket: null, host: failed(true), srflx: failed(servers.stun), relay: failed(servers.turn) });
  const sofar = /** @type {Partial<Tested>} */ ({});
  const tell = (/** @type {keyof Tested} */ key, /** @type {any} */ value) => {
    /** @type {any} */ (result)[key] = /** @type {any} */ (sofar)[key] = value;
    told({ ...sofar });
  };
  const way = (/** @type {number|null} */ ms, /** @type {boolean} */ asked) => (ms === null ? failed(asked) : { ok: true, ms, asked });
  tell("http", await timed(env, (done) => { server.http().then(done, () => {}); }));
  tell("websocket", await server.websocket().catch(() => null));
  tell("host", way(await loop(env, [], "host"), true));
  tell("srflx", servers.stun ? way(await seen(env, iceServers), true) : failed(false));
  tell("relay", servers.turn ? way(await loop(env, iceServers, "relay"), true) : failed(false));
  return result;
}
