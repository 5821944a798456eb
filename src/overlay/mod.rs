// SPDX-License-Identifier: MPL-2.0
//! `portholeoverlay`: turns the picture, hides parts of it, and draws an image, a text and a latency clock, in one pass.
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
//! What is drawn, in this order: privacy masks, the image, the text, the latency clock. `docs/overlay.md` shows each.
//!
//! With nothing to turn and nothing to draw, buffers pass untouched. With something to draw only, a writable buffer is
//! drawn on in place. The work on pixels is done by the crate in `painter`, which knows nothing of GStreamer.
//!
//! A camera that can turn the picture for nothing is asked to, and what it has turned is not turned again: see
//! `src/events/turn.rs`.
//!
//! Left out: interlaced video (put `deinterlace` before); formats besides those of the pad templates (put `videoconvert`
//! before). `custom` as a direction means identity. The threads of `threads` are used for every frame, also for small ones.

use gst::glib;
use gst::prelude::*;

mod caps;
mod direction;
mod events;
mod image;
mod imp;
mod learned;
mod metas;
mod position;
mod properties;
mod rate;
mod settings;
mod state;
mod transform;
mod words;

glib::wrapper! {
    /// The element; see the module for what it does.
    pub struct PortholeOverlay(ObjectSubclass<imp::PortholeOverlay>)
        @extends gst_video::VideoFilter, gst_base::BaseTransform, gst::Element, gst::Object,
        @implements direction::VideoDirection;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    position::Position::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    gst::Element::register(
        Some(plugin),
        "portholeoverlay",
        gst::Rank::NONE,
        PortholeOverlay::static_type(),
    )
}
