// SPDX-License-Identifier: MPL-2.0
//! One stream on its way out: an appsrc in the bin, fed by the camera's own pipeline or by the slate.
//!
//! The camera runs in a pipeline of its own, so that closing it, looping it or its failing never
//! disturbs what stands downstream. Its buffers are passed on, not copied, with their time moved from
//! its pipeline's base time to ours.

use std::sync::atomic::{AtomicU64, Ordering};

/// Buffers that may wait in front of downstream; more would be latency, so the oldest is dropped.
const MAX_QUEUED: u64 = 4;

/// What [`MAX_QUEUED`] buffers last at the usual 30 per second: told downstream as the most latency that
/// this source can take up.
const MAX_LATENCY: gst::ClockTime = gst::ClockTime::from_mseconds(133);

/// The appsrc and what is needed to stamp its buffers.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) appsrc: gst_app::AppSrc,
    /// Latest timestamp that went out, plus one; 0 before the first.
    next_pts: AtomicU64,
}

impl Feed {
    pub(crate) fn new(name: &str) -> Self {
        let appsrc = gst_app::AppSrc::builder()
            .name(name)
            .is_live(true)
            .format(gst::Format::Time)
            .do_timestamp(false)
            .block(false)
            .max_buffers(MAX_QUEUED)
            .min_latency(0)
            .max_latency(MAX_LATENCY.nseconds() as i64)
            .leaky_type(gst_app::AppLeakyType::Downstream)
            .build();
        Self {
            appsrc,
            next_pts: AtomicU64::new(0),
        }
    }

    /// Forgets the time of an earlier run.
    pub(crate) fn reset(&self) {
        self.next_pts.store(0, Ordering::Relaxed);
    }

    /// Sends a buffer at running time `pts`, unless a later one has gone out before.
    pub(crate) fn push(
        &self,
        mut buffer: gst::Buffer,
        pts: gst::ClockTime,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let next = self
            .next_pts
            .fetch_max(pts.nseconds() + 1, Ordering::AcqRel);
        if pts.nseconds() < next {
            return Ok(gst::FlowSuccess::Ok);
        }
        let writable = buffer.make_mut();
        writable.set_pts(pts);
        writable.set_dts(gst::ClockTime::NONE);
        self.appsrc.push_buffer(buffer)
    }

    /// Passes on what the camera's pipeline made. `ours` is the base time of the pipeline the bin is in,
    /// `theirs` of the camera's.
    pub(crate) fn forward(
        &self,
        sample: gst::Sample,
        ours: gst::ClockTime,
        theirs: gst::ClockTime,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        if let Some(caps) = sample.caps()
            && self.appsrc.caps().as_deref() != Some(caps)
        {
            self.appsrc.set_caps(Some(&caps.to_owned()));
        }
        let Some(buffer) = sample.buffer_owned() else {
            return Ok(gst::FlowSuccess::Ok);
        };
        let running = sample
            .segment()
            .and_then(|segment| segment.downcast_ref::<gst::ClockTime>())
            .zip(buffer.pts())
            .and_then(|(segment, pts)| segment.to_running_time(pts));
        // Only the buffer is left, so that changing its time copies nothing.
        drop(sample);
        match running.and_then(|running| (running + theirs).checked_sub(ours)) {
            Some(pts) => self.push(buffer, pts),
            None => Ok(gst::FlowSuccess::Ok),
        }
    }
}
