// SPDX-License-Identifier: MPL-2.0
//! Several servers on one PostgreSQL agree, whatever happens to it and to their connections.
#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../common/authenticator.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod authenticator;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/house.rs"]
mod house;
#[path = "../store/postgres.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod postgres;

mod agree;
mod calls;
#[cfg(feature = "cluster")]
mod cluster;
mod frozen;
#[cfg(feature = "cluster")]
mod nats;
mod pair;
mod passkeys;
#[cfg(feature = "cluster")]
mod processes;
#[cfg(feature = "cluster")]
#[path = "../common/program.rs"]
mod program;
