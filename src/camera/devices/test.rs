// SPDX-License-Identifier: MPL-2.0
//! The test camera: a moving pattern and a ticking sound.

use std::sync::Arc;

use gst::{glib, prelude::*};

use super::{
    elements::{chain, expose, make},
    errors::DeviceError,
    select::{mode_as_asked, usual},
};
use crate::camera::{
    caps,
    device::{Device, Request, Source},
    problem::{Problem, Reason},
};

pub(super) const NAME: &str = "test";
pub(super) const WITH_PATTERN: &str = "test:";

const PATTERN: &str = "smpte";

/// What stands in the picture where a camera was looked for in vain.
const NO_CAMERA: &str = "No camera found: this is a test pattern";

#[derive(Debug)]
pub(super) struct TestCamera {
    name: String,
    pattern: String,
    /// Stands in for a camera, and says so.
    is_fallback: bool,
}

impl Default for TestCamera {
    fn default() -> Self {
        Self {
            name: NAME.into(),
            pattern: PATTERN.into(),
            is_fallback: false,
        }
    }
}

impl TestCamera {
    /// Reads the part of `test:PATTERN` that names the pattern: one of `videotestsrc`'s.
    pub(super) fn parse(pattern: &str) -> Result<Self, DeviceError> {
        let names = patterns();
        if names.is_empty() || names.iter().any(|name| name == pattern) {
            return Ok(Self {
                name: format!("{WITH_PATTERN}{pattern}"),
                pattern: pattern.to_owned(),
                is_fallback: false,
            });
        }
        Err(DeviceError::Pattern(
            format!("{WITH_PATTERN}{pattern}"),
            names.join(", "),
        ))
    }

    /// The one that is shown where there is no camera.
    pub(super) fn fallback() -> Arc<dyn Device> {
        Arc::new(Self {
            is_fallback: true,
            ..Self::default()
        })
    }

    fn bin(&self, request: &Request) -> Result<gst::Bin, glib::BoolError> {
        let no_mode = || glib::bool_error!("no mode");
        let bin = gst::Bin::new();
        let pattern = gst::ElementFactory::make("videotestsrc")
            .property("is-live", true)
            .property_from_str("pattern", &self.pattern)
            .build()?;
        let filter = make("capsfilter")?;
        if request.asked.encoded {
            encode(&bin, &pattern, &filter, request)?;
        } else {
            filter.set_property("caps", mode_as_asked(request).ok_or_else(no_mode)?);
            chain(&bin, &[&pattern, &filter])?;
        }
        if self.is_fallback && !request.asked.encoded {
            // By its factory, as any other element would be used.
            let words = gst::ElementFactory::make("portholeoverlay")
                .property("text", NO_CAMERA)
                .property_from_str("position", "center")
                .build()?;
            bin.add(&words)?;
            filter.link(&words)?;
            expose(&bin, &words, "video")?;
        } else {
            expose(&bin, &filter, "video")?;
        }
        if request.sound {
            let ticks = gst::ElementFactory::make("audiotestsrc")
                .property("is-live", true)
                .property_from_str("wave", "ticks")
                .build()?;
            let filter = make("capsfilter")?;
            filter.set_property("caps", caps::sound());
            chain(&bin, &[&ticks, &filter])?;
            expose(&bin, &filter, "audio")?;
        }
        Ok(bin)
    }
}

/// A camera that encodes by itself, as far as a pattern can be one.
fn encode(
    bin: &gst::Bin,
    pattern: &gst::Element,
    filter: &gst::Element,
    request: &Request,
) -> Result<(), glib::BoolError> {
    let asked = usual(&request.asked);
    let raw = gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", asked.width)
        .field("height", asked.height)
        .field("framerate", asked.framerate)
        .build();
    let size = gst::ElementFactory::make("capsfilter")
        .property("caps", raw)
        .build()?;
    let encoder = gst::ElementFactory::make("x264enc")
        .property_from_str("tune", "zerolatency")
        .property_from_str("speed-preset", "ultrafast")
        .property("key-int-max", 60_u32)
        .build()?;
    let profile = gst::ElementFactory::make("capsfilter")
        .property(
            "caps",
            gst::Caps::builder("video/x-h264")
                .field("profile", "constrained-baseline")
                .build(),
        )
        .build()?;
    let parser = gst::ElementFactory::make("h264parse")
        .property("config-interval", -1_i32)
        .build()?;
    filter.set_property("caps", caps::h264());
    chain(bin, &[pattern, &size, &encoder, &profile, &parser, filter])
}

/// The patterns of `videotestsrc`.
fn patterns() -> Vec<String> {
    make("videotestsrc")
        .ok()
        .and_then(|element| element.find_property("pattern"))
        .and_then(|property| glib::EnumClass::with_type(property.value_type()))
        .map(|class| class.values().iter().map(|v| v.nick().to_owned()).collect())
        .unwrap_or_default()
}

impl Device for TestCamera {
    fn name(&self) -> &str {
        &self.name
    }

    fn known_mode(&self, request: &Request) -> Option<gst::Caps> {
        mode_as_asked(request)
    }

    fn has_sound(&self) -> bool {
        true
    }

    fn build(&self, request: &Request) -> Result<Source, Problem> {
        let failed = |error: glib::BoolError| {
            Problem::new(
                Reason::Failed,
                format!(
                    "the test pattern cannot be made: {error}; what follows portholesrc has to take raw video, put videoconvert behind it"
                ),
            )
        };
        let bin = self.bin(request).map_err(failed)?;
        Ok(Source {
            bin,
            paced: false,
            device: self.name.clone(),
            warning: self.is_fallback.then(|| {
                "camera=auto: there is no camera, so a test pattern is shown; scripts/cameras lists what there is, and \
                 camera=test says that the pattern is meant"
                    .into()
            }),
            microphone: None,
            path: None,
            handles: Box::new(()),
        })
    }
}

#[cfg(test)]
mod tests {
    use gst_video::VideoOrientationMethod;

    use super::*;
    use crate::camera::settings::Settings;

    fn mode(allowed: &str) -> Option<String> {
        gst::init().unwrap();
        let request = Request {
            asked: Settings::default().asked(),
            allowed: allowed.parse().unwrap(),
            settled: None,
            sound: false,
            controls: None,
            direction: VideoOrientationMethod::Identity,
        };
        let mode = TestCamera::default().known_mode(&request);
        mode.map(|mode| mode.to_string())
    }

    #[test]
    fn the_test_camera_is_720p30_if_downstream_leaves_the_choice() {
        let mode = mode(
            "video/x-raw,format={NV12,I420},width=[1,9999],height=[1,9999],framerate=[0/1,240/1]",
        )
        .unwrap();
        for part in [
            "I420",
            "width=(int)1280",
            "height=(int)720",
            "framerate=(fraction)30/1",
        ] {
            assert!(mode.contains(part), "{part} in {mode}");
        }
    }

    #[test]
    fn the_test_camera_follows_what_downstream_asks() {
        let mode = mode("video/x-raw,format=NV12,width=320,height=240,framerate=10/1").unwrap();
        for part in [
            "NV12",
            "width=(int)320",
            "height=(int)240",
            "framerate=(fraction)10/1",
        ] {
            assert!(mode.contains(part), "{part} in {mode}");
        }
    }

    #[test]
    fn the_test_camera_has_no_mode_where_downstream_takes_nothing() {
        assert_eq!(mode("EMPTY"), None);
    }
}
