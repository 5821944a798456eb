// SPDX-License-Identifier: MPL-2.0
//! Sound beside the camera: a pipeline of its own, on a thread of its own that may be left to itself. Whatever becomes of a microphone,
//! the picture goes on, with silence; and it is tried again until it is heard, or the camera is closed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::{Duration, Instant},
};

use gst::{glib, prelude::*};

use super::{Run, retry::Retry, sound, spawn};
use crate::camera::{
    CAT,
    device::{self, OpenMicrophone},
    devices::microphone,
    event::{Event, Report},
    problem::{Problem, Reason},
};

/// Without a sample for so long it is taken to hang. The slowest of sound servers gives some each tenth of a second.
const STALL: Duration = Duration::from_secs(3);
/// Threads of microphones that do not end, before no further one is begun.
const MAX_RUNNING: usize = 4;
const OUTLET: &str = "microphone";

/// The way to a microphone's thread. Dropping it closes the microphone.
#[derive(Debug)]
pub(super) struct Microphone(Sender<Signal>);

#[derive(Debug)]
enum Signal {
    Close,
    /// Of the pipeline that was opened as this one.
    Failed(u32, Problem),
    /// Its latency may have changed.
    Latency,
}

impl Microphone {
    /// Begins to listen; `warn` says why there is no sound.
    pub(super) fn open(
        microphone: Arc<dyn device::Microphone>,
        run: &Run,
        generation: u64,
        warn: impl Fn(String) + Send + Sync + 'static,
    ) -> Option<Self> {
        if run.microphones.load(SeqCst) >= MAX_RUNNING {
            warn("there is no sound: drivers of microphones hang; unplug them and plug them in again".into());
            return None;
        }
        let (signals, receiver) = channel();
        let listener = Listener {
            microphone,
            generation,
            signals: signals.clone(),
            warn: Arc::new(warn),
            running: Running::new(run),
            run: run.clone(),
        };
        let begun = spawn(move || listener.listen(&receiver));
        begun.ok().map(|()| Self(signals))
    }
}

impl Drop for Microphone {
    fn drop(&mut self) {
        let _ = self.0.send(Signal::Close);
    }
}

/// Counts a thread as long as it runs.
struct Running(Arc<AtomicUsize>);

impl Running {
    fn new(run: &Run) -> Self {
        run.microphones.fetch_add(1, SeqCst);
        Self(run.microphones.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

struct Listener {
    microphone: Arc<dyn device::Microphone>,
    generation: u64,
    signals: Sender<Signal>,
    warn: Arc<dyn Fn(String) + Send + Sync>,
    run: Run,
    running: Running,
}

impl Listener {
    fn listen(self, signals: &Receiver<Signal>) {
        let mut retry = Retry::default();
        for number in 0.. {
            let begun = Instant::now();
            let Err(problem) = self.hear(number, signals) else {
                break;
            };
            let was_heard = self.run.streams.last_sound() > begun;
            gst::debug!(CAT, "the microphone: {problem}");
            if retry.failed(problem.reason, was_heard) {
                (self.warn)(format!(
                    "there is no sound: {problem}; it is tried again all the time"
                ));
            }
            if closes_within(signals, retry.delay()) {
                break;
            }
        }
        drop(self.running);
    }

    /// Listens until it is closed, or there is a problem.
    fn hear(&self, number: u32, signals: &Receiver<Signal>) -> Result<(), Problem> {
        let source = self.microphone.open()?;
        let pipeline = gst::Pipeline::new();
        let heard = self
            .play(&pipeline, source, number)
            .and_then(|()| self.wait(&pipeline, number, signals));
        let _ = pipeline.set_state(gst::State::Null);
        heard
    }

    fn play(
        &self,
        pipeline: &gst::Pipeline,
        source: OpenMicrophone,
        number: u32,
    ) -> Result<(), Problem> {
        let failed = |error: glib::BoolError| Problem::new(Reason::Failed, error.to_string());
        pipeline.use_clock(Some(&self.run.clock));
        self.watch(pipeline, source.name.clone(), number)
            .map_err(failed)?;
        self.connect(pipeline, &source).map_err(failed)?;
        // Where it fails the reason is on the bus, and `wait` finds it.
        if pipeline.set_state(gst::State::Playing).is_err() {
            let text = format!("{}: it does not start", source.name);
            let problem = Problem::new(Reason::Failed, text);
            let _ = self.signals.send(Signal::Failed(number, problem));
        }
        Ok(())
    }

    fn connect(
        &self,
        pipeline: &gst::Pipeline,
        source: &OpenMicrophone,
    ) -> Result<(), glib::BoolError> {
        let make = |factory: &str| gst::ElementFactory::make(factory).build();
        let (convert, resample) = (make("audioconvert")?, make("audioresample")?);
        let run = (&self.run, self.generation);
        let outlet = sound::outlet(OUTLET, run, pipeline, source.timing);
        let chain = [&source.element, &convert, &resample, outlet.upcast_ref()];
        pipeline.add_many(chain)?;
        gst::Element::link_many(chain)
    }

    /// Listens to the pipeline's bus, on whichever thread a message comes.
    fn watch(
        &self,
        pipeline: &gst::Pipeline,
        name: String,
        number: u32,
    ) -> Result<(), glib::BoolError> {
        let bus = pipeline.bus().ok_or_else(|| glib::bool_error!("no bus"))?;
        let signals = self.signals.clone();
        bus.set_sync_handler(move |_, message| {
            match message.view() {
                gst::MessageView::Error(error) => {
                    let debug = error.debug();
                    let problem = microphone::problem(&error.error(), debug.as_deref(), &name);
                    let _ = signals.send(Signal::Failed(number, problem));
                }
                gst::MessageView::Warning(warning) => {
                    gst::info!(CAT, "the microphone {name}: {}", warning.error());
                }
                gst::MessageView::Latency(_) => {
                    let _ = signals.send(Signal::Latency);
                }
                _ => (),
            }
            gst::BusSyncReply::Drop
        });
        Ok(())
    }

    fn wait(
        &self,
        pipeline: &gst::Pipeline,
        number: u32,
        signals: &Receiver<Signal>,
    ) -> Result<(), Problem> {
        let begun = Instant::now();
        loop {
            match signals.recv_timeout(STALL) {
                Ok(Signal::Close) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Ok(Signal::Failed(of, problem)) if of == number => return Err(problem),
                Ok(Signal::Failed(..)) => (),
                Ok(Signal::Latency) => self.tell_latency(pipeline),
                Err(RecvTimeoutError::Timeout) => {
                    let last = self.run.streams.last_sound().max(begun);
                    if last.elapsed() >= STALL {
                        let text = "the microphone gives nothing: unplug it and plug it in again if it stays so";
                        return Err(Problem::new(Reason::Stalled, text));
                    }
                }
            }
        }
    }

    fn tell_latency(&self, pipeline: &gst::Pipeline) {
        let _ = pipeline.recalculate_latency();
        let mut query = gst::query::Latency::new();
        let outlet = pipeline.by_name(OUTLET).and_then(|o| o.static_pad("sink"));
        if outlet.is_some_and(|pad| pad.peer_query(&mut query)) {
            let (_, own, _) = query.result();
            let report = Report::SoundLatency(own);
            self.run.inbox.send(Event::Capture(self.generation, report));
        }
    }
}

/// Waits; whether it is closed meanwhile.
fn closes_within(signals: &Receiver<Signal>, delay: Duration) -> bool {
    let end = Instant::now() + delay;
    loop {
        match signals.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(Signal::Close) | Err(RecvTimeoutError::Disconnected) => return true,
            Ok(_) => (),
            Err(RecvTimeoutError::Timeout) => return false,
        }
    }
}

#[cfg(test)]
#[path = "microphone_tests.rs"]
mod tests;
