// SPDX-License-Identifier: MPL-2.0
//! Where a camera's pipeline ends: an appsink for each stream, which hands every sample to that stream's feed.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use gst::{glib, prelude::*};

use super::{
    event::{Event, EventSender},
    feed::Feed,
    slate,
};

/// The streams of the bin.
#[derive(Clone, Debug)]
pub(crate) struct Feeds {
    pub(crate) video: Arc<Feed>,
    pub(crate) audio: Option<Arc<Feed>>,
}

/// What a camera runs by, taken from the pipeline that the bin is in.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) clock: gst::Clock,
    pub(crate) base_time: gst::ClockTime,
    /// What downstream takes of our video formats.
    pub(crate) allowed: gst::Caps,
}

/// The ends of one camera's pipeline.
#[derive(Clone, Debug)]
pub(crate) struct Outlets {
    pipeline: glib::WeakRef<gst::Pipeline>,
    feeds: Feeds,
    context: Context,
    events: EventSender,
    has_sound: Arc<AtomicBool>,
}

impl Outlets {
    pub(crate) fn new(
        pipeline: &gst::Pipeline,
        feeds: Feeds,
        context: Context,
        events: EventSender,
    ) -> Self {
        Self {
            pipeline: pipeline.downgrade(),
            feeds,
            context,
            events,
            has_sound: Arc::default(),
        }
    }

    /// What downstream takes of our video formats.
    pub(crate) fn allowed(&self) -> &gst::Caps {
        &self.context.allowed
    }

    /// Hears of the first frame, the mode, and whatever else the device has to say.
    pub(crate) fn events(&self) -> &EventSender {
        &self.events
    }

    /// Whether the camera has sound, and somebody asked for it.
    pub(crate) fn has_sound(&self) -> bool {
        self.has_sound.load(Ordering::Relaxed)
    }

    /// A device says so when it has linked its sound.
    pub(crate) fn sound_is_there(&self) {
        self.has_sound.store(true, Ordering::Relaxed);
    }

    /// The end of the video, in one of these caps; paced by the clock if `sync`.
    pub(crate) fn video(&self, caps: &gst::Caps, sync: bool) -> gst_app::AppSink {
        self.appsink(&self.feeds.video, caps, sync, Some(self.events.clone()))
    }

    /// The end of the sound, if somebody asked for it.
    pub(crate) fn audio(&self, sync: bool) -> Option<gst_app::AppSink> {
        let feed = self.feeds.audio.as_ref()?;
        Some(self.appsink(feed, &slate::sound(), sync, None))
    }

    fn appsink(
        &self,
        feed: &Arc<Feed>,
        caps: &gst::Caps,
        sync: bool,
        events: Option<EventSender>,
    ) -> gst_app::AppSink {
        let (feed, ours, theirs) = (feed.clone(), self.context.base_time, self.pipeline.clone());
        let preroll_events = events.clone();
        let mut is_first = true;
        let callbacks = gst_app::AppSinkCallbacks::builder()
            .new_preroll(move |sink| {
                if let Some(events) = &preroll_events
                    && let Ok(sample) = sink.pull_preroll()
                    && let Some(caps) = sample.caps()
                {
                    events.send(Event::Mode(caps.to_owned()));
                }
                Ok(gst::FlowSuccess::Ok)
            })
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                let theirs = theirs
                    .upgrade()
                    .and_then(|p| p.base_time())
                    .ok_or(gst::FlowError::Flushing)?;
                let result = feed.forward(sample, ours, theirs);
                if std::mem::take(&mut is_first)
                    && let Some(events) = &events
                {
                    events.send(Event::FirstFrame);
                }
                result
            })
            .build();
        gst_app::AppSink::builder()
            .caps(caps)
            .sync(sync)
            .enable_last_sample(false)
            .max_buffers(1)
            .callbacks(callbacks)
            .build()
    }
}
