// SPDX-License-Identifier: MPL-2.0
//! The camera's own pipeline, from [`Place`] to one appsink for each stream.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
    mpsc::{SyncSender, TrySendError},
};

use gst::{glib, prelude::*};

use super::{feed::Feed, place::Place, slate, worker::News};

/// What the test camera shows if downstream leaves the choice.
const TEST_WIDTH: i32 = 1280;
const TEST_HEIGHT: i32 = 720;
const TEST_RATE: gst::Fraction = gst::Fraction::from_integer(30);

/// The streams of the bin.
#[derive(Clone, Debug)]
pub(crate) struct Feeds {
    pub(crate) video: Arc<Feed>,
    pub(crate) audio: Option<Arc<Feed>>,
}

/// What the bin's surroundings give a camera to run by.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) clock: gst::Clock,
    pub(crate) base_time: gst::ClockTime,
    /// What downstream takes of our video formats.
    pub(crate) allowed: gst::Caps,
}

/// An open camera.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) pipeline: gst::Pipeline,
    sound: Arc<AtomicBool>,
}

impl Drop for Source {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// The mode of the test camera under what downstream allows.
pub(crate) fn test_mode(allowed: &gst::Caps) -> Option<gst::Caps> {
    if allowed.is_empty() {
        return None;
    }
    let mut mode = allowed.to_owned();
    mode.truncate();
    {
        let structure = mode.make_mut().structure_mut(0)?;
        structure.fixate_field_str("format", "I420");
        structure.fixate_field_nearest_int("width", TEST_WIDTH);
        structure.fixate_field_nearest_int("height", TEST_HEIGHT);
        structure.fixate_field_nearest_fraction("framerate", TEST_RATE);
    }
    mode.fixate();
    Some(mode)
}

impl Source {
    /// Whether it has sound, and somebody asked for it.
    pub(crate) fn has_sound(&self) -> bool {
        self.sound.load(Ordering::Relaxed)
    }

    /// Builds the pipeline, still closed. `news` hears of its first frame, its end and its errors.
    pub(crate) fn new(
        place: &Place,
        feeds: &Feeds,
        around: &Surroundings,
        news: &SyncSender<News>,
    ) -> Result<Self, glib::BoolError> {
        let source = Self {
            pipeline: gst::Pipeline::new(),
            sound: Arc::default(),
        };
        match place {
            Place::Test => source.build_test(feeds, around, news)?,
            Place::File(url) => source.build_file(url.as_str(), feeds, around, news)?,
        }
        source.pipeline.use_clock(Some(&around.clock));
        let bus = source
            .pipeline
            .bus()
            .ok_or_else(|| glib::bool_error!("no bus"))?;
        let news = news.clone();
        let pipeline = source.pipeline.downgrade();
        bus.set_sync_handler(move |_, message| {
            let item = match message.view() {
                gst::MessageView::Error(error) => Some(News::Failed(error.error().to_string())),
                gst::MessageView::Eos(eos)
                    if eos.src() == pipeline.upgrade().as_ref().map(|p| p.upcast_ref()) =>
                {
                    Some(News::Ended)
                }
                _ => None,
            };
            if let Some(item) = item {
                tell(&news, item);
            }
            gst::BusSyncReply::Drop
        });
        Ok(source)
    }

    fn build_test(
        &self,
        feeds: &Feeds,
        around: &Surroundings,
        news: &SyncSender<News>,
    ) -> Result<(), glib::BoolError> {
        let mode = test_mode(&around.allowed).ok_or_else(|| glib::bool_error!("no mode"))?;
        let pattern = gst::ElementFactory::make("videotestsrc")
            .property("is-live", true)
            .build()?;
        let sink = self.sink(&feeds.video, &mode, false, around, Some(news));
        self.chain(&[&pattern, sink.upcast_ref()])?;
        if let Some(audio) = &feeds.audio {
            self.sound.store(true, Ordering::Relaxed);
            let ticks = gst::ElementFactory::make("audiotestsrc")
                .property("is-live", true)
                .property_from_str("wave", "ticks")
                .build()?;
            let sink = self.sink(audio, &sound()?, false, around, None);
            self.chain(&[&ticks, sink.upcast_ref()])?;
        }
        Ok(())
    }

    fn build_file(
        &self,
        uri: &str,
        feeds: &Feeds,
        around: &Surroundings,
        news: &SyncSender<News>,
    ) -> Result<(), glib::BoolError> {
        let decoder = gst::ElementFactory::make("uridecodebin")
            .property("uri", uri)
            .build()?;
        self.pipeline.add(&decoder)?;
        let (convert, scale) = (make("videoconvert")?, make("videoscale")?);
        let sink = self.sink(&feeds.video, &around.allowed, true, around, Some(news));
        self.chain(&[&convert, &scale, sink.upcast_ref()])?;
        let video = convert
            .static_pad("sink")
            .ok_or_else(|| glib::bool_error!("no pad"))?;

        // The audio branch is added only when there is sound: an appsink without data would hold the start.
        let pipeline = self.pipeline.downgrade();
        let audio = feeds.audio.clone();
        let sound = self.sound.clone();
        let around = around.clone();
        let video_pad = video.clone();
        decoder.connect_pad_added(move |_, pad| {
            let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
            let name = caps
                .structure(0)
                .map(|s| s.name().to_string())
                .unwrap_or_default();
            if name.starts_with("video/") && !video_pad.is_linked() {
                let _ = pad.link(&video_pad);
            } else if name.starts_with("audio/")
                && let (Some(pipeline), Some(audio)) = (pipeline.upgrade(), &audio)
            {
                match add_audio(&pipeline, pad, audio, &around) {
                    Ok(()) => sound.store(true, Ordering::Relaxed),
                    Err(error) => {
                        gst::warning!(super::imp::CAT, obj = pipeline, "no sound: {error}")
                    }
                }
            }
        });
        let news = news.clone();
        decoder.connect_no_more_pads(move |_| {
            if !video.is_linked() {
                tell(&news, News::Failed("it has no video".into()));
            }
        });
        Ok(())
    }

    fn chain(&self, elements: &[&gst::Element]) -> Result<(), glib::BoolError> {
        self.pipeline.add_many(elements)?;
        gst::Element::link_many(elements)
    }

    fn sink(
        &self,
        feed: &Arc<Feed>,
        caps: &gst::Caps,
        sync: bool,
        around: &Surroundings,
        news: Option<&SyncSender<News>>,
    ) -> gst_app::AppSink {
        appsink(&self.pipeline, feed, caps, sync, around, news)
    }
}

fn make(factory: &str) -> Result<gst::Element, glib::BoolError> {
    gst::ElementFactory::make(factory).build()
}

fn sound() -> Result<gst::Caps, glib::BoolError> {
    slate::SOUND.parse()
}

/// News is of use only while the worker runs and has room; what it misses then it does not need.
fn tell(news: &SyncSender<News>, item: News) {
    if let Err(TrySendError::Full(item)) = news.try_send(item) {
        gst::warning!(
            super::imp::CAT,
            "the camera's worker is stuck; dropped {item:?}"
        );
    }
}

fn add_audio(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    feed: &Arc<Feed>,
    around: &Surroundings,
) -> Result<(), glib::BoolError> {
    let parts = [
        make("queue")?,
        make("audioconvert")?,
        make("audioresample")?,
    ];
    let Some(first) = parts[0].static_pad("sink") else {
        return Ok(());
    };
    let sink = appsink(pipeline, feed, &sound()?, true, around, None);
    let all = [&parts[0], &parts[1], &parts[2], sink.upcast_ref()];
    pipeline.add_many(all)?;
    gst::Element::link_many(all)?;
    for element in all {
        element.sync_state_with_parent()?;
    }
    pad.link(&first)
        .map(|_| ())
        .map_err(|error| glib::bool_error!("{error}"))
}

/// The end of a stream in the camera's pipeline: hands every sample to the feed.
fn appsink(
    pipeline: &gst::Pipeline,
    feed: &Arc<Feed>,
    caps: &gst::Caps,
    sync: bool,
    around: &Surroundings,
    news: Option<&SyncSender<News>>,
) -> gst_app::AppSink {
    let (feed, ours, theirs) = (feed.clone(), around.base_time, pipeline.downgrade());
    let (first, preroll) = (news.cloned(), news.cloned());
    let mut is_first = true;
    let callbacks = gst_app::AppSinkCallbacks::builder()
        .new_preroll(move |sink| {
            if let Some(news) = &preroll
                && let Ok(sample) = sink.pull_preroll()
                && let Some(caps) = sample.caps()
            {
                tell(news, News::Mode(caps.to_owned()));
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
                && let Some(news) = &first
            {
                tell(news, News::Frame);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(allowed: &str) -> String {
        gst::init().unwrap();
        test_mode(&allowed.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn the_test_camera_is_720p30_if_downstream_leaves_the_choice() {
        let mode = mode(
            "video/x-raw,format={NV12,I420},width=[1,9999],height=[1,9999],framerate=[0/1,240/1]",
        );
        for part in [
            "I420",
            "width=(int)1280",
            "height=(int)720",
            "framerate=(fraction)30/1",
        ] {
            assert!(mode.contains(part), "{part} in {mode}");
        }
    }

    #[test]
    fn the_test_camera_follows_what_downstream_asks() {
        let mode = mode("video/x-raw,format=NV12,width=320,height=240,framerate=10/1");
        for part in [
            "NV12",
            "width=(int)320",
            "height=(int)240",
            "framerate=(fraction)10/1",
        ] {
            assert!(mode.contains(part), "{part} in {mode}");
        }
    }
}
