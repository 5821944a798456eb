// SPDX-License-Identifier: MPL-2.0
//! The kinds of camera. What the property `camera` means is decided here, once; nobody else tells them apart.

mod controls;
pub(crate) mod errors;
mod file;
mod found;
mod libcamera;
mod mode;
mod monitor;
mod named;
mod native;
mod pipewire;
mod plan;
mod rtsp;
mod test;
mod v4l2;
mod values;

pub use found::{Control, Found, Mode, cameras};

use std::sync::Arc;

use gst::{glib, prelude::*};

use rtsp::RtspCamera;

use super::{
    device::{Asked, Device, Request},
    settings,
};
use crate::frame::FORMATS;

/// Why a text names no camera. Names the fix.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DeviceError {
    #[error(
        "camera={0}: a file needs its whole path, with three slashes: camera=file:///home/pi/road.mp4"
    )]
    Relative(String),
    #[error("camera={0}: there is no such pattern; one of {1}")]
    Pattern(String, String),
    #[error("camera=rtsp:... is not understood: {0}")]
    Rtsp(String),
}

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
    Ok(named::named(text, test::TestCamera::fallback()))
}

/// The name of a camera as it may be shown.
pub(crate) fn without_password(text: &str) -> String {
    if !RtspCamera::is_meant(text) {
        return text.to_owned();
    }
    match RtspCamera::parse(text) {
        Ok(camera) => camera.name().to_owned(),
        Err(_) => "rtsp://***".into(),
    }
}

/// H.264 as it leaves portholesrc.
pub(crate) fn h264() -> gst::Caps {
    gst::Caps::builder("video/x-h264")
        .field("stream-format", "byte-stream")
        .field("alignment", "au")
        .build()
}

/// What is asked of a camera that has no mode of its own: what was left to it is as usual.
fn usual(asked: &Asked) -> Asked {
    let mut asked = asked.clone();
    if asked.width == 0 {
        asked.width = settings::WIDTH;
    }
    if asked.height == 0 {
        asked.height = settings::HEIGHT;
    }
    if asked.framerate.numer() == 0 {
        asked.framerate = settings::FRAMERATE;
    }
    asked
}

/// The mode of a camera that can have any: what is asked, as far as downstream takes it.
pub(crate) fn mode_as_asked(request: &Request) -> Option<gst::Caps> {
    let asked = usual(&request.asked);
    if let Some(settled) = &request.settled {
        return Some(settled.clone());
    }
    if asked.encoded {
        let mut mode = h264();
        {
            let structure = mode.make_mut().structure_mut(0)?;
            structure.set("width", asked.width);
            structure.set("height", asked.height);
            structure.set("framerate", asked.framerate);
        }
        return Some(mode);
    }
    let ours = gst_video::VideoCapsBuilder::new()
        .format_list(FORMATS.map(|(format, _)| format))
        .build();
    let mut mode = request.allowed.intersect(&ours);
    mode.truncate();
    {
        let structure = mode.make_mut().structure_mut(0)?;
        structure.fixate_field_str("format", asked.format.as_deref().unwrap_or("I420"));
        structure.fixate_field_nearest_int("width", asked.width);
        structure.fixate_field_nearest_int("height", asked.height);
        structure.fixate_field_nearest_fraction("framerate", asked.framerate);
        if !structure.has_field("pixel-aspect-ratio") {
            structure.set("pixel-aspect-ratio", gst::Fraction::new(1, 1));
        }
        structure.fixate_field_nearest_fraction("pixel-aspect-ratio", gst::Fraction::new(1, 1));
        structure.set("interlace-mode", "progressive");
    }
    mode.fixate();
    // With all that is implied, such as the colorimetry of its size, so that slate and picture cannot differ in it.
    gst_video::VideoInfo::from_caps(&mode).ok()?.to_caps().ok()
}

fn make(factory: &str) -> Result<gst::Element, glib::BoolError> {
    gst::ElementFactory::make(factory).build()
}

/// Adds elements and links them in a row.
fn chain(bin: &gst::Bin, elements: &[&gst::Element]) -> Result<(), glib::BoolError> {
    bin.add_many(elements)?;
    gst::Element::link_many(elements)
}

/// Gives the bin a source pad of this name, which is the element's.
fn expose(bin: &gst::Bin, element: &gst::Element, name: &str) -> Result<(), glib::BoolError> {
    let missing = || glib::bool_error!("no source pad");
    let target = element.static_pad("src").ok_or_else(missing)?;
    let pad = gst::GhostPad::builder_with_target(&target)?
        .name(name)
        .build();
    pad.set_active(true)?;
    bin.add_pad(&pad)
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
