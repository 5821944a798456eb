// SPDX-License-Identifier: MPL-2.0
//! Small steps in making the bin of a camera.

use gst::{glib, prelude::*};

pub(super) fn make(factory: &str) -> Result<gst::Element, glib::BoolError> {
    gst::ElementFactory::make(factory).build()
}

/// Adds elements and links them in a row.
pub(super) fn chain(bin: &gst::Bin, elements: &[&gst::Element]) -> Result<(), glib::BoolError> {
    bin.add_many(elements)?;
    gst::Element::link_many(elements)
}

/// Gives the bin a source pad of this name, which is the element's.
pub(super) fn expose(
    bin: &gst::Bin,
    element: &gst::Element,
    name: &str,
) -> Result<(), glib::BoolError> {
    let missing = || glib::bool_error!("no source pad");
    let target = element.static_pad("src").ok_or_else(missing)?;
    let pad = gst::GhostPad::builder_with_target(&target)?
        .name(name)
        .build();
    pad.set_active(true)?;
    bin.add_pad(&pad)
}
