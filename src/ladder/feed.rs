// SPDX-License-Identifier: MPL-2.0
//! From the sink's video pads to the rungs: on the streaming thread, which neither copies pictures nor waits.
//!
//! Locks: `retimed` and `order`, each held to look at a timestamp.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use super::{order::Order, outputs::ScaledOutputs, timeline::Timeline};
use crate::{lock::lock, snapshot::shutter::Shutter};

/// One video pad's way to the rungs.
#[derive(Default)]
pub(crate) struct Feed {
    pub(crate) outputs: ScaledOutputs,
    /// For whoever wants one picture.
    pub(crate) shutter: Arc<Shutter>,
    frames: AtomicU64,
    retimed: Mutex<Retimed>,
    order: Mutex<Order>,
    is_out_of_order: AtomicBool,
}

/// Pictures in times that rise, whatever their source does: encoders refuse others, or show nothing until time is there again.
#[derive(Default)]
struct Retimed {
    timeline: Timeline,
    began: Option<Instant>,
}

impl Retimed {
    fn place(&mut self, pts: gst::ClockTime, now: Instant) -> gst::ClockTime {
        let since = now.saturating_duration_since(*self.began.get_or_insert(now));
        let since = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        gst::ClockTime::from_nseconds(self.timeline.place(pts.nseconds(), since))
    }
}

impl Feed {
    /// Takes what came in. `running` gives the time for buffers that do not say when they are.
    pub(crate) fn push(
        &self,
        sample: &gst::Sample,
        now: Instant,
        running: impl Fn() -> Option<gst::ClockTime>,
    ) {
        self.frames.fetch_add(1, Relaxed);
        if self.shutter.is_open() {
            self.shutter.see(sample);
        }
        if self.outputs.is_empty() {
            return;
        }
        let (Some(caps), Some(mut buffer)) = (sample.caps_owned(), sample.buffer_owned()) else {
            return;
        };
        let segment = sample.segment();
        let time = segment.and_then(|segment| segment.downcast_ref::<gst::ClockTime>());
        let of_segment = |at: Option<gst::ClockTime>| match time {
            Some(segment) => segment.to_running_time(at?),
            None => at,
        };
        let (pts, mut dts) = (of_segment(buffer.pts()), of_segment(buffer.dts()));
        let mut pts = pts.or(dts).or_else(running);
        if is_raw(&caps) {
            pts = pts.map(|pts| lock(&self.retimed).place(pts, now));
            dts = None;
        } else if let Some(pts) = pts
            && lock(&self.order).note(pts.nseconds())
        {
            self.is_out_of_order.store(true, Relaxed);
        }
        {
            let buffer = buffer.make_mut();
            buffer.set_pts(pts);
            buffer.set_dts(dts);
        }
        self.outputs.push(&caps, &buffer);
    }

    /// Whether it has been found out, since this was asked last, that frames come in another order than they are shown in.
    pub(crate) fn is_out_of_order(&self) -> bool {
        self.is_out_of_order.swap(false, Relaxed)
    }

    /// Buffers that have come in so far.
    pub(crate) fn frames(&self) -> u64 {
        self.frames.load(Relaxed)
    }
}

fn is_raw(caps: &gst::CapsRef) -> bool {
    caps.structure(0)
        .is_some_and(|structure| structure.name() == "video/x-raw")
}
