// SPDX-License-Identifier: MPL-2.0
//! The server as its clients and its operator meet it. One program, so that it is linked once; each test runs in a process of its own
//! (`cargo nextest run`).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/house.rs"]
mod house;
#[path = "../common/owned.rs"]
mod owned;
#[path = "../common/program.rs"]
mod program;
#[path = "../common/serve.rs"]
mod serve;

mod access;
mod attacks;
mod backend;
mod binary;
mod commands;
mod doorbell;
mod embed;
mod front;
mod full;
mod keeping;
mod killed;
mod owner;
mod service;
mod sessions;
mod socketio;
mod sockets;
mod streamer;
mod whep;
