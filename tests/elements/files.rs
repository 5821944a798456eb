// SPDX-License-Identifier: MPL-2.0
//! `portholesrc` with files of every kind that people have: each plays for ever, or says what to do.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use gst::prelude::*;

use crate::camera::{
    CLIP_FRAMES, camera, camera_with_sound, demand, info, is_black, is_silent, pull, states, uri,
    wait_for_picture,
};
use crate::common::{Folder, PATIENCE, Scene, patience_left};

/// A second of a moving picture.
const SECOND: &str = "videotestsrc num-buffers=30 pattern=ball background-color=0xff808080 \
                      ! video/x-raw,format=I420,width=160,height=120,framerate=30/1";
const H264: &str = "x264enc tune=zerolatency ! h264parse";
const VP8: &str = "vp8enc deadline=1";

/// So many pieces of 1024 samples, 44,100 of which are a second.
fn sound(pieces: u32) -> String {
    format!("audiotestsrc num-buffers={pieces} volume=0.5 ! audio/x-raw,rate=44100")
}

/// Makes a file by a pipeline that ends in it.
fn make(folder: &Folder, name: &str, pipeline: &str) -> String {
    let path = folder.path(name);
    let location = format!("filesink name=file location={}", path.display());
    let scene = Scene::playing(&pipeline.replace("FILE", &location));
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let bus = scene.pipeline.bus().unwrap();
    let end = bus.timed_pop_filtered(patience_left(Instant::now()), &kinds);
    let end = end.expect("a file that is made");
    assert_eq!(end.type_(), gst::MessageType::Eos, "{name}: {end:?}");
    uri(&path)
}

/// Plays until so many pictures of it have come. Slates are none.
fn watch(scene: &mut Scene, pictures: usize) {
    let start = Instant::now();
    let mut seen = 0;
    while seen < pictures {
        seen += usize::from(!is_black(&pull(scene, "video")));
        assert!(start.elapsed() < PATIENCE, "{seen} pictures");
    }
}

/// It was opened once, and never lost.
fn assert_never_lost(scene: &mut Scene, name: &str) {
    assert_eq!(states(scene), ["opening", "live"], "{name}");
}

#[test]
fn a_file_in_any_container_plays_again_and_again() {
    let folder = Folder::new();
    let aac = format!("{} ! avenc_aac ! aacparse ! m.", sound(43));
    let vorbis = format!("{} ! audioconvert ! vorbisenc ! m.", sound(43));
    for (name, pipeline) in [
        (
            "clip.mp4",
            format!("{SECOND} ! {H264} ! mp4mux name=m ! FILE {aac}"),
        ),
        (
            "clip.mkv",
            format!("{SECOND} ! {H264} ! matroskamux name=m ! FILE {aac}"),
        ),
        (
            "clip.ts",
            format!("{SECOND} ! {H264} ! mpegtsmux name=m ! FILE {aac}"),
        ),
        (
            "clip.webm",
            format!("{SECOND} ! {VP8} ! webmmux name=m ! FILE {vorbis}"),
        ),
        ("clip.avi", format!("{SECOND} ! jpegenc ! avimux ! FILE")),
    ] {
        let file = make(&folder, name, &pipeline);
        let mut scene = camera_with_sound(&file);
        scene.set(gst::State::Playing);
        watch(&mut scene, CLIP_FRAMES * 5 / 2);
        if !name.ends_with("avi") {
            let start = Instant::now();
            while is_silent(&pull(&scene, "audio")) {
                assert!(start.elapsed() < PATIENCE, "{name}: only silence");
            }
        }
        assert_never_lost(&mut scene, name);
    }
}

#[test]
fn a_file_whose_sound_lasts_longer_than_its_picture_is_not_taken_to_hang() {
    let folder = Folder::new();
    let aac = format!("{} ! avenc_aac ! aacparse ! m.", sound(172));
    let pipeline = format!("{SECOND} ! {H264} ! mp4mux name=m ! FILE {aac}");
    let file = make(&folder, "clip.mp4", &pipeline);
    // Three seconds without a picture.
    let mut scene = Scene::playing(&format!(
        "portholesrc name=cam stall-timeout=1 camera={file} ! appsink name=video sync=false \
         cam.audio ! appsink name=audio sync=false"
    ));
    watch(&mut scene, CLIP_FRAMES + 5);
    assert_never_lost(&mut scene, "sound");
}

#[test]
fn a_file_with_seconds_between_its_pictures_is_not_taken_to_hang() {
    let folder = Folder::new();
    let slow = SECOND
        .replace("30/1", "1/3")
        .replace("num-buffers=30", "num-buffers=3");
    let file = make(
        &folder,
        "slow.mkv",
        &format!("{slow} ! {VP8} ! matroskamux ! FILE"),
    );
    let mut scene = camera(&format!("stall-timeout=1 camera={file}"));
    scene.set(gst::State::Playing);
    watch(&mut scene, 3);
    assert_never_lost(&mut scene, "slow");
}

#[test]
fn a_file_whose_picture_lasts_longer_than_its_sound_goes_on_in_silence() {
    let folder = Folder::new();
    let aac = format!("{} ! avenc_aac ! aacparse ! m.", sound(43));
    let long = SECOND.replace("num-buffers=30", "num-buffers=90");
    let pipeline = format!("{long} ! {H264} ! mp4mux name=m ! FILE {aac}");
    let file = make(&folder, "clip.mp4", &pipeline);
    let mut scene = camera_with_sound(&file);
    scene.set(gst::State::Playing);
    watch(&mut scene, 120);
    let start = Instant::now();
    let mut heard = [false; 2];
    while heard != [true; 2] {
        heard[usize::from(is_silent(&pull(&scene, "audio")))] = true;
        assert!(start.elapsed() < PATIENCE, "sound and silence: {heard:?}");
    }
    assert_never_lost(&mut scene, "picture");
}

#[test]
fn a_file_without_a_rate_of_its_own_plays_by_its_stamps() {
    let folder = Folder::new();
    let varies = r#"capssetter caps="video/x-raw,framerate=(fraction)0/1""#;
    let pipeline = format!("{SECOND} ! {varies} ! {VP8} ! matroskamux ! FILE");
    let file = make(&folder, "varies.mkv", &pipeline);
    let mut scene = camera(&format!("camera={file}"));
    scene.set(gst::State::Playing);
    watch(&mut scene, CLIP_FRAMES * 5 / 2);
    assert_never_lost(&mut scene, "varies");
}

#[test]
fn a_file_of_an_odd_size_keeps_it() {
    let folder = Folder::new();
    let odd = SECOND.replace("160", "161").replace("120", "121");
    let file = make(
        &folder,
        "odd.webm",
        &format!("{odd} ! {VP8} ! webmmux ! FILE"),
    );
    let mut scene = camera(&format!("camera={file}"));
    scene.set(gst::State::Playing);
    watch(&mut scene, CLIP_FRAMES + 5);
    let info = info(&pull(&scene, "video"));
    assert_eq!((info.width(), info.height()), (161, 121));
    assert_never_lost(&mut scene, "odd");
}

#[test]
fn a_film_that_was_taken_upright_is_shown_upright() {
    let folder = Folder::new();
    let file = make(
        &folder,
        "turned.mp4",
        &format!("{SECOND} ! {H264} ! mp4mux ! FILE"),
    );
    turn(&folder.path("turned.mp4"));
    let mut scene = camera(&format!("camera={file}"));
    scene.set(gst::State::Playing);
    watch(&mut scene, CLIP_FRAMES + 5);
    let info = info(&pull(&scene, "video"));
    assert_eq!((info.width(), info.height()), (120, 160));
}

/// Writes into a file of MP4 what a telephone does: that it was held upright (ISO 14496-12, 8.3.2).
fn turn(path: &Path) {
    /// From the kind of the box to the matrix, in version 0.
    const MATRIX: usize = 44;

    let mut bytes = fs::read(path).unwrap();
    let track = bytes.windows(4).position(|kind| kind == b"tkhd").unwrap();
    let quarter: [i32; 9] = [0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x4000_0000];
    let matrix = quarter.map(i32::to_be_bytes).concat();
    bytes[track + MATRIX..][..matrix.len()].copy_from_slice(&matrix);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_file_that_is_replaced_while_it_plays_is_shown_from_its_next_beginning_on() {
    let folder = Folder::new();
    let in_colour = |name: &str, pattern: &str, [width, height]: [&str; 2]| {
        let picture = SECOND.replace("ball", pattern);
        let picture = picture.replace("160", width).replace("120", height);
        make(
            &folder,
            name,
            &format!("{picture} ! {H264} ! mp4mux ! FILE"),
        )
    };
    let file = in_colour("now.mp4", "white", ["160", "120"]);
    in_colour("next.mp4", "red", ["320", "240"]);
    let mut scene = camera(&format!("camera={file}"));
    scene.set(gst::State::Playing);
    watch(&mut scene, 3);
    fs::rename(folder.path("next.mp4"), folder.path("now.mp4")).unwrap();
    let start = Instant::now();
    let is_white = |sample: &gst::Sample| {
        let map = sample.buffer().unwrap().map_readable().unwrap();
        map[160 * 60 + 80] > 200
    };
    loop {
        let sample = pull(&scene, "video");
        // What is shown keeps its size.
        assert_eq!(info(&sample).width(), 160);
        if !is_black(&sample) && !is_white(&sample) {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "it stays as it was");
    }
    assert!(!states(&mut scene).contains(&"lost".to_owned()));
}

#[test]
fn a_file_may_have_any_name() {
    let folder = Folder::new();
    make(
        &folder,
        "plain.mp4",
        &format!("{SECOND} ! {H264} ! mp4mux ! FILE"),
    );
    let name = "a b#c?d%e&ä.mp4";
    fs::rename(folder.path("plain.mp4"), folder.path(name)).unwrap();
    let path = folder.path(name);
    for file in [uri(&path), format!("file://{}", path.display())] {
        let mut scene = camera("");
        scene.element("cam").set_property("camera", &file);
        scene.set(gst::State::Playing);
        watch(&mut scene, 3);
        assert_never_lost(&mut scene, &file);
    }
}

/// How often the threads of this name have waited for something.
fn waits(name: &str) -> u64 {
    let read = |path: std::path::PathBuf, file: &str| fs::read_to_string(path.join(file));
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let waits = tasks.map(|task| {
        let path = task.unwrap().path();
        // One that has ended meanwhile waits no more.
        if read(path.clone(), "comm").is_ok_and(|comm| comm.trim_end() == name) {
            let status = read(path, "status").unwrap_or_default();
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            line.map_or(0, |count| count.trim().parse().unwrap())
        } else {
            0
        }
    });
    waits.sum()
}

#[test]
fn a_stream_that_was_ended_lets_the_camera_rest() {
    /// A thread that sleeps too short wakes fifty times a second.
    const WATCHED: Duration = Duration::from_secs(2);
    const AT_REST: u64 = 20;

    let mut scene = camera("idle-timeout=0 camera=test");
    scene.set(gst::State::Playing);
    scene.hear("porthole/camera", "state", "live");
    let appsrc = scene.element("src").downcast::<gst_app::AppSrc>().unwrap();
    appsrc.end_of_stream().unwrap();
    scene.hear("porthole/camera", "state", "closed");
    demand(&scene, true);
    let before = waits("portholesrc");
    assert!(before > 0, "there is no such thread");
    thread::sleep(WATCHED);
    let woken = waits("portholesrc") - before;
    assert!(woken < AT_REST, "{woken} times");
}
