// SPDX-License-Identifier: MPL-2.0
//! The kernel's test driver vivid. Each test leaves its cameras as it found them.

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    process::{Child, ChildStderr, Command, Stdio},
    time::{Duration, Instant},
};

use gst::prelude::*;

use super::{Picture, Stage, cycles};
use crate::common::{self, PATIENCE, demand, step};

const CAMERA: &str = "camera=/dev/video0";
/// What even an emulated machine does with ease.
const MODE: &str = "width=640 height=360 framerate=15/1";
const DRIVER: &str = "/sys/bus/platform/drivers/vivid";
const INSTANCE: &str = "vivid.0";
/// Times that the first picture is waited for, and how much later than the bare source's it may be, at the median: 1.2 is meant, and
/// measured where nothing else runs (docs/measured.md).
const OPENINGS: usize = 20;
const MOST_LATER: f64 = 2.0;
/// The part of the cycles after which it is looked what the process holds; what a pool may hold more by chance; and by what memory
/// may grow, in MB (10^6 bytes), however many cycles there are.
const WARM: u32 = 4;
const SLACK: usize = 3;
const MOST_GROWN_MB: f64 = 12.0;

fn v4l2_ctl(arguments: &[&str]) -> String {
    let output = Command::new("v4l2-ctl").args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn control(name: &str) -> String {
    v4l2_ctl(&["-d", "/dev/video0", "-C", name])
}

fn set_control(setting: &str) {
    v4l2_ctl(&["-d", "/dev/video0", "-c", setting]);
}

/// The name by which v4l2-ctl calls the control that is called so.
fn spelled(words: &str) -> String {
    let list = v4l2_ctl(&["-d", "/dev/video0", "-l"]);
    let names = list
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let names: Vec<&str> = names.collect();
    let name = names.iter().find(|name| name.contains(words));
    (*name.unwrap_or_else(|| panic!("no {words} in {list}"))).to_owned()
}

fn bind(word: &str) {
    fs::write(format!("{DRIVER}/{word}"), INSTANCE).unwrap();
}

/// How often this process holds what.
fn held_files() -> BTreeMap<String, u32> {
    let files = fs::read_dir("/proc/self/fd").unwrap();
    let files = files.filter_map(|file| fs::read_link(file.unwrap().path()).ok());
    let mut held = BTreeMap::new();
    for file in files {
        let name = file.to_string_lossy();
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || "[]:".contains(c));
        *held.entry(name.to_owned()).or_default() += 1;
    }
    held
}

/// Whether this process holds a camera's device, also of one that is gone.
fn is_held() -> bool {
    held_files()
        .keys()
        .any(|file| file.starts_with("/dev/video"))
}

/// What a source element alone leaves open each time, which it does in GStreamer 1.22: docs/upstream.md.
fn left_by_the_bare_source() -> usize {
    const TIMES: usize = 4;
    let once = || {
        let line = "v4l2src device=/dev/video0 num-buffers=2 ! video/x-raw,width=640,height=360,framerate=15/1 ! fakesink";
        let pipeline = gst::parse::launch(line).unwrap();
        let bus = pipeline.bus().unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let patience = gst::ClockTime::try_from(PATIENCE).unwrap();
        let ends = [gst::MessageType::Eos, gst::MessageType::Error];
        let end = bus.timed_pop_filtered(patience, &ends).expect("no end");
        assert_eq!(end.type_(), gst::MessageType::Eos, "{end:?}");
        pipeline.set_state(gst::State::Null).unwrap();
    };
    once();
    let first = common::held().descriptors;
    (0..TIMES).for_each(|_| once());
    (common::held().descriptors - first).div_ceil(TIMES)
}

/// Waits until a number is free, so that what is plugged in gets it.
#[track_caller]
fn let_go(stage: &Stage) {
    stage.wait("the camera to be let go", |_| !is_held());
}

/// Another program that has the camera, until this is dropped.
struct Program {
    child: Child,
    /// Kept, so that it can go on telling.
    _told: ChildStderr,
}

impl Program {
    fn takes_the_camera() -> Self {
        step("another program to have the camera");
        let stream = ["-d", "/dev/video0", "--stream-mmap", "--stream-count=0"];
        let mut program = Command::new("v4l2-ctl");
        let program = program.args(stream).stdout(Stdio::null());
        let mut child = program.stderr(Stdio::piped()).spawn().unwrap();
        let mut told = child.stderr.take().unwrap();
        // It writes a sign for each picture.
        told.read_exact(&mut [0]).unwrap();
        Self { child, _told: told }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a program gets a picture from the camera now.
fn is_free() -> bool {
    let stream = ["-d", "/dev/video0", "--stream-mmap", "--stream-count=1"];
    let mut program = Command::new("v4l2-ctl");
    let told = program.args(stream).output().unwrap();
    told.stderr.contains(&b'<')
}

#[test]
fn its_bars_have_their_colours_and_its_time_code_runs_with_the_time_stamps() {
    let mut stage = Stage::playing(&format!("{CAMERA} {MODE}"));
    let live = stage.hear("live");
    assert_eq!(live.get::<&str>("device"), Ok("/dev/video0"));
    let first = stage.bars();
    assert_eq!(first.size(), (640, 360));
    assert_eq!(first.info().fps(), gst::Fraction::from_integer(15));
    let mut last = first.time_code().expect("no time code");
    let (code, pts) = (last, first.pts());
    for _ in 0..20 {
        let picture = stage.pull();
        let now = picture.time_code().expect("no time code");
        assert!(now > last, "{now} after {last}");
        let (passed, stamped) = (now - code, picture.pts() - pts);
        // A picture stands for a fifteenth of a second.
        assert!(
            passed.absdiff(stamped) < gst::ClockTime::from_mseconds(67),
            "{passed} in the picture, {stamped} in its time stamps"
        );
        last = now;
    }
}

#[test]
fn every_size_is_a_picture_and_what_it_cannot_do_is_its_best_below() {
    for (asked, size) in [
        ("width=320 height=180 framerate=10/1", (320, 180)),
        ("width=640 height=480 framerate=15/1", (640, 480)),
        ("width=1280 height=720 framerate=5/1", (1280, 720)),
        ("width=1920 height=1080 framerate=60/1", (1920, 1080)),
        ("width=700 height=500 framerate=15/1", (640, 480)),
    ] {
        step(asked);
        let stage = Stage::playing(&format!("{CAMERA} {asked}"));
        assert_eq!(stage.bars().size(), size, "{asked}");
    }
}

#[test]
fn what_is_left_to_it_is_its_own() {
    let stage = Stage::playing(&format!("{CAMERA} width=0 height=0 framerate=0/1"));
    let picture = stage.bars();
    assert_eq!(picture.size(), (3840, 2160));
}

#[test]
fn grey_is_a_picture() {
    let stage = Stage::playing(&format!("{CAMERA} {MODE} format=GRAY8"));
    let picture = stage.wait("a grey picture", |picture| picture.white() > 180);
    assert_eq!(picture.info().format(), gst_video::VideoFormat::Gray8);
}

#[test]
fn its_controls_are_set_while_it_is_opened_and_while_it_plays_and_its_picture_follows() {
    let mut stage = Stage::playing(&format!(
        "{CAMERA} {MODE} controls=\"controls,brightness=10\""
    ));
    stage.hear("live");
    stage.wait("a dark picture", |picture| picture.white() < 150);
    assert_eq!(control("brightness").trim(), "brightness: 10");
    let warnings = stage.scene.warnings();
    assert!(warnings.is_empty(), "{warnings:?}");
    let controls: gst::Structure = "controls,brightness=128,contrast=128,saturation=128"
        .parse()
        .unwrap();
    stage.set("controls", controls);
    stage.bars();
    assert_eq!(control("brightness").trim(), "brightness: 128");
    let controls: gst::Structure = "controls,brightness=1000".parse().unwrap();
    stage.set("controls", controls);
    let start = Instant::now();
    while !stage
        .scene
        .warnings()
        .iter()
        .any(|warning| warning.contains("it goes from 0 to 255"))
    {
        assert!(start.elapsed() < PATIENCE, "{:?}", stage.scene.warnings());
        stage.pull();
    }
}

#[test]
fn each_control_is_named_with_its_range_and_what_it_is_set_to() {
    let found = gstporthole::cameras().unwrap();
    let camera = found.iter().find(|found| found.camera == "/dev/video0");
    let controls = &camera.expect("no /dev/video0").controls;
    let of = |name: &str| {
        let control = controls.iter().find(|control| control.name == name);
        let control = control.unwrap_or_else(|| panic!("no {name} in {controls:?}"));
        (control.range.clone(), control.value.clone())
    };
    assert_eq!(of("brightness"), ("0 to 255".into(), "128".into()));
    assert_eq!(of("contrast"), ("0 to 255".into(), "128".into()));
    let (choices, chosen) = of("test_pattern");
    assert!(choices.contains("0: 75% Colorbar"), "{choices}");
    assert_eq!(chosen, "0");
}

#[test]
fn while_another_program_has_it_that_is_said_and_then_it_is_shown() {
    let program = Program::takes_the_camera();
    let mut stage = Stage::playing(&format!("{CAMERA} {MODE}"));
    stage.lost("busy");
    drop(program);
    stage.hear("live");
    stage.bars();
}

#[test]
fn unplugged_it_is_gone_and_plugged_in_again_it_is_back() {
    let mut stage = Stage::playing(&format!("{CAMERA} {MODE}"));
    stage.hear("live");
    stage.bars();
    bind("unbind");
    stage.lost("gone");
    stage.wait("a slate", |picture| !picture.is_bars());
    let_go(&stage);
    bind("bind");
    let start = Instant::now();
    stage.hear("live");
    stage.bars();
    println!("back after {:?}", start.elapsed());
}

#[test]
fn a_device_that_disconnects_by_itself_is_gone() {
    let disconnect = spelled("disconnect");
    let mut stage = Stage::playing(&format!("{CAMERA} {MODE}"));
    stage.hear("live");
    stage.bars();
    set_control(&format!("{disconnect}=1"));
    stage.lost("gone");
    let_go(&stage);
    bind("unbind");
    bind("bind");
    stage.hear("live");
    stage.bars();
}

#[test]
fn errors_of_its_driver_are_said_and_tried_again() {
    let fatal = spelled("fatal_streaming");
    let mut stage = Stage::playing(&format!("{CAMERA} {MODE}"));
    stage.hear("live");
    stage.bars();
    set_control(&format!("{fatal}=1"));
    stage.hear("lost");
    stage.hear("live");
    stage.bars();
}

#[test]
fn a_driver_that_drops_every_other_picture_is_shown_and_none_is_made_up() {
    let dropped = spelled("percentage_of_dropped");
    let mut stage = Stage::playing(&format!("{CAMERA} {MODE}"));
    stage.hear("live");
    stage.bars();
    set_control(&format!("{dropped}=50"));
    let mut last = stage.bars().time_code().unwrap();
    for _ in 0..15 {
        let now = stage.pull().time_code().unwrap();
        assert!(now > last, "{now} after {last}");
        last = now;
    }
    set_control(&format!("{dropped}=0"));
    assert!(stage.scene.warnings().is_empty());
}

/// From the making of a source element alone to its first picture.
fn bare_opening() -> Duration {
    common::init();
    let start = Instant::now();
    let line = "v4l2src device=/dev/video0 ! video/x-raw,width=640,height=360,framerate=15/1 ! appsink name=video sync=false";
    let pipeline = gst::parse::launch(line).unwrap();
    let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap();
    let video = pipeline.by_name("video").unwrap();
    let video = video.downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let patience = gst::ClockTime::try_from(PATIENCE).unwrap();
    let sample = video.try_pull_sample(patience).expect("no picture");
    let took = start.elapsed();
    assert!(Picture(sample).is_bars());
    pipeline.set_state(gst::State::Null).unwrap();
    took
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[test]
fn its_first_picture_comes_about_as_soon_as_the_bare_sources() {
    let mut stage = Stage::playing(&format!("{CAMERA} {MODE} idle-timeout=0"));
    stage.hear("live");
    let video = stage.scene.element("video");
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..OPENINGS {
        demand(&video, false);
        stage.hear("closed");
        bare.push(bare_opening());
        // Slates that nobody has looked at yet.
        while stage.video.try_pull_sample(gst::ClockTime::ZERO).is_some() {}
        let start = Instant::now();
        demand(&video, true);
        // To look at a picture takes longer than to open the camera, in a machine that is emulated.
        ours.push(loop {
            let (picture, took) = (stage.pull(), start.elapsed());
            if picture.is_bars() {
                break took;
            }
        });
        stage.hear("live");
        stage.scene.forget();
    }
    let (ours, bare) = (median(ours), median(bare));
    let ratio = ours.as_secs_f64() / bare.as_secs_f64();
    println!("{ours:?}, the bare source {bare:?}: {ratio:.2}");
    assert!(ratio < MOST_LATER, "{ratio:.2}");
}

#[test]
fn it_is_open_while_it_is_wanted_and_at_no_other_time() {
    let mut stage = Stage::playing(&format!("{CAMERA} {MODE} idle-timeout=0"));
    stage.hear("live");
    let video = stage.scene.element("video");
    let all = cycles();
    let warm = all.div_ceil(WARM);
    let mut first = common::held();
    for number in 0..all {
        demand(&video, false);
        stage.hear("closed");
        assert!(is_free(), "it is open after {number} cycles");
        demand(&video, true);
        stage.hear("live");
        stage.bars();
        stage.scene.forget();
        if number + 1 == warm {
            first = common::held();
        }
    }
    let last = common::held();
    // While it is closed: it has one user at a time.
    demand(&video, false);
    stage.hear("closed");
    let bare = left_by_the_bare_source();
    println!(
        "after {warm} {first:?}, after {all} {last:?}; {bare} descriptors each time are the source element's"
    );
    assert!(last.threads <= first.threads + SLACK, "{first:?} {last:?}");
    assert!(
        last.descriptors <= first.descriptors + SLACK + bare * (all - warm) as usize,
        "{first:?} {last:?}"
    );
    assert!(last.mb <= first.mb + MOST_GROWN_MB, "{first:?} {last:?}");
}
