// SPDX-License-Identifier: MPL-2.0
//! Encode once, adapt to each viewer: a few renditions ("rungs") of the picture, each encoded once for all who watch it, and
//! each viewer on the best one that its network carries.
//!
//! Pure:
//! - [`rendition`]: what the user asked for, and what is made of a camera's size.
//! - [`policy`]: who is on which rung, and what each rung may cost.
//! - [`switch`]: which frames of which rungs make up one viewer's picture.
//! - [`overshoot`]: pictures that an encoder has no bits for.
//! - [`codec`], [`encoders`]: what there is, and how each is set up.
//! - [`config`], [`message`]: what is asked of the ladder, and what its driver hears.
//!
//! Around them, in the direction of the data:
//! - [`feed`]: from the sink's pads, on the streaming thread.
//! - [`rung`]: a pipeline that runs while somebody is on it.
//! - [`outlet`]: a viewer's end, which never holds anyone up.
//! - [`trial`]: encoders that are tried before anything depends on them.
//! - [`lane`]: the rungs of one codec.
//! - [`driver`]: a thread that owns policy and rungs, and decides ten times a second.
//!
//! It knows nothing of WebRTC: what it needs of a viewer's network it asks a [`Path`].

use std::{sync::LazyLock, time::Instant};

pub(crate) mod codec;
mod config;
mod driver;
#[cfg(test)]
mod driver_tests;
mod encoders;
mod fan_out;
mod feed;
mod lane;
#[cfg(test)]
mod lane_tests;
mod message;
mod outlet;
mod overshoot;
mod policy;
pub(crate) mod rendition;
mod rung;
mod switch;
mod trial;

pub(crate) use config::{Config, Input};
pub(crate) use driver::{Hooks, Ladder, News, Viewer};
pub(crate) use feed::Feed;
pub(crate) use outlet::Frame;
pub(crate) use policy::Observation;

/// `GST_DEBUG=portholeladder:5` shows what is seen of each viewer's network, and what is decided.
static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "portholeladder",
        gst::DebugColorFlags::empty(),
        Some("Porthole's ladder of renditions"),
    )
});

/// A viewer's network, as the ladder sees it.
pub(crate) trait Path: Send + Sync {
    /// Nothing before it is known.
    fn observe(&self, now: Instant) -> Option<Observation>;
    /// Sends so many bits each second beside the media, to find out whether they arrive. None ends it.
    fn probe(&self, padding: u32);
    /// A probe has shown that this much arrives.
    fn raise(&self, estimate: u32);
}
