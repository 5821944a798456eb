// SPDX-License-Identifier: MPL-2.0
//! The kinds of camera. What the property `camera` means is decided here, once; nobody else tells them apart.

mod controls;
mod discover;
mod elements;
pub(crate) mod errors;
mod file;
mod libcamera;
pub(crate) mod microphone;
mod native;
mod pipewire;
mod rtsp;
mod select;
mod test;
mod v4l2;

pub use discover::{Control, Found, Mode, cameras};
pub(in crate::camera) use select::mode_as_asked;

use std::sync::Arc;

use errors::DeviceError;
use rtsp::RtspCamera;

use super::device::Device;

/// The camera that the property names. Whether it is there shows when it is opened.
pub(crate) fn parse(text: &str) -> Result<Arc<dyn Device>, DeviceError> {
    if text == test::NAME {
        return Ok(Arc::new(test::TestCamera::default()));
    }
    if let Some(pattern) = text.strip_prefix(test::WITH_PATTERN) {
        return Ok(Arc::new(test::TestCamera::parse(pattern)?));
    }
    if text.starts_with("file:") {
        return Ok(Arc::new(file::FileCamera::parse(text)?));
    }
    if RtspCamera::is_meant(text) {
        let camera = RtspCamera::parse(text).map_err(DeviceError::Rtsp)?;
        return Ok(Arc::new(camera));
    }
    Ok(discover::named(text, test::TestCamera::fallback()))
}

/// The name of a camera as it may be shown.
pub(crate) fn without_password(text: &str) -> String {
    match RtspCamera::is_meant(text) {
        true => RtspCamera::without_password(text),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_the_test_camera_or_a_file() {
        gst::init().unwrap();
        for text in ["test", "test:ball", "file:///no/such.mp4"] {
            assert_eq!(parse(text).unwrap().name(), text);
        }
    }

    #[test]
    fn what_is_misspelt_says_what_to_do() {
        gst::init().unwrap();
        let error = |text: &str| parse(text).unwrap_err();
        let relative = |text: &str| DeviceError::Relative(text.into());
        assert_eq!(error("file://x.mp4"), relative("file://x.mp4"));
        assert_eq!(error("file:x.mp4"), relative("file:x.mp4"));
        let text = error("test:nonsense").to_string();
        assert!(text.contains("smpte") && text.contains("ball"), "{text}");
    }
}
