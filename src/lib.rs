// SPDX-License-Identifier: MPL-2.0
//! The GStreamer plugin `porthole`: look through a camera from a browser, while you are allowed to.
//!
//! Elements, in the order data flows: `portholesrc`, `portholeoverlay`, `portholesink`.

#![allow(
    missing_docs,
    reason = "what plugin_define! generates has no documentation"
)]

use gst::glib;

mod bucket;
mod calling;
mod camera;
mod certificate;
mod clock;
mod colours;
mod driving;
mod events;
mod frame;
mod gateway;
mod h264;
mod heap;
mod ladder;
mod lock;
mod opening;
mod overlay;
mod properties;
mod runtime;
mod signaller;
mod sink;
mod snapshot;
mod talk;
mod webrtc_stats;
mod worker;

pub use camera::{Control, Found, Mode, cameras};

fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    camera::register(plugin)?;
    overlay::register(plugin)?;
    sink::register(plugin)
}

gst::plugin_define!(
    porthole,
    env!("CARGO_PKG_DESCRIPTION"),
    plugin_init,
    concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
    // GStreamer knows the licence by this name.
    "MPL-2.0",
    env!("CARGO_PKG_NAME"),
    env!("CARGO_PKG_NAME"),
    "porthole",
    env!("BUILD_REL_DATE")
);
