// SPDX-License-Identifier: MPL-2.0
//! By what a test knows a frame again: its number is its offset, and it carries the time at which it was made.

use gst::{ReferenceTimestampMeta, prelude::*};

/// How long the camera itself takes from light to buffer: it stamps that much earlier, and says so in the latency query.
pub const LATENCY: gst::ClockTime = gst::ClockTime::from_mseconds(20);

const REFERENCE: &str = "timestamp/x-fakecamera";

/// The time, by the monotonic system clock, at which the camera handed the frame on.
pub fn made_at(buffer: &gst::BufferRef) -> Option<gst::ClockTime> {
    let metas = buffer.iter_meta::<ReferenceTimestampMeta>();
    let ours = |meta: &gst::MetaRef<'_, ReferenceTimestampMeta>| {
        let structure = meta.reference().structure(0);
        structure.is_some_and(|structure| structure.name() == REFERENCE)
    };
    let mut metas = metas.filter(ours);
    metas.next().map(|meta| meta.timestamp())
}

pub(crate) fn stamp(buffer: &mut gst::BufferRef, number: u64) {
    buffer.set_offset(number);
    buffer.set_offset_end(number + 1);
    let now = gst::SystemClock::obtain().time();
    let reference = gst::Caps::new_empty_simple(REFERENCE);
    ReferenceTimestampMeta::add(buffer, &reference, now, gst::ClockTime::NONE);
}
