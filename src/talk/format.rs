// SPDX-License-Identifier: MPL-2.0
//! What is heard at the door, and what sounds and voices become before.

use super::mixer::RATE;

/// The sound of the pad, always.
pub(crate) fn caps() -> gst::Caps {
    gst::Caps::builder("audio/x-raw")
        .field("format", "S16LE")
        .field("layout", "interleaved")
        .field("rate", RATE as i32)
        .field("channels", 1)
        .build()
}
