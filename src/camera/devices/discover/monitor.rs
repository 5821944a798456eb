// SPDX-License-Identifier: MPL-2.0
//! Which cameras GStreamer's providers show, and which of those are one.

use std::{fs, path::PathBuf, sync::Arc};

use gst::prelude::*;

use crate::camera::{
    devices::{
        libcamera::{self, Libcamera},
        microphone::{self, Own},
        native,
        pipewire::{self, PipeWire},
        select::mode,
        v4l2::{self, V4l2},
    },
    problem::Problem,
};

const CLASS: &str = "Video/Source";
/// A screen is no camera, and what a sound card plays even less.
const NO_CAMERA: [&str; 2] = ["Monitor", "Screen"];
/// What it finds, v4l2 finds too.
const LEFT_OUT: &str = "uvch264deviceprovider";
/// Drivers of parts of a Raspberry Pi's camera, which give pictures to libcamera alone.
const PARTS: [&str; 7] = [
    "unicam",
    "rp1-cfe",
    "bcm2835-isp",
    "pispbe",
    "bcm2835-codec",
    "rpi-hevc-dec",
    "rpivid",
];

/// Who found a camera, the one that is asked first before the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Provider {
    Libcamera,
    V4l2,
    PipeWire,
    Other,
}

impl Provider {
    fn of(factory: &str) -> Self {
        match factory {
            "libcameraprovider" => Self::Libcamera,
            "v4l2deviceprovider" => Self::V4l2,
            "pipewiredeviceprovider" => Self::PipeWire,
            _ => Self::Other,
        }
    }
}

/// A camera that is there.
#[derive(Clone, Debug)]
pub(super) struct Camera {
    pub(super) provider: Provider,
    /// For people; several may have the same.
    pub(super) name: String,
    /// How `camera` names it.
    pub(super) spelling: String,
    /// Its modes.
    pub(super) caps: gst::Caps,
    pub(super) kind: Arc<dyn native::Kind>,
}

/// What a provider says of a camera, as far as it tells whether two are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Traits {
    path: Option<PathBuf>,
    /// Of vendor and product.
    usb: Option<(String, String)>,
    libcamera: Option<String>,
}

impl Traits {
    fn is_same(&self, other: &Self) -> bool {
        fn same<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            one.is_some() && one == other
        }
        same(self.path.as_ref(), other.path.as_ref())
            || same(self.libcamera.as_ref(), other.libcamera.as_ref())
    }

    /// A USB camera whose path only one side knows: two of a kind make two pairs.
    fn may_be_same(&self, other: &Self) -> bool {
        let unknown = self.path.is_none() || other.path.is_none();
        unknown && self.usb.is_some() && self.usb == other.usb
    }
}

/// The cameras that are there, in the order in which `auto` tries them. Asks every provider. Blocks.
pub(super) fn cameras() -> Vec<Camera> {
    sorted(providers().into_iter().flat_map(ask).collect())
}

/// The providers that may know cameras.
pub(super) fn providers() -> Vec<(Provider, gst::DeviceProvider)> {
    let factories = gst::DeviceProviderFactory::factories(gst::Rank::MARGINAL);
    let factories = factories
        .iter()
        .filter(|factory| factory.has_classes(Some(CLASS)) && factory.name() != LEFT_OUT);
    let named = |factory: &gst::DeviceProviderFactory| {
        Some((Provider::of(&factory.name()), factory.get()?))
    };
    factories.filter_map(named).collect()
}

/// The cameras of a provider.
pub(super) fn ask((who, provider): (Provider, gst::DeviceProvider)) -> Vec<Seen> {
    // Its manager must not be there while one of its cameras is opened anew.
    let _user = (who == Provider::Libcamera).then(libcamera::manager::User::new);
    let devices = provider.devices();
    let cameras: Vec<Seen> = devices
        .iter()
        .filter_map(|device| camera(who, device))
        .collect();
    if who == Provider::Libcamera {
        let ids: Vec<&str> = cameras
            .iter()
            .map(|(camera, _)| camera.name.as_str())
            .collect();
        libcamera::manager::keep_only(&ids);
    }
    cameras
}

/// In the order in which `auto` tries them, each once.
pub(super) fn sorted(mut seen: Vec<Seen>) -> Vec<Camera> {
    seen.sort_by_key(|(camera, _)| camera.provider);
    once(seen)
}

/// A camera as a provider shows it.
pub(super) type Seen = (Camera, Traits);

fn camera(provider: Provider, device: &gst::Device) -> Option<Seen> {
    let is_camera =
        device.has_classes(CLASS) && !NO_CAMERA.iter().any(|class| device.has_classes(class));
    let caps = device.caps().filter(mode::is_usable)?;
    let properties = device.properties();
    let properties = properties.unwrap_or_else(|| gst::Structure::new_empty("properties"));
    if !is_camera || is_part(&properties) {
        return None;
    }
    let name = device.display_name().to_string();
    let traits = traits(provider, &name, &properties);
    let (spelling, kind): (String, Arc<dyn native::Kind>) = match (provider, &traits.path) {
        (Provider::Libcamera, _) => {
            let (id, caps) = (name.clone(), caps.clone());
            (name.clone(), Arc::new(Libcamera { id, caps }))
        }
        (Provider::V4l2, Some(path)) => {
            let path = v4l2::stable(path);
            (path.display().to_string(), Arc::new(V4l2(path)))
        }
        (Provider::PipeWire, _) => {
            let device = device.clone();
            let spelling = pipewire::name(&properties).unwrap_or_else(|| name.clone());
            (spelling, Arc::new(PipeWire { device }))
        }
        _ => (name.clone(), Arc::new(Other(device.clone()))),
    };
    let camera = Camera {
        provider,
        name,
        spelling,
        caps,
        kind,
    };
    Some((camera, traits))
}

fn is_part(properties: &gst::StructureRef) -> bool {
    let driver = properties.get::<&str>("v4l2.device.driver");
    driver.is_ok_and(|driver| PARTS.contains(&driver))
}

fn traits(provider: Provider, name: &str, properties: &gst::StructureRef) -> Traits {
    let text = |name: &str| properties.get::<String>(name).ok();
    // Written 0x046d by some, 046d by others.
    let hex = |name: &str| text(name).map(|id| id.trim_start_matches("0x").to_lowercase());
    let usb = || hex("device.vendor.id").zip(hex("device.product.id"));
    match provider {
        Provider::Libcamera => Traits {
            path: None,
            usb: libcamera::usb_ids(name)
                .map(|(vendor, product)| (vendor.to_lowercase(), product.to_lowercase())),
            libcamera: Some(name.to_owned()),
        },
        Provider::V4l2 => Traits {
            path: text("device.path")
                .or_else(|| text("api.v4l2.path"))
                .map(PathBuf::from),
            usb: usb(),
            libcamera: None,
        },
        Provider::PipeWire => Traits {
            path: pipewire::path(properties),
            usb: usb(),
            libcamera: pipewire::libcamera_id(properties),
        },
        Provider::Other => Traits::default(),
    }
}

/// Leaves out what an earlier provider has found too.
fn once(found: Vec<Seen>) -> Vec<Camera> {
    let mut kept: Vec<(Camera, Vec<Traits>)> = Vec::new();
    for (camera, mut traits) in found {
        traits.path = traits
            .path
            .map(|path| fs::canonicalize(&path).unwrap_or(path));
        let others = || 0..kept.len();
        let is_other = |place: &usize| kept[*place].0.provider != camera.provider;
        let by_path = others().filter(is_other).find(|place| {
            let (_, known) = &kept[*place];
            known.iter().any(|known| known.is_same(&traits))
        });
        // Each camera is shown at most once by a provider, so one that has its twin there takes no second.
        let by_usb = || {
            others().filter(is_other).find(|place| {
                let (other, known) = &kept[*place];
                let twinned = known.iter().any(|known| known.path.is_some());
                other.provider == Provider::Libcamera
                    && !twinned
                    && known.iter().any(|known| known.may_be_same(&traits))
            })
        };
        match by_path.or_else(by_usb) {
            Some(place) => kept[place].1.push(traits),
            None => kept.push((camera, vec![traits])),
        }
    }
    kept.into_iter().map(|(camera, _)| camera).collect()
}

/// A camera of a provider that is not known here.
#[derive(Debug)]
struct Other(gst::Device);

impl native::Kind for Other {
    fn element(&self) -> Result<gst::Element, Problem> {
        native::element_of(&self.0)
    }

    fn microphone(&self) -> Own {
        let properties = self.0.properties();
        Own {
            bus: properties.and_then(|properties| microphone::bus(&properties)),
            ..Own::default()
        }
    }

    /// One that names no rate takes any, and gives what it can.
    fn adjusts(&self) -> bool {
        let caps = self.0.caps();
        caps.is_some_and(|caps| caps.iter().all(|mode| !mode.has_field("framerate")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(provider: Provider, name: &str, properties: &str) -> (Camera, Traits) {
        gst::init().unwrap();
        let properties: gst::Structure = format!("properties,{properties}").parse().unwrap();
        let camera = Camera {
            provider,
            name: name.into(),
            spelling: name.into(),
            caps: gst::Caps::new_any(),
            kind: Arc::new(V4l2(name.into())),
        };
        let traits = traits(provider, name, &properties);
        (camera, traits)
    }

    fn names(found: Vec<(Camera, Traits)>) -> Vec<String> {
        once(found).into_iter().map(|camera| camera.name).collect()
    }

    #[test]
    fn a_camera_that_v4l2_and_pipewire_show_is_there_once() {
        let names = names(vec![
            found(Provider::V4l2, "v4l2", "device.path=/dev/video98"),
            found(Provider::PipeWire, "node", "api.v4l2.path=/dev/video98"),
            found(Provider::PipeWire, "virtual", "node.name=virtual"),
        ]);
        assert_eq!(names, ["v4l2", "virtual"]);
    }

    #[test]
    fn two_usb_cameras_of_a_kind_stay_two_whoever_shows_them() {
        const IDS: &str = "device.vendor.id=(string)0x5986,device.product.id=(string)2113";
        let v4l2 = |path| found(Provider::V4l2, path, &format!("device.path={path},{IDS}"));
        let libcamera = |id| found(Provider::Libcamera, id, "a=1");
        let names = names(vec![
            libcamera("\\_SB_.PCI0.HS06-6:1.0-5986:2113"),
            libcamera("\\_SB_.PCI0.HS07-7:1.0-5986:2113"),
            v4l2("/dev/video96"),
            v4l2("/dev/video97"),
            v4l2("/dev/video98"),
        ]);
        assert_eq!(names.len(), 3);
        assert_eq!(names[2], "/dev/video98");
    }

    #[test]
    fn what_libcamera_shows_through_pipewire_is_there_once() {
        let names = names(vec![
            found(Provider::Libcamera, "/base/imx219", "a=1"),
            found(
                Provider::PipeWire,
                "node",
                "object.path=\"libcamera:/base/imx219\"",
            ),
        ]);
        assert_eq!(names, ["/base/imx219"]);
    }

    #[test]
    fn cameras_of_one_provider_are_never_the_same() {
        let fake = |name| found(Provider::Other, name, "a=1");
        assert_eq!(names(vec![fake("a"), fake("a")]).len(), 2);
    }

    #[test]
    fn parts_of_a_pi_camera_are_no_cameras() {
        gst::init().unwrap();
        let part: gst::Structure = "p,v4l2.device.driver=unicam".parse().unwrap();
        let whole: gst::Structure = "p,v4l2.device.driver=uvcvideo".parse().unwrap();
        assert!(is_part(&part) && !is_part(&whole));
    }

    #[test]
    fn looking_leaves_no_provider_running_and_finds_the_same_twice() {
        gst::init().unwrap();
        let spell = || {
            cameras()
                .into_iter()
                .map(|camera| camera.spelling)
                .collect::<Vec<_>>()
        };
        assert_eq!(spell(), spell());
    }
}
