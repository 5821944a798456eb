// SPDX-License-Identifier: MPL-2.0
//! A camera that PipeWire hands out, as on desktops where it owns them, and virtual ones.

use std::path::{Path, PathBuf};

use gst::prelude::*;

use super::{
    microphone::{self, Own},
    native,
};
use crate::camera::problem::{Problem, Reason};

const COPY: &str = "always-copy";

#[derive(Debug)]
pub(super) struct PipeWire {
    pub(super) device: gst::Device,
}

impl native::Kind for PipeWire {
    fn element(&self) -> Result<gst::Element, Problem> {
        let element = native::element_of(&self.device).map_err(|problem| {
            let is_there = gst::ElementFactory::find("pipewiresrc").is_some();
            match is_there {
                true => problem,
                false => missing_plugin(),
            }
        })?;
        // Pictures that are its own memory outlive neither the stream nor the camera, and whoever still looks at one ends the process
        // (docs/upstream.md).
        if element.find_property(COPY).is_some() {
            element.set_property(COPY, true);
        }
        Ok(element)
    }

    /// Who owns the camera owns its microphone.
    fn microphone(&self) -> Own {
        let properties = self.device.properties();
        let properties = properties.unwrap_or_else(|| gst::Structure::new_empty("properties"));
        Own {
            path: path(&properties),
            usb: None,
            bus: microphone::bus(&properties),
            is_served: true,
        }
    }

    /// Its element knows only once it runs.
    fn caps(&self) -> Option<gst::Caps> {
        self.device.caps()
    }
}

fn missing_plugin() -> Problem {
    let text = "pipewiresrc is missing: install the package gstreamer1.0-pipewire";
    Problem::new(Reason::Failed, text)
}

/// The name that stays when PipeWire starts again, as numbers do not.
pub(super) fn name(properties: &gst::StructureRef) -> Option<String> {
    properties.get("node.name").ok()
}

/// The device that it hands on, if it has one.
pub(super) fn path(properties: &gst::StructureRef) -> Option<PathBuf> {
    let path = properties.get::<String>("api.v4l2.path").ok();
    let object = || {
        let object = properties.get::<String>("object.path").ok()?;
        Some(object.strip_prefix("v4l2:")?.to_owned())
    };
    let path = path.or_else(object)?;
    Some(Path::new(&path).to_owned())
}

/// The id of the camera that it has from libcamera, if it has it from there.
pub(super) fn libcamera_id(properties: &gst::StructureRef) -> Option<String> {
    let id = properties.get::<String>("api.libcamera.path").ok();
    let object = || {
        let object = properties.get::<String>("object.path").ok()?;
        Some(object.strip_prefix("libcamera:")?.to_owned())
    };
    id.or_else(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(text: &str) -> gst::Structure {
        gst::init().unwrap();
        format!("properties,{text}").parse().unwrap()
    }

    #[test]
    fn the_device_behind_a_node_is_found() {
        for text in [
            "api.v4l2.path=/dev/video1",
            "object.path=\"v4l2:/dev/video1\"",
        ] {
            assert_eq!(
                path(&properties(text)),
                Some("/dev/video1".into()),
                "{text}"
            );
        }
        assert_eq!(path(&properties("object.path=\"libcamera:/base/x\"")), None);
    }

    #[test]
    fn the_camera_of_libcamera_behind_a_node_is_found() {
        let found = libcamera_id(&properties("object.path=\"libcamera:/base/x\""));
        assert_eq!(found.as_deref(), Some("/base/x"));
        assert_eq!(
            libcamera_id(&properties("object.path=\"v4l2:/dev/video1\"")),
            None
        );
    }
}
