// SPDX-License-Identifier: MPL-2.0
//! What a Porthole camera and its signaling server share, and nothing else.
//!
//! - [`door`]: who wanted the door open, as its camera tells it.
//! - [`drive`]: who drives a camera's robot, as the camera tells it.
//! - [`grant`]: the signed permission to look for one session, and how it is signed and read.
//! - [`key`]: the camera key, which enrols a camera at a server.
//! - [`limits`]: sizes, counts and waits that both sides must agree on.
//! - [`stats`]: what the two ends of a session tell each other of it in numbers.
//! - [`wire`]: Porthole's additions to the messages of `gst-plugin-webrtc-signalling-protocol`.
//!
//! This crate does no input or output and reads no clock.
#![forbid(unsafe_code)]

pub mod door;
pub mod drive;
pub mod grant;
pub mod key;
pub mod limits;
pub mod ring;
pub mod stats;
pub mod wire;

/// A fresh secret of 256 random bits, as 43 characters of unpadded base64url.
pub fn random_secret() -> String {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}
