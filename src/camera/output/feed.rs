// SPDX-License-Identifier: MPL-2.0
//! One stream on its way out: an appsrc in the bin, fed by the camera's capture or by the slate.
//!
//! The camera runs in a pipeline of its own, so that closing it, looping it or its failing never disturbs what stands
//! downstream. Its buffers are passed on, not copied, with their time moved from its pipeline's base time to ours.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use gst::prelude::*;

use crate::{
    camera::caps::{H264, whole},
    lock::lock,
};

/// Pictures that may wait in front of downstream; more would be latency, so the oldest is dropped.
const MAX_PICTURES: u64 = 4;

/// The same for sound, which comes in pieces of any length.
const MAX_SOUND: gst::ClockTime = gst::ClockTime::from_mseconds(200);

/// How far a picture that none refers to may stand in front of one that came before it.
const REORDERED: gst::ClockTime = gst::ClockTime::from_mseconds(500);

/// The appsrc and what is needed to stamp its buffers.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) appsrc: gst_app::AppSrc,
    /// The appsrc's.
    pad: Option<gst::Pad>,
    /// Latest timestamp that went out, plus one; 0 before the first.
    next_pts: AtomicU64,
    /// Pictures of the camera's that are earlier are left out.
    not_before: AtomicU64,
    /// An event for the buffers from this time on.
    pending: Mutex<Option<(gst::ClockTime, gst::Event)>>,
    has_pending: AtomicBool,
    /// The caps that came last, as they came.
    given: Mutex<Option<gst::Caps>>,
    /// Whether what comes refers to what came before, so that none may be left out.
    is_encoded: AtomicBool,
    /// Whether one was left out, and no key unit has come since.
    is_broken: AtomicBool,
}

/// What became of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Sent,
    /// It did not: nobody takes it, or nobody could decode it.
    Left,
    /// A later one had gone out before.
    Late,
    /// Encoded, and left out: so are all from here to the next key unit, which has to be asked for.
    Broken,
}

/// Where the time of a capture's buffers comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bases {
    /// Of the pipeline that portholesrc is in.
    pub(crate) ours: gst::ClockTime,
    /// Of the capture's own.
    pub(crate) theirs: gst::ClockTime,
}

impl Bases {
    /// When a buffer is, in our running time; `now` for one that has no timestamp.
    pub(crate) fn running_time(
        self,
        sample: &gst::Sample,
        now: impl FnOnce() -> Option<gst::ClockTime>,
    ) -> Option<gst::ClockTime> {
        match sample.buffer()?.pts() {
            Some(pts) => sample
                .segment()
                .and_then(|segment| segment.downcast_ref::<gst::ClockTime>())
                .and_then(|segment| segment.to_running_time(pts))
                .and_then(|running| (running + self.theirs).checked_sub(self.ours)),
            None => now(),
        }
    }
}

fn appsrc(name: &str) -> gst_app::AppSrc {
    gst_app::AppSrc::builder()
        .name(name)
        .is_live(true)
        .format(gst::Format::Time)
        .do_timestamp(false)
        .block(false)
        // The bounds are in pictures and time.
        .max_bytes(0)
        .leaky_type(gst_app::AppLeakyType::Downstream)
        .build()
}

impl Feed {
    pub(crate) fn video(name: &str) -> Self {
        let appsrc = appsrc(name);
        appsrc.set_max_buffers(MAX_PICTURES);
        Self::new(appsrc)
    }

    pub(crate) fn audio(name: &str, caps: &gst::Caps) -> Self {
        let appsrc = appsrc(name);
        appsrc.set_max_buffers(0);
        appsrc.set_max_time(MAX_SOUND);
        appsrc.set_caps(Some(caps));
        Self::new(appsrc)
    }

    fn new(appsrc: gst_app::AppSrc) -> Self {
        Self {
            pad: appsrc.static_pad("src"),
            appsrc,
            next_pts: AtomicU64::new(0),
            not_before: AtomicU64::new(0),
            pending: Mutex::default(),
            has_pending: AtomicBool::new(false),
            given: Mutex::default(),
            is_encoded: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
        }
    }

    /// Forgets the time of an earlier run.
    pub(crate) fn reset(&self) {
        self.next_pts.store(0, Ordering::Relaxed);
        lock(&self.pending).take();
        lock(&self.given).take();
        self.is_broken.store(false, Ordering::Relaxed);
    }

    /// Tells downstream how old a buffer may be when it leaves: `own` is what the camera takes, and `period` the time of one
    /// picture, of which as many as the queue holds may be added. Posts a message on the bus if that is new.
    pub(crate) fn set_latency(&self, own: gst::ClockTime, period: gst::ClockTime) {
        let queued = match self.appsrc.max_buffers() {
            0 => MAX_SOUND,
            buffers => period * buffers,
        };
        self.appsrc.set_latency(own, Some(own + queued));
    }

    /// Leaves out what the camera gives before this time; `None` is until further notice.
    pub(crate) fn hold(&self, until: Option<gst::ClockTime>) {
        let until = until.map_or(u64::MAX, gst::ClockTime::nseconds);
        self.not_before.store(until, Ordering::Relaxed);
    }

    /// Sends an event down in front of the first buffer from this time on.
    pub(crate) fn send_before(&self, from: gst::ClockTime, event: gst::Event) {
        *lock(&self.pending) = Some((from, event));
        self.has_pending.store(true, Ordering::Release);
    }

    fn send_pending(&self, pts: gst::ClockTime) {
        if !self.has_pending.load(Ordering::Acquire) {
            return;
        }
        let due = {
            let mut pending = lock(&self.pending);
            let due = pending.take_if(|(from, _)| *from <= pts);
            self.has_pending.store(pending.is_some(), Ordering::Release);
            due
        };
        if let Some((_, event)) = due {
            // Serialized: it waits in the queue among the buffers.
            self.appsrc.send_event(event);
        }
    }

    /// Says what comes, with all that is implied: what one device leaves out and another writes down is no other format.
    pub(crate) fn set_caps(&self, caps: &gst::Caps) {
        {
            let mut given = lock(&self.given);
            if given.as_ref() == Some(caps) {
                return;
            }
            *given = Some(caps.clone());
        }
        let whole = whole(caps);
        let name = whole
            .structure(0)
            .map(|structure| structure.name().as_str());
        let is_encoded = name == Some(H264);
        self.is_encoded.store(is_encoded, Ordering::Relaxed);
        if self.appsrc.caps().as_ref() != Some(&whole) {
            self.appsrc.set_caps(Some(&whole));
        }
    }

    /// Sends a buffer at running time `pts`, unless a later one has gone out before.
    pub(crate) fn push(
        &self,
        mut buffer: gst::Buffer,
        pts: gst::ClockTime,
    ) -> Result<Pushed, gst::FlowError> {
        if self.is_encoded.load(Ordering::Relaxed)
            && let Some(left) = self.leave_out(&buffer)
        {
            return Ok(left);
        }
        let next = self
            .next_pts
            .fetch_max(pts.nseconds() + 1, Ordering::AcqRel);
        if pts.nseconds() < next {
            return Ok(Pushed::Late);
        }
        self.send_pending(pts);
        let writable = buffer.make_mut();
        writable.set_pts(pts);
        writable.set_dts(gst::ClockTime::NONE);
        let pushed = self.appsrc.push_buffer(buffer);
        self.wake();
        match pushed {
            // While its task stands still it takes nothing, which is no end: the camera goes on, and the next picture is taken.
            Err(gst::FlowError::Flushing) if self.appsrc.current_state() >= gst::State::Paused => {
                Ok(Pushed::Left)
            }
            pushed => pushed.map(|_| Pushed::Sent),
        }
    }

    /// Whether an encoded picture cannot go out: the queue would make room by leaving out one that others need.
    fn leave_out(&self, buffer: &gst::BufferRef) -> Option<Pushed> {
        let is_delta = buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        if self.appsrc.current_level_buffers() >= MAX_PICTURES {
            let was_broken = self.is_broken.swap(true, Ordering::Relaxed);
            return Some(match was_broken && is_delta {
                true => Pushed::Left,
                false => Pushed::Broken,
            });
        }
        if is_delta && self.is_broken.load(Ordering::Relaxed) {
            return Some(Pushed::Left);
        }
        self.is_broken.store(false, Ordering::Relaxed);
        None
    }

    /// Starts the appsrc's task again if a pause stopped it that was over before the task noticed: since GStreamer 1.24 such a
    /// one stands still for ever (docs/upstream.md). One that downstream stopped stays so.
    fn wake(&self) {
        let Some(pad) = &self.pad else {
            return;
        };
        if pad.task_state() == gst::TaskState::Paused
            && pad.last_flow_result().is_ok()
            && self.appsrc.current_state() == gst::State::Playing
        {
            // The task is there and keeps its function; this one would be for a pad without a task.
            let _ = pad.start_task(|| ());
        }
    }

    /// Passes on what the camera's pipeline made; `now` is the running time for buffers that have none.
    pub(crate) fn forward(
        &self,
        sample: gst::Sample,
        bases: Bases,
        now: impl FnOnce() -> Option<gst::ClockTime>,
    ) -> Result<Pushed, gst::FlowError> {
        if let Some(caps) = sample.caps_owned() {
            self.set_caps(&caps);
        }
        let pts = bases.running_time(&sample, now);
        let Some(buffer) = sample.buffer_owned() else {
            return Ok(Pushed::Left);
        };
        // Only the buffer is left, so that changing its time copies nothing.
        drop(sample);
        let is_delta = buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let not_before = self.not_before.load(Ordering::Relaxed);
        let Some(pts) = pts.filter(|pts| pts.nseconds() >= not_before) else {
            return Ok(Pushed::Left);
        };
        let pushed = self.push(buffer, pts)?;
        if pushed == Pushed::Late && self.breaks(pts, is_delta) {
            return Ok(Pushed::Broken);
        }
        Ok(pushed)
    }

    /// Whether those that follow one that came too late cannot be decoded, as far as that is news.
    fn breaks(&self, pts: gst::ClockTime, is_delta: bool) -> bool {
        let last = gst::ClockTime::from_nseconds(self.next_pts.load(Ordering::Relaxed));
        let is_needed = !is_delta || pts + REORDERED < last;
        self.is_encoded.load(Ordering::Relaxed)
            && is_needed
            && !self.is_broken.swap(true, Ordering::Relaxed)
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
