// SPDX-License-Identifier: MPL-2.0
//! What a frame takes through portholesrc: no copy, and the time that it says.

use std::time::Instant;

use gst::prelude::*;

use super::{MODE, Stage, VIDEO};
use crate::common::{Scene, eye::Eye, fake::FakeCameras};

#[test]
fn the_latency_it_tells_is_at_least_the_cameras_own() {
    let stage = Stage::live("honest", "");
    let pad = stage.scene.pad("cam", "src");
    let ask = || {
        let mut query = gst::query::Latency::new();
        assert!(pad.query(&mut query));
        query.result()
    };
    let start = Instant::now();
    // It is measured once the first frame is there.
    while ask().1 < gstfakecamera::LATENCY {
        assert!(start.elapsed() < crate::common::PATIENCE, "{:?}", ask());
        stage.eye.wait_more(1);
    }
    let (live, least, most) = ask();
    assert!(live);
    assert!(most.is_none_or(|most| most >= least), "{least} {most:?}");
    stage.end();
}

#[test]
fn a_frame_is_stamped_with_when_it_was_seen_not_with_when_it_came() {
    let stage = Stage::live("stamped", "");
    stage.eye.wait_more(10);
    let base_time = stage.scene.pipeline.base_time().unwrap();
    let seen = stage.eye.all();
    // What was seen before the camera was started is stamped with its start.
    for seen in seen.iter().filter(|seen| seen.live).skip(2) {
        let (pts, made) = (seen.pts.unwrap() + base_time, seen.made.unwrap());
        assert!(pts + gstfakecamera::LATENCY <= made, "{pts} {made}");
    }
    stage.end();
}

#[test]
fn no_frame_is_copied_and_none_is_left_out() {
    let stage = Stage::live("uncopied", "");
    stage.eye.wait_more(30);
    let seen = stage.eye.all();
    let live: Vec<_> = seen.iter().filter(|seen| seen.live).collect();
    assert!(live.len() > 30);
    assert!(live.iter().all(|seen| seen.copied == Some(false)));
    stage.end();
}

#[test]
fn no_frame_is_copied_where_something_draws_into_it() {
    let cameras = FakeCameras::with("drawn", "ok");
    let scene = Scene::new(&format!(
        "portholesrc camera=drawn {MODE} ! portholeoverlay text=drawn ! {VIDEO}"
    ));
    let eye = Eye::on(&scene.element("video"));
    scene.set(gst::State::Playing);
    let start = Instant::now();
    eye.wait(start, "a picture", |seen| seen.live);
    eye.wait_more(30);
    let seen = eye.all();
    let copied = seen.iter().filter(|seen| seen.copied == Some(true)).count();
    let live = seen.iter().filter(|seen| seen.live).count();
    assert_eq!(copied, 0, "of {live}");
    drop((scene, cameras));
}
