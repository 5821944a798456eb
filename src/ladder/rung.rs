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
//!
//! Lock: `Overshoot`, held to count.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use gst::prelude::*;

use super::{
    codec::Codec,
    encoders::{Encoder, Order},
    key_requests::KeyRequests,
    load::Load,
    outputs::{FanOut, ScaledOutputs},
    overshoot::Overshoot,
    pipeline::{self, Counters},
    types::{Failure, Frame, RungId, SourceKeyRequest},
};
use crate::{colours, heap, lock::lock, runtime};

/// Encoders of hardware hang without a word; the slowest of software takes a tenth of this for a frame.
const STALL: Duration = Duration::from_secs(3);

/// What a rung is made from.
#[derive(Clone)]
pub(crate) enum Make {
    /// Pictures, with this encoder, from a device's memory by that element.
    Encode(&'static Encoder, Order, Option<&'static str>),
    /// Frames that are encoded already, of which key units are asked for there.
    Pass(SourceKeyRequest),
}

/// How many frames have come out, and as of when the driver has known so.
struct Progress {
    known: u64,
    since: Instant,
}

pub(crate) struct Rung {
    pub(crate) id: RungId,
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    sink: gst_app::AppSink,
    encoder: Option<(gst::Element, &'static Encoder)>,
    /// Who is asked for key units that are encoded elsewhere.
    asks: Option<SourceKeyRequest>,
    pub(crate) viewers: Arc<FanOut>,
    /// Smaller rungs that are made of this one's picture.
    pub(crate) outputs: ScaledOutputs,
    counters: Counters,
    progress: Progress,
    load: Load,
    /// Bits each second that it may cost.
    target: Arc<AtomicU32>,
    keys: KeyRequests,
}

impl Rung {
    /// Builds and starts it. `on_frame` is called on its thread for each frame before viewers get it; `on_failure` at most once,
    /// from any thread, and must not block.
    pub(crate) fn start(
        id: RungId,
        codec: Codec,
        make: Make,
        now: Instant,
        on_frame: impl Fn(&Frame) + Send + Sync + 'static,
        on_failure: impl Fn(Failure) + Send + Sync + 'static,
        on_encoder: impl FnOnce(&gst::Element),
    ) -> Result<Self, Failure> {
        let source = pipeline::source()?;
        let mut chain: Vec<gst::Element> = vec![source.clone().upcast()];
        let (outputs, counters) = (ScaledOutputs::default(), Counters::default());
        let target = Arc::new(AtomicU32::new(0));
        let overshoot = Arc::<Mutex<Overshoot>>::default();
        let (mut encoder, mut asks) = (None, None);
        match make {
            Make::Encode(which, order, download) => {
                if let Some(download) = download {
                    chain.push(pipeline::element(download)?);
                }
                let made = which.make(order);
                let made =
                    made.ok_or_else(|| Failure(format!("{} cannot be made", which.factory)))?;
                let scaler = pipeline::scaler(id.rendition, &outputs, &counters)?;
                if let Some(pad) = scaler[1].static_pad("sink")
                    && !is_of_hardware(&made)
                {
                    colours::write_as_bt601(&pad);
                }
                chain.extend(scaler);
                target.store(order.bitrate, Relaxed);
                chain.push(pipeline::encoder_queue(&target, &overshoot, &counters)?);
                on_encoder(&made);
                chain.push(made.clone());
                chain.push(pipeline::filter_of(which.output())?);
                encoder = Some((made, which));
            }
            Make::Pass(request) => asks = Some(request),
        }
        chain.extend(parser(codec)?);
        let viewers = Arc::new(FanOut::default());
        let counted = target.clone();
        let on_frame = move |frame: &Frame| {
            lock(&overshoot).came(frame.buffer.size(), counted.load(Relaxed));
            on_frame(frame);
        };
        let sink = pipeline::sink(id, &viewers, &counters, on_frame);
        chain.push(sink.clone().upcast());
        let whole = gst::Pipeline::new();
        let broken = |_| Failure("its elements do not fit together".to_owned());
        whole.add_many(&chain).map_err(broken)?;
        gst::Element::link_many(&chain).map_err(broken)?;
        pipeline::watch(&whole, on_failure);
        let rung = Self {
            id,
            pipeline: whole,
            source,
            sink,
            encoder,
            asks,
            viewers,
            outputs,
            counters,
            progress: Progress {
                known: 0,
                since: now,
            },
            load: Load::default(),
            target,
            keys: KeyRequests::default(),
        };
        if rung.pipeline.set_state(gst::State::Playing).is_err() {
            pipeline::halt(&rung.pipeline);
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

    fn ask_for_key(&self) {
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

    /// Whether nothing has come out for long although pictures went in all the time. To be called every now and then.
    pub(crate) fn is_stalled(&mut self, now: Instant, pictures_flow: bool) -> bool {
        let frames = self.counters.output().frames;
        if frames != self.progress.known || !pictures_flow {
            self.progress.known = frames;
            self.progress.since = now;
        }
        now.saturating_duration_since(self.progress.since) > STALL
    }

    /// Whether its encoder has been too slow for the camera for some seconds. To be called every now and then.
    pub(crate) fn is_overloaded(&mut self, now: Instant) -> bool {
        if self.counters.output().frames == 0 {
            // It is still being opened.
            self.load.restart();
            return false;
        }
        self.load.is_too_much(self.counters.pictures(), now)
    }

    /// Stops it, on a thread that may take its time: an encoder that hangs holds up nobody.
    pub(crate) fn stop(self) {
        self.stop_then(());
    }

    /// The same; `stopped` is dropped when it has.
    pub(crate) fn stop_then(self, stopped: impl Send + 'static) {
        // An encoder that hangs and wakes up later has nobody to show its frames to.
        self.viewers.clear();
        self.outputs.set([]);
        let whole = self.pipeline.clone();
        drop(self);
        match runtime::handle() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || {
                pipeline::halt(&whole);
                drop(whole);
                drop(stopped);
                heap::trim_soon();
            })),
            Err(_) => pipeline::halt(&whole),
        }
    }
}

fn is_of_hardware(encoder: &gst::Element) -> bool {
    let factory = encoder.factory();
    factory.is_some_and(|factory| factory.klass().contains("Hardware"))
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
