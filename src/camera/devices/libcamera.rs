// SPDX-License-Identifier: MPL-2.0
//! A camera that libcamera drives, as those of a Raspberry Pi.

use super::native;
use crate::camera::problem::{Problem, Reason};

/// How ids begin: cameras in the device tree, and those that ACPI describes, USB ones among them.
const BEGINNINGS: [&str; 2] = ["/base/", "\\_SB_"];

#[derive(Debug)]
pub(super) struct Libcamera {
    pub(super) id: String,
    /// As its provider tells them: the element says nothing of them before it runs.
    pub(super) caps: gst::Caps,
}

impl native::Kind for Libcamera {
    fn element(&self) -> Result<gst::Element, Problem> {
        let made = gst::ElementFactory::make("libcamerasrc").property("camera-name", &self.id);
        made.build().map_err(|_| missing_plugin())
    }

    fn caps(&self) -> Option<gst::Caps> {
        Some(self.caps.clone())
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
