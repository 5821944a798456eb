// SPDX-License-Identifier: MPL-2.0
// @ts-check
const SVG = "http://www.w3.org/2000/svg";
const SPRITE = new URL("../icons/sprite.svg", import.meta.url).href;
/** These point somewhere: to where the text begins or goes. */
const ALONG_THE_TEXT = ["chevron-left", "chevron-right"];

/** A picture beside words or on a button that has a name: screen readers pass over it. @param {string} name of a symbol in `icons/sprite.svg` */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", ALONG_THE_TEXT.includes(name) ? "icon along" : "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "use"));
  showIcon(svg, name);
  return svg;
}

/** Makes it another one. @param {any} svg of `icon` @param {string} name */
export function showIcon(svg, name) {
  const address = `${SPRITE}#${name}`;
  if (svg.firstChild.getAttribute("href") !== address) svg.firstChild.setAttribute("href", address);
}

/** Puts icons where HTML asks for one (`data-icon`), before what stands there. @param {any} [root] */
export function fillIcons(root = document) {
  for (const element of root.querySelectorAll("[data-icon]")) {
    if (!element.querySelector(":scope > .icon")) element.prepend(icon(element.dataset.icon));
  }
  for (const template of root.querySelectorAll("template")) fillIcons(template.content);
}
