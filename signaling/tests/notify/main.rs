// SPDX-License-Identifier: MPL-2.0
//! People are told of calls by what they have: against receivers that look at each byte, and against such as hang, refuse, drip
//! and lie.
#![cfg(feature = "notify")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../common/mod.rs"]
mod common;
mod hostile;
#[path = "../common/house.rs"]
mod house;
mod kinds;
mod mail;
#[path = "../common/owned.rs"]
mod owned;
#[path = "../common/program.rs"]
mod program;
mod push;
mod receiver;
#[path = "../common/serve.rs"]
mod serve;
mod tls;
