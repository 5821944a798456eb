// SPDX-License-Identifier: MPL-2.0
//! A camera that libcamera drives, as those of a Raspberry Pi.

pub(super) mod manager;

use gst::{glib, prelude::*};

use super::{controls::Properties, microphone::Own, native};
use crate::camera::{
    device::Handles,
    problem::{Problem, Reason},
};

/// How ids begin: cameras in the device tree, and those that ACPI describes, USB ones among them.
const BEGINNINGS: [&str; 2] = ["/base/", "\\_SB_"];

/// The property of newer versions, which leave it alone where the camera has no motor, and a part of its value's name.
const FOCUS: &str = "af-mode";
const CONTINUOUS: &str = "continuous";

#[derive(Debug)]
pub(super) struct Libcamera {
    pub(super) id: String,
    /// As its provider tells them: the element says nothing of them before it runs.
    pub(super) caps: gst::Caps,
}

impl native::Kind for Libcamera {
    fn element(&self) -> Result<gst::Element, Problem> {
        if let Some(element) = manager::take(&self.id) {
            return Ok(element);
        }
        let made = gst::ElementFactory::make("libcamerasrc").property("camera-name", &self.id);
        let element = made.build().map_err(|_| missing_plugin())?;
        focus_by_itself(&element);
        manager::watch(&element);
        Ok(element)
    }

    fn closer(&self) -> Option<native::Closer> {
        let (id, user) = (self.id.clone(), manager::User::new());
        Some(Box::new(move |element| manager::close(id, element, user)))
    }

    fn caps(&self) -> Option<gst::Caps> {
        Some(self.caps.clone())
    }

    /// Of a USB camera; others have none.
    fn microphone(&self) -> Own {
        let usb = usb_ids(&self.id);
        Own {
            usb: usb.map(|(vendor, product)| (vendor.to_owned(), product.to_owned())),
            ..Own::default()
        }
    }

    fn handles(&self, element: &gst::Element) -> Box<dyn Handles> {
        Box::new(Properties::of_one_that_writes(element.clone()))
    }

    /// To a rate that the sensor's mode has, which nobody tells before.
    fn adjusts(&self) -> bool {
        true
    }
}

/// Has a camera with a motor for its lens keep what it sees sharp, where nobody says otherwise: by itself it stays as it stands.
fn focus_by_itself(element: &gst::Element) {
    let Some(property) = element.find_property(FOCUS) else {
        return;
    };
    let class = glib::EnumClass::with_type(property.value_type());
    let nick = class.as_ref().and_then(|class| {
        let mut values = class.values().iter();
        values.find(|value| value.nick().contains(CONTINUOUS))
    });
    if let Some(nick) = nick {
        element.set_property_from_str(FOCUS, nick.nick());
    }
}

pub(super) fn is_installed() -> bool {
    gst::ElementFactory::find("libcamerasrc").is_some()
}

pub(super) fn missing_plugin() -> Problem {
    let text = "libcamerasrc is missing: install the package gstreamer1.0-libcamera";
    Problem::new(Reason::Failed, text)
}

/// Whether a text is an id of libcamera's.
pub(super) fn is_id(text: &str) -> bool {
    BEGINNINGS
        .iter()
        .any(|beginning| text.starts_with(beginning))
}

/// Vendor and product in the id of a USB camera, which ends in `-046d:0825`.
pub(super) fn usb_ids(id: &str) -> Option<(&str, &str)> {
    let (_, ids) = id.rsplit_once('-')?;
    let (vendor, product) = ids.split_once(':')?;
    let is_hex = |text: &str| text.len() == 4 && text.chars().all(|c| c.is_ascii_hexdigit());
    (is_hex(vendor) && is_hex(product)).then_some((vendor, product))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_other_names() {
        assert!(is_id("/base/soc/i2c0mux/i2c@1/imx219@10"));
        assert!(is_id("\\_SB_.PCI0.XHC_.RHUB.HS06-6:1.0-5986:2113"));
        assert!(!is_id("/dev/video0") && !is_id("Logitech C505e"));
    }

    #[test]
    fn a_usb_camera_is_known_by_vendor_and_product() {
        let id = "\\_SB_.PCI0.XHC_.RHUB.HS06-6:1.0-5986:2113";
        assert_eq!(usb_ids(id), Some(("5986", "2113")));
        assert_eq!(usb_ids("/base/soc/i2c0mux/i2c@1/imx219@10"), None);
    }
}
