// SPDX-License-Identifier: MPL-2.0
//! The microphones that a sound server hands out, such as PipeWire's: each provider of GStreamer's is asked once, and none is kept
//! running.

use gst::prelude::*;

use super::stamp_by_the_clock;
use crate::camera::{
    device::{OpenMicrophone, Timing},
    problem::{Problem, Reason},
};

const CLASS: &str = "Audio/Source";
/// What a loudspeaker plays is no microphone.
const MONITOR: &str = "monitor";
/// Which number ALSA has for the card, as different servers write it.
const CARDS: [&str; 3] = ["alsa.card", "api.alsa.card", "api.alsa.pcm.card"];
const BUS: &str = "device.bus-path";

/// A microphone.
#[derive(Debug)]
pub(super) struct Node {
    /// The one that stays when the server starts again, if it has one.
    pub(super) name: String,
    /// For people.
    label: String,
    card: Option<u32>,
    bus: Option<String>,
    device: Option<gst::Device>,
}

/// All that there are. Blocks.
pub(super) fn all() -> Vec<Node> {
    let factories = gst::DeviceProviderFactory::factories(gst::Rank::MARGINAL);
    let mut factories: Vec<_> = factories.iter().collect();
    // A PulseAudio server may be PipeWire's.
    factories.sort_by_key(|factory| !factory.name().contains("pipewire"));
    let providers = factories
        .iter()
        .filter(|factory| factory.has_classes(Some(CLASS)))
        .filter_map(|factory| factory.get());
    let devices = providers.flat_map(|provider| provider.devices());
    devices
        .filter(|device| device.has_classes(CLASS))
        .filter_map(node)
        .collect()
}

fn node(device: gst::Device) -> Option<Node> {
    let properties = device.properties();
    let properties = properties.unwrap_or_else(|| gst::Structure::new_empty("properties"));
    let mut node = describe(&device.display_name(), &properties)?;
    node.device = Some(device);
    Some(node)
}

/// What a server's properties say; nothing of what is no microphone.
fn describe(label: &str, properties: &gst::StructureRef) -> Option<Node> {
    let text = |name: &str| properties.get::<String>(name).ok();
    let number = |name: &&str| match properties.get::<String>(*name) {
        Ok(text) => text.parse().ok(),
        Err(_) => u32::try_from(properties.get::<i32>(*name).ok()?).ok(),
    };
    let is_monitor = text("device.class").is_some_and(|class| class == MONITOR)
        || text("stream.monitor").is_some_and(|is| is == "true");
    let node = Node {
        name: text("node.name").unwrap_or_else(|| label.to_owned()),
        label: label.to_owned(),
        card: CARDS.iter().find_map(number),
        bus: text(BUS),
        device: None,
    };
    (!is_monitor).then_some(node)
}

/// Where a camera is plugged in, as its server says it.
pub(in crate::camera::devices) fn bus(properties: &gst::StructureRef) -> Option<String> {
    properties.get(BUS).ok()
}

/// The USB device of udev's path of an interface: `pci-0000:00:14.0-usb-0:4:1.2` is the third of that at `0:4`.
fn usb_device(bus: &str) -> Option<&str> {
    let (device, interface) = bus.rsplit_once(':')?;
    let is_interface = interface.split('.').all(|part| part.parse::<u32>().is_ok());
    (is_interface && device.contains("usb-")).then_some(device)
}

impl Node {
    /// Whether it is of this sound card, or of the USB device at this place.
    pub(super) fn belongs_to(&self, card: Option<u32>, bus: Option<&str>) -> bool {
        let same_card = card.is_some() && card == self.card;
        let device = bus.and_then(usb_device);
        same_card || (device.is_some() && device == self.bus.as_deref().and_then(usb_device))
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.label == name
    }

    pub(super) fn open(&self) -> Result<OpenMicrophone, Problem> {
        let element = self
            .device
            .as_ref()
            .map(|device| device.create_element(None));
        let Some(Ok(element)) = element else {
            let text = format!(
                "{}: its provider makes no element for it; check that the provider's GStreamer plugin is whole",
                self.name
            );
            return Err(Problem::new(Reason::Failed, text));
        };
        stamp_by_the_clock(&element);
        Ok(OpenMicrophone {
            element,
            name: self.name.clone(),
            timing: Timing::Arrival,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(properties: &str) -> Option<Node> {
        gst::init().unwrap();
        let properties: gst::Structure = format!("properties,{properties}").parse().unwrap();
        describe("C920", &properties)
    }

    #[test]
    fn a_node_is_known_by_the_card_that_it_is() {
        for card in [
            "alsa.card=(string)2",
            "api.alsa.pcm.card=(string)2",
            "api.alsa.card=2",
        ] {
            let node = described(card).unwrap();
            assert!(node.belongs_to(Some(2), None), "{card}");
            assert!(!node.belongs_to(Some(1), None) && !node.belongs_to(None, None));
        }
    }

    #[test]
    fn a_node_is_known_by_the_usb_device_that_it_is_a_part_of() {
        let node = described("device.bus-path=(string)pci-0000:00:14.0-usb-0:4:1.2").unwrap();
        assert!(node.belongs_to(None, Some("pci-0000:00:14.0-usb-0:4:1.0")));
        for other in [
            "pci-0000:00:14.0-usb-0:5:1.0",
            "pci-0000:00:1f.3",
            "platform-csi",
        ] {
            assert!(!node.belongs_to(None, Some(other)), "{other}");
        }
        let inside = described("device.bus-path=(string)pci-0000:00:1f.3").unwrap();
        assert!(!inside.belongs_to(None, Some("pci-0000:00:1f.3")));
    }

    #[test]
    fn what_a_loudspeaker_plays_is_no_microphone() {
        assert!(described("device.class=(string)monitor").is_none());
        assert!(described("stream.monitor=(string)true").is_none());
    }

    #[test]
    fn a_node_has_two_names() {
        let node = described("node.name=(string)alsa_input.usb-046d_C920").unwrap();
        assert!(node.is_called("alsa_input.usb-046d_C920") && node.is_called("C920"));
        assert!(!node.is_called("alsa_input"));
    }

    #[test]
    fn looking_leaves_no_provider_running() {
        gst::init().unwrap();
        let names = || all().into_iter().map(|node| node.name).collect::<Vec<_>>();
        assert_eq!(names(), names());
    }
}
