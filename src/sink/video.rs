// SPDX-License-Identifier: MPL-2.0
//! From a video pad to the ladder: `clocksync ! appsink`, children of the sink for as long as the pad lives.
//!
//! A live source's pictures pass at once; only what could come faster than time (a file) is held to the clock.
//!
//! Lock: `ladder`, held to read or write a value.

use std::sync::{Arc, Mutex};

use gst::prelude::*;

use super::pads::Kind;
use crate::{
    ladder::{Input, Ladder, codec::Codec, rendition},
    lock::lock,
};

/// Where pictures go between READY and NULL.
#[derive(Clone, Default)]
pub(super) struct Current(Arc<Mutex<Option<Arc<Ladder>>>>);

impl Current {
    pub(super) fn set(&self, ladder: Option<Arc<Ladder>>) {
        *lock(&self.0) = ladder;
    }

    pub(super) fn get(&self) -> Option<Arc<Ladder>> {
        lock(&self.0).clone()
    }
}

/// What a video pad leads to.
#[derive(Clone, Debug)]
pub(super) struct Road {
    clocksync: gst::Element,
    pub(super) sink: gst_app::AppSink,
}

impl Road {
    /// For the pad with this number; `on_end` is called when its stream ends.
    pub(super) fn new(
        number: usize,
        ladder: &Current,
        on_end: impl Fn() + Send + Sync + 'static,
    ) -> Option<Self> {
        let clocksync = gst::ElementFactory::make("clocksync")
            .property("sync", false)
            .build()
            .ok()?;
        let ladder = ladder.clone();
        let callbacks = gst_app::AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Flushing)?;
                let ladder = ladder.get();
                if let Some(feed) = ladder.as_ref().and_then(|l| l.feeds().get(number)) {
                    let now = || sink.current_running_time();
                    feed.push(&sample, now);
                }
                Ok(gst::FlowSuccess::Ok)
            })
            .eos(move |_| on_end())
            .build();
        let sink = gst_app::AppSink::builder()
            .sync(false)
            .async_(false)
            .enable_last_sample(false)
            .max_buffers(1)
            .callbacks(callbacks)
            .build();
        Some(Self { clocksync, sink })
    }

    /// Puts it into the bin; gives the pad that it begins with.
    pub(super) fn add_to(&self, bin: &gst::Bin) -> Option<gst::Pad> {
        let sink = self.sink.upcast_ref::<gst::Element>();
        bin.add_many([&self.clocksync, sink]).ok()?;
        self.clocksync.link(sink).ok()?;
        for element in [&self.clocksync, sink] {
            element.sync_state_with_parent().ok()?;
        }
        self.clocksync.static_pad("sink")
    }

    pub(super) fn take_from(&self, bin: &gst::Bin) {
        for element in [&self.clocksync, self.sink.upcast_ref()] {
            element.set_locked_state(true);
            let _ = element.set_state(gst::State::Null);
            let _ = bin.remove(element);
        }
    }

    /// Holds the stream to the clock if what makes it would not.
    pub(super) fn keep_time(&self, pad: &gst::Pad) {
        let mut query = gst::query::Latency::new();
        let is_live = pad.peer_query(&mut query) && query.result().0;
        self.clocksync.set_property("sync", !is_live);
    }
}

/// What `caps` are to the ladder, on the first video pad. `bitrate` is what the best rung may cost, if the user said so.
pub(super) fn input(caps: &gst::Caps, kind: Kind, bitrate: Option<u32>) -> Option<Input> {
    let structure = caps.structure(0)?;
    let edge = |name| {
        structure
            .get::<i32>(name)
            .ok()
            .and_then(|e| u32::try_from(e).ok())
    };
    let (width, height) = (edge("width"), edge("height"));
    match kind {
        Kind::Raw => {
            let rate = structure.get::<gst::Fraction>("framerate").ok();
            let rate = rate.filter(|rate| rate.numer() > 0 && rate.denom() > 0);
            let rate = rate.map_or(30, |rate| rate.numer().div_euclid(rate.denom()).max(1));
            Some(Input::Raw {
                width: width?,
                height: height?,
                rate: u32::try_from(rate).unwrap_or(30),
            })
        }
        Kind::Encoded => {
            let codec = Codec::of_caps(caps)?;
            let (width, height) = (width.unwrap_or(1280), height.unwrap_or(720));
            let rungs = rendition::Renditions::Pads.of(width, height, bitrate);
            Some(Input::Encoded(codec, rungs))
        }
    }
}
