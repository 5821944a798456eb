// SPDX-License-Identifier: MPL-2.0
//! What the ladder is made of: what the user asked for, and what comes in.

use std::sync::Arc;

use super::{
    codec::Codec,
    rendition::{Rendition, Renditions},
};

/// What the user asked for.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Best first.
    pub(crate) codecs: Vec<Codec>,
    pub(crate) renditions: Renditions,
    /// Of the best rung; by its size if not given.
    pub(crate) bitrate: Option<u32>,
    pub(crate) min_bitrate: u32,
    /// Above this no rung goes.
    pub(crate) max_bitrate: u32,
    /// Seconds between key units; 0 for none but those that are needed.
    pub(crate) keyframe_interval: u32,
}

/// What comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Raw {
        width: u32,
        height: u32,
        /// Rounded up, for counting key units.
        rate: u32,
        /// The element that brings it down from a device's memory, if it lies there.
        download: Option<&'static str>,
    },
    /// One feed for each rung, best first, of which the size and bitrate are known or guessed.
    Encoded(Codec, Vec<Rendition>),
}

/// Called with the codec, the rung and the encoder.
pub(crate) type EncoderSetup = Arc<dyn Fn(Codec, usize, &gst::Element) + Send + Sync>;
