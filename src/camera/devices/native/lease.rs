// SPDX-License-Identifier: MPL-2.0
//! Which of a camera's buffers are still held downstream. One that has few stands still when all are, so of those that come when the
//! others are away copies go on: an encoder that is slow costs copies then, and no picture is made up.

use std::sync::{
    Arc, Once,
    atomic::{AtomicUsize, Ordering},
};

use gst::{glib, meta::CustomMeta, prelude::*};

/// What libcamera gives a stream, and the least that any camera has.
const BUFFERS: usize = 4;
/// A sensor fills one while the next waits for it.
const KEPT: usize = 2;
/// By which a buffer tells that it is held, as long as any copy of it has its memory.
const META: &str = "PortholeLeaseMeta";
/// Of metas that a copy with memory of its own has not.
const OF_MEMORY: &str = "memory-reference";

/// Shared by all who have the memory.
#[derive(Clone, Debug, glib::Boxed)]
#[boxed_type(name = "PortholeLease")]
struct Lease(#[allow(dead_code, reason = "its end is what counts")] Arc<Held>);

/// One buffer that is away.
#[derive(Debug)]
struct Held(Arc<AtomicUsize>);

impl Held {
    fn new(away: &Arc<AtomicUsize>) -> Self {
        away.fetch_add(1, Ordering::Relaxed);
        Self(away.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Bounds how many of the buffers that come here are away at once.
pub(super) fn bound(pad: &gst::Pad) {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        if !CustomMeta::is_registered(META) {
            CustomMeta::register(META, &[OF_MEMORY]);
        }
    });
    let away = Arc::new(AtomicUsize::new(0));
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data {
            let is_last = away.load(Ordering::Relaxed) >= BUFFERS - KEPT;
            match is_last.then(|| buffer.copy_deep().ok()).flatten() {
                Some(copy) => *buffer = copy,
                None => lend(buffer.make_mut(), &away),
            }
        }
        gst::PadProbeReturn::Ok
    });
}

fn lend(buffer: &mut gst::BufferRef, away: &Arc<AtomicUsize>) {
    if let Ok(mut meta) = CustomMeta::add(buffer, META) {
        let lease = Lease(Arc::new(Held::new(away)));
        meta.mut_structure().set("lease", lease);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two pads, with the bound between them.
    fn through() -> impl FnMut() -> (bool, gst::Buffer) {
        gst::init().unwrap();
        let mut harness = gst_check::Harness::new("identity");
        harness.set_src_caps_str("video/x-raw,format=GRAY8,width=4,height=4,framerate=30/1");
        bound(&harness.element().unwrap().static_pad("sink").unwrap());
        harness.play();
        move || {
            let buffer = gst::Buffer::with_size(16).unwrap();
            let memory = buffer.peek_memory(0).as_ptr() as usize;
            harness.push(buffer).unwrap();
            let came = harness.pull().unwrap();
            let is_copy = came.peek_memory(0).as_ptr() as usize != memory;
            (is_copy, came)
        }
    }

    #[test]
    fn no_picture_is_copied_while_enough_buffers_are_there() {
        let mut next = through();
        let mut before = next();
        for _ in 0..20 {
            let (is_copy, buffer) = next();
            assert!(!is_copy);
            before = (false, buffer);
        }
        drop(before);
    }

    #[test]
    fn of_a_camera_whose_buffers_are_held_two_stay_its_own() {
        let mut next = through();
        let held: Vec<_> = (0..10).map(|_| next()).collect();
        let copies: Vec<bool> = held.iter().map(|(is_copy, _)| *is_copy).collect();
        assert_eq!(copies[..4], [false, false, true, true]);
        assert!(copies[4..].iter().all(|is_copy| *is_copy));
        drop(held);
        assert!(!next().0, "they are back");
    }

    #[test]
    fn memory_counts_that_another_buffer_has_taken_over() {
        let mut next = through();
        let held: Vec<gst::Buffer> = (0..2).map(|_| next().1.copy()).collect();
        assert!(next().0);
        // With memory of its own it is nothing of the camera's.
        let copies: Vec<gst::Buffer> = held.iter().map(|held| held.copy_deep().unwrap()).collect();
        drop(held);
        assert!(!next().0);
        drop(copies);
    }
}
