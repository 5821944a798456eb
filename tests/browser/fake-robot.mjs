// SPDX-License-Identifier: MPL-2.0
// The other end of the fake camera's data channels (fake.mjs): a robot that gives the wheel to whoever asks, takes every
// command, and hears the microphone. `window.robot` is what a test steers it by.

/** Runs in the page. */
export function fakeRobot() {
  const KIND = { text: 1, binary: 2, services: 3, wheel: 4, lost: 5, accepted: 6, refused: 7, talk: 8, hello: 9 };
  const NAMES = { 1: "text", 2: "binary", 16: "ask", 17: "release", 18: "hand-over", 19: "alive", 20: "stop" };
  const ME = { id: 9, user: "bob" };
  const robot = (window.robot = {
    heard: [],
    wheel: { you: "watching", driver: null, waiting: [] },
    hello: { version: 1, ...ME, controlTimeout: 500, gateway: true, talk: "one" },
    talk: { you: "silent", speaker: null, level: null, waiting: [] },
    services: [
      { service: 1, name: "battery", here: true, describe: { title: "Battery", kind: "number", unit: "%", range: [0, 100], latest: true } },
      { service: 2, name: "arm", here: true, describe: { title: "Position", kind: "json", drive: true } },
      { service: 3, name: "log", here: true, describe: { kind: "text" } },
      { service: 4, name: "map", here: false, describe: { title: "Map", kind: "binary" } },
    ],
  });
  let reliable;

  robot.say = (kind, payload = "", service = 0, number = 0) => {
    const body = payload instanceof Uint8Array ? payload : new TextEncoder().encode(typeof payload === "string" ? payload : JSON.stringify(payload));
    if (reliable.readyState === "open") reliable.send(new Uint8Array([KIND[kind], service, number >> 8, number & 0xff, ...body]));
  };
  robot.bytes = (count, service) => robot.say("binary", new Uint8Array(count), service);
  robot.turn = (wheel) => robot.say("wheel", robot.wheel = { you: "watching", driver: null, waiting: [], ...wheel });
  robot.commands = () => robot.heard.filter(({ name }) => name === "text").map(({ text }) => JSON.parse(text));
  robot.count = (name) => robot.heard.filter((each) => each.name === name).length;

  const take = ({ data }) => {
    const [kind, service, high, low] = new Uint8Array(data);
    const [name, number] = [NAMES[kind], high * 256 + low];
    robot.heard.push({ name, service, number, text: new TextDecoder().decode(data.slice(4)) });
    if (robot.deaf) return;
    if (name === "ask") robot.turn({ you: "driving", driver: ME });
    if (name === "release") robot.turn({});
    // To all, as the camera says it; there is no other answer.
    if (name === "stop") return robot.turn({ reason: "stopped", by: ME.user });
    if (number) robot.say("accepted", "", service, number);
  };

  /** How loud the microphone is at the robot, from 0 to 1. */
  const hear = (track) => {
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    const stream = new MediaStream([track]);
    // Chromium decodes nothing that no element plays.
    Object.assign(new Audio(), { srcObject: stream, muted: true }).play().catch(() => {});
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    robot.loudness = () => {
      analyser.getFloatTimeDomainData(samples);
      return Math.max(...samples.map(Math.abs));
    };
  };

  /** Packets of sound that have come from the microphone. */
  robot.packets = async () => {
    const stats = [...(await robot.camera.getStats()).values()];
    return stats.filter(({ type, kind }) => type === "inbound-rtp" && kind === "audio").reduce((sum, { packetsReceived }) => sum + packetsReceived, 0);
  };

  window.server.robot = (camera) => {
    robot.camera = camera;
    if (robot.hello.talk) hear(camera.addTransceiver("audio", { direction: "recvonly" }).receiver.track);
    const now = camera.createDataChannel("porthole-now", { ordered: false, maxRetransmits: 0 });
    reliable = camera.createDataChannel("porthole");
    for (const channel of [reliable, now]) {
      channel.binaryType = "arraybuffer";
      channel.onmessage = take;
    }
    reliable.onopen = () => {
      robot.say("hello", robot.hello);
      robot.say("services", robot.services);
      robot.say("wheel", robot.wheel);
      robot.say("talk", robot.hello.talk ? robot.talk : "null");
    };
  };
}
