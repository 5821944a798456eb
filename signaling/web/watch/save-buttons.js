// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** A picture, a clip and the last seconds, saved on the viewer's own device. No server sees them. */
import { label } from "./buttons.js";
import { $, say } from "../parts/dom.js";
import { showIcon } from "../parts/icons.js";
import { LastSeconds, Recording, clipType, fileName } from "./saving.js";
import { countdownInWords } from "../words/when.js";
import { t } from "../words/words.js";

/** Sharp enough to read a number plate by, and a fifth of what 1.0 takes. */
const QUALITY = 0.92;
/** A browser has begun the download by then, and the memory is free again. */
const REVOKE_MS = 60_000;

export class SaveButtons {
  #picture; #type; #recording; #last;
  /** Whether the viewer wants the last seconds kept, also of the picture that comes after an interruption. */ #keeps = false;

  /** @param {import("./picture.js").Picture} picture */
  constructor(picture) {
    this.#picture = picture;
    const { element } = picture;
    const Recorder = /** @type {any} */ (globalThis).MediaRecorder;
    this.#type = clipType(Recorder && ((type) => Recorder.isTypeSupported(type)));
    const env = {
      // Its own stream: tracks that come and go would end the recording.
      record: () => new Recorder(new MediaStream(picture.session.stream.getTracks()), { mimeType: this.#type }),
      now: () => performance.now(), setTimeout: setTimeout.bind(window), clearTimeout: clearTimeout.bind(window),
    };
    const saved = (/** @type {import("./saving.js").Clip} */ { parts, type }) => this.#save(new Blob(parts, { type: type.split(";")[0] }));
    this.#recording = new Recording(env, saved, () => this.show());
    this.#last = new LastSeconds(env, saved, () => this.show());
    const does = (/** @type {string} */ name, /** @type {() => void} */ act) => $(`.${name}`, element).addEventListener("click", () => this.#try(act));
    does("snapshot", () => this.#snapshot());
    does("record", () => (this.#recording.isOn ? this.#recording.stop() : this.#recording.start()));
    does("keep", () => {
      this.#keeps = !this.#last.isOn;
      if (!this.#keeps) return this.#last.stop();
      this.#last.start();
      return picture.notice(t("watch.keep-on"));
    });
    does("last", () => this.#last.save());
    this.show();
  }

  get isKeeping() { return this.#last.isOn; }

  /** A picture has come, perhaps after one that has ended. */
  live() {
    if (this.#keeps && this.#picture.session.terms?.saving !== false) this.#try(() => this.#last.start());
  }

  /** What is recorded is saved; what was only kept is gone. */
  end() {
    this.#last.stop();
    this.#recording.stop();
  }

  /** What changes with time alone. */
  tick() {
    const { element } = this.#picture;
    $(".recording", element).hidden = !this.#recording.isOn;
    if (this.#recording.isOn) say($(".length", element), countdownInWords(this.#recording.length));
  }

  show() {
    const { element, session } = this.#picture;
    const may = session.terms?.saving !== false;
    if (!may) {
      this.#keeps = false;
      if (this.#recording.isOn) this.#recording.drop();
      this.#last.stop();
    }
    const isLive = session.state === "live";
    const clips = may && isLive && this.#type !== "";
    $(".snapshot", element).hidden = !may || !isLive;
    const { isOn } = this.#recording;
    const button = $(".record", element);
    button.hidden = !clips && !isOn;
    button.setAttribute("aria-pressed", String(isOn));
    showIcon($(".icon", button), "record");
    label(button, t(isOn ? "watch.record-stop" : "watch.record"), "record");
    $(".keep", element).hidden = !clips && !this.#last.isOn;
    $(".keep", element).setAttribute("aria-checked", String(this.#last.isOn));
    $(".last", element).hidden = !this.#last.isOn;
    $(".forbidden", element).hidden = may;
    this.#picture.wantWhole("clip", isOn || this.#last.isOn);
    this.tick();
  }

  /** @param {() => void} act */
  #try(act) {
    try {
      act();
    } catch {
      this.#picture.notice(t("watch.save-failed"));
    }
  }

  /** The frame as it was decoded, in its full size, whatever part of it is on the screen. */
  #snapshot() {
    this.#picture.camera.snapshot({ quality: QUALITY }).then((blob) => this.#save(blob), ({ name }) => {
      // Before there is a picture, nobody misses one.
      if (name === "EncodingError") this.#picture.notice(t("watch.save-failed"));
    });
  }

  /** @param {Blob} blob */
  #save(blob) {
    // It may have been forbidden while it was made.
    if (this.#picture.session.terms?.saving === false) return;
    const name = fileName(this.#picture.title, new Date(), blob.type);
    const url = URL.createObjectURL(blob);
    Object.assign(document.createElement("a"), { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), REVOKE_MS);
    this.#picture.notice(t("watch.saved", { file: name }));
  }
}
