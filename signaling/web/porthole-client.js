// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The client for pages of one's own, under the address that stays: docs/embed.md. */
export * from "./client/porthole-client.js";
