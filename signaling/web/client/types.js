// SPDX-License-Identifier: MPL-2.0
// @ts-check
/**
 * What the client takes and tells.
 *
 * @typedef {{until: number, perms: string[], saving: boolean}} Terms the end of the permission in ms of this device's clock
 *   (`Date.now()`), what may be done, out of `view`, `listen`, `talk`, `control`, and whether the page offers to save pictures and clips
 * @typedef {{token: string}|{user: string, password: string, code?: string, enrolment?: string, passkey?: {challenge: string, answer: object}}|{share: string}} Credential how someone shows who they are
 * @typedef {{sessionId: string, secret: string}} Proof that a session is one's own
 * @typedef {{id: string, name: string, meta: any}} Camera
 * @typedef {{sessionId?: unknown, peerId?: unknown, secret?: unknown, iceServers?: RTCIceServer[]|null, terms?: unknown, offers?: unknown}} Started what the server
 *   says of a new session
 * @typedef {{sdp?: {type: string, sdp: string}|null, ice?: RTCIceCandidateInit|null}} Peer a word from the camera, which nobody has checked
 * @typedef {"connecting"|"online"|"reconnecting"|"refused"} ClientState
 * @typedef {"connecting"|"live"|"reconnecting"|"refused"|"ended"} SessionState
 * @typedef {{action: "retry"|"wait"|"stop", state: SessionState, code: string}} Step
 * @typedef {{token?: string, share?: string, cookies?: boolean, WebSocket?: any, RTCPeerConnection?: any, MediaStream?: any, fetch?: any,
 *   setTimeout?: any, clearTimeout?: any, now?: () => number, random?: () => number, hidden?: () => boolean,
 *   OffscreenCanvas?: any, getUserMedia?: any}} Options
 */
export {};
