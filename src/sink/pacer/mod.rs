// SPDX-License-Identifier: MPL-2.0
//! What stands between a session's media and the network.
//!
//! Pure: [`bucket`] by which all is paced and bounded, [`reports`] of what arrived, [`retransmission`]s, [`padding`],
//! [`feedback`] that does not come, forward error [`correction`], and [`traffic`], which has them all for one viewer. Around them [`packet`], what is read of one;
//! [`network`], what ladder and pacer share; [`element`], which packets pass.

mod bucket;
mod correction;
mod element;
mod feedback;
mod network;
mod packet;
mod padding;
mod reports;
mod retransmission;
mod traffic;

pub(super) use element::Pacer;
pub(super) use network::Network;
#[cfg(test)]
pub(super) use traffic::Traffic;
