// SPDX-License-Identifier: MPL-2.0
//! The ladder and the pacer as they run, in virtual time, between encoders and browsers that are made up: policy, switch,
//! outlet, buckets, padding and retransmission are the code of the element. Links have queues, lose, reorder and share an
//! uplink; reports are late, forged or missing. A seed that fails is printed.

mod browser;
mod camera;
mod congestion;
mod invariants;
mod link;
mod scenarios;
mod sender;
mod world;

pub(super) use crate::ladder::parts::{Random, seeds};

/// One step of virtual time, in seconds.
const STEP: f64 = 0.005;

/// What is on its way to a viewer.
#[derive(Clone, Debug)]
struct Packet {
    /// By which the viewer counts them, 16 bits of which are in the packet.
    seqnum: u64,
    /// It was sent before.
    is_again: bool,
    bytes: usize,
    frame: u64,
    /// Of how many packets its frame is.
    of: u64,
    is_key: bool,
    /// By which reports count them.
    transport: u64,
    sent: f64,
}
