// SPDX-License-Identifier: MPL-2.0
//! The test camera: a moving pattern and a ticking sound.

use gst::{glib, prelude::*};

use super::{Device, chain};
use crate::camera::outlet::Outlets;

pub(super) const NAME: &str = "test";

/// What it shows if downstream leaves the choice.
const WIDTH: i32 = 1280;
const HEIGHT: i32 = 720;
const RATE: gst::Fraction = gst::Fraction::from_integer(30);

#[derive(Debug)]
pub(super) struct TestCamera;

impl Device for TestCamera {
    fn name(&self) -> &str {
        NAME
    }

    fn known_mode(&self, allowed: &gst::Caps) -> Option<gst::Caps> {
        let mut mode = allowed.to_owned();
        mode.truncate();
        {
            let structure = mode.make_mut().structure_mut(0)?;
            structure.fixate_field_str("format", "I420");
            structure.fixate_field_nearest_int("width", WIDTH);
            structure.fixate_field_nearest_int("height", HEIGHT);
            structure.fixate_field_nearest_fraction("framerate", RATE);
        }
        mode.fixate();
        Some(mode)
    }

    fn build(&self, pipeline: &gst::Pipeline, outlets: &Outlets) -> Result<(), glib::BoolError> {
        let mode = self
            .known_mode(outlets.allowed())
            .ok_or_else(|| glib::bool_error!("no mode"))?;
        let pattern = gst::ElementFactory::make("videotestsrc")
            .property("is-live", true)
            .build()?;
        let sink = outlets.video(&mode, false);
        chain(pipeline, &[&pattern, sink.upcast_ref()])?;
        if let Some(sink) = outlets.audio(false) {
            let ticks = gst::ElementFactory::make("audiotestsrc")
                .property("is-live", true)
                .property_from_str("wave", "ticks")
                .build()?;
            chain(pipeline, &[&ticks, sink.upcast_ref()])?;
            outlets.sound_is_there();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(allowed: &str) -> String {
        gst::init().unwrap();
        let mode = TestCamera.known_mode(&allowed.parse().unwrap());
        mode.unwrap().to_string()
    }

    #[test]
    fn the_test_camera_is_720p30_if_downstream_leaves_the_choice() {
        let mode = mode(
            "video/x-raw,format={NV12,I420},width=[1,9999],height=[1,9999],framerate=[0/1,240/1]",
        );
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
        let mode = mode("video/x-raw,format=NV12,width=320,height=240,framerate=10/1");
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
        gst::init().unwrap();
        assert_eq!(TestCamera.known_mode(&gst::Caps::new_empty()), None);
    }
}
