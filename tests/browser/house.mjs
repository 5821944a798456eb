// SPDX-License-Identifier: MPL-2.0
// A house with a doorbell: a camera at the door, a program that presses, and people whose telephones are pages of Chromium.

import { Accounts } from "./accounts.mjs";
import { enrolled } from "./lib.mjs";
import { gatewayOf, Robot } from "./programs.mjs";

const SOURCE = "portholesrc name=cam camera=test idle-timeout=0 ! videoscale ! video/x-raw,width=320,height=180";
export const DOOR = `${SOURCE} ! portholesink name=out gateway=127.0.0.1:0 out.talk ! fakesink async=false`;
/** A telephone, held upright. */
export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
/** What a Chromium is started with that has a microphone. */
export const MICROPHONE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];

/** Whom a bell rings, as the configuration has it. */
export const rule = (camera, people) => `\n[[doorbell]]\ncamera = "${camera}"\nring = ${JSON.stringify(people)}\n`;

/** A door: its camera, and a program that presses the button there. */
export async function door(keep, accounts, id, name = id, pipeline = DOOR) {
  const key = await accounts.camera(name, id);
  const camera = await keep(enrolled(key, pipeline));
  const button = await keep(Robot.start(await gatewayOf(camera), "button"));
  return { key, camera, button };
}

/** Someone who is signed in; `page` is where. */
export async function person(keep, accounts, chromium, name, password, options = {}) {
  const page = await accounts.signedIn(chromium, name, password, options);
  await keep({
    // One that was killed is closed.
    stop: async () => { if (chromium.isConnected()) await page.context().close(); },
  });
  await online(page);
  return page;
}

export const online = (page) => page.locator('#connection[data-state="online"]').waitFor({ state: "attached" });

/**
 * A house in which each of these has a page open, none of whom has booked anything, and a button at the door `front`. Those who are
 * `absent` have neither a page nor an account. `more` is added to the configuration.
 */
export async function house(keep, chromium, { people = ["alice", "bob"], absent = [], pipeline = DOOR, more = "", options = {} } = {}) {
  const accounts = await keep(Accounts.start({ configured: (url) => `url = "${url}/"\n${rule("front", people)}${more}` }));
  const pages = {};
  const passwords = {};
  for (const name of people.filter((each) => !absent.includes(each))) {
    passwords[name] = (await accounts.user(name)).password;
    pages[name] = await person(keep, accounts, chromium, name, passwords[name], options);
  }
  const { camera, button } = await door(keep, accounts, "front", "Front door", pipeline);
  return { accounts, front: camera, button, passwords, ...pages };
}

export const press = (button) => button.say({ text: "porthole ring {}" });
export const says = (page, words) => page.locator("#calls .words").filter({ hasText: words }).first().waitFor();

/**
 * Has the page's next peer connections wait before they take an offer, so that whoever answers has no picture yet; to be called
 * before the page is asked to watch anything. `release` lets them go on.
 */
export async function withoutPicture(page) {
  await page.evaluate(() => {
    const { setRemoteDescription } = RTCPeerConnection.prototype;
    const free = new Promise((done) => { window.release = done; });
    RTCPeerConnection.prototype.setRemoteDescription = async function wait(...words) {
      await free;
      return setRemoteDescription.apply(this, words);
    };
  });
  return () => page.evaluate(() => window.release());
}
