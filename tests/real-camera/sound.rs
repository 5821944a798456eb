// SPDX-License-Identifier: MPL-2.0
//! Sound beside a real camera: the kernel's sound card snd-aloop, whose device 1 records what is played to its device 0.

use std::{
    fs,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use gst::prelude::*;

use super::{Stage, VIDEO};
use crate::common::{PATIENCE, init, step};

const MODE: &str = "camera=/dev/video0 width=640 height=360 framerate=15/1";
const MICROPHONE: &str = "audio-device=hw:Loopback,1,0";
const AUDIO: &str = "appsink name=audio sync=false async=false";
/// Who has the device that is recorded from, as the kernel tells it.
const STATUS: &str = "/proc/asound/Loopback/pcm1c/sub0/status";
/// Of full scale: half of what is played, far above silence.
const LOUD: i16 = 8_000;
/// From the capturing of a sample to the test's looking at it where that was soonest, in a machine that is emulated.
const MOST_LATE: gst::ClockTime = gst::ClockTime::from_mseconds(100);
/// Pieces of sound that are looked at: some seconds.
const PIECES: usize = 400;
/// How often the kernel is asked who has a device.
const LOOK: Duration = Duration::from_millis(20);

/// Plays a tone to the card until it is dropped.
struct Tone(gst::Pipeline);

impl Tone {
    fn plays() -> Self {
        init();
        let line = "audiotestsrc is-live=true freq=1000 volume=0.5 ! audio/x-raw,format=S16LE,rate=48000,channels=2 \
                    ! alsasink device=hw:Loopback,0,0 sync=false";
        let pipeline = gst::parse::launch(line)
            .unwrap()
            .downcast::<gst::Pipeline>()
            .unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        Self(pipeline)
    }
}

impl Drop for Tone {
    fn drop(&mut self) {
        let _ = self.0.set_state(gst::State::Null);
    }
}

/// Another program that records, until it is dropped.
struct Recorder(Child);

impl Recorder {
    fn records() -> Self {
        let recording = [
            "-q",
            "-D",
            "hw:Loopback,1,0",
            "-f",
            "S16_LE",
            "-r",
            "48000",
            "-c",
            "2",
        ];
        let mut program = Command::new("arecord");
        let program = program.args(recording).stdout(Stdio::null());
        let recorder = Self(program.stderr(Stdio::null()).spawn().unwrap());
        wait_in_use(true);
        recorder
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[track_caller]
fn wait_in_use(in_use: bool) {
    step(format_args!("the microphone to be in use: {in_use}"));
    let start = Instant::now();
    while (fs::read_to_string(STATUS).unwrap().trim() != "closed") != in_use {
        assert!(start.elapsed() < PATIENCE, "in use never turned {in_use}");
        thread::park_timeout(LOOK);
    }
}

fn with_sound(properties: &str) -> Stage {
    Stage::before(
        &format!("{MODE} {properties}"),
        &format!("{VIDEO} cam.audio ! {AUDIO}"),
    )
}

fn samples(sample: &gst::Sample) -> Vec<i16> {
    let map = sample.buffer().unwrap().map_readable().unwrap();
    let pairs = map.chunks_exact(2);
    pairs
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

fn is_loud(sample: &gst::Sample) -> bool {
    samples(sample).iter().any(|value| *value > LOUD)
}

/// The next piece of sound that fits.
#[track_caller]
fn hear(sink: &gst_app::AppSink, what: &str, fits: impl Fn(&gst::Sample) -> bool) -> gst::Sample {
    step(what);
    let (start, patience) = (Instant::now(), gst::ClockTime::try_from(PATIENCE).unwrap());
    loop {
        let sample = sink.try_pull_sample(patience).expect("no sound");
        if fits(&sample) {
            return sample;
        }
        assert!(start.elapsed() < PATIENCE, "no {what}");
    }
}

fn audio(stage: &Stage) -> gst_app::AppSink {
    stage.scene.element("audio").downcast().unwrap()
}

#[test]
fn a_microphone_is_heard_beside_the_picture_in_one_row_and_in_time() {
    let _tone = Tone::plays();
    let stage = with_sound(MICROPHONE);
    stage.bars();
    let sink = audio(&stage);
    hear(&sink, "a tone", is_loud);
    let (mut ends, mut least): (Option<gst::ClockTime>, _) = (None, gst::ClockTime::MAX);
    let patience = gst::ClockTime::try_from(PATIENCE).unwrap();
    for _ in 0..PIECES {
        let sample = sink.try_pull_sample(patience).expect("no more sound");
        let (buffer, now) = (
            sample.buffer().unwrap(),
            stage.scene.pipeline.current_running_time().unwrap(),
        );
        let pts = buffer.pts().unwrap();
        assert!(pts <= now, "{pts} at {now}");
        // What waited here is older.
        least = least.min(now - pts);
        if let Some(ends) = ends {
            assert!(
                pts.absdiff(ends) < gst::ClockTime::from_useconds(1),
                "{pts} after {ends}"
            );
        }
        ends = Some(pts + buffer.duration().unwrap());
    }
    println!("{least} late");
    assert!(least < MOST_LATE, "{least} late");
    assert!(stage.pull().is_bars());
}

#[test]
fn while_another_program_records_the_picture_is_silent_and_then_it_is_heard() {
    let recorder = Recorder::records();
    let mut stage = with_sound(MICROPHONE);
    stage
        .scene
        .warned("no sound: hw:Loopback,1,0: another program uses it");
    stage.bars();
    hear(&audio(&stage), "silence", |sample| !is_loud(sample));
    let _tone = Tone::plays();
    drop(recorder);
    hear(&audio(&stage), "a tone", is_loud);
    stage.bars();
}

#[test]
fn a_microphone_that_is_not_there_costs_no_picture() {
    let mut stage = with_sound("audio-device=hw:9");
    stage.scene.warned("no sound: hw:9: it is not there");
    stage.bars();
    hear(&audio(&stage), "silence", |sample| !is_loud(sample));
}

#[test]
fn a_camera_without_a_microphone_of_its_own_says_so() {
    let mut stage = with_sound("");
    stage
        .scene
        .warned("the camera has no microphone of its own: set audio-device=hw:1");
    stage.bars();
}

#[test]
fn silence_that_is_asked_for_needs_no_warning() {
    let mut stage = with_sound("audio-device=none");
    stage.bars();
    hear(&audio(&stage), "silence", |sample| !is_loud(sample));
    assert_eq!(stage.scene.warnings(), [""; 0]);
}

#[test]
fn the_microphone_is_open_while_somebody_wants_to_hear() {
    let _tone = Tone::plays();
    let stage = Stage::playing(&format!("{MODE} {MICROPHONE}"));
    stage.bars();
    for _ in 0..3 {
        let sink = gst_app::AppSink::builder()
            .name("audio")
            .sync(false)
            .async_(false)
            .build();
        stage.scene.pipeline.add(&sink).unwrap();
        sink.sync_state_with_parent().unwrap();
        let camera = stage.scene.element("cam");
        let pad = camera.request_pad_simple("audio").unwrap();
        pad.link(&sink.static_pad("sink").unwrap()).unwrap();
        hear(&sink, "a tone", is_loud);
        camera.release_request_pad(&pad);
        wait_in_use(false);
        sink.set_state(gst::State::Null).unwrap();
        stage.scene.pipeline.remove(&sink).unwrap();
        stage.bars();
    }
}
