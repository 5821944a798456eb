// SPDX-License-Identifier: MPL-2.0
//! The microphone of a camera: which one it is, that it comes and goes without the picture, and that both are in step.

use std::time::Instant;

use gst::prelude::*;

use crate::common::{PATIENCE, Scene, fake::FakeCameras, step};

const MODE: &str = "width=640 height=480 framerate=30/1";
const VIDEO: &str = "appsink name=video sync=false async=false";
const AUDIO: &str = "appsink name=audio sync=false async=false";
/// Of full scale: silence is none at all, and what the microphone hears is a third.
const LOUD: i16 = 3_000;
/// Luma of a white frame, and above.
const WHITE: u8 = 200;
/// What the camera's waking up adds, on a machine that has other work too.
const APART: gst::ClockTime = gst::ClockTime::from_mseconds(40);
const FLASHES: usize = 5;

fn sink(scene: &Scene, name: &str) -> gst_app::AppSink {
    scene.element(name).downcast().unwrap()
}

/// The next one that fits.
#[track_caller]
fn wait(
    sink: &gst_app::AppSink,
    what: &str,
    mut fits: impl FnMut(&gst::Sample) -> bool,
) -> gst::Sample {
    step(what);
    let (start, patience) = (Instant::now(), gst::ClockTime::try_from(PATIENCE).unwrap());
    loop {
        let sample = sink.try_pull_sample(patience).expect("nothing comes");
        if fits(&sample) {
            return sample;
        }
        assert!(start.elapsed() < PATIENCE, "no {what}");
    }
}

fn pts(sample: &gst::Sample) -> gst::ClockTime {
    sample.buffer().unwrap().pts().unwrap()
}

/// When the first loud sample of a buffer is.
fn loud_from(sample: &gst::Sample) -> Option<gst::ClockTime> {
    let map = sample.buffer().unwrap().map_readable().unwrap();
    let mut frames = map.chunks_exact(4);
    let loud = |frame: &[u8]| i16::from_le_bytes([frame[0], frame[1]]).unsigned_abs() > LOUD as u16;
    let number = frames.position(loud)? as u64;
    Some(pts(sample) + gst::ClockTime::SECOND * number / 48_000)
}

fn is_white(sample: &gst::Sample) -> bool {
    let map = sample.buffer().unwrap().map_readable().unwrap();
    map[map.len() / 3] > WHITE
}

/// When white frames begin, so many times.
fn flashes(sink: &gst_app::AppSink, count: usize) -> Vec<gst::ClockTime> {
    let mut was_white = true;
    let mut next = || {
        let flash = wait(sink, "a flash", |sample| {
            let begins = is_white(sample) && !was_white;
            was_white = is_white(sample);
            begins
        });
        pts(&flash)
    };
    (0..count).map(|_| next()).collect()
}

/// When beeps begin, so many times.
fn beeps(sink: &gst_app::AppSink, count: usize) -> Vec<gst::ClockTime> {
    let mut was_loud = true;
    let mut next = || {
        let beep = wait(sink, "a beep", |sample| {
            let is_loud = loud_from(sample).is_some();
            let begins = is_loud && !was_loud;
            was_loud = is_loud;
            begins
        });
        loud_from(&beep).unwrap()
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn a_camera_is_heard_by_the_microphone_of_its_own_usb_device_in_step_with_the_picture() {
    let cameras = FakeCameras::with("heard", "flash mic");
    let mut scene = Scene::playing(&format!(
        "portholesrc name=cam camera=heard {MODE} ! {VIDEO} cam.audio ! {AUDIO}"
    ));
    scene.hear("porthole/camera", "state", "live");
    let (video, audio) = (sink(&scene, "video"), sink(&scene, "audio"));
    // The first ones teach how late the microphone is.
    let flashes = flashes(&video, FLASHES);
    let beeps = beeps(&audio, FLASHES);
    let apart = |beep: &gst::ClockTime| flashes.iter().map(|flash| flash.absdiff(*beep)).min();
    let mut apart: Vec<_> = beeps.iter().filter_map(apart).collect();
    apart.sort_unstable();
    println!("apart: {apart:?}");
    assert!(apart[FLASHES / 2] < APART, "{apart:?}");
    assert_eq!(scene.warnings(), [""; 0]);
    drop(cameras);
}

#[test]
fn a_camera_without_a_microphone_says_so_and_goes_on_in_silence() {
    let cameras = FakeCameras::with("mute", "ok");
    let mut scene = Scene::playing(&format!(
        "portholesrc name=cam camera=mute {MODE} ! {VIDEO} cam.audio ! {AUDIO}"
    ));
    scene.warned("no microphone of its own: set audio-device=hw:1");
    wait(&sink(&scene, "audio"), "silence", |sample| {
        loud_from(sample).is_none()
    });
    scene.hear("porthole/camera", "state", "live");
    wait(&sink(&scene, "video"), "a picture", |_| true);
    drop(cameras);
}

#[test]
fn sound_that_comes_and_goes_leaves_the_camera_open() {
    let cameras = FakeCameras::with("listened", "flash mic");
    let mut scene = Scene::playing(&format!(
        "portholesrc name=cam camera=listened {MODE} ! {VIDEO}"
    ));
    scene.hear("porthole/camera", "state", "live");
    let camera = scene.element("cam");
    for _ in 0..2 {
        let audio = gst_app::AppSink::builder()
            .sync(false)
            .async_(false)
            .build();
        scene.pipeline.add(&audio).unwrap();
        audio.sync_state_with_parent().unwrap();
        let pad = camera.request_pad_simple("audio").unwrap();
        pad.link(&audio.static_pad("sink").unwrap()).unwrap();
        wait(&audio, "a beep", |sample| loud_from(sample).is_some());
        camera.release_request_pad(&pad);
        audio.set_state(gst::State::Null).unwrap();
        scene.pipeline.remove(&audio).unwrap();
    }
    wait(&sink(&scene, "video"), "a picture", |_| true);
    assert_eq!(cameras.opens("listened"), 1);
}

#[test]
fn another_microphone_is_heard_with_a_camera_that_has_sound_of_its_own() {
    let cameras = FakeCameras::with("beside", "flash");
    let scene = Scene::playing(&format!(
        "portholesrc camera=beside {MODE} ! {VIDEO} \
         portholesrc name=cam camera=test audio-device=fake-microphone ! fakesink async=false cam.audio ! {AUDIO}"
    ));
    let audio = sink(&scene, "audio");
    let begins = beeps(&audio, 2)[1];
    // The test pattern ticks, which is over by then.
    let later = begins + gst::ClockTime::from_mseconds(70);
    let sample = wait(&audio, "more of it", |sample| pts(sample) >= later);
    assert!(loud_from(&sample).is_some(), "it is the test pattern's");
    drop(cameras);
}

#[test]
fn an_audio_device_that_is_misspelt_says_what_there_is() {
    let cameras = FakeCameras::with("misspelt", "ok");
    let mut scene = Scene::playing(&format!(
        "portholesrc name=cam camera=misspelt audio-device=fake-mikrophone {MODE} ! {VIDEO} cam.audio ! {AUDIO}"
    ));
    scene.warned("audio-device=fake-mikrophone is not there: there is fake-microphone");
    scene.hear("porthole/camera", "state", "live");
    drop(cameras);
}

#[test]
fn a_camera_that_is_plugged_in_again_is_heard_again() {
    let cameras = FakeCameras::with("again", "flash mic");
    let mut scene = Scene::playing(&format!(
        "portholesrc name=cam camera=again {MODE} ! {VIDEO} cam.audio ! {AUDIO}"
    ));
    let audio = sink(&scene, "audio");
    beeps(&audio, 1);
    cameras.unplug("again");
    scene.hear("porthole/camera", "state", "lost");
    cameras.set("again", "flash mic");
    scene.hear("porthole/camera", "state", "live");
    let back = scene.pipeline.current_running_time().unwrap();
    wait(&audio, "a beep", |sample| {
        loud_from(sample).is_some_and(|at| at > back)
    });
}
