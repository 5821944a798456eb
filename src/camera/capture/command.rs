// SPDX-License-Identifier: MPL-2.0
//! What a capture runs by, and what it is told.

use std::sync::{Arc, atomic::AtomicUsize};

use gst::glib;
use gst_video::VideoOrientationMethod;

use crate::camera::{PortholeSrc, device::AudioDevice, event::Inbox, output::Streams};

/// What a capture is told. It does one after the other.
#[derive(Debug)]
pub(crate) enum Command {
    Close,
    /// From the end of the file to its beginning.
    EndOfStream,
    Controls(gst::Structure),
    Turn(VideoOrientationMethod),
    Context(gst::Context),
    /// A request for a key unit, for cameras that encode.
    KeyUnit(gst::Event),
    /// Its latency may have changed.
    Latency,
    /// Whether somebody wants to hear.
    Sound(bool),
}

/// Whether sound is wanted, and of what.
#[derive(Clone, Debug)]
pub(crate) struct Listening {
    pub(crate) is_wanted: bool,
    pub(crate) device: AudioDevice,
}

/// What captures run by.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) element: glib::WeakRef<PortholeSrc>,
    pub(crate) clock: gst::Clock,
    pub(crate) base_time: gst::ClockTime,
    pub(crate) streams: Arc<Streams>,
    pub(crate) inbox: Inbox,
    /// Threads of captures that have not ended, of this run and those before.
    pub(crate) running: Arc<AtomicUsize>,
    /// The same of microphones.
    pub(crate) microphones: Arc<AtomicUsize>,
}
