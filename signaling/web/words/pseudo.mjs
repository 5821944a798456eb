// SPDX-License-Identifier: MPL-2.0
/** Letters of a script that runs from right to left, for those of English. */
const LETTERS = "אבגדהוזחטיכלמנסעפצקרשת";
/** Translations are longer than English by about this much. */
const LONGER = 1.3;

/** English in letters that run from right to left, and longer: what does not fit, or is not in the catalogue, is seen. For tests. */
export function pseudo(words) {
  return Object.fromEntries(Object.entries(words).map(([key, text]) => [key, other(text)]));
}

function other(text) {
  const turned = text.split(/(\{\w+\})/).map((part) => (part.startsWith("{") ? part : part.replace(/[a-z]/gi, (letter) => LETTERS[letter.toLowerCase().charCodeAt(0) % LETTERS.length]))).join("");
  const more = LETTERS.repeat(20).slice(0, Math.ceil(text.length * (LONGER - 1)));
  // Words have ends.
  return turned + more.replace(/.{6}/g, (word) => `${word} `).trimEnd();
}
