// SPDX-License-Identifier: MPL-2.0
//! `portholesrc`: GObject glue.
//!
//! Lock order: `settings`, then `state`, then `audio`; none is held while anything is pushed, posted or
//! joined.

use std::{
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
        mpsc::{SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use gst::{glib, prelude::*, subclass::prelude::*};

use super::{
    feed::Feed,
    place::Place,
    slate,
    source::{Feeds, Surroundings},
    worker::{MAX_NEWS, News, Worker},
};
use crate::events::demand::Demand;

pub(crate) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "portholesrc",
        gst::DebugColorFlags::empty(),
        Some("Porthole's source: the camera"),
    )
});

const DEFAULT_CAMERA: &str = "test";
/// A viewer who reloads the page is back within this.
const DEFAULT_IDLE_TIMEOUT: u32 = 5;
const VIDEO: &str = "src";
const AUDIO: &str = "audio";

/// A running worker.
struct Running {
    news: SyncSender<News>,
    thread: JoinHandle<()>,
}

pub struct PortholeSrc {
    camera: Mutex<String>,
    idle_timeout: Arc<AtomicU32>,
    /// What the sink said last; `None` if it never spoke.
    demand: Mutex<Option<bool>>,
    place: Mutex<Option<Place>>,
    running: Mutex<Option<Running>>,
    video: OnceLock<Arc<Feed>>,
    audio: Mutex<Option<Arc<Feed>>>,
}

impl Default for PortholeSrc {
    fn default() -> Self {
        Self {
            camera: Mutex::new(DEFAULT_CAMERA.into()),
            idle_timeout: Arc::new(AtomicU32::new(DEFAULT_IDLE_TIMEOUT)),
            demand: Mutex::default(),
            place: Mutex::default(),
            running: Mutex::default(),
            video: OnceLock::new(),
            audio: Mutex::default(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PortholeSrc {
    /// Adds a feed and its ghost pad.
    fn add_feed(&self, template: &gst::PadTemplate) -> Option<(Arc<Feed>, gst::GhostPad)> {
        let feed = Arc::new(Feed::new(template.name_template()));
        self.obj().add(&feed.appsrc).ok()?;
        let target = feed.appsrc.static_pad("src")?;
        let pad = gst::GhostPad::builder_from_template_with_target(template, &target)
            .ok()?
            .name(template.name_template())
            .build();
        let element = self.obj().downgrade();
        pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
            let demand = info.event().and_then(|event| Demand::parse(event));
            match (demand, element.upgrade()) {
                (Some(demand), Some(element)) => {
                    element.imp().on_demand(demand.active);
                    gst::PadProbeReturn::Handled
                }
                _ => gst::PadProbeReturn::Ok,
            }
        });
        let _ = feed.appsrc.sync_state_with_parent();
        Some((feed, pad))
    }

    fn on_demand(&self, active: bool) {
        let changed = lock(&self.demand).replace(active) != Some(active);
        let news = lock(&self.running)
            .as_ref()
            .map(|running| running.news.clone());
        if let Some(news) = news.filter(|_| changed) {
            let _ = news.try_send(News::Demand(active));
        }
    }

    fn prepare(&self) -> Result<(), gst::ErrorMessage> {
        let camera = lock(&self.camera).clone();
        let place = Place::parse(&camera)
            .map_err(|e| gst::error_msg!(gst::ResourceError::NotFound, ("{e}")))?;
        *lock(&self.place) = Some(place);
        let audio = lock(&self.audio).clone();
        if let Some(audio) = audio {
            audio.reset();
            audio
                .appsrc
                .set_caps(slate::SOUND.parse::<gst::Caps>().ok().as_ref());
        }
        if let Some(video) = self.video.get() {
            video.reset();
        }
        Ok(())
    }

    fn play(&self) -> Result<(), gst::ErrorMessage> {
        let broken = || gst::error_msg!(gst::CoreError::StateChange, ("no clock to run by"));
        let obj = self.obj();
        let video = self.video.get().ok_or_else(broken)?.clone();
        let pad = obj.static_pad(VIDEO).ok_or_else(broken)?;
        let place = lock(&self.place).clone().ok_or_else(broken)?;
        let (news, receiver) = sync_channel(MAX_NEWS);
        let worker = Worker {
            element: obj.downgrade(),
            place,
            feeds: Feeds {
                video,
                audio: lock(&self.audio).clone(),
            },
            around: Surroundings {
                clock: obj.clock().ok_or_else(broken)?,
                base_time: obj.base_time().ok_or_else(broken)?,
                allowed: pad.peer_query_caps(Some(&pad.pad_template_caps())),
            },
            idle_timeout: self.idle_timeout.clone(),
            sender: news.clone(),
        };
        let demand = *lock(&self.demand);
        let thread = std::thread::Builder::new()
            .name("portholesrc".into())
            .spawn(move || worker.run(demand, &receiver))
            .map_err(|e| gst::error_msg!(gst::ResourceError::NoSpaceLeft, ("no thread: {e}")))?;
        *lock(&self.running) = Some(Running { news, thread });
        // The sink may have spoken between our look and now.
        if let Some(active) = *lock(&self.demand)
            && demand != Some(active)
        {
            let news = lock(&self.running)
                .as_ref()
                .map(|running| running.news.clone());
            let _ = news.map(|news| news.try_send(News::Demand(active)));
        }
        Ok(())
    }

    fn halt(&self) {
        let Some(Running { news, thread }) = lock(&self.running).take() else {
            return;
        };
        let _ = news.send(News::Quit);
        if thread.join().is_err() {
            gst::error!(CAT, imp = self, "the camera's thread panicked");
        }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for PortholeSrc {
    const NAME: &'static str = "GstPortholeSrc";
    type Type = super::PortholeSrc;
    type ParentType = gst::Bin;
}

impl ObjectImpl for PortholeSrc {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            vec![
                glib::ParamSpecString::builder("camera")
                    .nick("Camera")
                    .blurb("The camera: test for a test pattern and a ticking sound, or file:///PATH for a video file, played at its own rate again and again")
                    .default_value(Some(DEFAULT_CAMERA))
                    .mutable_ready()
                    .build(),
                glib::ParamSpecUInt::builder("idle-timeout")
                    .nick("Idle timeout")
                    .blurb("Seconds from the last viewer's leaving to the closing of the camera")
                    .maximum(24 * 60 * 60)
                    .default_value(DEFAULT_IDLE_TIMEOUT)
                    .mutable_playing()
                    .build(),
            ]
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        // GObject has checked each value against its property's type.
        match pspec.name() {
            "camera" => {
                let text = value.get::<Option<String>>().ok().flatten();
                *lock(&self.camera) = text.unwrap_or_else(|| DEFAULT_CAMERA.into());
            }
            "idle-timeout" => {
                let seconds = value.get().unwrap_or(DEFAULT_IDLE_TIMEOUT);
                self.idle_timeout.store(seconds, Ordering::Relaxed);
            }
            _ => (),
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "camera" => lock(&self.camera).to_value(),
            "idle-timeout" => self.idle_timeout.load(Ordering::Relaxed).to_value(),
            _ => pspec.default_value().clone(),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        let obj = self.obj();
        obj.set_suppressed_flags(gst::ElementFlags::SINK | gst::ElementFlags::SOURCE);
        obj.set_element_flags(gst::ElementFlags::SOURCE);
        if let Some(template) = obj.pad_template(VIDEO)
            && let Some((feed, pad)) = self.add_feed(&template)
            && obj.add_pad(&pad).is_ok()
        {
            let _ = self.video.set(feed);
        }
    }
}

impl GstObjectImpl for PortholeSrc {}

impl ElementImpl for PortholeSrc {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Porthole source",
                "Source/Video/Audio",
                "A camera that runs only while someone watches",
                "The Porthole developers",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let video = gst_video::VideoCapsBuilder::new()
                .format_list([gst_video::VideoFormat::I420, gst_video::VideoFormat::Nv12])
                .build();
            let audio = slate::SOUND
                .parse::<gst::Caps>()
                .unwrap_or_else(|_| gst::Caps::new_any());
            [
                (VIDEO, gst::PadPresence::Always, video),
                (AUDIO, gst::PadPresence::Request, audio),
            ]
            .into_iter()
            .filter_map(|(name, presence, caps)| {
                gst::PadTemplate::new(name, gst::PadDirection::Src, presence, &caps).ok()
            })
            .collect()
        });
        &TEMPLATES
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        _name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        if lock(&self.running).is_some() || lock(&self.audio).is_some() {
            gst::warning!(CAT, imp = self, "one audio pad, and only before PLAYING");
            return None;
        }
        let (feed, pad) = self.add_feed(template)?;
        self.obj().add_pad(&pad).ok()?;
        *lock(&self.audio) = Some(feed);
        Some(pad.upcast())
    }

    fn release_pad(&self, pad: &gst::Pad) {
        let feed = lock(&self.audio).take();
        let _ = pad.set_active(false);
        let _ = self.obj().remove_pad(pad);
        // While the bin is disposed of, its elements go before its pads.
        if let Some(feed) = feed.filter(|feed| feed.appsrc.parent().is_some()) {
            let _ = feed.appsrc.set_state(gst::State::Null);
            let _ = self.obj().remove(&feed.appsrc);
        }
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        use gst::StateChange as T;
        let fail = |error| {
            self.post_error_message(error);
            gst::StateChangeError
        };
        match transition {
            T::ReadyToPaused => self.prepare().map_err(fail)?,
            T::PlayingToPaused | T::PausedToReady => self.halt(),
            _ => (),
        }
        let success = self.parent_change_state(transition)?;
        match transition {
            T::PausedToPlaying => self.play().map_err(fail)?,
            T::PausedToReady => *lock(&self.demand) = None,
            _ => (),
        }
        Ok(success)
    }
}

impl BinImpl for PortholeSrc {}
