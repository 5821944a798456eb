// SPDX-License-Identifier: MPL-2.0
//! `portholesrc`: the camera, running only while someone watches.
//!
//! A live source that never ends. It hears from the sinks who watches (the `porthole/demand` event), opens the camera with the
//! first viewer and closes it after the last one; while there is no picture a slate says why, once a second, which keeps everything
//! downstream negotiated. A camera that is busy, missing, unplugged or hangs is tried again until it is back. Where something
//! downstream takes the picture and never speaks of demand, such as a recorder, the camera always runs.
//!
//! ```sh
//! gst-launch-1.0 portholesrc ! videoconvert ! autovideosink
//! ```
//!
//! A file is played at its own rate, for ever, its sound on the request pad `audio`:
//!
//! ```sh
//! gst-launch-1.0 portholesrc name=cam camera=file:///home/pi/road.mp4 ! portholesink name=out  cam.audio ! out.audio
//! ```
//!
//! Messages on the bus: `porthole/camera` (state: closed, opening, live or lost; device; reason; mode). How it works: `demand` knows
//! who wants the picture, the `supervisor` opens and closes the camera, an open one is a `capture` on a thread that may be left to
//! itself, `devices` has one file for each kind of camera, and `output` takes the pictures, or the `slate`.

use std::sync::LazyLock;

use gst::{glib, prelude::*};

mod caps;
mod capture;
mod demand;
mod device;
mod devices;
mod event;
mod imp;
mod output;
mod problem;
mod settings;
mod slate;
mod supervisor;

pub use devices::{Control, Found, Mode, cameras};

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
