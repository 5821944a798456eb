// SPDX-License-Identifier: MPL-2.0
//! From the sink's video pads to the rungs: on the streaming thread, which neither copies pictures nor waits.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use super::fan_out::Taps;
use crate::snapshot::shutter::Shutter;

/// One video pad's way to the rungs.
#[derive(Default)]
pub(crate) struct Feed {
    pub(crate) taps: Taps,
    /// For whoever wants one picture.
    pub(crate) shutter: Arc<Shutter>,
    frames: AtomicU64,
}

impl Feed {
    /// Takes what came in. `now`, in running time, is for buffers that do not say when they are.
    pub(crate) fn push(&self, sample: &gst::Sample, now: impl Fn() -> Option<gst::ClockTime>) {
        self.frames.fetch_add(1, Relaxed);
        if self.shutter.is_open() {
            self.shutter.see(sample);
        }
        if self.taps.is_empty() {
            return;
        }
        let (Some(caps), Some(mut buffer)) = (sample.caps_owned(), sample.buffer_owned()) else {
            return;
        };
        let segment = sample.segment();
        let time = segment.and_then(|segment| segment.downcast_ref::<gst::ClockTime>());
        let running = |at: Option<gst::ClockTime>| match time {
            Some(segment) => segment.to_running_time(at?),
            None => at,
        };
        let (pts, dts) = (running(buffer.pts()), running(buffer.dts()));
        let pts = pts.or(dts).or_else(now);
        {
            let buffer = buffer.make_mut();
            buffer.set_pts(pts);
            buffer.set_dts(dts);
        }
        self.taps.push(&caps, &buffer);
    }

    /// Buffers that have come in so far.
    pub(crate) fn frames(&self) -> u64 {
        self.frames.load(Relaxed)
    }
}
