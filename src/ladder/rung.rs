// SPDX-License-Identifier: MPL-2.0
//! One rung that runs: a pipeline of its own from pictures (or somebody else's encoded frames) to the viewers on it.
//!
//! ```text
//! appsrc ! videoconvertscale ! capsfilter ! encoder ! parser ! capsfilter ! appsink
//!                                   └─► the next smaller rung
//! ```
//! It is a pipeline of its own so that an encoder that fails takes nothing with it, and can start and stop while the
//! camera's pipeline plays.
//!
//! Lock: `Overshoot`, held to count.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use gst::prelude::*;

use super::{
    codec::Codec,
    encoders::{Encoder, Order},
    fan_out::{FanOut, Taps},
    outlet::Frame,
    overshoot::Overshoot,
    rendition::Rendition,
};
use crate::{colours, heap, lock::lock, runtime};

/// Pictures that wait for an encoder: one is being encoded, one may come early. More would only be older.
const MAX_WAITING: u64 = 2;
/// Key units are at least so far apart, whoever asks.
const KEY_PAUSE: Duration = Duration::from_millis(250);
/// An encoder that was asked for a key unit has made one by then, if pictures come; else it did not hear.
const KEY_LATE: Duration = Duration::from_millis(500);
/// Encoders of hardware hang without a word; the slowest of software takes a tenth of this for a frame.
const STALL: Duration = Duration::from_secs(3);

/// What a rung is made from.
#[derive(Clone, Copy)]
pub(crate) enum Make {
    /// Pictures, with this encoder, from a device's memory by that element.
    Encode(&'static Encoder, Order, Option<&'static str>),
    /// Frames that are encoded already.
    Pass,
}

/// What ended a rung.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure(pub(crate) String);

type OnFrame = Box<dyn Fn(&Frame) + Send + Sync>;

/// How many frames have come out, and as of when the driver has known so.
struct Beat {
    frames: Arc<AtomicU64>,
    known: u64,
    since: Instant,
}

pub(crate) struct Rung {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    sink: gst_app::AppSink,
    encoder: Option<(gst::Element, &'static Encoder)>,
    pub(crate) viewers: Arc<FanOut>,
    /// Smaller rungs that are made of this one's picture.
    pub(crate) pictures: Taps,
    beat: Beat,
    /// Bits each second that it may cost.
    target: Arc<AtomicU32>,
    keys: Keys,
}

/// When key units were asked for.
#[derive(Default)]
struct Keys {
    last: Option<Instant>,
    is_waiting: bool,
    /// How many had come out when the last was asked for.
    before: u64,
    came: Arc<AtomicU64>,
}

impl Keys {
    /// The last that was asked for has not come out yet, and may still.
    fn is_coming(&self, now: Instant) -> bool {
        let is_recent = |at: Instant| now.saturating_duration_since(at) < KEY_LATE;
        self.before == self.came.load(Relaxed) && self.last.is_some_and(is_recent)
    }
}

impl Rung {
    /// Builds and starts it. `on_frame` is called on its thread for each frame before viewers get it; `on_failure` at most once,
    /// from any thread, and must not block.
    pub(crate) fn start(
        (index, codec, size): (usize, Codec, Option<Rendition>),
        make: Make,
        now: Instant,
        on_frame: impl Fn(&Frame) + Send + Sync + 'static,
        on_failure: impl Fn(Failure) + Send + Sync + 'static,
        on_encoder: impl FnOnce(&gst::Element),
    ) -> Result<Self, Failure> {
        let pipeline = gst::Pipeline::new();
        let source = source()?;
        let mut chain: Vec<gst::Element> = vec![source.clone().upcast()];
        let pictures = Taps::default();
        let frames = Arc::new(AtomicU64::new(0));
        let keys = Keys::default();
        let target = Arc::new(AtomicU32::new(0));
        let overshoot = Arc::<Mutex<Overshoot>>::default();
        let mut encoder = None;
        match make {
            Make::Encode(which, order, download) => {
                if let Some(download) = download {
                    chain.push(element(download)?);
                }
                chain.push(element("videoconvertscale")?);
                let filter = element("capsfilter")?;
                if let Some(size) = size {
                    filter.set_property("caps", picture(size));
                }
                let made = which.make(order);
                let made =
                    made.ok_or_else(|| Failure(format!("{} cannot be made", which.factory)))?;
                if let Some(pad) = filter.static_pad("sink")
                    && !is_of_hardware(&made)
                {
                    colours::write_as_bt601(&pad);
                }
                hand_on(&filter, &pictures);
                target.store(order.bitrate, Relaxed);
                keep_to(&filter, &target, &overshoot);
                chain.push(filter);
                on_encoder(&made);
                chain.push(made.clone());
                chain.push(filter_of(which.output())?);
                encoder = Some((made, which));
            }
            Make::Pass => (),
        }
        if let Some((parser, form)) = codec.parser() {
            let parser = element(parser)?;
            if parser.has_property("config-interval") {
                // Each key unit can be the first that somebody sees.
                parser.set_property("config-interval", -1i32);
            }
            chain.push(parser);
            chain.push(filter_of(form)?);
        }
        let viewers = Arc::new(FanOut::default());
        let counted = target.clone();
        let on_frame = move |frame: &Frame| {
            lock(&overshoot).came(frame.buffer.size(), counted.load(Relaxed));
            on_frame(frame);
        };
        let sink = sink(index, &viewers, (&frames, &keys.came), Box::new(on_frame));
        chain.push(sink.clone().upcast());
        let broken = |_| Failure("its elements do not fit together".to_owned());
        pipeline.add_many(&chain).map_err(broken)?;
        gst::Element::link_many(&chain).map_err(broken)?;
        watch(&pipeline, on_failure);
        let rung = Self {
            pipeline,
            source,
            sink,
            encoder,
            viewers,
            pictures,
            beat: Beat {
                frames,
                known: 0,
                since: now,
            },
            target,
            keys,
        };
        if rung.pipeline.set_state(gst::State::Playing).is_err() {
            return Err(Failure("it does not start".into()));
        }
        Ok(rung)
    }

    pub(crate) fn source(&self) -> &gst_app::AppSrc {
        &self.source
    }

    pub(crate) fn encoder_name(&self) -> Option<&'static str> {
        self.encoder.as_ref().map(|(_, encoder)| encoder.factory)
    }

    pub(crate) fn is_of_hardware(&self) -> bool {
        let encoder = self.encoder.as_ref();
        encoder.is_some_and(|(encoder, _)| is_of_hardware(encoder))
    }

    pub(crate) fn set_bitrate(&mut self, bits: u32) {
        if self.target.swap(bits, Relaxed) != bits
            && let Some((element, encoder)) = &self.encoder
        {
            encoder.set_bitrate(element, bits);
        }
    }

    /// A key unit, now or as soon as the last is old enough; one for all who ask meanwhile.
    pub(crate) fn want_key(&mut self, now: Instant) {
        if !self.keys.is_coming(now) {
            self.keys.is_waiting = true;
            self.give_key(now);
        }
    }

    /// Nobody has seen what it has made so far, nor waits for it: the next key unit that is asked for is not put off because of it.
    pub(crate) fn begin_unseen(&mut self) {
        self.keys.last = None;
        self.keys.is_waiting = false;
    }

    /// To be called every now and then.
    pub(crate) fn give_key(&mut self, now: Instant) {
        let is_due = |last: Instant| now.saturating_duration_since(last) >= KEY_PAUSE;
        if !self.keys.is_waiting || !self.keys.last.is_none_or(is_due) {
            return;
        }
        self.keys.last = Some(now);
        self.keys.is_waiting = false;
        self.keys.before = self.keys.came.load(Relaxed);
        let event = gst_video::UpstreamForceKeyUnitEvent::builder()
            .all_headers(true)
            .build();
        if let Some(pad) = self.sink.static_pad("sink") {
            let _ = pad.push_event(event);
        }
    }

    /// Whether nothing has come out for long although pictures went in all the time. To be called every now and then.
    pub(crate) fn is_stalled(&mut self, now: Instant, pictures_flow: bool) -> bool {
        let frames = self.beat.frames.load(Relaxed);
        if frames != self.beat.known || !pictures_flow {
            self.beat.known = frames;
            self.beat.since = now;
        }
        now.saturating_duration_since(self.beat.since) > STALL
    }

    /// Stops it, on a thread that may take its time: an encoder that hangs holds up nobody.
    pub(crate) fn stop(self) {
        self.stop_then(());
    }

    /// The same; `stopped` is dropped when it has.
    pub(crate) fn stop_then(self, stopped: impl Send + 'static) {
        self.pictures.set([]);
        let pipeline = self.pipeline.clone();
        drop(self);
        match runtime::handle() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || {
                halt(&pipeline);
                drop(pipeline);
                drop(stopped);
                heap::trim_soon();
            })),
            Err(_) => halt(&pipeline),
        }
    }
}

fn is_of_hardware(encoder: &gst::Element) -> bool {
    let factory = encoder.factory();
    factory.is_some_and(|factory| factory.klass().contains("Hardware"))
}

fn halt(pipeline: &gst::Pipeline) {
    let _ = pipeline.set_state(gst::State::Null);
    if let Some(bus) = pipeline.bus() {
        bus.unset_sync_handler();
    }
}

fn element(factory: &str) -> Result<gst::Element, Failure> {
    gst::ElementFactory::make(factory).build().map_err(|_| {
        Failure(format!(
            "the element {factory} is missing; install GStreamer's plugins"
        ))
    })
}

fn filter_of(caps: &str) -> Result<gst::Element, Failure> {
    let filter = element("capsfilter")?;
    filter.set_property_from_str("caps", caps);
    Ok(filter)
}

fn picture(size: Rendition) -> gst::Caps {
    let edge = |edge: u32| i32::try_from(edge).unwrap_or(i32::MAX);
    gst::Caps::builder("video/x-raw")
        .field("width", edge(size.width))
        .field("height", edge(size.height))
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
        .build()
}

fn source() -> Result<gst_app::AppSrc, Failure> {
    let source = gst_app::AppSrc::builder()
        .format(gst::Format::Time)
        .is_live(true)
        .leaky_type(gst_app::AppLeakyType::Downstream)
        .max_buffers(MAX_WAITING)
        .max_bytes(0)
        .build();
    source.set_max_time(gst::ClockTime::ZERO);
    Ok(source)
}

/// Shows smaller rungs the picture before it is encoded.
fn hand_on(filter: &gst::Element, pictures: &Taps) {
    let pictures = pictures.clone();
    let Some(pad) = filter.static_pad("src") else {
        return;
    };
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        if let Some(buffer) = info.buffer()
            && !pictures.is_empty()
            && let Some(caps) = pad.current_caps()
        {
            pictures.push(&caps, buffer);
        }
        gst::PadProbeReturn::Ok
    });
}

/// Leaves out pictures that would cost more than the rung may; smaller rungs have had them already.
fn keep_to(filter: &gst::Element, target: &Arc<AtomicU32>, overshoot: &Arc<Mutex<Overshoot>>) {
    let (target, overshoot) = (target.clone(), overshoot.clone());
    let Some(pad) = filter.static_pad("src") else {
        return;
    };
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let pts = info.buffer().and_then(|buffer| buffer.pts());
        let skips = pts.is_some_and(|pts| {
            let target = target.load(Relaxed);
            lock(&overshoot).skips(pts.nseconds(), target)
        });
        match skips {
            // As good as dropped. With GStreamer 1.22 the bindings' own `Drop` lets go of it twice.
            true => gst::PadProbeReturn::Handled,
            false => gst::PadProbeReturn::Ok,
        }
    });
}

fn sink(
    index: usize,
    viewers: &Arc<FanOut>,
    (frames, keys): (&Arc<AtomicU64>, &Arc<AtomicU64>),
    on_frame: OnFrame,
) -> gst_app::AppSink {
    let (viewers, frames, keys) = (viewers.clone(), frames.clone(), keys.clone());
    let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(move |sink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Flushing)?;
        if let Some(frame) = frame(index, &sample) {
            frames.fetch_add(1, Relaxed);
            if frame.is_key {
                keys.fetch_add(1, Relaxed);
            }
            on_frame(&frame);
            for outlet in viewers.all().values() {
                outlet.offer(&frame);
            }
        }
        Ok(gst::FlowSuccess::Ok)
    });
    let sink = gst_app::AppSink::builder()
        .sync(false)
        .async_(false)
        .callbacks(callbacks.build())
        .build();
    sink.set_property("max-buffers", 1u32);
    sink
}

/// The frame of a sample, with timestamps in running time: x264enc counts from a thousand hours on.
fn frame(rung: usize, sample: &gst::Sample) -> Option<Frame> {
    let mut buffer = sample.buffer_owned()?;
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let running = |at: Option<gst::ClockTime>| segment.to_running_time(at?);
    let (pts, dts) = (running(buffer.pts()), running(buffer.dts()));
    {
        let buffer = buffer.make_mut();
        buffer.set_pts(pts.or(dts));
        // Payloaders need none, and a shifted frame would have a wrong one.
        buffer.set_dts(gst::ClockTime::NONE);
    }
    Some(Frame {
        rung,
        is_key: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
        time: dts.or(pts)?,
        shift: gst::ClockTime::ZERO,
        caps: sample.caps_owned()?,
        buffer,
    })
}

fn watch(pipeline: &gst::Pipeline, on_failure: impl Fn(Failure) + Send + Sync + 'static) {
    let Some(bus) = pipeline.bus() else { return };
    let has_failed = AtomicBool::new(false);
    bus.set_sync_handler(move |_, message| {
        if let gst::MessageView::Error(error) = message.view()
            && !has_failed.swap(true, Relaxed)
        {
            on_failure(Failure(error.error().to_string()));
        }
        gst::BusSyncReply::Drop
    });
}
