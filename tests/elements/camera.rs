// SPDX-License-Identifier: MPL-2.0
//! `portholesrc` as a pipeline sees it.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crate::common::{Folder, PATIENCE, Scene, init, patience_left};
use gst::prelude::*;
use gst_app::AppSink;
use gst_video::{VideoFrameRef, VideoInfo, prelude::*};

/// Frames of the clip that [`clip`] makes.
pub(crate) const CLIP_FRAMES: usize = 30;

/// What follows the camera, so that a test can pull it.
pub(crate) const VIDEO: &str = "appsink name=video sync=false";
pub(crate) const AUDIO: &str = "appsink name=audio sync=false";

pub(crate) fn camera(properties: &str) -> Scene {
    Scene::new(&format!("portholesrc name=cam {properties} ! {VIDEO}"))
}

fn small_camera(properties: &str) -> Scene {
    Scene::new(&format!(
        "portholesrc name=cam {properties} ! video/x-raw,width=160,height=120,framerate=10/1 ! {VIDEO}"
    ))
}

/// The clip of [`clip`] with its sound, if it has any.
pub(crate) fn camera_with_sound(uri: &str) -> Scene {
    Scene::new(&format!(
        "portholesrc name=cam camera={uri} ! {VIDEO} cam.audio ! {AUDIO}"
    ))
}

pub(crate) fn pull(scene: &Scene, name: &str) -> gst::Sample {
    let sink = scene.element(name).downcast::<AppSink>().unwrap();
    sink.try_pull_sample(gst::ClockTime::try_from(PATIENCE).unwrap())
        .unwrap_or_else(|| panic!("no {name}"))
}

/// Whether it is a slate: black, but for the words in its middle.
pub(crate) fn is_black(sample: &gst::Sample) -> bool {
    let info = VideoInfo::from_caps(sample.caps().unwrap()).unwrap();
    let frame = VideoFrameRef::from_buffer_ref_readable(sample.buffer().unwrap(), &info).unwrap();
    let first_row = |plane: u32, value| {
        let data = frame.plane_data(plane).unwrap();
        let width = info.comp_width(plane as u8) as usize;
        data[..width].iter().all(|byte| *byte == value)
    };
    first_row(0, 16) && (1..frame.n_planes()).all(|plane| first_row(plane, 128))
}

pub(crate) fn is_silent(sample: &gst::Sample) -> bool {
    let map = sample.buffer().unwrap().map_readable().unwrap();
    map.iter().all(|byte| *byte == 0)
}

/// Pulls until a frame is black, or is not.
pub(crate) fn wait_for_picture(scene: &Scene, black: bool) {
    let start = Instant::now();
    while is_black(&pull(scene, "video")) != black {
        assert!(start.elapsed() < PATIENCE, "black never turned {black}");
    }
}

/// What portholesink sends.
pub(crate) fn demand(scene: &Scene, active: bool) {
    let structure = gst::Structure::builder("porthole/demand")
        .field("viewers", u32::from(active))
        .field("active", active)
        .field("camera", "Front")
        .build();
    let event = gst::event::CustomUpstream::new(structure);
    assert!(scene.pad("video", "sink").push_event(event));
}

pub(crate) fn states(scene: &mut Scene) -> Vec<String> {
    let said = scene.all_said("porthole/camera");
    said.iter().map(|s| s.get("state").unwrap()).collect()
}

/// Makes a second of moving picture without sound.
fn clip(folder: &Folder) -> String {
    let path = folder.path("clip.mp4");
    make_clip("mp4mux", &path);
    uri(&path)
}

fn make_clip(muxer: &str, path: &Path) {
    let mut scene = Scene::playing(&format!(
        "videotestsrc num-buffers={CLIP_FRAMES} pattern=ball background-color=0xff808080 \
         ! video/x-raw,width=160,height=120,framerate=30/1 \
         ! x264enc tune=zerolatency ! h264parse ! {muxer} ! filesink location={}",
        path.display()
    ));
    let start = Instant::now();
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let bus = scene.pipeline.bus().unwrap();
    let end = bus
        .timed_pop_filtered(patience_left(start), &kinds)
        .unwrap();
    assert_eq!(end.type_(), gst::MessageType::Eos, "{end:?}");
    assert!(scene.warnings().is_empty());
}

pub(crate) fn uri(path: &Path) -> String {
    url::Url::from_file_path(path).unwrap().to_string()
}

pub(crate) fn info(sample: &gst::Sample) -> VideoInfo {
    VideoInfo::from_caps(sample.caps().unwrap()).unwrap()
}

#[test]
fn a_password_that_is_misspelt_into_the_camera_stays_out_of_the_error() {
    let errors = camera("camera=rtsp:door:secret").errors_of_playing();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].contains("camera=rtsp:") && !errors[0].contains("secret"),
        "{errors:?}"
    );
}

#[test]
fn a_camera_that_is_never_asked_runs_at_720p30() {
    let mut scene = camera("camera=test");
    scene.set(gst::State::Playing);
    scene.hear("porthole/camera", "state", "opening");
    wait_for_picture(&scene, false);
    let info = info(&pull(&scene, "video"));
    assert_eq!((info.width(), info.height()), (1280, 720));
    assert_eq!(info.fps(), gst::Fraction::from_integer(30));
    assert_eq!(info.format(), gst_video::VideoFormat::I420);
    let live = scene.hear("porthole/camera", "state", "live");
    assert_eq!(live.get::<String>("device").unwrap(), "test");
}

#[test]
fn its_mode_is_what_downstream_asks_for() {
    let scene = Scene::playing(&format!(
        "portholesrc ! video/x-raw,format=NV12,width=320,height=240,framerate=10/1 ! {VIDEO}"
    ));
    wait_for_picture(&scene, false);
    let info = info(&pull(&scene, "video"));
    assert_eq!((info.width(), info.height()), (320, 240));
    assert_eq!(info.format(), gst_video::VideoFormat::Nv12);
}

#[test]
fn frames_are_stamped_with_the_running_time_and_never_go_back() {
    let mut scene = small_camera("idle-timeout=0");
    let clock = gst::SystemClock::obtain();
    scene.pipeline.use_clock(Some(&clock));
    scene.pipeline.set_start_time(gst::ClockTime::NONE);
    // As if the pipeline had been running for long: the camera's own pipeline starts at 0 whenever it is opened.
    let base_time = clock.time() / 2;
    scene.pipeline.set_base_time(base_time);
    let mut last = clock.time() - base_time;
    scene.set(gst::State::Playing);
    for _ in 0..2 {
        for black in [false, true] {
            demand(&scene, !black);
            let state = if black { "closed" } else { "live" };
            scene.hear("porthole/camera", "state", state);
            let start = Instant::now();
            loop {
                let sample = pull(&scene, "video");
                let pts = sample.buffer().unwrap().pts().unwrap();
                let now = scene.pipeline.current_running_time().unwrap();
                assert!(last < pts && pts <= now, "{last} < {pts} <= {now}");
                last = pts;
                if is_black(&sample) == black {
                    break;
                }
                assert!(start.elapsed() < PATIENCE, "black never turned {black}");
            }
        }
    }
}

#[test]
fn a_camera_that_nobody_watches_stays_closed_and_black_flows() {
    let mut scene = small_camera("");
    scene.set(gst::State::Paused);
    demand(&scene, false);
    scene.set(gst::State::Playing);
    for _ in 0..2 {
        assert!(is_black(&pull(&scene, "video")));
    }
    assert_eq!(states(&mut scene), [""; 0]);
}

#[test]
fn it_opens_with_the_first_viewer_and_closes_after_the_last() {
    let mut scene = small_camera("idle-timeout=0");
    scene.set(gst::State::Paused);
    demand(&scene, false);
    scene.set(gst::State::Playing);
    wait_for_picture(&scene, true);
    demand(&scene, true);
    scene.hear("porthole/camera", "state", "opening");
    scene.hear("porthole/camera", "state", "live");
    wait_for_picture(&scene, false);
    demand(&scene, false);
    scene.hear("porthole/camera", "state", "closed");
    wait_for_picture(&scene, true);
    assert_eq!(states(&mut scene), ["opening", "live", "closed"]);
}

#[test]
fn a_viewer_who_comes_again_opens_it_again() {
    let mut scene = small_camera("idle-timeout=0");
    scene.set(gst::State::Playing);
    scene.hear("porthole/camera", "state", "live");
    for _ in 0..3 {
        demand(&scene, false);
        scene.hear("porthole/camera", "state", "closed");
        demand(&scene, true);
        scene.hear("porthole/camera", "state", "live");
    }
    wait_for_picture(&scene, false);
}

#[test]
fn a_viewer_who_is_back_within_idle_timeout_finds_it_running() {
    let mut scene = small_camera("idle-timeout=600");
    scene.set(gst::State::Playing);
    scene.hear("porthole/camera", "state", "live");
    demand(&scene, false);
    demand(&scene, true);
    wait_for_picture(&scene, false);
    assert_eq!(states(&mut scene), ["opening", "live"]);
}

#[test]
fn idle_timeout_changes_while_playing() {
    let mut scene = small_camera("idle-timeout=600");
    scene.set(gst::State::Playing);
    scene.hear("porthole/camera", "state", "live");
    let camera = scene.element("cam");
    camera.set_property("idle-timeout", 0_u32);
    assert_eq!(camera.property::<u32>("idle-timeout"), 0);
    demand(&scene, false);
    scene.hear("porthole/camera", "state", "closed");
}

#[test]
fn idle_timeout_changes_while_it_runs_down() {
    let mut scene = small_camera("idle-timeout=600");
    scene.set(gst::State::Playing);
    scene.hear("porthole/camera", "state", "live");
    demand(&scene, false);
    scene.element("cam").set_property("idle-timeout", 0_u32);
    scene.hear("porthole/camera", "state", "closed");
}

#[test]
fn the_test_camera_ticks() {
    let scene = camera_with_sound("test");
    scene.set(gst::State::Playing);
    let start = Instant::now();
    while is_silent(&pull(&scene, "audio")) {
        assert!(start.elapsed() < PATIENCE, "nothing but silence");
    }
    wait_for_picture(&scene, false);
}

#[test]
fn a_file_plays_again_and_again_and_time_never_goes_back() {
    let folder = Folder::new();
    let scene = camera(&format!("camera={}", clip(&folder)));
    scene.set(gst::State::Playing);
    let mut last = None;
    for _ in 0..CLIP_FRAMES * 3 {
        let sample = pull(&scene, "video");
        let pts = sample.buffer().unwrap().pts();
        assert!(pts > last, "{pts:?} after {last:?}");
        last = pts;
    }
    wait_for_picture(&scene, false);
}

#[test]
fn a_file_plays_at_its_own_rate() {
    let folder = Folder::new();
    let scene = camera(&format!("camera={}", clip(&folder)));
    scene.set(gst::State::Playing);
    wait_for_picture(&scene, false);
    let times: Vec<_> = (0..CLIP_FRAMES * 2)
        .map(|_| {
            let pts = pull(&scene, "video").buffer().unwrap().pts().unwrap();
            // However fast the file could be read.
            let now = scene.pipeline.current_running_time().unwrap();
            assert!(pts <= now, "a frame of {pts} is here at {now}");
            pts
        })
        .collect();
    let mut steps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    steps.sort_unstable();
    // All but those at the turns.
    let (period, most) = (gst::ClockTime::SECOND / 30, steps.len() * 8 / 10);
    let even = |step: &&gst::ClockTime| step.absdiff(period) < gst::ClockTime::MSECOND;
    assert!(steps.iter().filter(even).count() >= most, "{steps:?}");
}

#[test]
fn a_file_that_nobody_watches_is_black_in_its_own_size() {
    let folder = Folder::new();
    let mut scene = camera(&format!("idle-timeout=0 camera={}", clip(&folder)));
    scene.set(gst::State::Paused);
    demand(&scene, false);
    scene.set(gst::State::Playing);
    let sample = pull(&scene, "video");
    assert!(is_black(&sample), "{:?}", sample.caps());
    assert_eq!((info(&sample).width(), info(&sample).height()), (160, 120));
    assert_eq!(states(&mut scene), [""; 0]);
    demand(&scene, true);
    scene.hear("porthole/camera", "state", "live");
    wait_for_picture(&scene, false);
}

#[test]
fn a_file_without_sound_is_silent_and_its_picture_flows() {
    let folder = Folder::new();
    let scene = camera_with_sound(&clip(&folder));
    scene.set(gst::State::Playing);
    for _ in 0..CLIP_FRAMES * 2 {
        pull(&scene, "video");
    }
    for _ in 0..3 {
        assert!(is_silent(&pull(&scene, "audio")));
    }
}

#[test]
fn a_file_with_sound_is_heard() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clips/car-detection.mp4");
    let scene = camera_with_sound(&uri(Path::new(path)));
    scene.set(gst::State::Playing);
    let start = Instant::now();
    while is_silent(&pull(&scene, "audio")) {
        assert!(start.elapsed() < PATIENCE, "nothing but silence");
    }
    wait_for_picture(&scene, false);
}

#[test]
fn a_camera_that_is_misspelt_is_one_error_that_names_it() {
    for place in ["file:clip.mp4", "file://clip.mp4", "test:nonsense"] {
        let mut scene = camera(&format!("camera={place}"));
        scene.assert_fails_once_naming(&format!("camera={place}"));
    }
}

/// It is shown as lost for this reason, a warning names it, and a slate flows.
fn assert_lost(place: &str, reason: &str) -> Scene {
    let mut scene = camera(&format!("camera={place}"));
    scene.set(gst::State::Playing);
    let lost = scene.hear("porthole/camera", "state", "lost");
    assert_eq!(lost.get::<String>("reason").unwrap(), reason, "{place}");
    wait_for_picture(&scene, true);
    scene.warned(&format!("camera={place}"));
    scene
}

#[test]
fn a_file_that_is_missing_is_a_slate_until_it_is_there() {
    let folder = Folder::new();
    let path = folder.path("late.mp4");
    let mut scene = assert_lost(&uri(&path), "missing");
    std::fs::rename(path_of(&clip(&folder)), &path).unwrap();
    scene.hear("porthole/camera", "state", "live");
    wait_for_picture(&scene, false);
}

#[test]
fn a_file_that_is_no_video_is_a_slate() {
    let folder = Folder::new();
    let text = folder.path("text.mp4");
    std::fs::write(&text, "no video at all\n".repeat(100)).unwrap();
    assert_lost(&uri(&text), "damaged");
}

#[test]
fn a_file_with_sound_alone_is_a_slate() {
    init();
    let folder = Folder::new();
    let path = folder.path("sound.wav");
    let scene = Scene::playing(&format!(
        "audiotestsrc num-buffers=50 ! wavenc ! filesink location={}",
        path.display()
    ));
    let bus = scene.pipeline.bus().unwrap();
    let patience = patience_left(Instant::now());
    bus.timed_pop_filtered(patience, &[gst::MessageType::Eos])
        .unwrap();
    assert_lost(&uri(&path), "damaged");
}

#[test]
fn a_file_that_breaks_off_is_a_slate_where_it_cannot_be_read_and_never_ends_the_stream() {
    let folder = Folder::new();
    let path = path_of(&clip(&folder));
    // What the rest of it means is said at its end.
    let whole = std::fs::read(&path).unwrap();
    for cut in [whole.len() / 3, whole.len() / 2, whole.len() - 100] {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let mut scene = camera(&format!("camera={}", uri(&path)));
        scene.set(gst::State::Playing);
        // By what is missing, it is damaged or nothing comes of it.
        scene.hear("porthole/camera", "state", "lost");
        wait_for_picture(&scene, true);
        for _ in 0..3 {
            assert!(is_black(&pull(&scene, "video")), "{cut}");
        }
        assert_goes_on(&mut scene);
    }
}

#[test]
fn a_file_that_breaks_off_is_shown_again_and_again_where_it_can_be_read() {
    let folder = Folder::new();
    let path = folder.path("clip.mkv");
    make_clip("matroskamux streamable=true", &path);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() * 2 / 3]).unwrap();
    let mut scene = camera(&format!("camera={}", uri(&path)));
    scene.set(gst::State::Playing);
    scene.hear("porthole/camera", "state", "live");
    // More pictures than all of it has, and slates do not count.
    let start = Instant::now();
    let mut pictures = 0;
    while pictures < 2 * CLIP_FRAMES {
        pictures += usize::from(!is_black(&pull(&scene, "video")));
        assert!(start.elapsed() < PATIENCE, "{pictures} pictures");
    }
    assert_goes_on(&mut scene);
}

/// Neither an end nor an error so far.
fn assert_goes_on(scene: &mut Scene) {
    let bus = scene.pipeline.bus().unwrap();
    let end = bus.pop_filtered(&[gst::MessageType::Eos, gst::MessageType::Error]);
    assert!(end.is_none(), "{end:?}");
}

fn path_of(uri: &str) -> std::path::PathBuf {
    url::Url::parse(uri).unwrap().to_file_path().unwrap()
}

#[test]
fn a_downstream_that_takes_no_such_video_is_an_error_that_says_what_to_do() {
    let mut scene = Scene::new(&format!("portholesrc ! capsfilter name=f ! {VIDEO}"));
    let caps: gst::Caps = "video/x-raw,format=v210".parse().unwrap();
    scene.element("f").set_property("caps", caps);
    let errors = scene.errors_of_playing();
    assert!(
        errors.iter().any(|error| error.contains("videoconvert")),
        "{errors:?}"
    );
}

#[test]
fn it_starts_again_after_a_stop() {
    let scene = small_camera("");
    for _ in 0..3 {
        scene.set(gst::State::Playing);
        wait_for_picture(&scene, false);
        scene.set(gst::State::Null);
    }
}

#[test]
fn it_stops_at_once_whatever_it_was_doing() {
    /// Less than the second that the camera's thread sleeps between two black pictures. The best of [`TRIALS`] has to keep
    /// it: a loaded machine may be slow once.
    const AT_ONCE: Duration = Duration::from_millis(500);
    const TRIALS: usize = 5;

    /// Has the camera do something.
    type Reach = fn(&mut Scene);

    /// What the camera is doing when it is stopped.
    const DOINGS: [(&str, Reach); 4] = [
        ("starts", |_| ()),
        ("is live", |scene| {
            drop(scene.hear("porthole/camera", "state", "live"))
        }),
        ("waits for the last viewer's return", |scene| {
            scene.hear("porthole/camera", "state", "live");
            demand(scene, false);
        }),
        ("is closed", |scene| {
            scene.hear("porthole/camera", "state", "live");
            scene.element("cam").set_property("idle-timeout", 0_u32);
            demand(scene, false);
            scene.hear("porthole/camera", "state", "closed");
        }),
    ];

    let folder = Folder::new();
    let clip = clip(&folder);
    for place in ["test", clip.as_str()] {
        for (doing, reach) in DOINGS {
            let took = (0..TRIALS).map(|_| {
                let mut scene = camera(&format!("idle-timeout=600 camera={place}"));
                scene.set(gst::State::Playing);
                reach(&mut scene);
                let start = Instant::now();
                scene.set(gst::State::Null);
                start.elapsed()
            });
            let best = took.min().unwrap();
            assert!(best < AT_ONCE, "{place} {doing}: {best:?}");
        }
    }
}

/// The kinds of units in an access unit of H.264.
fn units(sample: &gst::Sample) -> Vec<u8> {
    let map = sample.buffer().unwrap().map_readable().unwrap();
    let starts = map.windows(4).filter(|bytes| bytes[..3] == [0, 0, 1]);
    starts.map(|bytes| bytes[3] & 0x1f).collect()
}

#[test]
fn encoded_video_has_a_slate_before_and_begins_with_a_key_unit() {
    let mut scene = camera("camera=test encoded=true width=320 height=240 idle-timeout=0");
    scene.set(gst::State::Paused);
    demand(&scene, false);
    scene.set(gst::State::Playing);
    let slate = pull(&scene, "video");
    assert!(units(&slate).contains(&5), "{:?}", units(&slate));
    let size = |sample: &gst::Sample| {
        let structure = sample.caps().unwrap().structure(0).unwrap();
        (
            structure.get::<i32>("width").unwrap(),
            structure.get::<i32>("height").unwrap(),
        )
    };
    assert_eq!(size(&slate), (320, 240));
    for _ in 0..3 {
        demand(&scene, true);
        let start = Instant::now();
        // A slate comes once a second and is complete in itself, a camera's picture needs the one before it.
        let mut before = pull(&scene, "video");
        let delta = loop {
            let sample = pull(&scene, "video");
            if units(&sample).contains(&1) {
                break sample;
            }
            before = sample;
            assert!(start.elapsed() < PATIENCE);
        };
        assert_eq!(size(&delta), (320, 240));
        let pts = |sample: &gst::Sample| sample.buffer().unwrap().pts().unwrap();
        let gap = pts(&delta) - pts(&before);
        assert!(units(&before).contains(&5), "{:?}", units(&before));
        assert!(
            gap < 2 * gst::ClockTime::SECOND / 30,
            "the key unit before it is {gap} away: a slate"
        );
        scene.hear("porthole/camera", "state", "live");
        demand(&scene, false);
        scene.hear("porthole/camera", "state", "closed");
    }
}

#[test]
fn a_viewers_request_for_a_key_unit_reaches_a_camera_that_encodes() {
    let mut scene = camera("camera=test encoded=true width=320 height=240");
    scene.set(gst::State::Playing);
    scene.hear("porthole/camera", "state", "live");
    let start = Instant::now();
    while units(&pull(&scene, "video")).contains(&5) {
        assert!(start.elapsed() < PATIENCE);
    }
    let event = gst_video::UpstreamForceKeyUnitEvent::builder()
        .all_headers(true)
        .build();
    assert!(scene.pad("video", "sink").push_event(event));
    // The next by itself comes after two seconds of pictures.
    let mut pictures = 0;
    while !units(&pull(&scene, "video")).contains(&5) {
        pictures += 1;
        assert!(pictures < 50);
    }
}
