// SPDX-License-Identifier: MPL-2.0
//! The pads of our elements inside a session.

/// One pad each way, for anything.
pub(super) fn templates() -> Vec<gst::PadTemplate> {
    let any = gst::Caps::new_any();
    [
        ("sink", gst::PadDirection::Sink),
        ("src", gst::PadDirection::Src),
    ]
    .into_iter()
    .filter_map(|(name, direction)| {
        gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &any).ok()
    })
    .collect()
}
