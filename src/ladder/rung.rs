// SPDX-License-Identifier: MPL-2.0
//! One rung that runs: a pipeline of its own from pictures (or somebody else's encoded frames) to the viewers on it.
//!
//! ```text
//! appsrc ! videoconvertscale ! capsfilter ! queue ! encoder ! parser ! capsfilter ! appsink
//!                                   └─► the next smaller rung
//! ```
//! It is a pipeline of its own so that an encoder that fails takes nothing with it, and can start and stop while the
//! camera's pipeline plays. The queue is between scaling and encoding, so that smaller rungs have their pictures whether or not
//! this one's encoder keeps up.

use std::{
    sync::{
        Arc,
        atomic::Ordering::{Relaxed, SeqCst},
    },
    time::{Duration, Instant},
};

use super::{
    codec::Codec,
    encoders::Encoder,
    key_requests::KeyRequests,
    load::Load,
    outputs::{FanOut, ScaledOutputs},
    pipeline::{self, Counters},
    runner::{Command, Make, Parts, Plan, Runner},
    types::{Failure, Frame, RungId, Shared},
};
use crate::worker::{self, Worker};

/// Encoders of hardware hang without a word; the slowest of software takes a tenth of this for a frame.
const STALL: Duration = Duration::from_secs(3);
/// What is slow to open loads firmware, which takes a second or two; what takes longer than this hangs.
const OPENING: Duration = Duration::from_secs(5);

/// How many frames have come out, and as of when the driver has known so.
struct Progress {
    known: u64,
    since: Instant,
}

pub(crate) struct Rung {
    pub(crate) id: RungId,
    source: gst_app::AppSrc,
    /// Its own thread's.
    worker: Worker<Command>,
    shared: Arc<Shared>,
    encoder: Option<&'static Encoder>,
    pub(crate) viewers: Arc<FanOut>,
    /// Smaller rungs that are made of this one's picture.
    pub(crate) outputs: ScaledOutputs,
    counters: Counters,
    started: Instant,
    progress: Progress,
    load: Load,
    keys: KeyRequests,
}

/// Who hears of a rung. None may call it.
pub(crate) struct Hooks {
    /// For each frame before viewers get it, on the rung's thread.
    pub(crate) on_frame: Box<dyn Fn(&Frame) + Send + Sync>,
    /// Once at most, from any thread; must not block.
    pub(crate) on_failure: Box<dyn Fn(Failure) + Send + Sync>,
    /// With the encoder, before it starts, on the rung's thread; may take its time.
    pub(crate) on_encoder: Box<dyn FnOnce(&gst::Element) + Send>,
}

impl Rung {
    /// Begins to build and start it, on its own thread; waits for nothing of that.
    pub(crate) fn start(
        id: RungId,
        codec: Codec,
        make: Make,
        now: Instant,
        hooks: Hooks,
    ) -> Result<Self, Failure> {
        let source = pipeline::source()?;
        let shared = Arc::<Shared>::default();
        let encoder = match &make {
            Make::Encode(which, order, _) => {
                shared.target.store(order.bitrate, Relaxed);
                Some(*which)
            }
            Make::Pass(_) => None,
        };
        let (outputs, counters) = (ScaledOutputs::default(), Counters::default());
        let viewers = Arc::new(FanOut::default());
        let mut runner = Runner::default();
        let (worker, _) = worker::spawn("porthole-rung", move |command| runner.handle(command))
            .map_err(|error| Failure(format!("cannot start threads: {error}")))?;
        worker.push(Command::Open(Box::new(Plan {
            parts: Parts {
                id,
                codec,
                make,
                source: source.clone(),
                outputs: outputs.clone(),
                viewers: viewers.clone(),
                counters: counters.clone(),
                shared: shared.clone(),
            },
            on_frame: hooks.on_frame,
            on_failure: hooks.on_failure,
            on_encoder: hooks.on_encoder,
        })));
        Ok(Self {
            id,
            source,
            worker,
            shared,
            encoder,
            viewers,
            outputs,
            counters,
            started: now,
            progress: Progress {
                known: 0,
                since: now,
            },
            load: Load::default(),
            keys: KeyRequests::default(),
        })
    }

    pub(crate) fn source(&self) -> &gst_app::AppSrc {
        &self.source
    }

    pub(crate) fn encoder_name(&self) -> Option<&'static str> {
        self.encoder.map(|encoder| encoder.factory)
    }

    /// Whether anything has come out of it.
    pub(crate) fn has_worked(&self) -> bool {
        self.counters.output().frames > 0
    }

    pub(crate) fn is_of_hardware(&self) -> bool {
        self.encoder.is_some_and(Encoder::is_of_hardware)
    }

    pub(crate) fn set_bitrate(&mut self, bits: u32) {
        let has_changed = self.shared.target.swap(bits, SeqCst) != bits;
        if has_changed && self.encoder.is_some() && !self.shared.is_bitrate_due.swap(true, SeqCst) {
            self.worker.push(Command::Bitrate);
        }
    }

    /// A key unit, now or as soon as the last is old enough; one for all who ask meanwhile.
    pub(crate) fn want_key(&mut self, now: Instant) {
        if self.keys.want(now, self.counters.output()) {
            self.ask_for_key();
        }
    }

    /// Nobody has seen what it has made so far, nor waits for it: the next key unit that is asked for is not put off because of it.
    pub(crate) fn begin_unseen(&mut self) {
        self.keys.forget();
    }

    /// Asks for a key unit that was put off. To be called every now and then.
    pub(crate) fn give_key(&mut self, now: Instant) {
        if self.keys.due(now, self.counters.output()) {
            self.ask_for_key();
        }
    }

    /// Since when a key unit has been asked for and has not come.
    pub(crate) fn lacks_key_since(&self) -> Option<Instant> {
        self.keys.unanswered(self.counters.output())
    }

    fn ask_for_key(&self) {
        if !self.shared.is_key_due.swap(true, SeqCst) {
            self.worker.push(Command::Key);
        }
    }

    /// Gives an encoder one of its first pictures, which are black.
    pub(crate) fn push_black(&self, number: u64) {
        self.worker.push(Command::Black(self.id.rendition, number));
    }

    /// What hangs, if it has been opening for too long, or nothing has come out for long although pictures went in all the time.
    /// To be called every now and then.
    pub(crate) fn stalled(&mut self, now: Instant, pictures_flow: bool) -> Option<Failure> {
        if !self.shared.is_open.load(SeqCst) {
            self.progress.since = now;
            let is_late = now.saturating_duration_since(self.started) > OPENING;
            return is_late.then(|| Failure("it hangs while it is opened".into()));
        }
        let frames = self.counters.output().frames;
        if frames != self.progress.known || !pictures_flow {
            self.progress.known = frames;
            self.progress.since = now;
        }
        let is_stalled = now.saturating_duration_since(self.progress.since) > STALL;
        is_stalled.then(|| Failure("it hangs: pictures go in and nothing comes out".into()))
    }

    /// Whether its encoder has been too slow for the camera for some seconds. To be called every now and then.
    pub(crate) fn is_overloaded(&mut self, now: Instant) -> bool {
        if !self.has_worked() {
            // It is still being opened.
            self.load.restart();
            return false;
        }
        self.load.is_too_much(self.counters.pictures(), now)
    }

    /// Stops it, on its own thread, which may take its time: an encoder that hangs holds up nobody.
    pub(crate) fn stop(self) {
        self.stop_then(());
    }

    /// The same; `stopped` is dropped when it has.
    pub(crate) fn stop_then(self, stopped: impl Send + 'static) {
        // An encoder that hangs and wakes up later has nobody to show its frames to.
        self.viewers.clear();
        self.outputs.set([]);
        self.worker.push(Command::Stop(Box::new(stopped)));
    }
}
