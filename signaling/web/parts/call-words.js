// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** Calls of doorbells in words. @typedef {import("../client/calls.js").Call} Call */
import { isolated } from "../client/rules.js";
import { has, t } from "../words/words.js";

/** Why a call is over; that it is, where the reason is not known. @param {string} reason */
export const endInWords = (reason) => t(has(`reason.call.${reason}`) ? `reason.call.${reason}` : "reason.call.hung-up");

/** @param {Call} call @param {boolean} isHere whether it was answered on this page */
export function callInWords(call, isHere) {
  if (call.state === "ended") return endInWords(call.reason);
  if (call.state === "ringing") return t(call.you === "rung" ? "parts.call-rings" : "parts.call-declined");
  if (call.you !== "answered") return t("parts.call-answered", { name: call.by ? isolated(call.by) : t("parts.somebody-else") });
  if (!isHere) return t("parts.call-elsewhere");
  return t(call.state === "talking" ? "parts.call-connected" : "parts.call-connecting");
}

/** The title of the page while something rings. @param {Call|null} ringing @param {string} title */
export const titleFor = (ringing, title) => (ringing ? t("parts.call-title", { name: isolated(ringing.name) }) : title);
