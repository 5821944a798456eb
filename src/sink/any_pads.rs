// SPDX-License-Identifier: MPL-2.0
//! What our elements inside a session have in common: one pad each way, for anything, and a place in no list of elements.

use std::sync::LazyLock;

use gst::prelude::*;

const SINK: &str = "sink";
const SRC: &str = "src";

/// Of each of them.
pub(super) fn templates() -> &'static [gst::PadTemplate] {
    static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
        let any = gst::Caps::new_any();
        let all = [
            (SINK, gst::PadDirection::Sink),
            (SRC, gst::PadDirection::Src),
        ];
        let template = |(name, direction)| {
            gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &any).ok()
        };
        all.into_iter().filter_map(template).collect()
    });
    &TEMPLATES
}

pub(super) fn metadata(
    name: &str,
    class: &str,
    description: &str,
) -> gst::subclass::ElementMetadata {
    gst::subclass::ElementMetadata::new(name, class, description, "The Porthole developers")
}

pub(super) fn sink() -> gst::PadBuilder<gst::Pad> {
    builder(SINK, gst::PadDirection::Sink)
}

pub(super) fn src() -> gst::PadBuilder<gst::Pad> {
    builder(SRC, gst::PadDirection::Src)
}

fn builder(name: &str, direction: gst::PadDirection) -> gst::PadBuilder<gst::Pad> {
    let mut templates = templates().iter();
    let builder = match templates.find(|template| template.direction() == direction) {
        Some(template) => gst::Pad::builder_from_template(template),
        None => gst::Pad::builder(direction),
    };
    builder.name(name)
}

/// Gives a new element its pads.
pub(super) fn add(element: &impl IsA<gst::Element>, pads: [&gst::Pad; 2]) {
    for pad in pads {
        // It has none of these names yet.
        let _ = element.add_pad(pad);
    }
}
