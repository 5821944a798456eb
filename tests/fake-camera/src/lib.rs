// SPDX-License-Identifier: MPL-2.0
//! The GStreamer plugin `fakecamera`, for tests, soaks and benchmarks: cameras that fail, on command, as real ones do.
//!
//! Each file of a folder is a camera: `front` is the camera "front", and its text is what it does, read anew once a frame
//! (see [`behaviour`]); no file is a camera that is not plugged in. A name has no dot: beside the file of `front` the camera
//! itself writes `front.opened`, such as `open=1 opens=12`, so that a test sees, from another process also, whether the
//! device is released. The folder is the one named by `FAKE_CAMERAS` in the environment or by [`set_folder`].
//!
//! A camera that says so has a microphone in its USB device, `fakemicrophonesrc`, which hears its flash beep.
//!
//! `fakecamerasrc device=front` is the source, `fakecameraprovider` lists all that are plugged in:
//!
//! ```text
//! mkdir /tmp/cameras; echo ok > /tmp/cameras/front
//! FAKE_CAMERAS=/tmp/cameras gst-launch-1.0 fakecamerasrc device=front ! videoconvert ! autovideosink
//! echo stall > /tmp/cameras/front
//! ```

#![allow(
    missing_docs,
    reason = "what is public beside the camera's words is what macros generate"
)]

use gst::glib;

pub mod behaviour;
pub mod chart;
mod device;
mod few;
mod flash;
mod frames;
mod imp;
pub mod microphone;
mod modes;
mod picture;
mod provider;
mod stamp;
#[cfg(test)]
mod tests;

pub use device::set_folder;
pub use provider::asked;
pub use stamp::{LATENCY, is_copy, made_at};

/// Where the folder of the cameras is named.
pub const FOLDER_VARIABLE: &str = "FAKE_CAMERAS";

glib::wrapper! {
    /// The element.
    pub struct FakeCameraSrc(ObjectSubclass<imp::FakeCameraSrc>)
        @extends gst_base::PushSrc, gst_base::BaseSrc, gst::Element, gst::Object;
}

fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    use glib::prelude::StaticType;
    gst::Element::register(
        Some(plugin),
        "fakecamerasrc",
        gst::Rank::NONE,
        FakeCameraSrc::static_type(),
    )?;
    provider::register(plugin)?;
    microphone::register(plugin)
}

gst::plugin_define!(
    fakecamera,
    env!("CARGO_PKG_DESCRIPTION"),
    plugin_init,
    concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
    "MPL-2.0",
    env!("CARGO_PKG_NAME"),
    env!("CARGO_PKG_NAME"),
    "porthole",
    env!("BUILD_REL_DATE")
);
