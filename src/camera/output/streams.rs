// SPDX-License-Identifier: MPL-2.0
//! The streams that leave portholesrc, and which capture's pictures they carry.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use gst_video::VideoOrientationMethod;

use super::feed::{Bases, Feed, Pushed};
use crate::{events::turn::Turned, lock::lock};

/// Nobody's pictures.
pub(crate) const NOBODY: u64 = 0;

/// The feeds, and the door in front of them.
#[derive(Debug)]
pub(crate) struct Streams {
    pub(crate) video: Feed,
    /// Comes and goes with its pad.
    audio: Mutex<Option<Arc<Feed>>>,
    /// The generation of the capture whose buffers go out; those of others are dropped, also of one that does not end.
    open_for: AtomicU64,
    epoch: Instant,
    /// Nanoseconds since `epoch`.
    last_picture: AtomicU64,
    last_sound: AtomicU64,
    last_generation: AtomicU64,
    /// How downstream believes the pictures to be turned already.
    turned: Mutex<VideoOrientationMethod>,
    /// Whether somebody has ended the stream.
    finished: AtomicBool,
}

impl Streams {
    pub(crate) fn new(video: Feed) -> Self {
        Self {
            video,
            audio: Mutex::default(),
            open_for: AtomicU64::new(NOBODY),
            epoch: Instant::now(),
            last_picture: AtomicU64::new(0),
            last_sound: AtomicU64::new(0),
            last_generation: AtomicU64::new(NOBODY),
            turned: Mutex::new(VideoOrientationMethod::Identity),
            finished: AtomicBool::new(false),
        }
    }

    /// Before a run: forgets what belonged to the last one, but for its generations, whose threads may still be there.
    pub(crate) fn reset(&self) {
        self.open_for(NOBODY);
        self.finished.store(false, Relaxed);
        *lock(&self.turned) = VideoOrientationMethod::Identity;
        self.video.reset();
        if let Some(audio) = self.audio() {
            audio.reset();
        }
    }

    pub(crate) fn audio(&self) -> Option<Arc<Feed>> {
        lock(&self.audio).clone()
    }

    pub(crate) fn set_audio(&self, feed: Option<Arc<Feed>>) -> Option<Arc<Feed>> {
        std::mem::replace(&mut *lock(&self.audio), feed)
    }

    /// Lets the buffers of this capture through, and no other's.
    pub(crate) fn open_for(&self, generation: u64) {
        self.last_generation.fetch_max(generation, Relaxed);
        self.open_for.store(generation, Relaxed);
        self.video.hold(Some(gst::ClockTime::ZERO));
    }

    pub(crate) fn last_generation(&self) -> u64 {
        self.last_generation.load(Relaxed)
    }

    /// When the last picture of a capture came.
    pub(crate) fn last_picture(&self) -> Instant {
        self.epoch + Duration::from_nanos(self.last_picture.load(Relaxed))
    }

    /// When the last sound of a capture came.
    pub(crate) fn last_sound(&self) -> Instant {
        self.epoch + Duration::from_nanos(self.last_sound.load(Relaxed))
    }

    fn mark(&self, last: &AtomicU64) {
        let since = u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
        last.fetch_max(since, Relaxed);
    }

    /// How downstream believes the pictures to be turned already; a slate that comes next has to be so as well.
    pub(crate) fn turned(&self) -> VideoOrientationMethod {
        *lock(&self.turned)
    }

    /// Leaves out this capture's pictures until it is told how they are turned.
    pub(crate) fn begin_turn(&self, generation: u64) {
        if self.open_for.load(Relaxed) == generation {
            self.video.hold(None);
        }
    }

    /// Tells downstream that pictures from this time on are turned so, and leaves out those before.
    pub(crate) fn end_turn(&self, turned: VideoOrientationMethod, from: gst::ClockTime) {
        self.tell_turned(turned, from);
        self.video.hold(Some(from));
    }

    /// Tells downstream that pictures from this time on are turned so, unless it believes it already.
    pub(crate) fn tell_turned(&self, turned: VideoOrientationMethod, from: gst::ClockTime) {
        let before = std::mem::replace(&mut *lock(&self.turned), turned);
        if before != turned {
            self.video.send_before(from, Turned(turned).event());
        }
    }

    /// Whether the stream was ended from outside: nothing goes out any more.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished.load(Relaxed)
    }

    /// Takes what came of a push. A failure downstream is none of the camera's.
    pub(crate) fn see(&self, pushed: Result<Pushed, gst::FlowError>) -> Pushed {
        if pushed == Err(gst::FlowError::Eos) {
            self.finished.store(true, Relaxed);
        }
        pushed.unwrap_or(Pushed::Left)
    }

    /// A capture's picture, and what became of it.
    pub(crate) fn push_video(
        &self,
        generation: u64,
        sample: gst::Sample,
        bases: Bases,
        now: impl FnOnce() -> Option<gst::ClockTime>,
    ) -> Pushed {
        if self.open_for.load(Relaxed) != generation {
            return Pushed::Left;
        }
        self.mark(&self.last_picture);
        self.see(self.video.forward(sample, bases, now))
    }

    /// A capture's sound, at a running time.
    pub(crate) fn push_audio(&self, generation: u64, buffer: gst::Buffer, pts: gst::ClockTime) {
        if self.open_for.load(Relaxed) == generation
            && let Some(audio) = self.audio()
        {
            self.mark(&self.last_sound);
            // A pad that is being released wants no more.
            let _ = audio.push(buffer, pts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gst::prelude::*;

    #[test]
    fn a_capture_that_is_over_sends_nothing_more_whenever_its_driver_wakes_up() {
        gst::init().unwrap();
        let streams = Streams::new(Feed::video("src"));
        let pipeline = gst::Pipeline::new();
        let sink = gst::ElementFactory::make("fakesink").build().unwrap();
        let appsrc = &streams.video.appsrc;
        pipeline.add_many([appsrc.upcast_ref(), &sink]).unwrap();
        appsrc.link(&sink).unwrap();
        pipeline.set_state(gst::State::Paused).unwrap();
        let push = |generation, ms| {
            let mut buffer = gst::Buffer::with_size(8).unwrap();
            let pts = gst::ClockTime::from_mseconds(ms);
            buffer.get_mut().unwrap().set_pts(pts);
            let segment = gst::FormattedSegment::<gst::ClockTime>::new();
            let sample = gst::Sample::builder()
                .buffer(&buffer)
                .segment(&segment)
                .build();
            let bases = Bases {
                ours: gst::ClockTime::ZERO,
                theirs: gst::ClockTime::ZERO,
            };
            streams.push_video(generation, sample, bases, || None)
        };
        streams.open_for(2);
        assert_eq!(push(1, 1), Pushed::Left);
        assert_eq!(
            streams.last_picture(),
            streams.epoch,
            "it is no sign of life"
        );
        assert_eq!(push(2, 2), Pushed::Sent);
        streams.open_for(NOBODY);
        assert_eq!(push(2, 3), Pushed::Left);
        pipeline.set_state(gst::State::Null).unwrap();
    }
}
