// SPDX-License-Identifier: MPL-2.0
//! What the sink hangs on a session of the gate's table.
//!
//! [`guard`] holds a session's webrtcbin to its terms from before its offer is made, and [`watch`]es what becomes of it;
//! [`picture`] leads the ladder into it, by a [`rung_source`], which keeps a frame's packets together in a [`frame_list`]; [`filter`] is the lock in its sound; [`data`] are its channels, and
//! [`stats`] what is said of it.

use std::sync::Arc;

use gst::glib;

use super::pacer::Network;
use crate::{
    ladder::Viewer,
    lock::lock,
    signaller::{link::SharedGate, session::Permit},
};

mod app_sources;
pub(super) mod data;
pub(super) mod filter;
mod frame_list;
mod guard;
mod picture;
mod rung_source;
pub(super) mod stats;
mod talk;
mod watch;

pub(super) use guard::guard;
pub(super) use picture::filter as filter_streams;
pub(super) use watch::measure;

/// The media side of a session.
#[derive(Debug, Default)]
pub(crate) struct Media {
    pub(crate) webrtcbin: glib::WeakRef<gst::Element>,
    network: Option<Arc<Network>>,
    streams: Vec<Stream>,
    /// Its place on the ladder, from the answer on.
    pub(crate) viewer: Option<Arc<Viewer>>,
    pub(crate) rate: stats::SentRate,
}

/// A picture, a sound, and what they were before they changed.
const MAX_STREAMS: usize = 8;

/// What leaves in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stream {
    ssrc: u32,
    is_picture: bool,
}

impl Stream {
    /// By the caps of its packets.
    fn of(caps: &gst::CapsRef) -> Option<Self> {
        let ssrc = caps.structure(0)?.get::<u32>("ssrc").ok()?;
        Some(Self {
            ssrc,
            is_picture: media(caps)? == "video",
        })
    }
}

/// "video" or "audio"
fn media(caps: &gst::CapsRef) -> Option<&str> {
    caps.structure(0)?.get("media").ok()
}

impl Media {
    /// Lets the pacer know what is media, whichever of the two comes first.
    fn add_stream(&mut self, stream: Stream) {
        if !self.streams.contains(&stream) && self.streams.len() < MAX_STREAMS {
            self.streams.push(stream);
        }
        if let Some(network) = &self.network {
            tell(network, stream);
        }
    }

    fn set_network(&mut self, network: Arc<Network>) {
        for stream in &self.streams {
            tell(&network, *stream);
        }
        self.network = Some(network);
    }
}

fn tell(network: &Network, stream: Stream) {
    match stream.is_picture {
        true => network.set_picture(stream.ssrc),
        false => network.add_stream(stream.ssrc),
    }
}

/// The table of sessions, with this side of them.
pub(crate) type Sessions = SharedGate<Media>;

fn permit(sessions: &Sessions, id: &str) -> Permit {
    // One that has ended meanwhile allows nothing.
    let mut gate = lock(sessions);
    gate.session(id)
        .map(|session| session.permit.clone())
        .unwrap_or_default()
}
