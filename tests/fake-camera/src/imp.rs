// SPDX-License-Identifier: MPL-2.0
//! `fakecamerasrc`: GObject glue, and what a driver would do.
//!
//! Locks: `stream` is held before `brightness` and `direction`, each other one alone. Nothing is pushed, posted or waited for
//! under any of them.

use std::{
    sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use gst::{glib, prelude::*, subclass::prelude::*};
use gst_base::{prelude::*, subclass::base_src::CreateSuccess, subclass::prelude::*};
use gst_video::{VideoInfo, VideoOrientationMethod};

use crate::{
    behaviour::{Behaviour, Call, Fault, Modes},
    device::{Device, DeviceError, Opened},
    flash,
    frames::Stream,
    modes::{self, USUAL},
    picture::{self, Look, Scene},
    stamp::LATENCY,
};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "fakecamera",
        gst::DebugColorFlags::empty(),
        Some("Fake camera"),
    )
});

/// How often a call that hangs looks whether the file says otherwise.
const LOOK: Duration = Duration::from_millis(10);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Default, glib::Properties)]
#[properties(wrapper_type = super::FakeCameraSrc)]
pub struct FakeCameraSrc {
    #[property(
        name = "device",
        get,
        set,
        nullable,
        mutable_ready,
        blurb = "Name of the camera: that of its file"
    )]
    name: Mutex<Option<String>>,
    #[property(get, set, minimum = -100, maximum = 100, mutable_playing, blurb = "Brightness, -100 to 100")]
    brightness: Mutex<i32>,
    #[property(name = "video-direction", type = VideoOrientationMethod, get = Self::direction, set = Self::set_direction,
        mutable_playing,
        blurb = "How the sensor turns the picture: identity, 180, horiz or vert; anything else leaves it as it was",
        builder(VideoOrientationMethod::Identity))]
    /// `None` is as it comes.
    direction: Mutex<Option<VideoOrientationMethod>>,
    opened: Mutex<Option<(Device, Opened)>>,
    stream: Mutex<Option<Stream>>,
    flushing: Mutex<bool>,
    changed: Condvar,
}

impl FakeCameraSrc {
    fn direction(&self) -> VideoOrientationMethod {
        let direction = *lock(&self.direction);
        direction.unwrap_or(VideoOrientationMethod::Identity)
    }

    fn set_direction(&self, direction: VideoOrientationMethod) {
        if picture::can_turn(direction) {
            *lock(&self.direction) = Some(direction);
        }
    }

    fn name(&self) -> String {
        lock(&self.name).clone().unwrap_or_default()
    }

    fn device(&self) -> Option<Device> {
        lock(&self.opened)
            .as_ref()
            .map(|(device, _)| device.clone())
    }

    fn behaviour(&self) -> Result<Behaviour, gst::ErrorMessage> {
        let behaviour = self.device().map(|device| device.behaviour());
        behaviour
            .unwrap_or(Err(DeviceError::Missing))
            .map_err(|error| match error {
                // What v4l2src says of a camera that was open.
                DeviceError::Missing => gst::error_msg!(
                    gst::ResourceError::Read,
                    ("Could not read from resource."),
                    ["poll error: No such device ({})", self.name()]
                ),
                error => self.not_open(&error),
            })
    }

    /// What v4l2src says of a camera that cannot be opened.
    fn not_open(&self, error: &DeviceError) -> gst::ErrorMessage {
        let name = self.name();
        match error {
            DeviceError::Missing => gst::error_msg!(
                gst::ResourceError::NotFound,
                ("Cannot identify device '{name}'."),
                ["system error: No such file or directory"]
            ),
            DeviceError::Busy => busy(&name),
            DeviceError::Denied => gst::error_msg!(
                gst::ResourceError::OpenReadWrite,
                ("Could not open device '{name}' for reading and writing."),
                ["system error: Permission denied"]
            ),
            DeviceError::Senseless(text) => {
                gst::error_msg!(gst::ResourceError::Settings, ("{text}"))
            }
        }
    }

    /// Hangs as a driver does: nothing but the camera itself ends it.
    fn hang(device: Option<&Device>, call: Call) {
        let stuck = || {
            let behaviour = device.and_then(|device| device.behaviour().ok());
            behaviour.is_some_and(|behaviour| behaviour.fault == Some(Fault::Stuck(call)))
        };
        while stuck() {
            thread::sleep(LOOK);
        }
    }

    fn open(&self) -> Result<(), gst::ErrorMessage> {
        let device =
            Device::named(&self.name()).ok_or_else(|| self.not_open(&DeviceError::Missing))?;
        Self::hang(Some(&device), Call::Ready);
        let start = Instant::now();
        let late = || {
            device
                .behaviour()
                .is_ok_and(|behaviour| start.elapsed() < behaviour.slow)
        };
        while late() {
            thread::sleep(LOOK);
        }
        let opened = device.open().map_err(|error| self.not_open(&error))?;
        *lock(&self.opened) = Some((device, opened));
        Ok(())
    }

    fn close(&self) {
        Self::hang(self.device().as_ref(), Call::Null);
        let opened = lock(&self.opened).take();
        drop(opened);
    }

    /// Waits for at most `time`.
    fn wait(&self, time: Duration) -> Result<(), gst::FlowError> {
        let wait = self
            .changed
            .wait_timeout_while(lock(&self.flushing), time, |flushing| !*flushing);
        let (flushing, _) = wait.unwrap_or_else(PoisonError::into_inner);
        if *flushing {
            Err(gst::FlowError::Flushing)
        } else {
            Ok(())
        }
    }

    /// Waits until the next frame is due and the camera gives it.
    fn wait_for_frame(&self) -> Result<Behaviour, gst::FlowError> {
        loop {
            let due = lock(&self.stream).as_ref().map(|stream| stream.due);
            let due = due.ok_or(gst::FlowError::NotNegotiated)?;
            let waited = self.wait(due.saturating_duration_since(Instant::now()));
            // Also when it is flushing: what hangs does not listen.
            Self::hang(self.device().as_ref(), Call::Create);
            waited?;
            let behaviour = self.behaviour().map_err(|message| {
                self.post_error_message(message);
                gst::FlowError::Error
            })?;
            match behaviour.fault {
                Some(Fault::Stall) => self.wait(LOOK)?,
                Some(Fault::Eos) => return Err(gst::FlowError::Eos),
                Some(Fault::Error) => {
                    gst::element_imp_error!(
                        self,
                        gst::ResourceError::Failed,
                        ("Failed to capture a frame from '{}'.", self.name()),
                        ["system error: Input/output error"]
                    );
                    return Err(gst::FlowError::Error);
                }
                _ if !self.has_buffer() => self.wait(LOOK)?,
                _ => return Ok(behaviour),
            }
        }
    }

    /// Goes over to another size, as the file says.
    fn resize(&self, behaviour: &Behaviour) -> Result<(), gst::FlowError> {
        let now = lock(&self.stream).as_ref().and_then(Stream::raw);
        let Some((size, (format, before, rate))) = behaviour.size.zip(now) else {
            return Ok(());
        };
        if size == before {
            return Ok(());
        }
        let info = VideoInfo::builder(format, size.0, size.1).fps(rate).build();
        let caps = info.and_then(|info| info.to_caps());
        let caps = caps.map_err(|_| gst::FlowError::NotNegotiated)?;
        let set = self.obj().set_caps(&caps);
        set.map_err(|_| gst::FlowError::NotNegotiated)
    }

    fn look(&self, number: u64, behaviour: &Behaviour) -> Look {
        let chart = behaviour.chart.map(Scene::Chart);
        let flash = behaviour.flash.then(|| Scene::Flash(flash::is_lit(number)));
        Look {
            number,
            brightness: *lock(&self.brightness),
            direction: self.direction(),
            scene: chart.or(flash),
        }
    }

    /// The next frame, without its time.
    fn frame(&self, behaviour: &Behaviour) -> Result<gst::Buffer, gst::FlowError> {
        let mut stream = lock(&self.stream);
        let stream = stream.as_mut().ok_or(gst::FlowError::NotNegotiated)?;
        let number = stream.number;
        let damaged = behaviour.fault == Some(Fault::Damaged);
        let buffer = stream.next(damaged, |number| self.look(number, behaviour))?;
        if behaviour.flash {
            let period = gst::ClockTime::try_from(stream.period).unwrap_or_default();
            let seen = gst::SystemClock::obtain().time().saturating_sub(LATENCY);
            flash::plan(number, seen, period);
        }
        Ok(buffer)
    }

    fn has_buffer(&self) -> bool {
        lock(&self.stream).as_ref().is_none_or(Stream::has_buffer)
    }

    fn modes(&self) -> Modes {
        let behaviour = self.device().and_then(|device| device.behaviour().ok());
        behaviour.map_or_else(Modes::default, |behaviour| behaviour.modes)
    }
}

fn busy(name: &str) -> gst::ErrorMessage {
    gst::error_msg!(
        gst::ResourceError::Busy,
        ("Device '{name}' is busy"),
        ["Call to S_FMT failed: Device or resource busy"]
    )
}

#[glib::object_subclass]
impl ObjectSubclass for FakeCameraSrc {
    const NAME: &'static str = "GstFakeCameraSrc";
    type Type = super::FakeCameraSrc;
    type ParentType = gst_base::PushSrc;
}

#[glib::derived_properties]
impl ObjectImpl for FakeCameraSrc {
    fn constructed(&self) {
        self.parent_constructed();
        self.obj().set_live(true);
        self.obj().set_format(gst::Format::Time);
    }
}

impl GstObjectImpl for FakeCameraSrc {}

impl ElementImpl for FakeCameraSrc {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Fake camera",
                "Source/Video",
                "A camera that fails on command, for tests",
                "Porthole",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let source = gst::PadTemplate::new(
                "src",
                gst::PadDirection::Src,
                gst::PadPresence::Always,
                &modes::template(),
            );
            source.into_iter().collect()
        });
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if transition == gst::StateChange::NullToReady {
            self.open().map_err(|message| {
                self.post_error_message(message);
                gst::StateChangeError
            })?;
        }
        let success = self.parent_change_state(transition);
        if transition == gst::StateChange::ReadyToNull {
            self.close();
        }
        success
    }
}

impl BaseSrcImpl for FakeCameraSrc {
    fn start(&self) -> Result<(), gst::ErrorMessage> {
        Self::hang(self.device().as_ref(), Call::Start);
        match self.behaviour()?.fault {
            Some(Fault::Busy) => Err(busy(&self.name())),
            _ => Ok(()),
        }
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        Self::hang(self.device().as_ref(), Call::Stop);
        let stream = lock(&self.stream).take();
        drop(stream);
        Ok(())
    }

    fn is_seekable(&self) -> bool {
        false
    }

    /// As a device does: what it can do is known once it is open.
    fn caps(&self, filter: Option<&gst::Caps>) -> Option<gst::Caps> {
        let behaviour = self.device().and_then(|device| device.behaviour().ok());
        let caps = behaviour.map_or_else(modes::template, |behaviour| modes::modes(&behaviour));
        Some(match filter {
            Some(filter) => filter.intersect_with_mode(&caps, gst::CapsIntersectMode::First),
            None => caps,
        })
    }

    fn fixate(&self, mut caps: gst::Caps) -> gst::Caps {
        caps.truncate();
        if let Some(structure) = caps.make_mut().structure_mut(0) {
            let (width, height, rate) = USUAL;
            structure.fixate_field_nearest_int("width", width);
            structure.fixate_field_nearest_int("height", height);
            structure.fixate_field_nearest_fraction("framerate", gst::Fraction::from_integer(rate));
            if self.modes() == Modes::Libcamera {
                modes::adjusted(structure);
            }
        }
        self.parent_fixate(caps)
    }

    fn set_caps(&self, caps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let number = lock(&self.stream)
            .as_ref()
            .map_or(0, |stream| stream.number);
        let behaviour = self.behaviour().unwrap_or_default();
        let look = |number| self.look(number, &behaviour);
        let stream = Stream::new(caps, self.modes(), number, look);
        let stream = stream.ok_or_else(|| gst::loggable_error!(CAT, "no such mode: {caps}"))?;
        let before = lock(&self.stream).replace(stream);
        drop(before);
        Ok(())
    }

    fn unlock(&self) -> Result<(), gst::ErrorMessage> {
        *lock(&self.flushing) = true;
        self.changed.notify_all();
        Ok(())
    }

    fn unlock_stop(&self) -> Result<(), gst::ErrorMessage> {
        *lock(&self.flushing) = false;
        Ok(())
    }

    fn query(&self, query: &mut gst::QueryRef) -> bool {
        if let gst::QueryViewMut::Latency(latency) = query.view_mut() {
            latency.set(true, LATENCY, gst::ClockTime::NONE);
            return true;
        }
        BaseSrcImplExt::parent_query(self, query)
    }
}

impl PushSrcImpl for FakeCameraSrc {
    fn create(
        &self,
        _buffer: Option<&mut gst::BufferRef>,
    ) -> Result<CreateSuccess, gst::FlowError> {
        let behaviour = self.wait_for_frame()?;
        self.resize(&behaviour)?;
        let now = self.obj().current_running_time();
        let seen = now.map(|now| now.saturating_sub(LATENCY));
        let mut buffer = self.frame(&behaviour)?;
        buffer.make_mut().set_pts(seen);
        Ok(CreateSuccess::NewBuffer(buffer))
    }
}
