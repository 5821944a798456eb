// SPDX-License-Identifier: MPL-2.0
//! Starting, pausing, stopping and ending, by those around it.

use std::{
    sync::{Mutex, mpsc::channel},
    time::{Duration, Instant},
};

use gst::prelude::*;

use super::{BACK, LOADED, Stage};
use crate::common::{PATIENCE, demand, eye::Eye};

#[test]
fn it_is_stopped_and_started_again_and_hears_of_demand_each_time() {
    let mut stage = Stage::new("again", Some("ok"), "idle-timeout=0");
    let video = stage.scene.element("video");
    for _ in 0..3 {
        stage.scene.set(gst::State::Paused);
        demand(&video, false);
        stage.scene.set(gst::State::Playing);
        let start = Instant::now();
        stage.eye.wait(start, "a slate", |seen| !seen.live);
        let start = Instant::now();
        demand(&video, true);
        stage.live_within(start, BACK);
        stage.scene.set(gst::State::Null);
        stage.cameras.wait_open(stage.name, false);
        stage.scene.all_said("porthole/camera");
    }
}

#[test]
fn it_pauses_and_plays_on() {
    let stage = Stage::live("pauses", "");
    for _ in 0..3 {
        stage.scene.set(gst::State::Paused);
        let start = Instant::now();
        stage.scene.set(gst::State::Playing);
        stage.live_within(start, BACK);
        stage.eye.wait_more(5);
    }
    stage.scene.set(gst::State::Null);
    stage.cameras.wait_open(stage.name, false);
}

#[test]
fn it_ends_when_it_is_asked_to_and_lets_go_of_the_device() {
    let stage = Stage::live("ended", "");
    assert!(stage.scene.pipeline.send_event(gst::event::Eos::new()));
    let bus = stage.scene.pipeline.bus().unwrap();
    let patience = gst::ClockTime::try_from(PATIENCE).unwrap();
    let end = bus.timed_pop_filtered(patience, &[gst::MessageType::Eos, gst::MessageType::Error]);
    assert_eq!(end.unwrap().type_(), gst::MessageType::Eos);
    assert!(stage.eye.has_ended());
    stage.scene.set(gst::State::Null);
    stage.cameras.wait_open(stage.name, false);
}

#[test]
fn a_handler_of_the_bus_that_blocks_stops_neither_the_picture_nor_the_slate() {
    let stage = Stage::new("blocked-bus", Some("ok"), "idle-timeout=0");
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let (blocked, is_blocked) = channel();
    stage
        .scene
        .pipeline
        .bus()
        .unwrap()
        .set_sync_handler(move |_, message| {
            if message.type_() == gst::MessageType::Element {
                let _ = blocked.send(());
                // Until the test lets go of it.
                let _ = released.lock().unwrap().recv_timeout(PATIENCE);
            }
            gst::BusSyncReply::Drop
        });
    let start = Instant::now();
    stage.scene.set(gst::State::Playing);
    stage.live_within(start, BACK);
    is_blocked.recv_timeout(PATIENCE).unwrap();
    stage.eye.wait_more(10);
    let start = stage.unplug();
    stage.slate_within(start, Duration::ZERO);
    stage.eye.wait_more(2);
    let start = stage.set("ok");
    stage.live_within(start, BACK);
    drop(release);
    stage.end();
}

#[test]
fn a_pad_for_sound_requested_in_paused_has_caps_and_its_leaving_disturbs_no_picture() {
    let stage = Stage::new("with-sound", Some("ok"), "");
    stage.scene.set(gst::State::Paused);
    let camera = stage.scene.element("cam");
    let pad = camera.request_pad_simple("audio").unwrap();
    let caps = pad.query_caps(None);
    assert!(caps.is_fixed(), "{caps}");
    let sink = gst::ElementFactory::make("appsink")
        .property("sync", false)
        .property("async", false)
        .build()
        .unwrap();
    stage.scene.pipeline.add(&sink).unwrap();
    pad.link(&sink.static_pad("sink").unwrap()).unwrap();
    sink.sync_state_with_parent().unwrap();
    let start = Instant::now();
    stage.scene.set(gst::State::Playing);
    stage.live_within(start, BACK);
    let appsink = sink.clone().downcast::<gst_app::AppSink>().unwrap();
    let sample = appsink.try_pull_sample(gst::ClockTime::try_from(PATIENCE).unwrap());
    let caps = sample.unwrap().caps_owned().unwrap();
    assert_eq!(caps.structure(0).unwrap().name(), "audio/x-raw");
    camera.release_request_pad(&pad);
    stage.scene.pipeline.remove(&sink).unwrap();
    sink.set_state(gst::State::Null).unwrap();
    let before = stage.eye.count();
    stage.eye.wait_more(15);
    assert!(stage.eye.all()[before..].iter().all(|seen| seen.live));
    stage.end();
}

#[test]
fn a_control_that_is_set_while_playing_is_seen() {
    let stage = Stage::live("bright", "");
    let camera = stage.scene.element("cam");
    let dark = brightness(&stage.eye, &stage);
    let controls = gst::Structure::builder("controls")
        .field("brightness", 80)
        .build();
    camera.set_property("controls", controls);
    let start = Instant::now();
    while brightness(&stage.eye, &stage) < dark + 40 {
        assert!(start.elapsed() < BACK * LOADED, "it stays dark");
    }
    stage.end();
}

/// Of the picture's upper middle, where nothing is painted.
fn brightness(eye: &Eye, stage: &Stage) -> u8 {
    let (sender, pixels) = channel();
    let pad = stage.scene.pad("video", "sink");
    // It removes itself.
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer() {
            let map = buffer.map_readable().unwrap();
            // Row 2 of 640 pixels.
            let _ = sender.send(map[640 * 2 + 320]);
        }
        gst::PadProbeReturn::Remove
    });
    let pixel = pixels.recv_timeout(PATIENCE).unwrap();
    eye.wait_more(1);
    pixel
}

#[test]
fn a_camera_that_is_lost_is_looked_for_without_asking_every_provider_each_second() {
    let stage = Stage::live("asked", "");
    let start = stage.unplug();
    stage.slate_within(start, Duration::ZERO);
    let asked = gstfakecamera::asked();
    // One a second, as often as it is looked for.
    stage.eye.wait_more(6);
    let more = gstfakecamera::asked() - asked;
    assert!(more <= 2, "asked {more} times");
    let start = stage.set("ok");
    stage.live_within(start, BACK);
    stage.end();
}
