// SPDX-License-Identifier: MPL-2.0
//! The gateway between programs on the robot and viewers (docs/gateway.md).
//!
//! - `envelope`, `words`: what a message is made of.
//! - `wheel`: who drives, and the dead man.
//! - `outbox`: what waits for one viewer.
//! - `hub`: what is said and done, given what happens.
//!
//! These are pure. Around them:
//!
//! - `address`: where programs connect.
//! - `door`, `program`: the WebSocket server for programs.
//! - `channel`: a session's data channels.
//! - `task`: runs the hub.

pub(crate) mod envelope;
pub(crate) mod hub;
pub(crate) mod outbox;
pub(crate) mod wheel;
pub(crate) mod words;
