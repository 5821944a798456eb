// SPDX-License-Identifier: MPL-2.0
//! A camera as those of libcamera's: it comes as near to what is asked as it can, and has four buffers, which it awaits.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use gst::prelude::*;
use gst_app::AppSink;

use super::VIDEO;
use crate::common::{PATIENCE, Scene, eye::Eye, fake::FakeCameras, step};

const MODE: &str = "width=640 height=480 framerate=15/1";
/// Fewer than a stall is noticed after, of a camera that gives fifteen a second.
const HELD: usize = 8;
/// More than such a camera gives until then.
const PAST_A_STALL: u64 = 40;

/// How long nothing is taken downstream.
const STALL: Duration = Duration::from_millis(1500);

/// A stopped pipeline with such a camera.
fn scene(name: &str, properties: &str, rest: &str) -> (FakeCameras, Scene) {
    let cameras = FakeCameras::with(name, "modes=libcamera");
    let scene = Scene::new(&format!(
        "portholesrc name=cam camera={name} stall-timeout=1 {properties} ! {rest}"
    ));
    (cameras, scene)
}

/// The next picture of the camera's, and its number.
#[track_caller]
fn pull(scene: &Scene) -> (gst::Sample, u64) {
    let video = scene.element("video").downcast::<AppSink>().unwrap();
    let patience = gst::ClockTime::try_from(PATIENCE).unwrap();
    let start = Instant::now();
    loop {
        let sample = video.try_pull_sample(patience).expect("no picture");
        let buffer = sample.buffer().unwrap();
        if gstfakecamera::made_at(buffer).is_some() {
            let number = buffer.offset();
            return (sample, number);
        }
        assert!(start.elapsed() < PATIENCE, "slates alone");
    }
}

fn has_been_lost(scene: &mut Scene) -> bool {
    let said = scene.all_said("porthole/camera");
    said.iter().any(|said| said.get("state") == Ok("lost"))
}

#[test]
fn no_frame_of_four_buffers_is_copied_where_something_draws_into_it() {
    let (_cameras, scene) = scene(
        "four",
        MODE,
        &format!("portholeoverlay text=drawn ! {VIDEO}"),
    );
    let eye = Eye::on(&scene.element("video"));
    scene.set(gst::State::Playing);
    eye.wait(Instant::now(), "a picture", |seen| seen.live);
    eye.wait_more(30);
    let seen = eye.all();
    let live = seen.iter().filter(|seen| seen.live).count();
    let copied = seen.iter().filter(|seen| seen.copied == Some(true)).count();
    // What waits while the machine does other things may be a copy.
    assert!(copied * 10 < live, "{copied} of {live} copied");
}

#[test]
fn pictures_that_are_held_do_not_freeze_a_camera_of_four_buffers() {
    let sink = "appsink name=video sync=false async=false max-buffers=2 drop=true";
    let (_cameras, mut scene) = scene("held", MODE, sink);
    scene.set(gst::State::Playing);
    let held: Vec<_> = (0..HELD).map(|_| pull(&scene)).collect();
    step("pictures while others are held");
    let last = held.last().unwrap().1;
    while pull(&scene).1 < last + PAST_A_STALL {}
    assert!(!has_been_lost(&mut scene));
}

#[test]
fn an_encoder_that_is_too_slow_does_not_slow_down_a_camera_of_four_buffers() {
    // Three pictures a second of fifteen, each of which is kept that long.
    let slow = format!("portholeoverlay text=slow ! identity sleep-time=333000 ! {VIDEO}");
    let (_cameras, mut scene) = scene("encoder", MODE, &slow);
    scene.set(gst::State::Playing);
    let mut last = pull(&scene).1;
    // What is on its way when it begins to be slow.
    for _ in 0..6 {
        last = pull(&scene).1;
    }
    const PULLED: u64 = 6;
    let first = last;
    for _ in 0..PULLED {
        last = pull(&scene).1;
    }
    assert!(last - first >= PULLED * 3, "{first} to {last} in {PULLED}");
    assert!(!has_been_lost(&mut scene));
}

#[test]
fn a_stall_downstream_is_over_with_the_pictures_of_now() {
    let (_cameras, mut scene) = scene("stall", MODE, &format!("identity name=gate ! {VIDEO}"));
    scene.set(gst::State::Playing);
    let before = pull(&scene).1;
    let gate = scene.pad("gate", "src");
    let (closed, is_closed) = mpsc::channel();
    let probe = gate.add_probe(
        gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER,
        move |_, _| {
            let _ = closed.send(());
            gst::PadProbeReturn::Ok
        },
    );
    is_closed.recv_timeout(PATIENCE).unwrap();
    // The stall itself.
    thread::sleep(STALL);
    gate.remove_probe(probe.unwrap());
    // What waited: one in the gate, four in the queue and two behind.
    let waited = (0..7).map(|_| pull(&scene).1).max().unwrap();
    let after = pull(&scene).1;
    assert!(
        after >= waited && after - before >= 15,
        "{before} to {after}"
    );
    assert!(!has_been_lost(&mut scene));
}

#[test]
fn a_rate_that_it_has_not_is_what_it_gives_and_said() {
    let (_cameras, mut scene) = scene("clamped", "width=640 height=480 framerate=30/1", VIDEO);
    scene.set(gst::State::Playing);
    let (sample, _) = pull(&scene);
    let caps = sample.caps().unwrap().structure(0).unwrap();
    assert_eq!(caps.get("framerate"), Ok(gst::Fraction::from_integer(15)));
    scene.warned("set framerate=15/1");
}

#[test]
fn a_size_between_its_own_is_one_of_its_own_and_said() {
    let (_cameras, mut scene) = scene("between", "width=800 height=600 framerate=15/1", VIDEO);
    scene.set(gst::State::Playing);
    let (sample, _) = pull(&scene);
    let caps = sample.caps().unwrap().structure(0).unwrap();
    assert_eq!((caps.get("width"), caps.get("height")), (Ok(1280), Ok(720)));
    scene.warned("it cannot do 800x600 and gives 1280x720");
}
