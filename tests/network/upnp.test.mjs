// SPDX-License-Identifier: MPL-2.0
// What a camera asks of the router before it, in a network that is not this machine's. Skipped where there can be no network
// namespaces.

import assert from "node:assert/strict";
import { test } from "node:test";
import { browser, camera, Program, scene, visitor, watch } from "../browser/lib.mjs";
import { Network, refusal } from "./links.mjs";

const skip = refusal() ?? false;
const SINK = "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=10/1 ! portholesink listen=0.0.0.0:0 camera-name=front";
/** SSDP, by which routers are looked for (UPnP Device Architecture, 1.3). */
const [GROUP, PORT] = ["239.255.255.250", 1900];

/** In the place of a router: says what it is asked by SSDP, a line for each datagram. */
const LISTEN = `
  const socket = require("node:dgram").createSocket({ type: "udp4", reuseAddr: true });
  socket.on("message", (text) => console.log("asked:", String(text).split("\\r\\n")[0]));
  socket.bind(${PORT}, () => { socket.addMembership("${GROUP}", process.argv[1]); console.log("listening"); });`;
/** The last word: what came before it is all there was. */
const END = `
  const socket = require("node:dgram").createSocket("udp4");
  socket.bind(0, () => { socket.setMulticastInterface(process.argv[1]); socket.send("END", ${PORT}, "${GROUP}", () => socket.close()); });`;

const script = (space, text, address) => {
  const [command, ...args] = [...space.within, process.execPath, "-e", text, address];
  return new Program(command, args);
};

for (const [properties, expected] of [["", false], ["upnp=true", true]]) {
  test(`a session ${expected ? "looks for a router with upnp=true" : "asks nothing of any router"}`, { skip }, () => scene(async (keep) => {
    const network = await keep(new Network());
    const link = network.link("router");
    const router = await keep(script(link.space, LISTEN, link.viewer));
    await router.line(/listening/);
    const front = await keep(camera(`${SINK} ${properties}`, {}, network.camera.within));
    const chromium = await keep(browser({}, link.chromium));
    const page = await visitor(chromium, front.link.replace("127.0.0.1", link.camera));
    await watch(page, "front");
    await keep(script(network.camera, END, link.camera));
    await router.line(/asked: END/);
    assert.equal(router.lines.some((line) => line.includes("M-SEARCH")), expected, router.lines.join("\n"));
  }));
}
