// SPDX-License-Identifier: MPL-2.0
//! The pipeline of an open camera: what its thread does, and what its callbacks do on whichever thread they come.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed, Ordering::SeqCst},
        mpsc::{Receiver, Sender},
    },
    time::Instant,
};

use gst::{glib, prelude::*};
use gst_video::VideoOrientationMethod;

use super::{
    command::{Command, Run},
    microphone::Microphone,
    sound,
};
use crate::camera::{
    CAT,
    caps::whole,
    device::{self, AudioDevice, Device, Handles, Request, Source, Timing},
    devices::errors,
    event::{Event, Report},
    output::{Bases, Pushed},
    problem::{Problem, Reason},
};

/// The pads of a source, and the outlets behind them.
const VIDEO: &str = "video";
const AUDIO: &str = "audio";

/// Warnings that a capture passes on; a driver can complain at each frame.
const MAX_WARNINGS: u32 = 8;

/// Until a sensor is surely turned: three frames, of fifteen a second.
const TURN_TIME: gst::ClockTime = gst::ClockTime::from_mseconds(200);

/// What the thread, and the callbacks of its pipeline, know.
#[derive(Clone)]
pub(super) struct Context {
    generation: u64,
    run: Run,
    commands: Sender<Command>,
    pub(super) is_closed: Arc<AtomicBool>,
    has_failed: Arc<AtomicBool>,
    warnings: Arc<AtomicU32>,
    audio_device: AudioDevice,
}

impl Context {
    pub(super) fn new(
        generation: u64,
        run: &Run,
        commands: Sender<Command>,
        audio_device: AudioDevice,
    ) -> Self {
        Self {
            generation,
            run: run.clone(),
            commands,
            is_closed: Arc::default(),
            has_failed: Arc::default(),
            warnings: Arc::default(),
            audio_device,
        }
    }

    /// Has it listen, or not, as soon as it can.
    pub(super) fn listen(&self, is_wanted: bool) {
        let _ = self.commands.send(Command::Sound(is_wanted));
    }

    fn tell(&self, tell: Report) {
        self.run.inbox.send(Event::Capture(self.generation, tell));
    }

    /// The first failure is the cause, what follows are its effects.
    fn fail(&self, problem: Problem) {
        if !self.has_failed.swap(true, SeqCst) {
            self.tell(Report::Failed(problem));
        }
    }

    fn warn(&self, text: String) {
        if self.warnings.fetch_add(1, Relaxed) < MAX_WARNINGS {
            self.tell(Report::Warning(text));
        }
    }

    pub(super) fn run(&self, device: &dyn Device, request: &Request, commands: &Receiver<Command>) {
        let pipeline = gst::Pipeline::new();
        let source = match device.build(request) {
            Ok(source) => source,
            Err(problem) => return self.fail(problem),
        };
        if self.is_closed.load(SeqCst) {
            let _ = source.bin.set_state(gst::State::Null);
            return;
        }
        let mut since = Instant::now();
        let path = source.path.clone().filter(|_| source.paced);
        let opened = path.as_deref().and_then(version);
        let (paced, own) = (source.paced, source.microphone.clone());
        let mut microphone = None;
        let handles = self.start(&pipeline, source, request);
        let Some(handles) = handles else {
            let _ = pipeline.set_state(gst::State::Null);
            return;
        };
        for command in commands {
            match command {
                Command::Close => break,
                Command::EndOfStream if paced && self.run.streams.last_picture() < since => {
                    self.fail(Problem::new(Reason::Damaged, "there are no pictures in it"));
                }
                // What is there now may be of another size.
                Command::EndOfStream if opened != path.as_deref().and_then(version) => {
                    self.tell(Report::Replaced);
                }
                Command::EndOfStream if paced => {
                    since = Instant::now();
                    rewind(&pipeline);
                }
                Command::EndOfStream => {
                    self.fail(Problem::new(Reason::Gone, "the camera ended its stream"));
                }
                Command::Controls(controls) => self.set_controls(handles.as_ref(), &controls),
                Command::Turn(wanted) => self.turn(handles.as_ref(), wanted),
                Command::KeyUnit(event) => {
                    let outlet = pipeline.by_name(VIDEO).and_then(|o| o.static_pad("sink"));
                    if let Some(pad) = outlet {
                        pad.push_event(event);
                    }
                }
                Command::Context(context) => pipeline.set_context(&context),
                Command::Latency => self.measure_latency(&pipeline),
                Command::Sound(is_wanted) => {
                    microphone = is_wanted
                        .then(|| self.open_microphone(own.as_ref()))
                        .flatten();
                }
            }
        }
        drop(microphone);
        let _ = pipeline.set_state(gst::State::Null);
    }

    /// What is heard beside the bin, if anything is.
    fn open_microphone(&self, own: Option<&Arc<dyn device::Microphone>>) -> Option<Microphone> {
        let microphone = match &self.audio_device {
            AudioDevice::Own => own?.clone(),
            AudioDevice::Silence => return None,
            AudioDevice::Other(other) => other.clone(),
        };
        let context = self.clone();
        let warn = move |text| context.warn(text);
        Microphone::open(microphone, &self.run, self.generation, warn)
    }

    /// Puts the source into its pipeline and starts it. `None` if it cannot be.
    fn start(
        &self,
        pipeline: &gst::Pipeline,
        source: Source,
        request: &Request,
    ) -> Option<Box<dyn Handles>> {
        self.tell(Report::Opened {
            device: source.device.clone(),
            paced: source.paced,
            warning: source.warning.clone(),
        });
        if let Err(error) = self.connect(pipeline, &source) {
            self.fail(Problem::new(Reason::Failed, error.to_string()));
            return None;
        }
        let handles = source.handles;
        if let Some(controls) = &request.controls {
            self.set_controls(handles.as_ref(), controls);
        }
        match request.direction {
            // The sensor stays as somebody may have set it; but downstream may remember a turn of an earlier capture.
            VideoOrientationMethod::Identity => self.tell_turned(request.direction),
            wanted => self.tell_turned(handles.turn(wanted)),
        }
        if pipeline.set_state(gst::State::Playing).is_err() {
            // Where the reason came on the bus, this one comes too late.
            self.fail(Problem::new(Reason::Failed, "it does not start"));
            return None;
        }
        Some(handles)
    }

    fn connect(&self, pipeline: &gst::Pipeline, source: &Source) -> Result<(), glib::BoolError> {
        let (bin, paced) = (&source.bin, source.paced);
        let missing = || glib::bool_error!("its pad video is missing");
        pipeline.use_clock(Some(&self.run.clock));
        if let Some(element) = self.run.element.upgrade() {
            for context in element.contexts() {
                pipeline.set_context(&context);
            }
        }
        self.watch(pipeline, source.path.clone())?;
        pipeline.add(bin)?;
        let video = self.outlet(pipeline, paced)?;
        pipeline.add(&video)?;
        let sink = video.static_pad("sink").ok_or_else(missing)?;
        self.pass_allocation_on(&sink);
        let pad = bin.static_pad(VIDEO).ok_or_else(missing)?;
        pad.link(&sink)
            .map_err(|error| glib::bool_error!("its picture cannot be linked: {error}"))?;
        if let Some(pad) = bin.static_pad(AUDIO) {
            self.add_sound(pipeline, &pad, paced);
        }
        let (context, weak) = (self.clone(), pipeline.downgrade());
        bin.connect_pad_added(move |_, pad| {
            if let Some(pipeline) = weak.upgrade().filter(|_| pad.name() == AUDIO) {
                context.add_sound(&pipeline, pad, paced);
            }
        });
        Ok(())
    }

    /// The end of the sound is added when there is some: an appsink without data would hold the start.
    fn add_sound(&self, pipeline: &gst::Pipeline, pad: &gst::Pad, paced: bool) {
        let timing = if paced {
            Timing::Paced
        } else {
            Timing::Stamped
        };
        let outlet = sound::outlet(AUDIO, (&self.run, self.generation), pipeline, timing);
        let added = pipeline.add(&outlet).is_ok()
            && outlet.sync_state_with_parent().is_ok()
            && outlet
                .static_pad("sink")
                .is_some_and(|sink| pad.link(&sink).is_ok());
        if !added {
            gst::warning!(CAT, "the camera's sound is left out: it cannot be linked");
        }
    }

    fn outlet(
        &self,
        pipeline: &gst::Pipeline,
        paced: bool,
    ) -> Result<gst::Element, glib::BoolError> {
        let hand_over = self.hand_over(pipeline);
        if paced {
            let callbacks = gst_app::AppSinkCallbacks::builder()
                .new_sample(move |sink| {
                    hand_over(sink.pull_sample().map_err(|_| gst::FlowError::Eos)?)?;
                    Ok(gst::FlowSuccess::Ok)
                })
                .build();
            let outlet = gst_app::AppSink::builder()
                .name(VIDEO)
                .enable_last_sample(false)
                .max_buffers(1)
                .callbacks(callbacks)
                .build();
            return Ok(outlet.upcast());
        }
        // Not an appsink, which holds on to the last picture that was taken from it: whoever draws into the picture behind us
        // would copy each one, and a camera with few buffers would have one less.
        let outlet = gst::ElementFactory::make("fakesink")
            .name(VIDEO)
            .property("async", false)
            .property("enable-last-sample", false)
            .build()?;
        let missing = || glib::bool_error!("no sink pad");
        let pad = outlet.static_pad("sink").ok_or_else(missing)?;
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let Some(gst::PadProbeData::Buffer(buffer)) = info.data.take() else {
                return gst::PadProbeReturn::Ok;
            };
            let segment = pad.sticky_event::<gst::event::Segment>(0);
            let sample = gst::Sample::builder()
                .buffer(&buffer)
                .caps_if_some(pad.current_caps().as_ref())
                .segment_if_some(
                    segment
                        .as_ref()
                        .and_then(|event| event.segment().downcast_ref::<gst::ClockTime>()),
                )
                .build();
            drop(buffer);
            if let Err(error) = hand_over(sample) {
                info.flow_res = Err(error);
            }
            gst::PadProbeReturn::Handled
        });
        Ok(outlet)
    }

    /// Passes on the pictures that come out of the camera's pipeline.
    fn hand_over(
        &self,
        pipeline: &gst::Pipeline,
    ) -> impl Fn(gst::Sample) -> Result<(), gst::FlowError> + Send + Sync + 'static {
        let (context, pipeline) = (self.clone(), pipeline.downgrade());
        let awaits_first = AtomicBool::new(true);
        move |sample| {
            let theirs = pipeline.upgrade().and_then(|pipeline| pipeline.base_time());
            let bases = Bases {
                ours: context.run.base_time,
                theirs: theirs.ok_or(gst::FlowError::Flushing)?,
            };
            let now = || context.run.clock.time().checked_sub(context.run.base_time);
            let (generation, streams) = (context.generation, &context.run.streams);
            let is_first = awaits_first.load(Relaxed);
            // Nobody can decode what comes before the first key unit.
            if is_first && is_delta(&sample) {
                return Ok(());
            }
            let caps = is_first.then(|| sample.caps().map(|caps| whole(&caps.to_owned())));
            match streams.push_video(generation, sample, bases, now) {
                Pushed::Sent => {
                    if awaits_first.swap(false, Relaxed)
                        && let Some(caps) = caps.flatten()
                    {
                        context.tell(Report::FirstFrame(caps));
                        let _ = context.commands.send(Command::Latency);
                    }
                }
                // What follows cannot be decoded before the next key unit.
                Pushed::Broken => {
                    let event = gst_video::UpstreamForceKeyUnitEvent::builder()
                        .all_headers(true)
                        .build();
                    let _ = context.commands.send(Command::KeyUnit(event));
                }
                Pushed::Left | Pushed::Late => (),
            }
            Ok(())
        }
    }

    /// Answers a source that asks what downstream can do with its buffers, as downstream itself does: else it would have to
    /// copy frames whose rows are padded.
    fn pass_allocation_on(&self, sink: &gst::Pad) {
        let element = self.run.element.clone();
        sink.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, move |_, info| {
            let Some(gst::QueryViewMut::Allocation(query)) =
                info.query_mut().map(|query| query.view_mut())
            else {
                return gst::PadProbeReturn::Ok;
            };
            let caps = query.get_owned().0;
            let pad = element.upgrade().and_then(|e| e.static_pad("src"));
            let mut theirs = gst::query::Allocation::new(caps.as_ref(), false);
            if pad.is_some_and(|pad| pad.peer_query(&mut theirs))
                && theirs
                    .find_allocation_meta::<gst_video::VideoMeta>()
                    .is_some()
            {
                query.add_allocation_meta::<gst_video::VideoMeta>(None);
            }
            gst::PadProbeReturn::Handled
        });
    }

    fn set_controls(&self, handles: &dyn Handles, controls: &gst::StructureRef) {
        if let Err(error) = handles.set_controls(&controls.to_owned()) {
            self.warn(format!("controls: {error}"));
        }
    }

    /// Turns a sensor that runs. Nobody can tell which of its next frames are turned, and a mask would lie on the wrong part of one that
    /// is not what it is taken for: none is shown.
    fn turn(&self, handles: &dyn Handles, wanted: VideoOrientationMethod) {
        self.run.streams.begin_turn(self.generation);
        let turned = handles.turn(wanted);
        let now = self.run.clock.time().checked_sub(self.run.base_time);
        if !self.is_closed.load(SeqCst) {
            let from = now.unwrap_or_default() + TURN_TIME;
            self.run.streams.end_turn(turned, from);
        }
    }

    fn tell_turned(&self, turned: VideoOrientationMethod) {
        let now = self.run.clock.time().checked_sub(self.run.base_time);
        // One that was abandoned speaks of nobody's pictures.
        if !self.is_closed.load(SeqCst) {
            self.run
                .streams
                .tell_turned(turned, now.unwrap_or_default());
        }
    }

    /// Asks what stands in front of the outlet, which does not wait for the latency and so tells none.
    fn measure_latency(&self, pipeline: &gst::Pipeline) {
        let _ = pipeline.recalculate_latency();
        let mut query = gst::query::Latency::new();
        let outlet = pipeline.by_name(VIDEO).and_then(|o| o.static_pad("sink"));
        if outlet.is_some_and(|pad| pad.peer_query(&mut query)) {
            let (live, least, _) = query.result();
            let own = if live { least } else { gst::ClockTime::ZERO };
            self.tell(Report::Latency(own));
        }
    }

    /// Listens to the pipeline's bus, on whichever thread a message comes.
    fn watch(
        &self,
        pipeline: &gst::Pipeline,
        path: Option<PathBuf>,
    ) -> Result<(), glib::BoolError> {
        let bus = pipeline.bus().ok_or_else(|| glib::bool_error!("no bus"))?;
        let (context, own) = (self.clone(), pipeline.downgrade());
        bus.set_sync_handler(move |_, message| {
            match message.view() {
                gst::MessageView::Error(error) => {
                    let (error, debug) = (error.error(), error.debug());
                    gst::debug!(CAT, "capture {}: {error} ({debug:?})", context.generation);
                    context.fail(errors::problem(&error, debug.as_deref(), path.as_deref()));
                }
                gst::MessageView::Warning(warning) => context.warn(warning.error().to_string()),
                gst::MessageView::Eos(_)
                    if message.src() == own.upgrade().as_ref().map(|p| p.upcast_ref()) =>
                {
                    let _ = context.commands.send(Command::EndOfStream);
                }
                gst::MessageView::Latency(_) => {
                    let _ = context.commands.send(Command::Latency);
                }
                gst::MessageView::NeedContext(_) | gst::MessageView::HaveContext(_) => {
                    if let Some(element) = context.run.element.upgrade() {
                        let _ = element.post_message(message.clone());
                    }
                }
                _ => (),
            }
            gst::BusSyncReply::Drop
        });
        Ok(())
    }
}

fn is_delta(sample: &gst::Sample) -> bool {
    let flags = sample.buffer().map(|buffer| buffer.flags());
    flags.is_some_and(|flags| flags.contains(gst::BufferFlags::DELTA_UNIT))
}

/// Tells one file from another that has taken its place.
fn version(path: &Path) -> Option<impl PartialEq + use<>> {
    let file = fs::metadata(path).ok()?;
    Some((
        file.dev(),
        file.ino(),
        file.size(),
        file.mtime(),
        file.mtime_nsec(),
    ))
}

fn rewind(pipeline: &gst::Pipeline) {
    let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::KEY_UNIT;
    if pipeline.seek_simple(flags, gst::ClockTime::ZERO).is_err() {
        // Not every file can be wound back; every file can be opened again.
        let _ = pipeline.set_state(gst::State::Ready);
        let _ = pipeline.set_state(gst::State::Playing);
    }
}

#[cfg(test)]
#[path = "pipeline_tests.rs"]
mod tests;
