// SPDX-License-Identifier: MPL-2.0
//! The REST API on a real server, with a database in a folder that goes with the test.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../common/authenticator.rs"]
mod authenticator;
mod backend;
mod bookings;
mod calls;
mod cameras;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/house.rs"]
mod house;
mod logins;
mod lost;
mod openid;
mod openid_provider;
mod overview;
mod passkeys;
mod passkeys_stolen;
mod problems;
mod provider;
mod second_factor;
mod self_booking;
#[path = "../common/serve.rs"]
mod serve;
mod sessions;
mod shares;
mod status;
mod stopping;
mod users;
mod ways;
