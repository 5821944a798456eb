// SPDX-License-Identifier: MPL-2.0
//! `fakecameraprovider`: which cameras are plugged in.

use std::sync::{LazyLock, OnceLock};

use gst::{glib, prelude::*, subclass::prelude::*};

use crate::{device, microphone, modes::modes};

/// What device monitors ask for.
const CLASS: &str = "Video/Source";

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::DeviceProvider::register(
        Some(plugin),
        "fakecameraprovider",
        gst::Rank::SECONDARY,
        FakeCameraProvider::static_type(),
    )
}

glib::wrapper! {
    pub struct FakeCameraProvider(ObjectSubclass<ProviderImp>) @extends gst::DeviceProvider, gst::Object;
}

glib::wrapper! {
    pub struct FakeCamera(ObjectSubclass<CameraImp>) @extends gst::Device, gst::Object;
}

#[derive(Default)]
pub struct ProviderImp;

#[glib::object_subclass]
impl ObjectSubclass for ProviderImp {
    const NAME: &'static str = "GstFakeCameraProvider";
    type Type = FakeCameraProvider;
    type ParentType = gst::DeviceProvider;
}

impl ObjectImpl for ProviderImp {}
impl GstObjectImpl for ProviderImp {}

impl DeviceProviderImpl for ProviderImp {
    fn metadata() -> Option<&'static gst::subclass::DeviceProviderMetadata> {
        static METADATA: LazyLock<gst::subclass::DeviceProviderMetadata> = LazyLock::new(|| {
            gst::subclass::DeviceProviderMetadata::new(
                "Fake cameras",
                CLASS,
                "Lists cameras that fail on command, for tests",
                "Porthole",
            )
        });
        Some(&METADATA)
    }

    fn probe(&self) -> Vec<gst::Device> {
        let names = device::names().into_iter();
        names.filter_map(|name| camera(&name)).collect()
    }

    /// What is plugged in later is not told: who wants to know looks again.
    fn start(&self) -> Result<(), gst::LoggableError> {
        for device in self.probe() {
            self.obj().device_add(&device);
        }
        Ok(())
    }

    fn stop(&self) {}
}

/// A device as the monitor has it; `None` if it has gone meanwhile.
fn camera(name: &str) -> Option<gst::Device> {
    // A camera that no sense can be made of is listed: who opens it is told.
    let behaviour = match device::Device::named(name)?.behaviour() {
        Err(device::DeviceError::Missing) => return None,
        behaviour => behaviour.unwrap_or_default(),
    };
    let bus = format!("{}:1.0", microphone::USB_DEVICE);
    let properties = gst::Structure::builder("fakecamera")
        .field("device.id", name)
        .field_if("device.bus-path", bus, behaviour.microphone);
    let camera: FakeCamera = glib::Object::builder()
        .property("display-name", name)
        .property("device-class", CLASS)
        .property("caps", modes(&behaviour))
        .property("properties", properties.build())
        .build();
    // The name is set by nobody else.
    let _ = camera.imp().name.set(name.to_owned());
    Some(camera.upcast())
}

#[derive(Default)]
pub struct CameraImp {
    name: OnceLock<String>,
}

#[glib::object_subclass]
impl ObjectSubclass for CameraImp {
    const NAME: &'static str = "GstFakeCamera";
    type Type = FakeCamera;
    type ParentType = gst::Device;
}

impl ObjectImpl for CameraImp {}
impl GstObjectImpl for CameraImp {}

impl DeviceImpl for CameraImp {
    fn create_element(&self, name: Option<&str>) -> Result<gst::Element, gst::LoggableError> {
        let builder = gst::ElementFactory::make("fakecamerasrc")
            .property("device", self.name.get())
            .name_if_some(name);
        Ok(builder.build()?)
    }
}
