// SPDX-License-Identifier: MPL-2.0
//! What a buffer says about places in its picture, moved to where these are when the picture has been turned.

use gst_video::{VideoCropMeta, VideoRegionOfInterestMeta};
use porthole_painter::Orientation;

type Rect = (u32, u32, u32, u32);

/// Adds the turned counterpart of `meta` to `to`, if it speaks of places; says whether it did. The picture measured `width` by
/// `height` pixels before.
pub(crate) fn turn(
    meta: &gst::MetaRef<'_, gst::Meta>,
    to: &mut gst::BufferRef,
    orientation: Orientation,
    (width, height): (u32, u32),
) -> bool {
    let turned = |(x, y, w, h): Rect| {
        let [x, y, w, h] = orientation.turn_rect([x, y, w, h], width, height);
        (x, y, w, h)
    };
    if let Some(region) = meta.downcast_ref::<VideoRegionOfInterestMeta>() {
        let mut copy = VideoRegionOfInterestMeta::add(to, region.roi_type(), turned(region.rect()));
        copy.set_id(region.id());
        copy.set_parent_id(region.parent_id());
        for params in region.params() {
            copy.add_param(params.to_owned());
        }
        return true;
    }
    if let Some(crop) = meta.downcast_ref::<VideoCropMeta>() {
        VideoCropMeta::add(to, turned(crop.rect()));
        return true;
    }
    false
}
