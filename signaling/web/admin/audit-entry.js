// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** A line of the log: one sentence, with what it is about. */
import { $, cloned, made, quote, say } from "../parts/dom.js";
import { readTime } from "../client/when.js";
import { momentInWords } from "../words/when.js";
import { auditInWords, detailsInWords, subjectInWords } from "./words.js";

/** @param {any} entry @returns {any} an element */
export function newEntry(entry) {
  const item = cloned("#audit-entry");
  const [at, now] = [readTime(entry?.at), Date.now()];
  const time = $("time", item);
  if (at !== null) {
    time.dateTime = entry.at;
    say(time, momentInWords(at, now));
  }
  $(".sentence", item).append(...auditInWords(entry).map((part) => {
    if (typeof part === "string") return part;
    const name = made("bdi");
    quote(name, part.name);
    return name;
  }));
  quote($(".details", item), [detailsInWords(entry, now), subjectInWords(entry)].filter(Boolean).join(" · "));
  // As it is written down, for who looks for one of many.
  item.title = String(entry?.subject ?? "").slice(0, 64);
  return item;
}
