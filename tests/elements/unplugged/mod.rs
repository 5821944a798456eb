// SPDX-License-Identifier: MPL-2.0
//! `portholesrc` with cameras that fail in every way they can: what is seen meanwhile, how soon, and that it comes back.

mod buffers;
mod demand;
mod hanging;
mod latency;
mod life;
mod promises;
mod reasons;
mod sensors;
mod sound;
mod turn;

use std::time::{Duration, Instant};

use crate::common::{Scene, eye::Eye, fake::FakeCameras};
use gst::prelude::*;

/// From a fault to the slate, and from the end of the fault to the picture.
const SLATE: Duration = Duration::from_secs(1);
const BACK: Duration = Duration::from_secs(2);
/// What a state change to NULL may take however the driver hangs.
const DOWN: Duration = Duration::from_secs(2);
/// These scenes prove that a slate and a picture come, whatever the machine does meanwhile: so many times what is promised. How often
/// the promises themselves are kept is counted in `promises`.
const LOADED: u32 = 3;

/// Small enough that several cameras at once cost little.
const MODE: &str = "width=640 height=480 framerate=15/1";
/// Its end, so that a test can look.
const VIDEO: &str = "appsink name=video sync=false async=false";

/// One camera, the pipeline that shows it, and what comes of it.
struct Stage {
    cameras: FakeCameras,
    name: &'static str,
    scene: Scene,
    eye: Eye,
}

impl Stage {
    /// A camera of this name that does as told, and a stopped pipeline.
    fn new(name: &'static str, text: Option<&str>, properties: &str) -> Self {
        let cameras = FakeCameras::new();
        if let Some(text) = text {
            cameras.set(name, text);
        }
        let scene = Scene::new(&format!(
            "portholesrc name=cam camera={name} {MODE} {properties} ! {VIDEO}"
        ));
        let eye = Eye::on(&scene.element("video"));
        Self {
            cameras,
            name,
            scene,
            eye,
        }
    }

    /// The same, playing. Also gives the moment before.
    fn playing(name: &'static str, text: Option<&str>, properties: &str) -> (Self, Instant) {
        let stage = Self::new(name, text, properties);
        let start = Instant::now();
        stage.scene.set(gst::State::Playing);
        (stage, start)
    }

    /// The same, with a picture.
    fn live(name: &'static str, properties: &str) -> Self {
        let (stage, start) = Self::playing(name, Some("ok"), properties);
        stage.eye.wait(start, "a picture", |seen| seen.live);
        stage
    }

    /// Has the camera do as told; gives the moment before.
    fn set(&self, text: &str) -> Instant {
        let start = Instant::now();
        self.cameras.set(self.name, text);
        start
    }

    fn unplug(&self) -> Instant {
        let start = Instant::now();
        self.cameras.unplug(self.name);
        start
    }

    /// The slate comes soon enough after `start`, and `extra` for what has to be waited for first.
    #[track_caller]
    fn slate_within(&self, start: Instant, extra: Duration) {
        let seen = self.eye.wait(start, "a slate", |seen| !seen.live);
        within(self.name, "slate", seen.at - start, SLATE + extra);
    }

    #[track_caller]
    fn live_within(&self, start: Instant, most: Duration) {
        let seen = self.eye.wait(start, "a picture", |seen| seen.live);
        within(self.name, "picture", seen.at - start, most);
    }

    /// The bus has said why.
    fn hear_reason(&mut self, reason: &str) {
        let said = self.scene.hear("porthole/camera", "reason", reason);
        assert_eq!(said.get::<&str>("state"), Ok("lost"), "{said}");
    }

    /// What has to hold of all that was seen, whatever happened.
    #[track_caller]
    fn end(self) {
        self.eye.assert_in_order();
        let bus = self.scene.pipeline.bus().unwrap();
        let wrong = bus.pop_filtered(&[gst::MessageType::Error, gst::MessageType::Eos]);
        assert!(wrong.is_none(), "{wrong:?}");
        self.scene.set(gst::State::Null);
        assert!(!self.eye.has_ended(), "the stream ended");
        self.cameras.wait_open(self.name, false);
    }
}

#[track_caller]
fn within(name: &str, what: &str, time: Duration, most: Duration) {
    println!(
        "{name}: {what} after {} ms (of {})",
        time.as_millis(),
        most.as_millis()
    );
    assert!(time <= most * LOADED, "{name}: {what} took {time:?}");
}

/// Takes it down, and says how long that took.
fn take_down(pipeline: &gst::Pipeline) -> Duration {
    let start = Instant::now();
    pipeline.set_state(gst::State::Null).unwrap();
    start.elapsed()
}
