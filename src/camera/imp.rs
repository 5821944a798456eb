// SPDX-License-Identifier: MPL-2.0
//! `portholesrc`: GObject glue.
//!
//! Locks: each of `demand`, `device`, `running` and `audio` is held alone, to read or write a value, and never while
//! anything is pushed, posted or joined.

use std::{
    sync::{Arc, LazyLock, Mutex, OnceLock},
    thread::JoinHandle,
};

use gst::{glib, prelude::*, subclass::prelude::*};

use super::{
    CAT,
    devices::{self, Device},
    event::{self, Event, EventSender},
    feed::Feed,
    outlet::{Context, Feeds},
    settings::{self, Settings},
    slate,
    worker::{self, Config},
};
use crate::{events::demand::Demand, lock::lock, properties::Snapshot};

const VIDEO: &str = "src";
const AUDIO: &str = "audio";

/// A worker on its thread.
struct Running {
    events: EventSender,
    thread: JoinHandle<()>,
}

/// The element `portholesrc`.
#[derive(Default, glib::Properties)]
#[properties(wrapper_type = super::PortholeSrc)]
pub struct PortholeSrc {
    #[property(name = "camera", type = Option<String>, get = Self::camera, set = Self::set_camera, nullable, mutable_ready,
        default_value = Some(settings::CAMERA), nick = "Camera",
        blurb = "The camera: test for a test pattern and a ticking sound, or file:///PATH for a video file, played at its own \
                 rate again and again")]
    #[property(name = "idle-timeout", type = u32, member = idle_timeout, get, set, mutable_playing,
        maximum = settings::MAX_IDLE_TIMEOUT, default_value = settings::IDLE_TIMEOUT, nick = "Idle timeout",
        blurb = "Seconds from the last viewer's leaving to the closing of the camera")]
    settings: Arc<Snapshot<Settings>>,
    /// What the sink said last; `None` if it never spoke.
    demand: Mutex<Option<bool>>,
    /// What `camera` named when the element left READY.
    device: Mutex<Option<Arc<dyn Device>>>,
    running: Mutex<Option<Running>>,
    /// There as soon as the element is, unless that failed.
    video: OnceLock<Arc<Feed>>,
    audio: Mutex<Option<Arc<Feed>>>,
}

impl PortholeSrc {
    fn camera(&self) -> Option<String> {
        Some(self.settings.now().camera.clone())
    }

    fn set_camera(&self, camera: Option<String>) {
        let camera = camera.unwrap_or_else(|| settings::CAMERA.into());
        self.settings.change(|settings| settings.camera = camera);
    }

    /// Adds a feed and its ghost pad, named as the template is.
    fn add_feed(&self, name: &str) -> Result<(Arc<Feed>, gst::GhostPad), glib::BoolError> {
        let missing = || glib::bool_error!("no pad {name}");
        let obj = self.obj();
        let template = obj.pad_template(name).ok_or_else(missing)?;
        let feed = Arc::new(Feed::new(name));
        obj.add(&feed.appsrc)?;
        let target = feed.appsrc.static_pad("src").ok_or_else(missing)?;
        let pad = gst::GhostPad::builder_from_template_with_target(&template, &target)?
            .name(name)
            .build();
        let element = obj.downgrade();
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
        feed.appsrc.sync_state_with_parent()?;
        obj.add_pad(&pad)?;
        Ok((feed, pad))
    }

    /// The picture's feed, or why there is none.
    fn video(&self) -> Result<Arc<Feed>, gst::ErrorMessage> {
        self.video.get().cloned().ok_or_else(|| {
            gst::error_msg!(
                gst::CoreError::Pad,
                ("portholesrc has no pad {VIDEO}: it could not be made, GST_DEBUG=portholesrc:1 shows why; make the element anew")
            )
        })
    }

    fn on_demand(&self, active: bool) {
        if lock(&self.demand).replace(active) != Some(active) {
            self.send(Event::Demand(active));
        }
    }

    /// Tells the worker, if one is running.
    fn send(&self, event: Event) {
        let events = lock(&self.running)
            .as_ref()
            .map(|running| running.events.clone());
        if let Some(events) = events {
            events.send(event);
        }
    }

    fn prepare(&self) -> Result<(), gst::ErrorMessage> {
        let device = devices::parse(&self.settings.now().camera)
            .map_err(|e| gst::error_msg!(gst::ResourceError::NotFound, ("{e}")))?;
        *lock(&self.device) = Some(device);
        self.video()?.reset();
        let audio = lock(&self.audio).clone();
        if let Some(audio) = audio {
            audio.reset();
            audio.appsrc.set_caps(Some(&slate::sound()));
        }
        Ok(())
    }

    fn play(&self) -> Result<(), gst::ErrorMessage> {
        let broken = || gst::error_msg!(gst::CoreError::StateChange, ("no clock to run by"));
        let obj = self.obj();
        let video = self.video()?;
        let pad = obj.static_pad(VIDEO).ok_or_else(broken)?;
        let device = lock(&self.device).clone().ok_or_else(broken)?;
        let (events, receiver) = event::queue();
        let config = Config {
            element: obj.downgrade(),
            device,
            feeds: Feeds {
                video,
                audio: lock(&self.audio).clone(),
            },
            context: Context {
                clock: obj.clock().ok_or_else(broken)?,
                base_time: obj.base_time().ok_or_else(broken)?,
                allowed: pad.peer_query_caps(Some(&pad.pad_template_caps())),
            },
            settings: self.settings.clone(),
            events: events.clone(),
        };
        let demand = *lock(&self.demand);
        let thread = std::thread::Builder::new()
            .name("portholesrc".into())
            .spawn(move || worker::run(config, demand, &receiver))
            .map_err(|e| gst::error_msg!(gst::ResourceError::NoSpaceLeft, ("no thread: {e}")))?;
        *lock(&self.running) = Some(Running { events, thread });
        // The sink may have spoken between our look and now.
        let latest = *lock(&self.demand);
        if let Some(active) = latest.filter(|_| latest != demand) {
            self.send(Event::Demand(active));
        }
        Ok(())
    }

    fn halt(&self) {
        let Some(Running { events, thread }) = lock(&self.running).take() else {
            return;
        };
        events.quit();
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

#[glib::derived_properties]
impl ObjectImpl for PortholeSrc {
    fn constructed(&self) {
        self.parent_constructed();
        let obj = self.obj();
        obj.set_suppressed_flags(gst::ElementFlags::SINK | gst::ElementFlags::SOURCE);
        obj.set_element_flags(gst::ElementFlags::SOURCE);
        // A constructor cannot fail: going to READY does.
        match self.add_feed(VIDEO) {
            Ok((feed, _)) => {
                let _ = self.video.set(feed);
            }
            Err(error) => gst::error!(CAT, imp = self, "no pad {VIDEO}: {error}"),
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
            [
                (VIDEO, gst::PadPresence::Always, video),
                (AUDIO, gst::PadPresence::Request, slate::sound()),
            ]
            .into_iter()
            .filter_map(|(name, presence, caps)| {
                gst::PadTemplate::new(name, gst::PadDirection::Src, presence, &caps)
                    .inspect_err(|error| gst::error!(CAT, "no pad template {name}: {error}"))
                    .ok()
            })
            .collect()
        });
        &TEMPLATES
    }

    fn request_new_pad(
        &self,
        _template: &gst::PadTemplate,
        _name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        if lock(&self.running).is_some() || lock(&self.audio).is_some() {
            gst::warning!(CAT, imp = self, "one audio pad, and only before PLAYING");
            return None;
        }
        let (feed, pad) = self
            .add_feed(AUDIO)
            .inspect_err(|error| gst::error!(CAT, imp = self, "no pad {AUDIO}: {error}"))
            .ok()?;
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
            T::NullToReady => drop(self.video().map_err(fail)?),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_whose_pad_could_not_be_made_says_so_where_it_would_start() {
        gst::init().unwrap();
        let error = format!("{:?}", PortholeSrc::default().video().unwrap_err());
        assert!(error.contains("no pad src"), "{error}");
    }

    #[test]
    fn a_second_pad_of_one_name_is_an_error_and_not_silence() {
        gst::init().unwrap();
        let element = glib::Object::new::<super::super::PortholeSrc>();
        assert!(element.imp().video().is_ok());
        assert!(element.imp().add_feed(VIDEO).is_err());
    }
}
