// SPDX-License-Identifier: MPL-2.0
//! The kinds of camera. What the property `camera` means is decided here, once; nobody else tells them apart.

mod controls;
mod errors;
mod file;
mod found;
mod libcamera;
mod mode;
mod monitor;
mod named;
mod native;
mod pipewire;
mod rtsp;
mod test;
mod v4l2;
mod values;

pub use found::{Found, Mode, cameras};

use std::{fmt::Debug, sync::Arc};

use gst::{glib, prelude::*};

use super::outlet::Outlets;

/// A camera that can be opened.
pub(crate) trait Device: Debug + Send + Sync {
    /// As the user wrote it and the bus messages show it.
    fn name(&self) -> &str;

    /// The mode that it will have under what downstream allows, if that is known before it is opened.
    fn known_mode(&self, allowed: &gst::Caps) -> Option<gst::Caps>;

    /// Puts into its pipeline, which is closed so far, whatever it takes from the device to the outlets.
    fn build(&self, pipeline: &gst::Pipeline, outlets: &Outlets) -> Result<(), glib::BoolError>;
}

/// Why a text names no camera. Names the fix.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DeviceError {
    #[error(
        "camera={0}: give camera=test or camera=file:///PATH. For a USB or Pi camera put v4l2src or libcamerasrc in place of portholesrc, as in pipelines/20-usb-camera.launch and 21-pi-camera.launch"
    )]
    Unknown(String),
    #[error(
        "camera={0}: a file needs its whole path, with three slashes: camera=file:///home/pi/road.mp4"
    )]
    Relative(String),
    #[error(
        "camera={0}: there is no such file, or it may not be read; check the path and its permissions"
    )]
    Missing(String),
}

/// The camera that the property names.
pub(crate) fn parse(text: &str) -> Result<Arc<dyn Device>, DeviceError> {
    if text == test::NAME {
        return Ok(Arc::new(test::TestCamera));
    }
    if text.starts_with("file:") {
        return Ok(Arc::new(file::FileCamera::parse(text)?));
    }
    Err(DeviceError::Unknown(text.to_owned()))
}

fn make(factory: &str) -> Result<gst::Element, glib::BoolError> {
    gst::ElementFactory::make(factory).build()
}

/// Adds elements and links them in a row.
fn chain(pipeline: &gst::Pipeline, elements: &[&gst::Element]) -> Result<(), glib::BoolError> {
    pipeline.add_many(elements)?;
    gst::Element::link_many(elements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_the_test_camera_or_a_file_that_is_there() {
        let here = format!("file://{}/Cargo.toml", env!("CARGO_MANIFEST_DIR"));
        for text in ["test", &here] {
            assert_eq!(parse(text).unwrap().name(), text);
        }
    }

    #[test]
    fn everything_else_says_what_to_do() {
        let error = |text: &str| parse(text).unwrap_err();
        let unknown = |text: &str| DeviceError::Unknown(text.into());
        assert_eq!(error("/dev/video0"), unknown("/dev/video0"));
        assert_eq!(error(""), unknown(""));
        assert_eq!(error("test "), unknown("test "));
        let relative = |text: &str| DeviceError::Relative(text.into());
        assert_eq!(error("file://x.mp4"), relative("file://x.mp4"));
        assert_eq!(error("file:x.mp4"), relative("file:x.mp4"));
        let missing = |text: &str| DeviceError::Missing(text.into());
        assert_eq!(error("file:///no/such.mp4"), missing("file:///no/such.mp4"));
        assert_eq!(error("file:///"), missing("file:///"));
    }
}
