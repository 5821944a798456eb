// SPDX-License-Identifier: MPL-2.0
//! Who turns the picture: the sensor where it can, else the overlay; the slate is upright in either case.

use std::{sync::mpsc::channel, time::Instant};

use gst::prelude::*;

use super::{BACK, LOADED, Stage};
use crate::common::PATIENCE;

/// Whether the fake camera's bright corner is at the upper left, and whether it is at the lower right, of 640x480.
fn corners(stage: &Stage) -> (bool, bool) {
    let (sender, pixels) = channel();
    let pad = stage.scene.pad("video", "sink");
    // It removes itself.
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer() {
            let map = buffer.map_readable().unwrap();
            let bright = |x: usize, y: usize| map[640 * y + x] > 220;
            let _ = sender.send((bright(4, 4), bright(635, 475)));
        }
        gst::PadProbeReturn::Remove
    });
    pixels.recv_timeout(PATIENCE).unwrap()
}

fn wait_for_corners(stage: &Stage, expected: (bool, bool)) {
    let start = Instant::now();
    while corners(stage) != expected {
        assert!(start.elapsed() < BACK * LOADED, "{:?}", corners(stage));
    }
}

#[test]
fn what_the_sensor_can_turn_is_turned_there_and_no_frame_is_copied() {
    let stage = Stage::live(
        "hanging-over",
        "! portholeoverlay name=overlay video-direction=180",
    );
    wait_for_corners(&stage, (false, true));
    let last = stage.eye.all().pop().unwrap();
    assert_eq!(last.copied, Some(false), "the overlay passes it on");
    stage.end();
}

#[test]
fn what_the_sensor_cannot_turn_is_turned_by_the_overlay() {
    // The fake camera turns in rows and columns alone.
    let stage = Stage::live(
        "on-its-side",
        "! portholeoverlay video-direction=ul-lr ! videoscale ! video/x-raw,width=640,height=480",
    );
    // Across this diagonal the upper left stays where it is.
    wait_for_corners(&stage, (true, false));
    stage.end();
}

#[test]
fn a_turn_while_playing_is_the_sensors_too_and_the_picture_ends_as_it_is_wanted() {
    let stage = Stage::live("turned-later", "! portholeoverlay name=overlay");
    wait_for_corners(&stage, (true, false));
    let overlay = stage.scene.element("overlay");
    overlay.set_property_from_str("video-direction", "180");
    wait_for_corners(&stage, (false, true));
    overlay.set_property_from_str("video-direction", "identity");
    wait_for_corners(&stage, (true, false));
    stage.end();
}

/// Masks are parts of the picture as it is wanted: in a frame that is not turned so they would lie on the wrong part.
#[test]
fn from_the_first_frame_that_is_turned_each_is_whoever_turns_it() {
    let stage = Stage::live("never-back", "! portholeoverlay name=overlay");
    wait_for_corners(&stage, (true, false));
    let (sender, frames) = channel();
    let pad = stage.scene.pad("video", "sink");
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer() {
            let map = buffer.map_readable().unwrap();
            let bright = |x: usize, y: usize| map[640 * y + x] > 220;
            // Beside the blocks of its number.
            let _ = sender.send((bright(4, 45), bright(635, 434)));
        }
        gst::PadProbeReturn::Ok
    });
    let overlay = stage.scene.element("overlay");
    for (direction, before, after) in [
        ("180", (true, false), (false, true)),
        ("identity", (false, true), (true, false)),
    ] {
        overlay.set_property_from_str("video-direction", direction);
        let frames = std::iter::from_fn(|| frames.recv_timeout(PATIENCE).ok());
        let mut corners = frames.skip_while(|corners| *corners == before);
        // More than a sensor is late by.
        for number in 0..10 {
            assert_eq!(corners.next(), Some(after), "{direction}, frame {number}");
        }
    }
    stage.end();
}

#[test]
fn a_camera_that_comes_back_is_turned_again() {
    let stage = Stage::live("turned-again", "! portholeoverlay video-direction=180");
    wait_for_corners(&stage, (false, true));
    let start = stage.unplug();
    stage.slate_within(start, std::time::Duration::ZERO);
    let start = stage.set("ok");
    stage.live_within(start, BACK);
    wait_for_corners(&stage, (false, true));
    stage.end();
}

#[test]
fn a_turn_that_is_taken_back_while_the_camera_is_away_is_forgotten() {
    let stage = Stage::live(
        "turned-back",
        "! portholeoverlay name=overlay video-direction=180",
    );
    wait_for_corners(&stage, (false, true));
    let start = stage.unplug();
    stage.slate_within(start, std::time::Duration::ZERO);
    let overlay = stage.scene.element("overlay");
    overlay.set_property_from_str("video-direction", "identity");
    let start = stage.set("ok");
    stage.live_within(start, BACK);
    wait_for_corners(&stage, (true, false));
    stage.end();
}
