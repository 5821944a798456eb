// SPDX-License-Identifier: MPL-2.0
//! The thread of one rung, on which everything is done with its pipeline that may hang: drivers of hardware do so while they
//! are opened, set up and stopped, and the application may take its time over each encoder before it starts. The ladder waits for
//! none of it.
//!
//! Lock: `Overshoot`, held to count.

use std::sync::{
    Arc, Mutex,
    atomic::{
        AtomicBool,
        Ordering::{Relaxed, SeqCst},
    },
};

use gst::prelude::*;

use super::{
    codec::Codec,
    encoders::{Encoder, Order},
    outputs::{FanOut, ScaledOutputs},
    overshoot::Overshoot,
    pipeline::{self, Counters},
    rendition::Rendition,
    types::{Failure, Frame, RungId, Shared, SourceKeyRequest},
};
use crate::{colours, heap, lock::lock};

/// What a rung is made from.
#[derive(Clone)]
pub(crate) enum Make {
    /// Pictures, with this encoder, from a device's memory by that element.
    Encode(&'static Encoder, Order, Option<&'static str>),
    /// Frames that are encoded already, of which key units are asked for there.
    Pass(SourceKeyRequest),
}

/// What the thread is told.
pub(super) enum Command {
    Open(Box<Plan>),
    /// Gives it one of its first pictures, which are black.
    Black(Rendition, u64),
    /// The target has changed.
    Bitrate,
    Key,
    /// Drops this when it has stopped.
    Stop(Box<dyn Send>),
}

/// What a rung is built of, and who hears of it.
pub(super) struct Plan {
    pub(super) parts: Parts,
    /// Called for each frame before viewers get it.
    pub(super) on_frame: Box<dyn Fn(&Frame) + Send + Sync>,
    /// Called at most once, from any thread; must not block.
    pub(super) on_failure: Box<dyn Fn(Failure) + Send + Sync>,
    /// Called with the encoder before it starts; may take its time.
    pub(super) on_encoder: Box<dyn FnOnce(&gst::Element) + Send>,
}

pub(super) struct Parts {
    pub(super) id: RungId,
    pub(super) codec: Codec,
    pub(super) make: Make,
    pub(super) source: gst_app::AppSrc,
    pub(super) outputs: ScaledOutputs,
    pub(super) viewers: Arc<FanOut>,
    pub(super) counters: Counters,
    pub(super) shared: Arc<Shared>,
}

type Fail = Arc<dyn Fn(Failure) + Send + Sync>;

/// What is called while it is built, and afterwards.
struct Steps {
    on_frame: Box<dyn Fn(&Frame) + Send + Sync>,
    on_encoder: Box<dyn FnOnce(&gst::Element) + Send>,
    fail: Fail,
}

#[derive(Default)]
pub(super) struct Runner {
    open: Option<Open>,
}

/// Stopped when it is dropped.
struct Open {
    id: RungId,
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    sink: gst_app::AppSink,
    encoder: Option<(gst::Element, &'static Encoder)>,
    /// Who is asked for key units that are encoded elsewhere.
    asks: Option<SourceKeyRequest>,
    shared: Arc<Shared>,
}

impl Drop for Open {
    fn drop(&mut self) {
        pipeline::halt(&self.pipeline);
        heap::trim_soon();
    }
}

impl Runner {
    pub(super) fn handle(&mut self, command: Command) {
        match command {
            Command::Open(plan) => self.open = open(*plan),
            Command::Stop(stopped) => {
                self.open = None;
                drop(stopped);
            }
            Command::Black(size, number) => {
                if let Some(open) = &self.open {
                    open.push_black(size, number);
                }
            }
            Command::Bitrate => {
                if let Some(open) = &self.open {
                    open.set_bitrate();
                }
            }
            Command::Key => {
                if let Some(open) = &self.open {
                    open.ask_for_key();
                }
            }
        }
    }
}

/// Builds and starts it; tells where that fails.
fn open(plan: Plan) -> Option<Open> {
    let (has_failed, tell) = (AtomicBool::new(false), plan.on_failure);
    let fail: Fail = Arc::new(move |failure| {
        if !has_failed.swap(true, SeqCst) {
            tell(failure);
        }
    });
    let steps = Steps {
        on_frame: plan.on_frame,
        on_encoder: plan.on_encoder,
        fail: fail.clone(),
    };
    match build(plan.parts, steps) {
        Ok(open) => Some(open),
        Err(failure) => {
            fail(failure);
            None
        }
    }
}

fn build(parts: Parts, steps: Steps) -> Result<Open, Failure> {
    let Parts {
        id,
        source,
        outputs,
        viewers,
        counters,
        shared,
        ..
    } = parts;
    let mut chain: Vec<gst::Element> = vec![source.clone().upcast()];
    let overshoot = Arc::<Mutex<Overshoot>>::default();
    let (mut encoder, mut asks) = (None, None);
    match parts.make {
        Make::Encode(which, order, download) => {
            if let Some(download) = download {
                chain.push(pipeline::element(download)?);
            }
            let made = which.make(order);
            let made = made.ok_or_else(|| Failure(format!("{} cannot be made", which.factory)))?;
            let scaler = pipeline::scaler(id.rendition, &outputs, &counters)?;
            if let Some(pad) = scaler[1].static_pad("sink")
                && !which.is_of_hardware()
            {
                colours::write_as_bt601(&pad);
            }
            chain.extend(scaler);
            chain.push(pipeline::encoder_queue(&shared, &overshoot, &counters)?);
            (steps.on_encoder)(&made);
            chain.push(made.clone());
            chain.push(pipeline::filter_of(which.output())?);
            encoder = Some((made, which));
        }
        Make::Pass(request) => asks = Some(request),
    }
    chain.extend(parser(parts.codec)?);
    let (counted, on_frame) = (shared.clone(), steps.on_frame);
    let on_frame = move |frame: &Frame| {
        lock(&overshoot).came(frame.buffer.size(), counted.target.load(Relaxed));
        on_frame(frame);
    };
    let sink = pipeline::sink(id, &viewers, &counters, on_frame);
    chain.push(sink.clone().upcast());
    let whole = gst::Pipeline::new();
    let broken = |_| Failure("its elements do not fit together".to_owned());
    whole.add_many(&chain).map_err(broken)?;
    gst::Element::link_many(&chain).map_err(broken)?;
    let fail = steps.fail;
    pipeline::watch(&whole, move |failure| fail(failure));
    let open = Open {
        id,
        pipeline: whole,
        source,
        sink,
        encoder,
        asks,
        shared,
    };
    if open.pipeline.set_state(gst::State::Playing).is_err() {
        return Err(Failure("it does not start".into()));
    }
    open.shared.is_open.store(true, SeqCst);
    Ok(open)
}

impl Open {
    fn set_bitrate(&self) {
        self.shared.is_bitrate_due.store(false, SeqCst);
        if let Some((element, encoder)) = &self.encoder {
            encoder.set_bitrate(element, self.shared.target.load(SeqCst));
        }
    }

    fn ask_for_key(&self) {
        self.shared.is_key_due.store(false, SeqCst);
        if let Some(request) = &self.asks {
            return request(self.id.source);
        }
        let event = gst_video::UpstreamForceKeyUnitEvent::builder()
            .all_headers(true)
            .build();
        if let Some(pad) = self.sink.static_pad("sink") {
            let _ = pad.push_event(event);
        }
    }

    /// Where there is no memory for a picture nothing comes out, and that is told of.
    fn push_black(&self, size: Rendition, number: u64) {
        if let Some((caps, picture)) = black(size, number) {
            self.source.set_caps(Some(&caps));
            let _ = self.source.push_buffer(picture);
        }
    }
}

/// What finds frames and headers in a codec's stream.
fn parser(codec: Codec) -> Result<Vec<gst::Element>, Failure> {
    let Some((parser, form)) = codec.parser() else {
        return Ok(Vec::new());
    };
    let parser = pipeline::element(parser)?;
    if parser.has_property("config-interval") {
        // Each key unit can be the first that somebody sees.
        parser.set_property("config-interval", -1i32);
    }
    Ok(vec![parser, pipeline::filter_of(form)?])
}

fn black(size: Rendition, number: u64) -> Option<(gst::Caps, gst::Buffer)> {
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, size.width, size.height)
        .fps(gst::Fraction::new(30, 1))
        .build()
        .ok()?;
    let mut buffer = gst::Buffer::with_size(info.size()).ok()?;
    {
        let buffer = buffer.get_mut()?;
        // Before any of the camera's, which come when these have been encoded.
        buffer.set_pts(gst::ClockTime::from_mseconds(number));
        let mut map = buffer.map_writable().ok()?;
        let luma = info.offset()[1].min(map.len());
        map[..luma].fill(16);
        map[luma..].fill(128);
    }
    Some((info.to_caps().ok()?, buffer))
}
