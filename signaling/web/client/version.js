// SPDX-License-Identifier: MPL-2.0
// @ts-check
/** The version of this client, which is that of the server it comes with: a test compares it with Cargo.toml's. */
export const VERSION = "0.1.0";
