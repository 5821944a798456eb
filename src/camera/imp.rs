// SPDX-License-Identifier: MPL-2.0
//! `portholesrc`: GObject glue.
//!
//! Locks: `state` is held alone, to read or write a value, and never while anything is pushed, posted or joined. Those of
//! `settings`, `downstream`, `mode` and the streams are held inside their own methods only.

use std::{
    sync::{
        Arc, LazyLock, Mutex, OnceLock,
        atomic::AtomicUsize,
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    time::Duration,
};

use gst::{glib, prelude::*, subclass::prelude::*};

use super::{
    CAT, caps,
    capture::Run,
    demand::Downstream,
    device::Device,
    devices,
    event::{self, Event, Inbox},
    output::{Feed, Streams},
    settings::{self, Settings},
    supervisor::{self, BusPoster, Config, QUIT_PATIENCE},
};
use crate::{
    events::{demand::Demand, turn::Turn},
    frame,
    lock::lock,
    properties::Snapshot,
    worker::Ending,
};

const VIDEO: &str = "src";
const AUDIO: &str = "audio";
const CONTROLS: &str = "controls";

/// What the application is left to take the last news.
const LAST_NEWS: Duration = Duration::from_millis(200);

/// A supervisor on its thread.
struct Running {
    inbox: Inbox,
    /// Nothing ever comes: it is closed when the supervisor ends.
    alive: Receiver<()>,
    news: Ending,
}

/// What lives from PAUSED to READY.
#[derive(Default)]
struct State {
    /// What `camera` named when the element left READY.
    device: Option<Arc<dyn Device>>,
    running: Option<Running>,
}

/// The element `portholesrc`.
#[derive(Default, glib::Properties)]
#[properties(wrapper_type = super::PortholeSrc)]
pub struct PortholeSrc {
    #[property(name = "camera", type = Option<String>, get = Self::camera, set = Self::set_camera, nullable, mutable_ready,
        default_value = Some(settings::CAMERA), nick = "Camera",
        blurb = "The camera: auto for the first that is there (libcamera, then V4L2, then PipeWire; a test pattern if there is none), \
                 a device such as /dev/video0 or /dev/v4l/by-id/..., the id or name of a camera as scripts/cameras lists them, \
                 rtsp://USER@HOST/PATH with the password in the variable PORTHOLE_RTSP_PASSWORD, file:///PATH for a video file, played at its own rate again and again, test or \
                 test:PATTERN for a test pattern and a ticking sound")]
    #[property(name = "audio-device", type = Option<String>, get = Self::audio_device, set = Self::set_audio_device, nullable, mutable_ready,
        default_value = Some(settings::AUDIO_DEVICE), nick = "Audio device",
        blurb = "What sound is taken from: auto for the camera's own, that is the microphone in the same USB device; an ALSA device such as \
                 hw:1 or default; the name of a microphone of PipeWire or PulseAudio; none for silence")]
    #[property(name = "width", type = i32, member = width, get, set, mutable_ready, minimum = 0, maximum = settings::MAX_SIZE,
        default_value = settings::WIDTH, nick = "Width",
        blurb = "Pixels; the camera's best mode at or below it is taken; 0 for the camera's own")]
    #[property(name = "height", type = i32, member = height, get, set, mutable_ready, minimum = 0, maximum = settings::MAX_SIZE,
        default_value = settings::HEIGHT, nick = "Height",
        blurb = "Pixels; the camera's best mode at or below it is taken; 0 for the camera's own")]
    #[property(name = "framerate", type = gst::Fraction, get = Self::framerate, set = Self::set_framerate, mutable_ready,
        minimum = settings::MIN_FRAMERATE, maximum = settings::MAX_FRAMERATE, default_value = settings::FRAMERATE, nick = "Frame rate",
        blurb = "Pictures a second, as a fraction; the camera's best mode at or below it is taken; 0/1 for the camera's own")]
    #[property(name = "format", type = Option<String>, member = format, get, set, nullable, mutable_ready, nick = "Format",
        blurb = "Raw video format such as NV12; none leaves the choice to what the camera has and downstream takes")]
    #[property(name = "encoded", type = bool, member = encoded, get, set, mutable_ready, nick = "Encoded",
        blurb = "Whether H.264 is taken from the camera as it is, in place of raw video")]
    #[property(name = "on-demand", type = bool, member = on_demand, get, set, mutable_playing, default_value = true, nick = "On demand",
        blurb = "Whether the camera is open only while someone watches; false keeps it open")]
    #[property(name = "idle-timeout", type = u32, member = idle_timeout, get, set, mutable_playing,
        maximum = settings::MAX_IDLE_TIMEOUT, default_value = settings::IDLE_TIMEOUT, nick = "Idle timeout",
        blurb = "Seconds from the last viewer's leaving to the closing of the camera")]
    #[property(name = "stall-timeout", type = u32, member = stall_timeout, get, set, mutable_playing, minimum = 1,
        maximum = settings::MAX_STALL_TIMEOUT, default_value = settings::STALL_TIMEOUT, nick = "Stall timeout",
        blurb = "Seconds without a picture, 1 to 60, after which an open camera is taken to hang, and opened again")]
    #[property(name = "current-mode", type = Option<gst::Caps>, get = Self::current_mode, nullable, nick = "Current mode",
        blurb = "The caps of the last live picture; none before the first")]
    settings: Arc<Snapshot<Settings>>,
    downstream: Arc<Downstream>,
    mode: Arc<Mutex<Option<gst::Caps>>>,
    /// There as soon as the element is, unless that failed.
    streams: OnceLock<Arc<Streams>>,
    /// Threads of captures that have not ended.
    captures: Arc<AtomicUsize>,
    microphones: Arc<AtomicUsize>,
    state: Mutex<State>,
}

impl PortholeSrc {
    fn camera(&self) -> Option<String> {
        let camera = &self.settings.now().camera;
        // It may be asked for by whoever draws the pipeline or lists its properties.
        Some(devices::without_password(camera))
    }

    fn set_camera(&self, camera: Option<String>) {
        let camera = camera.unwrap_or_else(|| settings::CAMERA.into());
        self.settings.change(|settings| settings.camera = camera);
    }

    fn audio_device(&self) -> Option<String> {
        Some(self.settings.now().audio_device.clone())
    }

    fn set_audio_device(&self, device: Option<String>) {
        let device = device.unwrap_or_else(|| settings::AUDIO_DEVICE.into());
        self.settings
            .change(|settings| settings.audio_device = device);
    }

    fn framerate(&self) -> gst::Fraction {
        self.settings.now().framerate
    }

    fn set_framerate(&self, framerate: gst::Fraction) {
        self.settings
            .change(|settings| settings.framerate = framerate);
    }

    fn set_controls(&self, controls: Option<gst::Structure>) {
        self.settings
            .change(|settings| settings.controls = controls);
        self.downstream.changed();
    }

    fn current_mode(&self) -> Option<gst::Caps> {
        lock(&self.mode).clone()
    }

    /// Adds a feed and its ghost pad, named as the template is.
    fn add_feed(&self, name: &str, feed: &Feed) -> Result<gst::GhostPad, glib::BoolError> {
        let missing = || glib::bool_error!("no pad {name}");
        let obj = self.obj();
        let template = obj.pad_template(name).ok_or_else(missing)?;
        obj.add(&feed.appsrc)?;
        let target = feed.appsrc.static_pad("src").ok_or_else(missing)?;
        let pad = gst::GhostPad::builder_from_template_with_target(&template, &target)?
            .name(name)
            .build();
        let downstream = self.downstream.clone();
        pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
            let Some(event) = info.event() else {
                return gst::PadProbeReturn::Ok;
            };
            if let Some(demand) = Demand::parse(event) {
                downstream.demand(&demand);
                return gst::PadProbeReturn::Handled;
            }
            if let Some(Turn(direction)) = Turn::parse(event) {
                downstream.turn(direction);
                return gst::PadProbeReturn::Handled;
            }
            if gst_video::UpstreamForceKeyUnitEvent::parse(event).is_ok() {
                downstream.tell(Event::KeyUnit(event.to_owned()));
                return gst::PadProbeReturn::Handled;
            }
            if event.type_() == gst::EventType::Reconfigure {
                downstream.tell(Event::Reconfigure);
            }
            gst::PadProbeReturn::Ok
        });
        obj.add_pad(&pad)?;
        feed.appsrc.sync_state_with_parent()?;
        Ok(pad)
    }

    fn streams(&self) -> Result<Arc<Streams>, gst::ErrorMessage> {
        self.streams.get().cloned().ok_or_else(|| {
            gst::error_msg!(
                gst::CoreError::Pad,
                ("portholesrc has no pad {VIDEO}: it could not be made, GST_DEBUG=portholesrc:1 shows why; make the element anew")
            )
        })
    }

    fn prepare(&self) -> Result<(), gst::ErrorMessage> {
        let device = devices::parse(&self.settings.now().camera)
            .map_err(|e| gst::error_msg!(gst::ResourceError::NotFound, ("{e}")))?;
        lock(&self.state).device = Some(device);
        self.streams()?.reset();
        *lock(&self.mode) = None;
        Ok(())
    }

    fn play(&self) -> Result<(), gst::ErrorMessage> {
        let broken = || gst::error_msg!(gst::CoreError::StateChange, ("no clock to run by"));
        let no_thread = |e| {
            gst::error_msg!(
                gst::ResourceError::NoSpaceLeft,
                ("no thread for the camera: {e}")
            )
        };
        let obj = self.obj();
        let streams = self.streams()?;
        let device = lock(&self.state).device.clone().ok_or_else(broken)?;
        let (bus, news) = BusPoster::start(obj.downgrade(), streams.clone(), self.mode.clone())
            .map_err(no_thread)?;
        let (inbox, events) = event::queue();
        let config = Config {
            device,
            audio_device: devices::microphone::parse(&self.settings.now().audio_device),
            run: Run {
                element: obj.downgrade(),
                clock: obj.clock().ok_or_else(broken)?,
                base_time: obj.base_time().ok_or_else(broken)?,
                streams,
                inbox: inbox.clone(),
                running: self.captures.clone(),
                microphones: self.microphones.clone(),
            },
            settings: self.settings.clone(),
            downstream: self.downstream.clone(),
            bus,
        };
        let (guard, alive) = sync_channel::<()>(0);
        std::thread::Builder::new()
            .name("portholesrc".into())
            .spawn(move || {
                let _guard = guard;
                supervisor::run(config, &events);
            })
            .map_err(no_thread)?;
        self.downstream.connect(Some(inbox.clone()));
        // What was said between the supervisor's first look and now.
        self.downstream.changed();
        lock(&self.state).running = Some(Running { inbox, alive, news });
        Ok(())
    }

    fn halt(&self) {
        self.downstream.connect(None);
        let Some(Running { inbox, alive, news }) = lock(&self.state).running.take() else {
            return;
        };
        inbox.send(Event::Quit);
        // The supervisor itself never blocks, and waits for the device no longer than this.
        if alive.recv_timeout(QUIT_PATIENCE * 2) == Err(RecvTimeoutError::Timeout) {
            gst::error!(CAT, imp = self, "the camera's thread does not end");
        }
        news.finish(LAST_NEWS);
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
            // A structure is no type that the derive knows.
            let controls = glib::ParamSpecBoxed::builder::<gst::Structure>(CONTROLS)
                .nick("Controls")
                .blurb(
                    "What to set of the camera's controls, as a structure: controls,brightness=10,exposure_time_absolute=200; \
                     the names are the device's own, and a wrong one lists them",
                )
                .mutable_playing()
                .build();
            let derived = PortholeSrc::derived_properties();
            derived.iter().cloned().chain([controls]).collect()
        });
        &PROPERTIES
    }

    fn property(&self, id: usize, spec: &glib::ParamSpec) -> glib::Value {
        match spec.name() {
            CONTROLS => self.settings.now().controls.to_value(),
            _ => self.derived_property(id, spec),
        }
    }

    fn set_property(&self, id: usize, value: &glib::Value, spec: &glib::ParamSpec) {
        match spec.name() {
            CONTROLS => self.set_controls(value.get().ok().flatten()),
            _ => self.derived_set_property(id, value, spec),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        let obj = self.obj();
        obj.set_suppressed_flags(gst::ElementFlags::SINK | gst::ElementFlags::SOURCE);
        obj.set_element_flags(gst::ElementFlags::SOURCE);
        let streams = Streams::new(Feed::video(VIDEO));
        // A constructor cannot fail: going to READY does.
        match self.add_feed(VIDEO, &streams.video) {
            Ok(_) => {
                let _ = self.streams.set(Arc::new(streams));
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
                "A camera that runs only while someone watches, and never ends the stream",
                "The Porthole developers",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let mut video = gst_video::VideoCapsBuilder::new()
                .format_list(frame::FORMATS.map(|(format, _)| format))
                .build();
            video.merge(caps::h264());
            [
                (VIDEO, gst::PadPresence::Always, video),
                (AUDIO, gst::PadPresence::Request, caps::sound()),
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
        let streams = self.streams.get()?;
        if streams.audio().is_some() {
            gst::warning!(
                CAT,
                imp = self,
                "there is one pad {AUDIO}; put a tee behind it"
            );
            return None;
        }
        let feed = Arc::new(Feed::audio(AUDIO, &caps::sound()));
        let pad = self
            .add_feed(AUDIO, &feed)
            .inspect_err(|error| gst::error!(CAT, imp = self, "no pad {AUDIO}: {error}"))
            .ok()?;
        streams.set_audio(Some(feed));
        self.downstream.changed();
        Some(pad.upcast())
    }

    fn release_pad(&self, pad: &gst::Pad) {
        let feed = self
            .streams
            .get()
            .and_then(|streams| streams.set_audio(None));
        let _ = pad.set_active(false);
        let _ = self.obj().remove_pad(pad);
        // While the bin is disposed of, its elements go before its pads.
        if let Some(feed) = feed.filter(|feed| feed.appsrc.parent().is_some()) {
            let _ = feed.appsrc.set_state(gst::State::Null);
            let _ = self.obj().remove(&feed.appsrc);
        }
        self.downstream.changed();
    }

    fn set_context(&self, context: &gst::Context) {
        self.parent_set_context(context);
        self.downstream.tell(Event::Context(context.clone()));
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
            T::NullToReady => drop(self.streams().map_err(fail)?),
            T::ReadyToPaused => self.prepare().map_err(fail)?,
            T::PlayingToPaused | T::PausedToReady => self.halt(),
            _ => (),
        }
        let success = self.parent_change_state(transition)?;
        match transition {
            T::PausedToPlaying => self.play().map_err(fail)?,
            T::PausedToReady => self.downstream.forget(),
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
        let error = format!("{:?}", PortholeSrc::default().streams().unwrap_err());
        assert!(error.contains("no pad src"), "{error}");
    }

    #[test]
    fn a_second_pad_of_one_name_is_an_error_and_not_silence() {
        gst::init().unwrap();
        let element = glib::Object::new::<super::super::PortholeSrc>();
        assert!(element.imp().streams().is_ok());
        assert!(
            element
                .imp()
                .add_feed(VIDEO, &Feed::video("again"))
                .is_err()
        );
    }
}
