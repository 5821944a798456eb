// SPDX-License-Identifier: MPL-2.0
//! The elements of a rung's pipeline, and what is looked at between them.
//!
//! Locks: `last`, held to read or write a value; `Overshoot`, held to count.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use gst::prelude::*;

use super::{
    h264,
    key_requests::Output,
    load::Pictures,
    outputs::{FanOut, ScaledOutputs},
    overshoot::Overshoot,
    rendition::Rendition,
    types::{Failure, Frame, RungId, Shared},
};
use crate::lock::lock;

/// Pictures that wait to be scaled, which takes little: one that comes early. More would only be older.
const MAX_WAITING: u64 = 2;
/// And for the encoder: whatever it cannot take is left out, the oldest first.
const MAX_FOR_ENCODER: u32 = 1;

/// What has passed a rung so far.
#[derive(Clone, Default)]
pub(super) struct Counters {
    offered: Arc<AtomicU64>,
    taken: Arc<AtomicU64>,
    frames: Arc<AtomicU64>,
    keys: Arc<AtomicU64>,
}

impl Counters {
    pub(super) fn pictures(&self) -> Pictures {
        // In this order what is taken has been offered.
        let taken = self.taken.load(Relaxed);
        Pictures {
            offered: self.offered.load(Relaxed),
            taken,
        }
    }

    pub(super) fn output(&self) -> Output {
        Output {
            frames: self.frames.load(Relaxed),
            keys: self.keys.load(Relaxed),
        }
    }
}

pub(super) fn element(factory: &str) -> Result<gst::Element, Failure> {
    gst::ElementFactory::make(factory).build().map_err(|_| {
        Failure(format!(
            "the element {factory} is missing; install GStreamer's plugins"
        ))
    })
}

pub(super) fn filter_of(caps: &str) -> Result<gst::Element, Failure> {
    let filter = element("capsfilter")?;
    filter.set_property_from_str("caps", caps);
    Ok(filter)
}

pub(super) fn source() -> Result<gst_app::AppSrc, Failure> {
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

/// Pictures in a rung's size, shown to smaller rungs, whatever its encoder makes of them.
pub(super) fn scaler(
    size: Rendition,
    outputs: &ScaledOutputs,
    counters: &Counters,
) -> Result<[gst::Element; 2], Failure> {
    let filter = element("capsfilter")?;
    filter.set_property("caps", picture(size));
    let (outputs, counters) = (outputs.clone(), counters.clone());
    let pad = filter.static_pad("src");
    pad.ok_or_else(no_pad)?
        .add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            counters.offered.fetch_add(1, Relaxed);
            if let Some(buffer) = info.buffer()
                && !outputs.is_empty()
                && let Some(caps) = pad.current_caps()
            {
                outputs.push(&caps, buffer);
            }
            gst::PadProbeReturn::Ok
        });
    Ok([element("videoconvertscale")?, filter])
}

/// Pictures for the encoder, on its own thread: none that it is too slow for, nor any that would cost more than the rung may.
pub(super) fn encoder_queue(
    shared: &Arc<Shared>,
    overshoot: &Arc<Mutex<Overshoot>>,
    counters: &Counters,
) -> Result<gst::Element, Failure> {
    let queue = element("queue")?;
    queue.set_property("max-size-buffers", MAX_FOR_ENCODER);
    queue.set_property("max-size-bytes", 0u32);
    queue.set_property("max-size-time", 0u64);
    queue.set_property_from_str("leaky", "downstream");
    let (shared, overshoot, counters) = (shared.clone(), overshoot.clone(), counters.clone());
    let pad = queue.static_pad("src").ok_or_else(no_pad)?;
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        counters.taken.fetch_add(1, Relaxed);
        let pts = info.buffer().and_then(|buffer| buffer.pts());
        let skips = pts.is_some_and(|pts| {
            let target = shared.target.load(Relaxed);
            lock(&overshoot).skips(pts.nseconds(), target)
        });
        match skips {
            // As good as dropped. With GStreamer 1.22 the bindings' own `Drop` lets go of it twice.
            true => gst::PadProbeReturn::Handled,
            false => gst::PadProbeReturn::Ok,
        }
    });
    Ok(queue)
}

fn no_pad() -> Failure {
    Failure("an element lacks its pad; install GStreamer again".into())
}

fn picture(size: Rendition) -> gst::Caps {
    let edge = |edge: u32| i32::try_from(edge).unwrap_or(i32::MAX);
    gst::Caps::builder("video/x-raw")
        .field("width", edge(size.width))
        .field("height", edge(size.height))
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
        .build()
}

/// Hands each frame to `on_frame` and to the viewers.
pub(super) fn sink(
    rung: RungId,
    viewers: &Arc<FanOut>,
    counters: &Counters,
    on_frame: impl Fn(&Frame) + Send + Sync + 'static,
) -> gst_app::AppSink {
    let (viewers, counters) = (viewers.clone(), counters.clone());
    let last = Mutex::new(gst::ClockTime::ZERO);
    let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(move |sink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Flushing)?;
        let before = *lock(&last);
        if let Some(frame) = frame(rung, &sample, before) {
            *lock(&last) = frame.time;
            counters.frames.fetch_add(1, Relaxed);
            if frame.is_key {
                counters.keys.fetch_add(1, Relaxed);
            }
            on_frame(&frame);
            viewers.offer(&frame, Instant::now());
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

/// The frame of a sample, with timestamps in running time: x264enc counts from a thousand hours on. Parsers take a timestamp away
/// that comes twice: such a frame is of the same time as the one `before`.
fn frame(rung: RungId, sample: &gst::Sample, before: gst::ClockTime) -> Option<Frame> {
    let mut buffer = sample.buffer_owned()?;
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let running = |at: Option<gst::ClockTime>| segment.to_running_time(at?);
    let (pts, dts) = (running(buffer.pts()), running(buffer.dts()));
    let time = dts.or(pts).unwrap_or(before);
    {
        let buffer = buffer.make_mut();
        buffer.set_pts(pts.unwrap_or(time));
        // Payloaders need none, and a shifted frame would have a wrong one.
        buffer.set_dts(gst::ClockTime::NONE);
    }
    let caps = sample.caps_owned()?;
    Some(Frame {
        rung,
        is_key: is_key(&buffer, &caps),
        time,
        shift: 0,
        caps,
        buffer,
    })
}

fn is_key(buffer: &gst::BufferRef, caps: &gst::CapsRef) -> bool {
    if buffer.flags().contains(gst::BufferFlags::DELTA_UNIT) {
        return false;
    }
    match caps.structure(0) {
        Some(structure) if structure.name() == "video/x-h264" => {
            let map = buffer.map_readable();
            map.is_ok_and(|map| h264::has_idr(&map))
        }
        _ => true,
    }
}

/// Reports the first error of a pipeline.
pub(super) fn watch(
    pipeline: &gst::Pipeline,
    on_failure: impl Fn(Failure) + Send + Sync + 'static,
) {
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

pub(super) fn halt(pipeline: &gst::Pipeline) {
    let _ = pipeline.set_state(gst::State::Null);
    if let Some(bus) = pipeline.bus() {
        bus.unset_sync_handler();
    }
}
