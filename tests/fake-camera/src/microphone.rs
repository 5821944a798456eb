// SPDX-License-Identifier: MPL-2.0
//! `fakemicrophonesrc`: hears the cameras' flash beep. It counts by a clock of its own, which is slow, and leaves it to others to stamp what
//! it gives.

use std::{
    sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use gst::{glib, prelude::*, subclass::prelude::*};
use gst_base::{prelude::*, subclass::base_src::CreateSuccess, subclass::prelude::*};

use crate::flash;

const RATE: u64 = 48_000;
/// Frames of a buffer: a hundredth of a second.
const BLOCK: u64 = 480;
/// By how many millionths its seconds are too long.
const SLOW_PPM: u64 = 100;
const TONE_HZ: f64 = 1_000.0;
const LOUD: f64 = 12_000.0;
const FORM: &str = "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1";

pub(crate) fn caps() -> gst::Caps {
    // The text above is one of caps.
    FORM.parse().unwrap_or_else(|_| gst::Caps::new_any())
}

glib::wrapper! {
    /// The element.
    pub struct FakeMicrophoneSrc(ObjectSubclass<SrcImp>)
        @extends gst_base::PushSrc, gst_base::BaseSrc, gst::Element, gst::Object;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was captured so far.
#[derive(Clone, Copy)]
struct Captured {
    begins: gst::ClockTime,
    frames: u64,
}

impl Captured {
    /// By the system's clock, when a frame is captured.
    fn time(self, frame: u64) -> gst::ClockTime {
        let nanoseconds = frame * 1_000 * (1_000_000 + SLOW_PPM) / RATE;
        self.begins + gst::ClockTime::from_nseconds(nanoseconds)
    }
}

#[derive(Default)]
pub struct SrcImp {
    captured: Mutex<Option<Captured>>,
    flushing: Mutex<bool>,
    changed: Condvar,
}

impl SrcImp {
    fn wait_until(&self, time: gst::ClockTime) -> Result<(), gst::FlowError> {
        let left = time.saturating_sub(gst::SystemClock::obtain().time());
        let wait = self.changed.wait_timeout_while(
            lock(&self.flushing),
            Duration::from(left),
            |flushing| !*flushing,
        );
        let (flushing, _) = wait.unwrap_or_else(PoisonError::into_inner);
        if *flushing {
            return Err(gst::FlowError::Flushing);
        }
        Ok(())
    }

    /// The next buffer's frames.
    fn next(&self) -> Captured {
        let mut captured = lock(&self.captured);
        let captured = captured.get_or_insert_with(|| Captured {
            begins: gst::SystemClock::obtain().time(),
            frames: 0,
        });
        let next = *captured;
        captured.frames += BLOCK;
        next
    }
}

fn sample(captured: Captured, frame: u64) -> i16 {
    if !flash::is_loud(captured.time(frame)) {
        return 0;
    }
    let turn = frame as f64 * TONE_HZ / RATE as f64;
    ((turn * std::f64::consts::TAU).sin() * LOUD) as i16
}

#[glib::object_subclass]
impl ObjectSubclass for SrcImp {
    const NAME: &'static str = "GstFakeMicrophoneSrc";
    type Type = FakeMicrophoneSrc;
    type ParentType = gst_base::PushSrc;
}

impl ObjectImpl for SrcImp {
    fn constructed(&self) {
        self.parent_constructed();
        self.obj().set_live(true);
        self.obj().set_format(gst::Format::Time);
    }
}

impl GstObjectImpl for SrcImp {}

impl ElementImpl for SrcImp {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Fake microphone",
                "Source/Audio",
                "Hears the flash of fake cameras beep, for tests",
                "Porthole",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let (source, always) = (gst::PadDirection::Src, gst::PadPresence::Always);
            let template = gst::PadTemplate::new("src", source, always, &caps());
            template.into_iter().collect()
        });
        &TEMPLATES
    }
}

impl BaseSrcImpl for SrcImp {
    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *lock(&self.captured) = None;
        Ok(())
    }

    fn is_seekable(&self) -> bool {
        false
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
            let block = gst::ClockTime::SECOND * BLOCK / RATE;
            latency.set(true, block, gst::ClockTime::NONE);
            return true;
        }
        BaseSrcImplExt::parent_query(self, query)
    }
}

impl PushSrcImpl for SrcImp {
    fn create(
        &self,
        _buffer: Option<&mut gst::BufferRef>,
    ) -> Result<CreateSuccess, gst::FlowError> {
        let captured = self.next();
        let end = captured.frames + BLOCK;
        self.wait_until(captured.time(end))?;
        let samples = (captured.frames..end).map(|frame| sample(captured, frame));
        let bytes: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
        Ok(CreateSuccess::NewBuffer(gst::Buffer::from_mut_slice(bytes)))
    }
}

/// What device monitors ask for.
const CLASS: &str = "Audio/Source";
/// As a sound server names it.
pub const NAME: &str = "fake-microphone";
/// Where it and the cameras that have it are plugged in, without the number of the interface.
pub(crate) const USB_DEVICE: &str = "pci-0000:00:14.0-usb-0:4";

glib::wrapper! {
    pub struct FakeMicrophoneProvider(ObjectSubclass<ProviderImp>) @extends gst::DeviceProvider, gst::Object;
}

glib::wrapper! {
    pub struct FakeMicrophone(ObjectSubclass<MicrophoneImp>) @extends gst::Device, gst::Object;
}

#[derive(Default)]
pub struct ProviderImp;

#[glib::object_subclass]
impl ObjectSubclass for ProviderImp {
    const NAME: &'static str = "GstFakeMicrophoneProvider";
    type Type = FakeMicrophoneProvider;
    type ParentType = gst::DeviceProvider;
}

impl ObjectImpl for ProviderImp {}
impl GstObjectImpl for ProviderImp {}

impl DeviceProviderImpl for ProviderImp {
    fn metadata() -> Option<&'static gst::subclass::DeviceProviderMetadata> {
        static METADATA: LazyLock<gst::subclass::DeviceProviderMetadata> = LazyLock::new(|| {
            gst::subclass::DeviceProviderMetadata::new(
                "Fake microphones",
                CLASS,
                "Lists the microphone of fake cameras, for tests",
                "Porthole",
            )
        });
        Some(&METADATA)
    }

    fn probe(&self) -> Vec<gst::Device> {
        let properties = gst::Structure::builder("fakemicrophone")
            .field("node.name", NAME)
            .field("device.bus-path", format!("{USB_DEVICE}:1.2"));
        let microphone: FakeMicrophone = glib::Object::builder()
            .property("display-name", "Fake microphone")
            .property("device-class", CLASS)
            .property("caps", caps())
            .property("properties", properties.build())
            .build();
        vec![microphone.upcast()]
    }

    fn start(&self) -> Result<(), gst::LoggableError> {
        for device in self.probe() {
            self.obj().device_add(&device);
        }
        Ok(())
    }

    fn stop(&self) {}
}

#[derive(Default)]
pub struct MicrophoneImp;

#[glib::object_subclass]
impl ObjectSubclass for MicrophoneImp {
    const NAME: &'static str = "GstFakeMicrophone";
    type Type = FakeMicrophone;
    type ParentType = gst::Device;
}

impl ObjectImpl for MicrophoneImp {}
impl GstObjectImpl for MicrophoneImp {}

impl DeviceImpl for MicrophoneImp {
    fn create_element(&self, name: Option<&str>) -> Result<gst::Element, gst::LoggableError> {
        let builder = gst::ElementFactory::make("fakemicrophonesrc").name_if_some(name);
        Ok(builder.build()?)
    }
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "fakemicrophonesrc",
        gst::Rank::NONE,
        FakeMicrophoneSrc::static_type(),
    )?;
    gst::DeviceProvider::register(
        Some(plugin),
        "fakemicrophoneprovider",
        gst::Rank::SECONDARY,
        FakeMicrophoneProvider::static_type(),
    )
}
