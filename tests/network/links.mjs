// SPDX-License-Identifier: MPL-2.0
// Real networks on one machine: a camera and viewers in namespaces of their own, joined by links that can be narrowed and
// made to lose packets. Nothing of it touches the machine's own network, and nothing outside reaches into it.

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Two packets of the largest size and some: less makes tbf drop what a sender paces, more lets bursts through. */
const BURST = "16kb";
/** What a packet may wait in the queue before the link; a home router's is of this order. */
const QUEUE = "200ms";
/** Viewers of one network: their number is the third byte of an address. */
const MAX_VIEWERS = 200;

const run = (command, ...args) => execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

/** Why there can be no namespaces here, or `null` if there can. Only what `ip netns add` itself says counts. */
export function refusal() {
  const name = unique("probe");
  try {
    run("ip", "netns", "add", name);
    run("ip", "netns", "del", name);
    return null;
  } catch (error) {
    return `no network namespaces here: ip netns add says: ${String(error.stderr ?? error.message).trim()}`;
  }
}

const unique = (role) => `porthole-${role}-${process.pid}-${randomBytes(3).toString("hex")}`;

/** A namespace. What runs in it is started with the words of `within` before its own. */
class Space {
  constructor(role) {
    this.name = unique(role);
    this.within = ["ip", "netns", "exec", this.name];
    run("ip", "netns", "add", this.name);
  }

  ip(...words) { return run("ip", "-n", this.name, ...words); }
  tc(...words) { return run("tc", "-n", this.name, ...words); }
  exec(...words) { return run("ip", "netns", "exec", this.name, ...words); }
}

/** One viewer's link to the camera. */
class Link {
  #network; #number; #narrow = false;

  constructor(network, role, number) {
    this.#network = network;
    this.#number = number;
    const space = (this.space = network.own(new Space(role)));
    const [near, far] = [`${this.camera}/30`, `${this.viewer}/30`];
    run("ip", "link", "add", this.device, "netns", network.camera.name, "type", "veth", "peer", "name", "link0", "netns", space.name);
    for (const [end, device, address] of [[network.camera, this.device, near], [space, "link0", far]]) {
      end.ip("addr", "add", address, "dev", device);
      end.ip("link", "set", device, "up");
      end.ip("link", "set", "lo", "up");
    }
  }

  get device() { return `to${this.#number}`; }
  /** The camera's address on this link. */
  get camera() { return `10.210.${this.#number}.1`; }
  /** The viewer's. */
  get viewer() { return `10.210.${this.#number}.2`; }

  /** What the camera sends here passes at this rate at most, such as `500kbit`. Changes while packets flow. */
  narrow(rate) {
    this.#network.camera.tc("qdisc", this.#narrow ? "change" : "add", "dev", this.device, "root", "tbf",
      "rate", rate, "burst", BURST, "latency", QUEUE);
    this.#narrow = true;
  }

  /** This share of the datagrams that come from the camera is lost, at random. */
  lose(share) {
    this.space.exec("iptables", "-F", "INPUT");
    if (share > 0) {
      this.space.exec("iptables", "-A", "INPUT", "-p", "udp", "-m", "statistic", "--mode", "random", "--probability", String(share), "-j", "DROP");
    }
  }

  /** This share of the datagrams that go to the camera is lost, at random. */
  loseToCamera(share) {
    const camera = this.#network.camera;
    const lossy = ["INPUT", "-i", this.device, "-p", "udp", "-m", "statistic", "--mode", "random", "--probability", String(share), "-j", "DROP"];
    if (share > 0) camera.exec("iptables", "-A", ...lossy);
  }

  /** Nothing passes any more, either way, until {@link heal}. */
  cut() {
    for (const [chain, way] of [["INPUT", "-i"], ["OUTPUT", "-o"]]) this.space.exec("iptables", "-I", chain, way, "link0", "-j", "DROP");
  }

  heal() {
    for (const [chain, way] of [["INPUT", "-i"], ["OUTPUT", "-o"]]) this.space.exec("iptables", "-D", chain, way, "link0", "-j", "DROP");
  }

  /** Bytes that have come through to the viewer's end. */
  get received() {
    const [{ stats64 }] = JSON.parse(this.space.ip("-j", "-s", "link", "show", "dev", "link0"));
    return stats64.rx.bytes;
  }

  /** A program that runs Chromium inside, for who starts it by its path alone. */
  get chromium() {
    const path = join(this.#network.folder, `chromium-${this.#number}`);
    const chromium = process.env.PORTHOLE_CHROMIUM ?? "/usr/bin/chromium";
    writeFileSync(path, `#!/bin/sh\nexec ${this.space.within.join(" ")} ${chromium} "$@"\n`);
    chmodSync(path, 0o755);
    return path;
  }
}

/** Who ends a test from outside ends its networks as well. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** The camera's namespace, and one for each link. `stop` removes them all, also those of a network half made. */
export class Network {
  #spaces = []; #links = 0; #leave = () => this.#abandon();

  constructor() {
    process.on("exit", this.#leave);
    for (const [signal, code] of Object.entries(SIGNALS)) {
      if (process.listenerCount(signal) === 0) process.once(signal, () => process.exit(code));
    }
    this.folder = mkdtempSync(join(tmpdir(), "porthole-network-"));
    try {
      this.camera = this.own(new Space("camera"));
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** @internal */
  own(space) {
    this.#spaces.push(space);
    return space;
  }

  link(role) {
    if (this.#links >= MAX_VIEWERS) throw new Error(`more than ${MAX_VIEWERS} links`);
    return new Link(this, role, ++this.#links);
  }

  /** What still runs in the namespaces was started there by this process, and would keep them. */
  #abandon() {
    for (const { name } of this.#spaces) {
      for (const pid of run("ip", "netns", "pids", name).split("\n").filter(Boolean)) process.kill(Number(pid), "SIGKILL");
    }
    this.stop();
  }

  stop() {
    process.off("exit", this.#leave);
    for (const { name } of this.#spaces.splice(0).reverse()) run("ip", "netns", "del", name);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
