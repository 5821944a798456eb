// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What is wrong, a test of the ways, and the text for whoever helps. */
import { $, cloned, fill, say } from "../parts/dom.js";
import { readServers } from "../client/routes.js";
import { testConnection } from "./connection-test.js";
import { diagnose, supportText } from "./diagnosis.js";
import { t } from "../words/words.js";

/** @typedef {import("./picture.js").Picture} Picture */
/** @typedef {import("./diagnosis.js").Tested} Tested */

/** In the order in which they are tried. @type {(keyof Tested)[]} */
const WAYS = ["http", "websocket", "host", "srflx", "relay"];

export class DiagnosisPanel {
  #dialog; #client; #api; #base; #ahead;
  /** What the server names to who has no picture yet. @type {any[]|null} */ #given = null;
  #picture = /** @type {Picture|null} */ (null);
  #listens = new AbortController();
  #sofar = /** @type {Partial<Tested>|null} */ (null); #tested = /** @type {Tested|null} */ (null); #running = false;

  /**
   * @param {any} dialog @param {import("../client/porthole-client.js").PortholeClient} client @param {import("../parts/api.js").Api} api @param {URL} base
   * @param {() => number|null} ahead the server's clock, in ms
   */
  constructor(dialog, client, api, base, ahead) {
    this.#dialog = dialog;
    this.#client = client;
    this.#api = api;
    this.#base = base;
    this.#ahead = ahead;
    $(".try", dialog).addEventListener("click", () => this.#try());
    $(".copy", dialog).addEventListener("click", () => this.#copy());
    $(".shut", dialog).addEventListener("click", () => dialog.close());
    client.addEventListener("state", () => this.show());
  }

  /** Of a picture, or before there is one. @param {Picture|null} [picture] */
  open(picture = null) {
    this.#picture = picture;
    this.#listens.abort();
    this.#listens = new AbortController();
    picture?.session.addEventListener("state", () => this.show(), { signal: this.#listens.signal });
    say($(".copy .label", this.#dialog), t("watch.copy"));
    $(".support", this.#dialog).hidden = true;
    if (!this.#dialog.open) this.#dialog.showModal();
    this.show();
  }

  /** What is found now. */
  show() {
    if (!this.#dialog.open) return;
    const findings = diagnose(this.#facts());
    $(".nothing", this.#dialog).hidden = findings.length > 0;
    fill($(".findings", this.#dialog), findings, ({ code }) => code, () => cloned("#finding"), (item, { code, isFault }) => {
      item.dataset.cause = code;
      item.dataset.fault = String(isFault);
      say($(".cause", item), t(`watch.cause.${code}`));
      say($(".todo", item), t(`watch.todo.${code}`));
    });
    const sofar = this.#sofar;
    fill($(".ways", this.#dialog), sofar ? WAYS : [], (way) => way, () => cloned("#way"), (item, way) => {
      const next = WAYS.find((each) => !(each in /** @type {object} */ (sofar)));
      item.dataset.way = way;
      say($(".name", item), t(`watch.way.${way}`));
      const { words, result } = wayInWords(sofar?.[way], way === next);
      item.dataset.result = result;
      say($(".result", item), words);
    });
    $(".try", this.#dialog).disabled = this.#running;
  }

  /** @returns {import("./diagnosis.js").Facts} */
  #facts() {
    const session = this.#picture?.session;
    const { state, code } = this.#client;
    return {
      secure: globalThis.isSecureContext, network: navigator.onLine !== false, server: state, serverCode: code,
      session: session ? { state: session.state, code: session.code } : null, servers: readServers(this.#iceServers), routes: session?.routes ?? null,
      latencyReason: session?.latencyReason ?? "", ahead: this.#ahead(), talks: session?.terms?.perms.includes("talk") === true && session.hello?.talk != null,
      tested: this.#tested,
    };
  }

  /** A relay's password is told with a session, or to who asks. */
  get #iceServers() { return this.#picture?.session.iceServers ?? this.#given ?? this.#client.iceServers; }

  /** Those of a session, before there is one. Who may watch nothing is told of none. */
  async #ask() {
    if (this.#picture?.session.iceServers) return;
    const told = await this.#api.post("me/ice-servers").catch(() => null);
    this.#given = Array.isArray(told?.iceServers) ? told.iceServers : null;
  }

  async #try() {
    if (this.#running) return;
    this.#running = true;
    this.#tested = null;
    this.#sofar = {};
    this.show();
    await this.#ask();
    const env = {
      RTCPeerConnection: globalThis.RTCPeerConnection, now: () => performance.now(), setTimeout: setTimeout.bind(window), clearTimeout: clearTimeout.bind(window),
    };
    const server = {
      http: async () => {
        const { ok } = await fetch(new URL("api/config", this.#base), { cache: "no-store" });
        if (!ok) throw new Error("no answer");
      },
      websocket: () => this.#client.roundTrip(),
    };
    this.#tested = await testConnection(env, server, this.#iceServers, (sofar) => {
      this.#sofar = sofar;
      this.show();
    });
    this.#running = false;
    this.show();
  }

  async #copy() {
    const facts = this.#facts();
    const session = this.#picture?.session;
    const text = supportText({
      page: location.origin + location.pathname, browser: navigator.userAgent, screen: `${innerWidth}x${innerHeight}`, camera: session?.cameraId, ...facts,
      message: session?.message, statistics: session?.statistics() && { ...session.statistics(), history: undefined }, latency: session?.latency,
    }, diagnose(facts), new Date());
    const area = $(".support", this.#dialog);
    area.value = text;
    const done = await navigator.clipboard?.writeText(text).then(() => true, () => false) ?? false;
    say($(".copy .label", this.#dialog), t(done ? "watch.copied" : "watch.copy-failed"));
    area.hidden = false;
    if (!done) area.select();
  }
}

/** @param {any} result @param {boolean} isNext */
function wayInWords(result, isNext) {
  if (result === undefined) return { words: isNext ? t("watch.way.trying") : "", result: "" };
  const ms = typeof result === "number" ? result : result?.ok ? result.ms : null;
  if (ms !== null) return { words: t("watch.way.ok", { count: ms }), result: "ok" };
  if (result?.asked === false) return { words: t("watch.way.none"), result: "none" };
  return { words: t("watch.way.failed"), result: "failed" };
}

