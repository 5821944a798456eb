// SPDX-License-Identifier: MPL-2.0
//! Events that speak of the picture, changed to speak of the turned one.

use porthole_painter::Orientation;

/// A tag event to pass on: once the picture has been turned, it needs no turning any more.
pub(crate) fn upright(event: &gst::Event, tags: &gst::TagListRef) -> gst::Event {
    if tags.get::<gst::tags::ImageOrientation>().is_none() {
        return event.clone();
    }
    let mut tags = tags.to_owned();
    tags.make_mut()
        .add::<gst::tags::ImageOrientation>(&"rotate-0", gst::TagMergeMode::Replace);
    gst::event::Tag::builder(tags)
        .seqnum(event.seqnum())
        .build()
}

/// A navigation event whose pointer is moved from the turned picture to the one that comes in, which measures `width` by
/// `height` pixels.
pub(crate) fn pointer_to_source(
    mut event: gst::Event,
    orientation: Orientation,
    (width, height): (usize, usize),
) -> gst::Event {
    let pointer = event.structure().and_then(|s| {
        let x = s.get::<f64>("pointer_x").ok()?;
        Some((x, s.get::<f64>("pointer_y").ok()?))
    });
    if let Some((x, y)) = pointer {
        let (x, y) = orientation.to_source(x, y, width as f64, height as f64);
        let structure = event.make_mut().structure_mut();
        structure.set("pointer_x", x);
        structure.set("pointer_y", y);
    }
    event
}
