// SPDX-License-Identifier: MPL-2.0
// As much of Playwright's page as the table of views (views.mjs) uses, in Firefox.

/** Keys that have a name, as WebDriver writes them. */
const KEYS = { Enter: "\uE007" };

/** Runs in the page: the element at the end of the path, once it is there and visible. */
function found(path, patience) {
  const until = performance.now() + patience;
  return new Promise((done, fail) => {
    const look = () => {
      const elements = path.reduce((from, step) => (typeof step === "number" ? from.slice(step, step + 1) : from.flatMap((each) => [...each.querySelectorAll(step)])), [document]);
      if (elements[0]?.checkVisibility()) done(elements[0]);
      else if (performance.now() > until) fail(new Error(`no ${path.join(" ")} in: ${document.body.innerText}`));
      else setTimeout(look, 20);
    };
    look();
  });
}

class Locator {
  #page; #path;
  constructor(page, path) {
    this.#page = page;
    this.#path = path;
  }

  locator(selector) { return new Locator(this.#page, [...this.#path, selector]); }
  getByTestId(id) { return this.locator(`[data-testid="${id}"]`); }
  getByRole(role) { return this.locator(role); }
  nth(n) { return new Locator(this.#page, [...this.#path, n]); }
  first() { return this.nth(0); }
  waitFor() { return this.#page.firefox.evaluate(`async (...args) => { await (${found})(...args); }`, this.#path, this.#page.patience); }

  async click() {
    const element = await this.#page.firefox.evaluate(found, this.#path, this.#page.patience);
    await this.#page.firefox.ask("WebDriver:ElementClick", { id: Object.values(element)[0] });
  }

  fill(text) {
    return this.#page.firefox.evaluate(`async (text, ...args) => {
      const element = await (${found})(...args);
      element.focus();
      element.value = text;
      element.dispatchEvent(new Event("input", { bubbles: true }));
    }`, text, this.#path, this.#page.patience);
  }
}

export class FirefoxPage extends Locator {
  /** @param {import("./firefox.mjs").Firefox} firefox @param {number} patience for what is waited for, in ms */
  constructor(firefox, patience) {
    const holder = { firefox, patience };
    super(holder, []);
    this.firefox = firefox;
  }

  evaluate(body, ...args) { return this.firefox.evaluate(body, ...args); }

  keyboard = {
    press: (key) => {
      const value = KEYS[key] ?? key;
      return this.firefox.ask("WebDriver:PerformActions", { actions: [{ type: "key", id: "keyboard", actions: ["keyDown", "keyUp"].map((type) => ({ type, value })) }] });
    },
  };

  /** The size of the page, whatever the window's: that has a least width. It needs `--remote-allow-system-access`. */
  async setViewportSize({ width, height }) {
    await this.firefox.ask("Marionette:SetContext", { value: "chrome" });
    await this.firefox.evaluate(`(width, height) => {
      const { style } = gBrowser.selectedBrowser;
      for (const [name, length] of [["width", width], ["height", height]]) for (const bound of ["min", "max"]) style.setProperty(\`\${bound}-\${name}\`, \`\${length}px\`, "important");
    }`, width, height);
    await this.firefox.ask("Marionette:SetContext", { value: "content" });
    await this.firefox.evaluate((width, height) => new Promise((done) => {
      const look = () => (innerWidth === width && innerHeight === height ? done() : setTimeout(look, 20));
      look();
    }), width, height);
  }

  /** @returns {Promise<Buffer>} */
  async screenshot() {
    const { value } = await this.firefox.ask("WebDriver:TakeScreenshot", { full: false });
    return Buffer.from(value, "base64");
  }
}
