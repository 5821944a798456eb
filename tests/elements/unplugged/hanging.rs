// SPDX-License-Identifier: MPL-2.0
//! Drivers that do not come back.

use std::time::{Duration, Instant};

use super::{BACK, DOWN, Stage, take_down, within};
use crate::common::demand;

/// What is given to a driver that says nothing before it counts as hanging.
const OPENING: Duration = Duration::from_secs(10);

/// While it hangs the stream goes on, and can be stopped.
fn can_be_taken_down(stage: &Stage) {
    stage.eye.wait_more(2);
    let time = take_down(&stage.scene.pipeline);
    within(stage.name, "down", time, DOWN);
    assert!(time < DOWN * 2, "{time:?}");
}

fn hangs_while_it_opens(name: &'static str, text: &str) {
    let (mut stage, start) = Stage::playing(name, Some(text), "");
    stage.slate_within(start, Duration::ZERO);
    stage.hear_reason("stalled");
    within(name, "stalled", start.elapsed(), OPENING + BACK);
    let start = stage.set("ok");
    stage.live_within(start, BACK);
    stage.end();
}

#[test]
fn a_driver_that_hangs_while_the_device_is_opened_shows_the_slate_until_it_does_not() {
    hangs_while_it_opens("hangs-in-ready", "stuck=ready");
}

#[test]
fn a_driver_that_hangs_while_it_starts_shows_the_slate_until_it_does_not() {
    hangs_while_it_opens("hangs-in-start", "stuck=start");
}

#[test]
fn a_pipeline_whose_driver_hangs_while_it_opens_can_be_taken_down() {
    for (name, text) in [
        ("down-in-ready", "stuck=ready"),
        ("down-in-start", "stuck=start"),
    ] {
        let (stage, _) = Stage::playing(name, Some(text), "");
        can_be_taken_down(&stage);
        stage.set("ok");
        stage.end();
    }
}

#[test]
fn a_pipeline_whose_driver_hangs_in_a_picture_can_be_taken_down() {
    let stage = Stage::live("down-in-create", "stall-timeout=1");
    let start = stage.set("stuck=create");
    stage.slate_within(start, Duration::from_secs(1));
    can_be_taken_down(&stage);
    stage.set("ok");
    stage.end();
}

#[test]
fn a_pipeline_whose_driver_hangs_while_it_closes_can_be_taken_down() {
    for (name, text) in [
        ("down-in-stop", "stuck=stop"),
        ("down-in-null", "stuck=null"),
    ] {
        let stage = Stage::live(name, "");
        stage.set(text);
        let time = take_down(&stage.scene.pipeline);
        within(name, "down", time, DOWN);
        assert!(time < DOWN * 2, "{time:?}");
        assert!(stage.cameras.is_open(name), "it did not hang");
        stage.set("ok");
        stage.end();
    }
}

#[test]
fn a_driver_that_hangs_while_it_closes_does_not_hold_up_the_slate() {
    let stage = Stage::live("hangs-in-stop", "idle-timeout=0");
    let video = stage.scene.element("video");
    stage.set("stuck=stop");
    let start = Instant::now();
    demand(&video, false);
    stage.slate_within(start, Duration::ZERO);
    stage.eye.wait_more(4);
    assert!(stage.cameras.is_open(stage.name), "it did not hang");
    // Who comes now waits for the device.
    demand(&video, true);
    stage.eye.wait_more(2);
    let start = stage.set("ok");
    stage.live_within(start, BACK);
    stage.end();
}

#[test]
fn a_camera_that_hangs_holds_up_no_other_one_in_the_process() {
    let (stuck, start) = Stage::playing("stuck-neighbour", Some("stuck=start"), "");
    stuck.slate_within(start, Duration::ZERO);
    let (stage, start) = Stage::playing("good-neighbour", Some("ok"), "idle-timeout=0");
    stage.live_within(start, BACK);
    let video = stage.scene.element("video");
    for _ in 0..3 {
        demand(&video, false);
        stage.cameras.wait_open(stage.name, false);
        let start = Instant::now();
        demand(&video, true);
        stage.live_within(start, BACK);
    }
    let time = take_down(&stage.scene.pipeline);
    within(stage.name, "down", time, DOWN);
    stage.end();
    stuck.set("ok");
    stuck.end();
}
