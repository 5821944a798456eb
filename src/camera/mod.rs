// SPDX-License-Identifier: MPL-2.0
//! `portholesrc`: the camera, running only while someone watches.
//!
//! A live source that never ends. It hears from the sink who watches (the `porthole/demand` event),
//! opens the camera with the first viewer and closes it after the last one; while the camera is closed
//! a black picture flows once a second, which keeps everything downstream negotiated. Where no sink
//! ever speaks of demand, the camera always runs.
//!
//! ```sh
//! gst-launch-1.0 portholesrc camera=test ! videoconvert ! autovideosink
//! ```
//!
//! A file is played at its own rate, for ever, its sound on the request pad `audio`:
//!
//! ```sh
//! gst-launch-1.0 portholesrc name=cam camera=file:///home/pi/road.mp4 ! portholesink name=out  cam.audio ! out.audio
//! ```
//!
//! Messages on the bus: `porthole/camera` (state: closed, opening or live; device).

use std::sync::LazyLock;

use gst::{glib, prelude::*};

mod control;
mod device;
mod devices;
mod event;
mod feed;
mod imp;
mod outlet;
mod problem;
mod settings;
mod slate;
mod source;
mod worker;

pub use devices::{Found, Mode, cameras};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "portholesrc",
        gst::DebugColorFlags::empty(),
        Some("Porthole's source: the camera"),
    )
});

glib::wrapper! {
    /// The element `portholesrc`.
    pub struct PortholeSrc(ObjectSubclass<imp::PortholeSrc>) @extends gst::Bin, gst::Element, gst::Object, @implements gst::ChildProxy;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "portholesrc",
        gst::Rank::NONE,
        PortholeSrc::static_type(),
    )
}
