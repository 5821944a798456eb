// SPDX-License-Identifier: MPL-2.0
//! libcamera's camera without a sensor, whose modes are those of virtual.yaml.

use gst::prelude::*;

use super::{Stage, VIDEO, cycles};
use crate::common::{demand, step};

const CAMERA: &str = "camera=Virtual0";
const CAMERA_NAME: &str = "Virtual0";

/// Asks for a mode, of which a picture of this size comes.
fn asked(asked: &str, size: (u32, u32)) {
    step(asked);
    let mut stage = Stage::playing(&format!("{CAMERA} {asked}"));
    let live = stage.hear("live");
    let picture = stage.wandering();
    assert_eq!(picture.size(), size, "{asked}");
    assert!(live.get::<gst::Caps>("mode").unwrap().is_fixed(), "{live}");
    let warnings = stage.scene.warnings();
    // libcamera has one range of rates for all sizes of a camera, and what is beyond it becomes what it gives.
    let rate = picture.info().fps().numer();
    let is_asked = asked.contains(&format!("framerate={rate}/1"));
    assert_eq!(
        warnings.is_empty(),
        is_asked,
        "{asked}, {rate} given: {warnings:?}"
    );
}

/// Each opens the camera in a process of its own.
macro_rules! modes {
    ($($name:ident: $asked:literal gives $size:expr;)*) => {
        $(#[test]
        fn $name() {
            asked($asked, $size);
        })*
    };
}

modes! {
    what_is_asked_in_720p: "width=1280 height=720 framerate=30/1" gives (1280, 720);
    what_is_asked_in_480p: "width=640 height=480 framerate=30/1" gives (640, 480);
    what_is_asked_in_480p_at_15: "width=640 height=480 framerate=15/1" gives (640, 480);
    small_pictures: "width=320 height=240 framerate=10/1" gives (320, 240);
    what_it_has_not_at_20: "width=1280 height=720 framerate=20/1" gives (1280, 720);
    what_it_has_not_at_60: "width=1280 height=720 framerate=60/1" gives (1280, 720);
    what_it_has_not_as_large: "width=4608 height=2592 framerate=30/1" gives (1280, 720);
    smaller_ones_than_it_has: "width=100 height=100 framerate=30/1" gives (320, 240);
}

/// It tells the smallest and the largest size, and makes the largest of what is neither.
#[test]
fn sizes_between_its_own() {
    let mut stage = Stage::playing(&format!("{CAMERA} width=800 height=600 framerate=15/1"));
    stage.hear("live");
    assert_eq!(stage.wandering().size(), (1280, 720));
    stage
        .scene
        .warned("it cannot do 800x600 and gives 1280x720");
}

#[test]
fn what_is_left_to_it_is_its_own() {
    let stage = Stage::playing(&format!("{CAMERA} width=0 height=0 framerate=0/1"));
    let picture = stage.wandering();
    assert!(
        picture.info().fps() > gst::Fraction::from_integer(0),
        "{picture:?}"
    );
}

#[test]
fn what_stands_behind_it_may_insist_on_another_rate_and_size() {
    let rest = format!("video/x-raw,width=320,height=180,framerate=7/1 ! {VIDEO}");
    let stage = Stage::before(&format!("{CAMERA} width=640 height=480"), &rest);
    let picture = stage.wait("a picture", |picture| {
        picture.bars()[0] != picture.bars()[4]
    });
    assert_eq!(picture.size(), (320, 180));
    assert_eq!(picture.info().fps(), gst::Fraction::from_integer(7));
}

#[test]
fn pictures_that_are_held_do_not_freeze_it() {
    let stage = Stage::playing(&format!("{CAMERA} width=320 height=240 framerate=10/1"));
    // More than it has buffers.
    let held: Vec<_> = (0..8).map(|_| stage.wandering()).collect();
    let last = held.last().unwrap().pts();
    assert!(stage.wandering().pts() > last);
}

#[test]
fn while_another_has_it_that_is_said_and_then_it_is_shown() {
    let mut first = Stage::playing(&format!("{CAMERA} width=320 height=240"));
    first.hear("live");
    let mut second = Stage::playing(&format!("{CAMERA} width=320 height=240"));
    second.lost("busy");
    drop(first);
    second.hear("live");
    second.wandering();
}

#[test]
fn it_is_open_while_it_is_wanted() {
    let mut stage = Stage::playing(&format!("{CAMERA} width=320 height=240 idle-timeout=0"));
    stage.hear("live");
    let video = stage.scene.element("video");
    for _ in 0..cycles() {
        demand(&video, false);
        stage.hear("closed");
        demand(&video, true);
        stage.hear("live");
        stage.wandering();
        stage.scene.forget();
    }
}

/// libcamerasrc alone ends the process here (docs/upstream.md).
#[test]
fn it_is_opened_again_while_another_camera_of_the_process_is_open() {
    let mut other = Stage::playing("camera=Virtual1 width=640 height=480");
    other.hear("live");
    let mut stage = Stage::playing(&format!("{CAMERA} width=640 height=480 idle-timeout=0"));
    stage.hear("live");
    let video = stage.scene.element("video");
    for _ in 0..3 {
        demand(&video, false);
        stage.hear("closed");
        demand(&video, true);
        stage.hear("live");
        stage.wandering();
        stage.scene.forget();
    }
    other.wandering();
    // When the last is closed, all are: another element can have it.
    drop((stage, other));
    bare(CAMERA_NAME, 3);
}

#[test]
fn it_is_opened_again_while_a_picture_of_before_is_held() {
    let mut stage = Stage::playing(&format!("{CAMERA} width=640 height=480 idle-timeout=0"));
    stage.hear("live");
    let video = stage.scene.element("video");
    let held = stage.wandering();
    for _ in 0..3 {
        demand(&video, false);
        stage.hear("closed");
        demand(&video, true);
        stage.hear("live");
        stage.wandering();
        stage.scene.forget();
    }
    drop(stage);
    // A picture that comes home to a camera that has gone.
    drop(held);
    bare(CAMERA_NAME, 3);
}

/// As `gst-launch-1.0` with a user who ends it, and begins again.
#[test]
fn bare_source_that_is_stopped_and_started() {
    for _ in 0..3 {
        bare(CAMERA_NAME, 3);
    }
}

/// So many pictures of a source element alone.
fn bare(camera: &str, pictures: u32) {
    gst::init().unwrap();
    let line = format!(
        "libcamerasrc camera-name={camera} ! video/x-raw,width=320,height=240 ! appsink name=video sync=false max-buffers=2"
    );
    let pipeline = gst::parse::launch(&line).unwrap();
    let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap();
    let video = pipeline.by_name("video").unwrap();
    let video = video.downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    for _ in 0..pictures {
        video
            .try_pull_sample(gst::ClockTime::from_seconds(10))
            .expect("no picture");
    }
    pipeline.set_state(gst::State::Null).unwrap();
}
