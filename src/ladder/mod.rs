// SPDX-License-Identifier: MPL-2.0
//! Encode once, adapt to each viewer: a few renditions ("rungs") of the picture, each encoded once for all who watch it, and
//! each viewer on the best one that its network carries.
//!
//! Pure:
//! - [`types`]: which rung a frame is of, what comes in and what was asked for.
//! - [`rendition`]: what the user asked for, and what is made of a camera's size.
//! - [`policy`]: who is on which rung, and what each rung may cost.
//! - [`switch`]: which frames of which rungs make up one viewer's picture; [`timeline`]: when.
//! - [`overshoot`]: pictures that an encoder has no bits for; [`load`], [`relief`]: those that it has no time for.
//! - [`key_requests`], [`flow`], [`order`]: when a key unit is asked for, and whether what comes in can be shown.
//! - [`h264`]: what a decoder of that can begin with.
//! - [`codec`], [`encoders`]: what there is, and how each is set up.
//!
//! Around them, in the direction of the data:
//! - [`feed`]: from the sink's pads, on the streaming thread.
//! - [`rung`], run by a [`runner`] with the elements in [`pipeline`]: a pipeline that runs while somebody is on it.
//! - [`outputs`]: where pictures and frames go.
//! - [`outlet`]: a viewer's end, which never holds anyone up.
//! - [`trial`]: encoders that are tried before anything depends on them.
//! - [`rungs`]: those of one codec; [`allocation`] leads viewers to them; [`codec_ladder`]: both.
//! - [`builder`]: makes those anew for another input, beside whatever else goes on.
//! - [`driver`]: owns all of it, and decides ten times a second; [`message`], [`handle`]: the way to it.
//!
//! It knows nothing of WebRTC: what it needs of a viewer's network it asks a [`Path`].

use std::{sync::LazyLock, time::Instant};

mod allocation;
mod builder;
mod candidates;
pub(crate) mod codec;
mod codec_ladder;
#[cfg(test)]
mod codec_ladder_tests;
mod driver;
#[cfg(test)]
mod driver_tests;
mod encoders;
mod feed;
mod flow;
mod h264;
mod handle;
mod key_requests;
mod load;
mod message;
mod order;
mod outlet;
mod outputs;
mod overshoot;
mod pipeline;
mod policy;
mod relief;
pub(crate) mod rendition;
mod rung;
mod rungs;
mod runner;
mod switch;
mod timeline;
mod trial;
mod types;

pub(crate) use feed::Feed;
pub(crate) use handle::{Ladder, Viewer};
pub(crate) use message::{Event, Hooks};
pub(crate) use policy::{Observation, Size};
pub(crate) use types::{Bitrates, Config, Frame, Input, RungSpec};

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
    /// The viewer joins: nothing is known but that others' networks carry so much.
    fn start(&self, estimate: u32);
    /// Nothing before it is known.
    fn observe(&self, now: Instant) -> Option<Observation>;
    /// Sends so many bits each second beside the media, to find out whether they arrive. None ends it.
    fn probe(&self, padding: u32);
    /// A probe has shown that this much arrives.
    fn raise(&self, estimate: u32);
}

/// What the simulation of ladder and pacer is made of.
#[cfg(test)]
pub(crate) mod parts {
    pub(crate) use super::{
        allocation::{Allocation, RungTable},
        outlet::{Outlet, OutletEvent},
        outputs::FanOut,
        policy::{
            Command, Config as PolicyConfig,
            simulation::{Random, seeds},
        },
        types::RungId,
    };
}
