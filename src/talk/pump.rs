// SPDX-License-Identifier: MPL-2.0
//! The live source behind the pad `talk`: a frame every 10 ms by the pipeline's clock, whoever speaks. Not an element one can
//! make by name.
//!
//! What leaves was said a while ago: it has waited in the jitter buffer and in the session's [`super::mixer::Voice`]. The
//! timestamps do not say so, and the answer to the latency query is one frame, as a microphone's is. webrtcechoprobe looks for
//! what was played as much later as what is before it is late, and finds nothing where that is more than what the loudspeaker
//! adds.

use std::{
    mem,
    sync::{Arc, LazyLock, Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

use gst::{glib, prelude::*};
use gst_base::{
    prelude::*,
    subclass::{base_src::CreateSuccess, prelude::*},
};

use super::{
    format::caps,
    mixer::{FIRST_HELD, FRAME, MAX_HELD},
    stage::Stage,
};
use crate::lock::lock;

/// From one frame to the next.
pub(super) const PERIOD: gst::ClockTime = gst::ClockTime::from_mseconds(10);
/// A source that is so far behind the clock, since what it feeds did not take more, goes on with the present. A machine that
/// is busy for a moment makes no gap.
const MAX_BEHIND: gst::ClockTime = gst::ClockTime::SECOND;
/// What has not taken a frame by then holds the source up.
const MAX_PUSH: Duration = Duration::from_millis(100);
/// How often one who waits for that looks.
const LOOK: Duration = Duration::from_millis(2);

fn duration(samples: usize) -> gst::ClockTime {
    PERIOD * (samples / FRAME) as u64
}

/// Ends the source behind `pad`, from whatever thread, whether what it feeds takes the sound or not.
pub(crate) fn stop(source: &gst::Element, pad: &gst::GhostPad) {
    let pump = source.downcast_ref::<Pump>();
    // Not else, since a sink that is flushed waits for new sound before it plays on.
    let is_held_up = pump.is_some_and(Pump::is_held_up);
    if is_held_up {
        let _ = pad.push_event(gst::event::FlushStart::new());
    }
    source.set_locked_state(true);
    let _ = source.set_state(gst::State::Null);
    if is_held_up {
        let _ = pad.push_event(gst::event::FlushStop::new(false));
    }
}

glib::wrapper! {
    pub(crate) struct Pump(ObjectSubclass<imp::Pump>) @extends gst_base::PushSrc, gst_base::BaseSrc, gst::Element, gst::Object;
}

impl Pump {
    pub(super) fn new(stage: &Arc<Stage>) -> Self {
        let pump: Self = glib::Object::builder().property("name", "talk").build();
        let _ = pump.imp().stage.set(stage.clone());
        pump
    }

    /// Whether what the pad feeds does not take the sound, as a loudspeaker that is paused does not. Waits for a moment until
    /// it is clear.
    fn is_held_up(&self) -> bool {
        loop {
            let Some(left) = self.imp().left() else {
                return false;
            };
            if left.elapsed() >= MAX_PUSH {
                return true;
            }
            thread::park_timeout(LOOK);
        }
    }
}

mod imp {
    use super::*;

    #[derive(Default)]
    pub(crate) struct Pump {
        pub(super) stage: OnceLock<Arc<Stage>>,
        state: Mutex<State>,
    }

    #[derive(Default)]
    struct State {
        /// Running time of the next frame's sound; none before the first.
        next: Option<gst::ClockTime>,
        wait: Option<gst::SingleShotClockId>,
        /// When the last frame left, until it is taken.
        left: Option<Instant>,
        /// The base class wants the streaming thread back, from `unlock` to `unlock_stop`.
        is_unlocked: bool,
        /// What was made last may have been dropped.
        is_jump: bool,
    }

    impl Pump {
        pub(super) fn left(&self) -> Option<Instant> {
            lock(&self.state).left
        }

        /// The clock, and what it shows when running time is zero. There in PLAYING.
        fn time(&self) -> Option<(gst::Clock, gst::ClockTime)> {
            let obj = self.obj();
            Some((obj.clock()?, obj.base_time()?))
        }

        /// The running time of the sound that leaves next, and whether some was left out before it.
        fn next(&self, now: gst::ClockTime) -> (gst::ClockTime, bool) {
            let present = now.saturating_sub(PERIOD);
            let present = PERIOD * (present.nseconds() / PERIOD.nseconds());
            let mut state = lock(&self.state);
            let is_jump = mem::take(&mut state.is_jump);
            match state.next {
                Some(next) if present <= next + MAX_BEHIND => (next, is_jump),
                _ => (present, true),
            }
        }

        /// Waits until a frame has been said and the sound of it has come.
        ///
        /// A pause ends the wait from GStreamer 1.24 on. Whether the source plays again by then, only the base class knows: if
        /// that is taken for a flush, the task pauses after it was started again, and stays so. The frame leaves as soon as the
        /// source plays, up to 10 ms early, since nothing would end a second wait before `unlock_stop`.
        fn wait_until(
            &self,
            clock: &gst::Clock,
            time: gst::ClockTime,
        ) -> Result<(), gst::FlowError> {
            let id = clock.new_single_shot_id(time);
            let may_wait = {
                let mut state = lock(&self.state);
                state.wait = (!state.is_unlocked).then(|| id.clone());
                state.wait.is_some()
            };
            if may_wait {
                let _ = id.wait();
            }
            let is_unlocked = {
                let mut state = lock(&self.state);
                state.wait = None;
                state.is_unlocked
            };
            if is_unlocked {
                self.obj().wait_playing()?;
            }
            Ok(())
        }

        fn frame(&self) -> Option<gst::Buffer> {
            let mut samples = [0; FRAME];
            self.stage.get()?.frame(Instant::now(), &mut samples);
            let mut buffer = gst::Buffer::with_size(2 * FRAME).ok()?;
            {
                let mut map = buffer.get_mut()?.map_writable().ok()?;
                for (bytes, sample) in map.as_mut_slice().chunks_exact_mut(2).zip(samples) {
                    bytes.copy_from_slice(&sample.to_le_bytes());
                }
            }
            Some(buffer)
        }
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Pump {
        const NAME: &'static str = "GstPortholeTalkSource";
        type Type = super::Pump;
        type ParentType = gst_base::PushSrc;
    }

    impl ObjectImpl for Pump {
        fn constructed(&self) {
            self.parent_constructed();
            let obj = self.obj();
            obj.set_live(true);
            obj.set_format(gst::Format::Time);
        }
    }

    impl GstObjectImpl for Pump {}

    impl ElementImpl for Pump {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
                gst::subclass::ElementMetadata::new(
                    "Porthole talk source",
                    "Source/Audio",
                    "What viewers say",
                    "The Porthole developers",
                )
            });
            Some(&METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
                let direction = gst::PadDirection::Src;
                gst::PadTemplate::new("src", direction, gst::PadPresence::Always, &caps())
                    .into_iter()
                    .collect()
            });
            &TEMPLATES
        }
    }

    impl BaseSrcImpl for Pump {
        fn start(&self) -> Result<(), gst::ErrorMessage> {
            *lock(&self.state) = State::default();
            Ok(())
        }

        fn stop(&self) -> Result<(), gst::ErrorMessage> {
            if let Some(stage) = self.stage.get() {
                stage.clear();
            }
            Ok(())
        }

        fn is_seekable(&self) -> bool {
            false
        }

        fn query(&self, query: &mut gst::QueryRef) -> bool {
            if let gst::QueryViewMut::Latency(query) = query.view_mut() {
                // Who is held up for longer loses sound.
                query.set(true, PERIOD, PERIOD + duration(MAX_HELD - FIRST_HELD));
                return true;
            }
            BaseSrcImplExt::parent_query(self, query)
        }

        fn unlock(&self) -> Result<(), gst::ErrorMessage> {
            let wait = {
                let mut state = lock(&self.state);
                state.is_unlocked = true;
                state.wait.take()
            };
            if let Some(wait) = wait {
                wait.unschedule();
            }
            Ok(())
        }

        fn unlock_stop(&self) -> Result<(), gst::ErrorMessage> {
            let mut state = lock(&self.state);
            state.is_unlocked = false;
            state.is_jump = true;
            Ok(())
        }
    }

    impl PushSrcImpl for Pump {
        fn create(&self, _: Option<&mut gst::BufferRef>) -> Result<CreateSuccess, gst::FlowError> {
            lock(&self.state).left = None;
            let Some((clock, base)) = self.time() else {
                return Err(gst::FlowError::Flushing);
            };
            let now = clock.time().saturating_sub(base);
            let (time, is_jump) = self.next(now);
            self.wait_until(&clock, base + time + PERIOD)?;
            let Some(mut buffer) = self.frame() else {
                return Err(gst::FlowError::Error);
            };
            if let Some(buffer) = buffer.get_mut() {
                buffer.set_pts(time);
                buffer.set_duration(PERIOD);
                if is_jump {
                    buffer.set_flags(gst::BufferFlags::DISCONT);
                }
            }
            let mut state = lock(&self.state);
            state.next = Some(time + PERIOD);
            state.left = Some(Instant::now());
            Ok(CreateSuccess::NewBuffer(buffer))
        }
    }
}

#[cfg(test)]
#[path = "pump_tests.rs"]
mod tests;
