// SPDX-License-Identifier: MPL-2.0
//! By what a test knows a frame again: its number is its offset, and it carries when and where in memory it was made.

use gst::{ReferenceTimestampMeta, prelude::*};

/// How long the camera itself takes from light to buffer: it stamps that much earlier, and says so in the latency query.
pub const LATENCY: gst::ClockTime = gst::ClockTime::from_mseconds(20);

/// The names under which the two stand in metas of the frame, which copies of it have as well.
const TIME: &str = "timestamp/x-fakecamera";
const PLACE: &str = "memory/x-fakecamera";

/// The time, by the monotonic system clock, at which the camera handed the frame on.
pub fn made_at(buffer: &gst::BufferRef) -> Option<gst::ClockTime> {
    read(buffer, TIME)
}

/// Whether the pixels have left the memory that the camera wrote them to. `None` for what is no frame of a camera in this
/// process.
pub fn is_copy(buffer: &gst::BufferRef) -> Option<bool> {
    Some(read(buffer, PLACE)? != place(buffer)?)
}

pub(crate) fn stamp(buffer: &mut gst::BufferRef, number: u64) {
    buffer.set_offset(number);
    buffer.set_offset_end(number + 1);
    let now = gst::SystemClock::obtain().time();
    write(buffer, TIME, now);
    if let Some(place) = place(buffer) {
        write(buffer, PLACE, place);
    }
}

/// The address of the pixels, as a number that a meta can hold.
fn place(buffer: &gst::BufferRef) -> Option<gst::ClockTime> {
    let map = buffer.map_readable().ok()?;
    Some(gst::ClockTime::from_nseconds(map.as_ptr().addr() as u64))
}

fn read(buffer: &gst::BufferRef, name: &str) -> Option<gst::ClockTime> {
    let metas = buffer.iter_meta::<ReferenceTimestampMeta>();
    let ours = |meta: &gst::MetaRef<'_, ReferenceTimestampMeta>| {
        let structure = meta.reference().structure(0);
        structure.is_some_and(|structure| structure.name() == name)
    };
    let mut metas = metas.filter(ours);
    metas.next().map(|meta| meta.timestamp())
}

fn write(buffer: &mut gst::BufferRef, name: &str, value: gst::ClockTime) {
    let reference = gst::Caps::new_empty_simple(name);
    ReferenceTimestampMeta::add(buffer, &reference, value, gst::ClockTime::NONE);
}
