// SPDX-License-Identifier: MPL-2.0
//! `portholesrc` with real cameras, in the machine that `scripts/test-camera` boots: the kernel's V4L2 test driver vivid behind the real
//! `v4l2src`, and libcamera's camera without a sensor behind the real `libcamerasrc`. Pictures are looked at, not states alone.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

#[path = "../common/mod.rs"]
mod common;

mod libcamera;
mod picture;
mod pipewire;
mod sound;
mod v4l2;

use std::time::Instant;

use common::{PATIENCE, Scene, patience_left, step};
use gst::prelude::*;
use picture::Picture;

/// What waits behind the camera for a test that looks.
const VIDEO: &str = "appsink name=video sync=false async=false max-buffers=2 drop=true";

/// Times that a camera is wanted and not wanted any more.
fn cycles() -> u32 {
    std::env::var("PORTHOLE_CYCLES").map_or(3, |text| text.parse().unwrap())
}

/// A camera that is shown.
struct Stage {
    scene: Scene,
    video: gst_app::AppSink,
}

impl Stage {
    fn playing(properties: &str) -> Self {
        Self::before(properties, VIDEO)
    }

    /// A camera in front of this.
    fn before(properties: &str, rest: &str) -> Self {
        let scene = Scene::new(&format!("portholesrc name=cam {properties} ! {rest}"));
        let video = scene.element("video").downcast().unwrap();
        let stage = Self { scene, video };
        stage.scene.set(gst::State::Playing);
        stage
    }

    /// Waits for a state of the camera.
    #[track_caller]
    fn hear(&mut self, state: &str) -> gst::Structure {
        self.scene.hear("porthole/camera", "state", state)
    }

    #[track_caller]
    fn lost(&mut self, reason: &str) {
        let lost = self.hear("lost");
        assert_eq!(lost.get::<&str>("reason"), Ok(reason), "{lost}");
    }

    #[track_caller]
    fn pull(&self) -> Picture {
        let patience = gst::ClockTime::try_from(PATIENCE).unwrap();
        Picture(self.video.try_pull_sample(patience).expect("no picture"))
    }

    /// The next picture that fits.
    #[track_caller]
    fn wait(&self, what: &str, fits: impl Fn(&Picture) -> bool) -> Picture {
        step(what);
        let start = Instant::now();
        loop {
            let picture = self.pull();
            if fits(&picture) {
                return picture;
            }
            assert_ne!(
                patience_left(start),
                gst::ClockTime::ZERO,
                "no {what}: {picture:?}"
            );
        }
    }

    #[track_caller]
    fn bars(&self) -> Picture {
        self.wait("colour bars", Picture::is_bars)
    }

    #[track_caller]
    fn wandering(&self) -> Picture {
        self.wait("colour bars that wander", Picture::is_wandering_bars)
    }

    fn set(&self, property: &str, value: impl Into<gst::glib::Value>) {
        self.scene
            .element("cam")
            .set_property_from_value(property, &value.into());
    }
}
