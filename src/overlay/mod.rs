// SPDX-License-Identifier: MPL-2.0
//! `portholeoverlay`: orientation, text and a latency clock in one pass over the picture.
//!
//! ```sh
//! gst-launch-1.0 videotestsrc num-buffers=30 ! video/x-raw,format=I420 \
//!   ! portholeoverlay video-direction=90r text="%H:%M:%S%n{camera} {res}" position=bottom-right ! fakesink
//! ```
//!
//! The text is drawn after the picture has been turned, so it is always upright. It is a `strftime` format; `%n` (or
//! `\n`, which gst-launch-1.0 does not let through) starts a new line, and these tokens are replaced:
//!
//! | token | becomes |
//! |---|---|
//! | `{camera}` | the name in the last `porthole/demand` event, else the stream's title tag, else `camera` |
//! | `{viewers}` | the number of viewers in the last `porthole/demand` event, else `0` |
//! | `{fps}` | the negotiated frame rate, or the measured one where it is variable |
//! | `{res}` | width and height as they leave the element, `1280x720` |
//!
//! With nothing to turn and nothing to draw, buffers pass untouched. With something to draw only, a writable buffer is
//! drawn on in place.
//!
//! Left out: interlaced video (put `deinterlace` before), formats other than I420 and NV12, colour glyphs (emoji are drawn
//! as their silhouette), text wrapped at the picture's edge (it is cut). `video-direction` is the property that the
//! GstVideoDirection interface declares, but the element does not list that interface: the bindings do not cover it.
//! `custom` means identity.

use gst::glib;
use gst::prelude::*;

mod blend;
mod caps;
mod clock;
mod font;
mod imp;
mod learned;
mod orient;
mod painter;
mod picture;
mod rate;
mod settings;
mod state;
mod template;
mod text;

glib::wrapper! {
    /// The element; see the module for what it does.
    pub struct PortholeOverlay(ObjectSubclass<imp::PortholeOverlay>)
        @extends gst_video::VideoFilter, gst_base::BaseTransform, gst::Element, gst::Object;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    settings::Position::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    gst::Element::register(
        Some(plugin),
        "portholeoverlay",
        gst::Rank::NONE,
        PortholeOverlay::static_type(),
    )
}
