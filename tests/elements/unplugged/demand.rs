// SPDX-License-Identifier: MPL-2.0
//! Who wants the picture, where there is more than one sink.

use std::time::Instant;

use super::{BACK, MODE, Stage, within};
use crate::common::{Scene, demand, eye::Eye, fake::FakeCameras};

/// Two sinks that speak of demand.
struct Pair {
    cameras: FakeCameras,
    name: &'static str,
    scene: Scene,
}

impl Pair {
    fn new(name: &'static str, beside: &str) -> Self {
        let cameras = FakeCameras::with(name, "ok");
        let branch = |name| format!("t. ! queue ! appsink name={name} sync=false async=false");
        let scene = Scene::new(&format!(
            "portholesrc name=cam camera={name} idle-timeout=0 {MODE} ! tee name=t  {}  {}  {beside}",
            branch("a"),
            branch("b"),
        ));
        Self {
            cameras,
            name,
            scene,
        }
    }

    fn say(&self, sink: &str, active: bool) {
        demand(&self.scene.element(sink), active);
    }
}

#[test]
fn the_idle_one_of_two_sinks_does_not_close_the_camera_under_the_other() {
    let mut pair = Pair::new("two-sinks", "");
    let eyes = ["a", "b"].map(|name| Eye::on(&pair.scene.element(name)));
    pair.scene.set(gst::State::Paused);
    pair.say("a", false);
    pair.say("b", false);
    pair.scene.set(gst::State::Playing);
    let start = Instant::now();
    for eye in &eyes {
        eye.wait(start, "a slate", |seen| !seen.live);
    }
    assert!(!pair.cameras.is_open(pair.name));
    let start = Instant::now();
    pair.say("a", true);
    pair.scene.hear("porthole/camera", "state", "live");
    for eye in &eyes {
        let seen = eye.wait(start, "a picture", |seen| seen.live);
        within(pair.name, "picture", seen.at - start, BACK);
    }
    let opens = pair.cameras.opens(pair.name);
    // Said again, by the one that nobody watches.
    pair.say("b", false);
    pair.say("b", false);
    eyes[0].wait_more(10);
    assert!(pair.cameras.is_open(pair.name));
    pair.say("b", true);
    pair.say("a", false);
    eyes[1].wait_more(10);
    assert!(pair.cameras.is_open(pair.name));
    pair.say("b", false);
    pair.scene.hear("porthole/camera", "state", "closed");
    pair.cameras.wait_open(pair.name, false);
    assert_eq!(
        pair.cameras.opens(pair.name),
        opens,
        "it was closed meanwhile"
    );
}

#[test]
fn a_recorder_beside_two_idle_sinks_records_the_picture() {
    let pair = Pair::new(
        "recorder",
        "t. ! queue ! appsink name=rec sync=false async=false",
    );
    let recorder = Eye::on(&pair.scene.element("rec"));
    pair.scene.set(gst::State::Paused);
    pair.say("a", false);
    pair.say("b", false);
    let start = Instant::now();
    pair.scene.set(gst::State::Playing);
    recorder.wait(start, "a picture", |seen| seen.live);
    recorder.wait_more(10);
    assert!(recorder.all().last().unwrap().live);
    assert!(pair.cameras.is_open(pair.name));
}

#[test]
fn the_camera_opens_for_who_comes_and_its_device_is_free_when_all_have_left() {
    let mut stage = Stage::new("comes-and-goes", Some("ok"), "idle-timeout=0");
    stage.scene.set(gst::State::Paused);
    let video = stage.scene.element("video");
    demand(&video, false);
    stage.scene.set(gst::State::Playing);
    stage.eye.wait_more(1);
    assert!(!stage.cameras.is_open(stage.name));
    for _ in 0..3 {
        let start = Instant::now();
        demand(&video, true);
        stage.live_within(start, BACK);
        demand(&video, false);
        stage.scene.hear("porthole/camera", "state", "closed");
        stage.cameras.wait_open(stage.name, false);
    }
    stage.end();
}

#[test]
fn a_camera_that_is_never_to_rest_is_open_while_nobody_watches() {
    let stage = Stage::live("always", "on-demand=false idle-timeout=0");
    demand(&stage.scene.element("video"), false);
    stage.eye.wait_more(10);
    assert!(stage.cameras.is_open(stage.name));
    assert!(stage.eye.all().last().unwrap().live);
    stage.end();
}

#[test]
fn a_viewer_who_leaves_while_the_camera_is_lost_leaves_it_alone() {
    let mut stage = Stage::live("left-alone", "idle-timeout=0");
    let video = stage.scene.element("video");
    stage.unplug();
    stage.hear_reason("gone");
    demand(&video, false);
    stage.scene.hear("porthole/camera", "state", "closed");
    let opens = stage.cameras.opens(stage.name);
    stage.set("ok");
    stage.eye.wait_more(3);
    assert_eq!(stage.cameras.opens(stage.name), opens);
    let start = Instant::now();
    demand(&video, true);
    stage.live_within(start, BACK);
    stage.end();
}
