// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** What was done a moment ago, and may be taken back. */
import { $, cloned, quote, say } from "../parts/dom.js";
import { problemInWords } from "./words.js";

/** For someone to read it and to see that it was the wrong one; a server keeps what it needs for longer. */
const SHOWN_MS = 20_000;
/** Who does much at once takes back the latest. */
const MAX_SHOWN = 3;

/**
 * Says what was done, for a while. Whoever points at it or has come to it with the keyboard is not hurried.
 * @param {string} words @param {string} name what it was done to @param {() => Promise<void>} [putBack] nothing where there is no way back
 */
export function tell(words, name, putBack) {
  const item = cloned("#undo-item");
  const place = $("#undo");
  say($(".words", item), words);
  quote($(".name", item), name);
  const gone = () => item.remove();
  const held = () => item.matches(":hover, :focus-within");
  let timer = setTimeout(function over() {
    if (held()) timer = setTimeout(over, SHOWN_MS);
    else gone();
  }, SHOWN_MS);
  const stop = () => clearTimeout(timer);
  $(".cancel", item).addEventListener("click", () => { stop(); gone(); });
  const back = $(".back", item);
  back.hidden = !putBack;
  back.addEventListener("click", async () => {
    stop();
    back.disabled = true;
    try {
      await putBack?.();
      gone();
    } catch (/** @type {any} */ problem) {
      say($(".words", item), problemInWords(problem, Date.now()).words);
      back.hidden = true;
    }
  });
  while (place.children.length >= MAX_SHOWN) place.firstElementChild.remove();
  place.append(item);
}
