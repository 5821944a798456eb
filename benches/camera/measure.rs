// SPDX-License-Identifier: MPL-2.0
//! From frames that arrive to samples.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    common::{
        Scene, demand,
        eye::{Eye, Seen},
        fake::FakeCameras,
    },
    sound,
};

/// Frames that are looked at in each round: three seconds of them.
const FRAMES: usize = 90;
/// The first ones, for which memory is allocated.
const FIRST: usize = 10;
const SINK: &str = "appsink name=video sync=false async=false";
/// Writes in place into what it gets, or into a copy where it may not.
const OVERLAY: &str = "portholeoverlay masks=\"rect 0 0 0.1 0.1\"";
const MODE: &str = "video/x-raw,format=I420,width=1280,height=720,framerate=30/1";

/// All samples.
pub(crate) fn all(rounds: usize) -> Value {
    let cameras = FakeCameras::new();
    let (mut bare, mut porthole, mut copied) = (Vec::new(), Vec::new(), 0);
    for round in 1..=rounds {
        eprintln!("camera: frames, {round}/{rounds}");
        bare.extend(delays(&frames(&cameras, "fakecamerasrc device=frames")));
        let frames = frames(&cameras, "portholesrc camera=frames");
        copied += frames
            .iter()
            .filter(|seen| seen.copied == Some(true))
            .count();
        porthole.extend(delays(&frames));
    }
    let count = porthole.len();
    let demand = |name: &str, camera: &str| {
        eprintln!("camera: demand, {name}");
        demands(&cameras, camera, rounds)
    };
    let (fake, test) = (
        demand("a device", "frames"),
        demand("the test pattern", "test"),
    );
    eprintln!("camera: unplugged and plugged in");
    let (slate, replug) = replugs(&cameras, rounds);
    json!({
        "bareUs": bare, "portholeUs": porthole, "copied": copied, "frames": count,
        "driftMs": sound::out_of_step_after_an_hour(), "demandFakeMs": fake, "demandTestMs": test, "slateMs": slate, "replugMs": replug,
    })
}

/// The camera's own frames, as they come behind `source` and an overlay.
fn frames(cameras: &FakeCameras, source: &str) -> Vec<Seen> {
    cameras.plug("frames");
    let scene = Scene::new(&format!("{source} ! {MODE} ! {OVERLAY} ! {SINK}"));
    let eye = Eye::on(&scene.element("video"));
    let start = Instant::now();
    scene.set(gst::State::Playing);
    eye.wait(start, "a picture", |seen| seen.live);
    eye.wait_more(FIRST + FRAMES);
    scene.set(gst::State::Null);
    cameras.wait_open("frames", false);
    let live = eye.all().into_iter().filter(|seen| seen.live);
    live.skip(FIRST).collect()
}

/// Microseconds from the camera's hands to the sink.
fn delays(frames: &[Seen]) -> Vec<f64> {
    let delay = |seen: &Seen| {
        let made = seen.made?;
        Some(seen.arrived.checked_sub(made)?.nseconds() as f64 / 1e3)
    };
    frames.iter().filter_map(delay).collect()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// From the first viewer's coming to a picture.
fn demands(cameras: &FakeCameras, camera: &str, rounds: usize) -> Vec<f64> {
    cameras.plug("frames");
    let mut scene = Scene::new(&format!(
        "portholesrc camera={camera} idle-timeout=0 ! {MODE} ! {SINK}"
    ));
    let sink = scene.element("video");
    let eye = Eye::on(&sink);
    scene.set(gst::State::Paused);
    demand(&sink, false);
    let start = Instant::now();
    scene.set(gst::State::Playing);
    eye.wait(start, "a slate", |seen| !seen.live);
    let times = (0..rounds).map(|_| {
        let start = Instant::now();
        demand(&sink, true);
        let seen = eye.wait(start, "a picture", |seen| seen.live);
        demand(&sink, false);
        scene.hear("porthole/camera", "state", "closed");
        scene.forget();
        milliseconds(seen.at - start)
    });
    times.collect()
}

/// From the unplugging to the slate, and from the plugging in to the picture.
fn replugs(cameras: &FakeCameras, rounds: usize) -> (Vec<f64>, Vec<f64>) {
    cameras.plug("pulled");
    let scene = Scene::new(&format!("portholesrc camera=pulled ! {MODE} ! {SINK}"));
    let eye = Eye::on(&scene.element("video"));
    let start = Instant::now();
    scene.set(gst::State::Playing);
    eye.wait(start, "a picture", |seen| seen.live);
    let (mut slates, mut pictures) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let start = Instant::now();
        cameras.unplug("pulled");
        let seen = eye.wait(start, "a slate", |seen| !seen.live);
        slates.push(milliseconds(seen.at - start));
        // Long enough for it to be tried less often.
        eye.wait_more(2);
        let start = Instant::now();
        cameras.plug("pulled");
        let seen = eye.wait(start, "a picture", |seen| seen.live);
        pictures.push(milliseconds(seen.at - start));
    }
    (slates, pictures)
}
