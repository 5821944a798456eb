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
    /// A later one had gone out before, or nobody takes it.
    Left,
    /// Encoded, and downstream is behind: all are left out from here to the next key unit, which has to be asked for.
    Full,
}

/// Where the time of a capture's buffers comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bases {
    /// Of the pipeline that portholesrc is in.
    pub(crate) ours: gst::ClockTime,
    /// Of the capture's own.
    pub(crate) theirs: gst::ClockTime,
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
            return Ok(Pushed::Left);
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
                false => Pushed::Full,
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
        let Some(buffer) = sample.buffer_owned() else {
            return Ok(Pushed::Left);
        };
        let pts = match buffer.pts() {
            Some(pts) => sample
                .segment()
                .and_then(|segment| segment.downcast_ref::<gst::ClockTime>())
                .and_then(|segment| segment.to_running_time(pts))
                .and_then(|running| (running + bases.theirs).checked_sub(bases.ours)),
            None => now(),
        };
        // Only the buffer is left, so that changing its time copies nothing.
        drop(sample);
        match pts {
            Some(pts) if pts.nseconds() >= self.not_before.load(Ordering::Relaxed) => {
                self.push(buffer, pts)
            }
            _ => Ok(Pushed::Left),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc,
        thread,
        time::{Duration, Instant},
    };

    use super::*;

    /// Until a picture is through, on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn a_task_that_a_short_pause_stopped_goes_on_with_the_next_picture() {
        gst::init().unwrap();
        let feed = Feed::video("src");
        feed.set_caps(
            &"video/x-raw,format=GRAY8,width=4,height=4,framerate=30/1"
                .parse()
                .unwrap(),
        );
        let pipeline = gst::Pipeline::new();
        let sink = gst::ElementFactory::make("fakesink")
            .property("async", false)
            .build()
            .unwrap();
        let (through, pictures) = mpsc::channel();
        let pad = sink.static_pad("sink").unwrap();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            let _ = through.send(());
            gst::PadProbeReturn::Ok
        });
        pipeline
            .add_many([feed.appsrc.upcast_ref(), &sink])
            .unwrap();
        feed.appsrc.link(&sink).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let mut number = 0;
        let mut push = || {
            number += 1;
            let picture = gst::Buffer::with_size(16).unwrap();
            feed.push(picture, gst::ClockTime::from_mseconds(number))
                .unwrap();
        };
        push();
        pictures.recv_timeout(PATIENCE).unwrap();
        // As basesrc leaves it. It waits for the task, which waits for a picture.
        let source = feed.pad.clone().unwrap();
        let stopping = thread::spawn(move || source.pause_task());
        let deadline = Instant::now() + PATIENCE;
        while feed.pad.as_ref().unwrap().task_state() != gst::TaskState::Paused {
            assert!(Instant::now() < deadline, "it was not stopped");
            thread::yield_now();
        }
        while pictures.try_recv().is_ok() {}
        push();
        pictures.recv_timeout(PATIENCE).unwrap();
        push();
        pictures.recv_timeout(PATIENCE).expect("it stood still");
        // A task that runs keeps the lock that its pausing waits for.
        pipeline.set_state(gst::State::Null).unwrap();
        let _ = stopping.join().unwrap();
    }

    #[test]
    fn a_downstream_that_takes_nothing_holds_four_pictures_of_any_size_and_the_latency_says_so() {
        gst::init().unwrap();
        let feed = Feed::video("src");
        let caps: gst::Caps = "video/x-raw,format=I420,width=1280,height=720,framerate=30/1"
            .parse()
            .unwrap();
        feed.set_caps(&caps);
        let pipeline = gst::Pipeline::new();
        let sink = gst::ElementFactory::make("fakesink")
            .property("sync", true)
            .build()
            .unwrap();
        pipeline
            .add_many([feed.appsrc.upcast_ref(), &sink])
            .unwrap();
        feed.appsrc.link(&sink).unwrap();
        // The sink keeps the first one, and takes no other.
        pipeline.set_state(gst::State::Paused).unwrap();
        for number in 0..20 {
            let picture = gst::Buffer::with_size(1280 * 720 * 3 / 2).unwrap();
            feed.push(picture, gst::ClockTime::from_mseconds(33 * number))
                .unwrap();
        }
        assert!(feed.appsrc.current_level_buffers() <= MAX_PICTURES);
        assert!(feed.appsrc.current_level_buffers() >= MAX_PICTURES - 1);

        let (own, period) = (
            gst::ClockTime::from_mseconds(20),
            gst::ClockTime::from_mseconds(33),
        );
        feed.set_latency(own, period);
        let mut query = gst::query::Latency::new();
        assert!(feed.appsrc.static_pad("src").unwrap().query(&mut query));
        assert_eq!(query.result(), (true, own, Some(own + period * 4)));
        pipeline.set_state(gst::State::Null).unwrap();
    }

    #[test]
    fn of_encoded_video_that_downstream_does_not_take_in_time_all_is_left_out_to_the_next_key_unit()
    {
        gst::init().unwrap();
        let feed = Feed::video("src");
        let caps =
            "video/x-h264,stream-format=byte-stream,alignment=au,width=16,height=16,framerate=30/1";
        feed.set_caps(&caps.parse().unwrap());
        let pipeline = gst::Pipeline::new();
        let sink = gst_app::AppSink::builder()
            .sync(false)
            .max_buffers(1)
            .build();
        pipeline
            .add_many([feed.appsrc.upcast_ref::<gst::Element>(), sink.upcast_ref()])
            .unwrap();
        feed.appsrc.link(&sink).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let mut number = 0;
        let mut push = |is_delta| {
            let mut picture = gst::Buffer::with_size(16).unwrap();
            if is_delta {
                let writable = picture.get_mut().unwrap();
                writable.set_flags(gst::BufferFlags::DELTA_UNIT);
            }
            number += 1;
            feed.push(picture, gst::ClockTime::from_mseconds(number))
                .unwrap()
        };
        assert_eq!(push(false), Pushed::Sent);
        // Until the sink, the task and the queue hold all that they can.
        let mut sent = 1;
        loop {
            match push(true) {
                Pushed::Sent => sent += 1,
                other => {
                    assert_eq!(other, Pushed::Full);
                    break;
                }
            }
            assert!(sent < 100, "it has no bound");
        }
        assert_eq!(push(true), Pushed::Left, "it is asked for once");
        // Now there is room, and still nothing that can be decoded.
        let patience = gst::ClockTime::try_from(PATIENCE).unwrap();
        for _ in 0..sent {
            let sample = sink.try_pull_sample(patience).expect("what was sent");
            assert!(sample.buffer().unwrap().pts().unwrap() <= gst::ClockTime::from_mseconds(sent));
        }
        assert_eq!(push(true), Pushed::Left);
        assert_eq!(push(false), Pushed::Sent);
        assert_eq!(push(true), Pushed::Sent);
        let key = sink.try_pull_sample(patience).unwrap();
        assert!(
            !key.buffer()
                .unwrap()
                .flags()
                .contains(gst::BufferFlags::DELTA_UNIT)
        );
        pipeline.set_state(gst::State::Null).unwrap();
    }

    #[test]
    fn a_buffer_that_came_too_late_has_not_gone_out() {
        gst::init().unwrap();
        let feed = Feed::video("src");
        let push = |ms| {
            let picture = gst::Buffer::with_size(16).unwrap();
            feed.push(picture, gst::ClockTime::from_mseconds(ms))
        };
        feed.appsrc.set_state(gst::State::Playing).unwrap();
        assert_eq!(push(40), Ok(Pushed::Sent));
        assert_eq!(push(39), Ok(Pushed::Left));
        feed.appsrc.set_state(gst::State::Null).unwrap();
    }
}
