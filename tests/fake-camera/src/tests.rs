// SPDX-License-Identifier: MPL-2.0
//! The camera in a pipeline. All of these share one folder, and none its camera with another.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

use gst::prelude::*;

/// Longest wait for anything: a loaded machine is slow, a broken program is slower.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(60);
/// Longer than a call that does not hang takes.
const LONG: Duration = Duration::from_millis(300);

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A camera of one test, and the folder for as long as any test has one.
struct Camera {
    folder: Arc<Folder>,
    name: &'static str,
}

impl Camera {
    fn new(name: &'static str, text: &str) -> Self {
        static FOLDER: Mutex<Weak<Folder>> = Mutex::new(Weak::new());
        let mut shared = FOLDER.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = shared.upgrade().unwrap_or_else(|| {
            gst::init().unwrap();
            crate::plugin_register_static().unwrap();
            let folder = std::env::temp_dir().join(format!("fake-camera-{}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            crate::set_folder(&folder);
            Arc::new(Folder(folder))
        });
        *shared = Arc::downgrade(&folder);
        let camera = Self { folder, name };
        camera.set(text);
        camera
    }

    fn set(&self, text: &str) {
        let new = self.folder.0.join(format!("{}.new", self.name));
        fs::write(&new, text).unwrap();
        fs::rename(new, self.folder.0.join(self.name)).unwrap();
    }

    fn unplug(&self) {
        fs::remove_file(self.folder.0.join(self.name)).unwrap();
    }

    fn opened(&self) -> String {
        let file = self.folder.0.join(format!("{}.opened", self.name));
        fs::read_to_string(file).unwrap_or_default()
    }
}

/// A pipeline with it, stopped when the test is over.
struct Scene {
    pipeline: gst::Pipeline,
    sink: gst_app::AppSink,
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

impl Scene {
    fn new(name: &str, filter: &str) -> Self {
        let text = format!(
            "fakecamerasrc name=camera device={name} ! {filter} ! appsink name=sink sync=false max-buffers=2 drop=true"
        );
        let pipeline = gst::parse::launch(&text).unwrap();
        let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap();
        let sink = pipeline.by_name("sink").unwrap().downcast().unwrap();
        Self { pipeline, sink }
    }

    fn playing(name: &str, filter: &str) -> Self {
        let scene = Self::new(name, filter);
        scene.pipeline.set_state(gst::State::Playing).unwrap();
        scene
    }

    fn pull(&self) -> gst::Sample {
        self.sink.try_pull_sample(PATIENCE).expect("a frame")
    }

    /// The error, and what the log would have beside it.
    fn error(&self) -> (gst::glib::Error, String) {
        let bus = self.pipeline.bus().unwrap();
        let message = bus.timed_pop_filtered(PATIENCE, &[gst::MessageType::Error]);
        let message = message.expect("an error");
        let gst::MessageView::Error(error) = message.view() else {
            unreachable!("{message:?}")
        };
        (error.error(), error.debug().unwrap_or_default().to_string())
    }

    fn error_of_playing(name: &str) -> (gst::glib::Error, String) {
        let scene = Self::new(name, "identity");
        let _ = scene.pipeline.set_state(gst::State::Playing);
        scene.error()
    }
}

fn size(sample: &gst::Sample) -> (i32, i32) {
    let structure = sample.caps().unwrap().structure(0).unwrap();
    (
        structure.get("width").unwrap(),
        structure.get("height").unwrap(),
    )
}

#[test]
fn a_camera_gives_numbered_frames_stamped_before_they_come() {
    let _camera = Camera::new("works", "ok");
    let scene = Scene::playing("works", "identity");
    let first = scene.pull();
    assert_eq!(size(&first), (1280, 720));
    let number = |sample: &gst::Sample| sample.buffer().unwrap().offset();
    let second = scene.pull();
    assert!(number(&second) > number(&first));
    let buffer = second.buffer().unwrap();
    let made = crate::made_at(buffer).unwrap();
    let stamped = scene.pipeline.base_time().unwrap() + buffer.pts().unwrap();
    assert!(stamped + crate::LATENCY <= made, "{stamped} {made}");
    assert!(made <= gst::SystemClock::obtain().time());
}

#[test]
fn a_frame_that_was_copied_is_known_by_its_place() {
    let _camera = Camera::new("placed", "ok");
    let scene = Scene::playing("placed", "video/x-raw,format=I420,width=640 ! identity");
    let sample = scene.pull();
    assert_eq!(crate::is_copy(sample.buffer().unwrap()), Some(false));
    drop(scene);
    let scene = Scene::playing(
        "placed",
        "video/x-raw,format=I420,width=640 ! videoscale ! video/x-raw,width=320",
    );
    let sample = scene.pull();
    assert_eq!(crate::is_copy(sample.buffer().unwrap()), Some(true));
}

#[test]
fn it_says_how_late_its_frames_are() {
    let _camera = Camera::new("late", "ok");
    let scene = Scene::playing("late", "identity");
    scene.pull();
    let mut query = gst::query::Latency::new();
    // A sink that does not wait for time asks nobody.
    let pad = scene.sink.static_pad("sink").unwrap();
    assert!(pad.peer_query(&mut query));
    let (live, min, _) = query.result();
    assert!(live && min >= crate::LATENCY, "{query:?}");
}

#[test]
fn it_has_the_modes_of_a_camera() {
    let camera = Camera::new("modes", "ok");
    let scene = Scene::playing("modes", "video/x-raw,format=NV12,width=640,framerate=15/1");
    assert_eq!(size(&scene.pull()), (640, 480));
    drop(scene);
    camera.set("modes=usb");
    let scene = Scene::playing("modes", "image/jpeg ! jpegdec");
    assert_eq!(size(&scene.pull()), (1280, 720));
}

#[test]
fn what_keeps_it_from_opening_is_said_as_v4l2src_does() {
    use gst::ResourceError::{Busy, NotFound, OpenReadWrite};
    let camera = Camera::new("shut", "ok");
    camera.unplug();
    let (error, _) = Scene::error_of_playing("shut");
    assert!(error.matches(NotFound), "{error}");
    camera.set("denied");
    let (error, debug) = Scene::error_of_playing("shut");
    assert!(error.matches(OpenReadWrite), "{error}");
    assert!(debug.contains("Permission denied"), "{debug}");
    camera.set("busy");
    let (error, _) = Scene::error_of_playing("shut");
    assert!(error.matches(Busy), "{error}");
    camera.set("ok");
    let _scene = Scene::playing("shut", "identity");
    let (error, _) = Scene::error_of_playing("shut");
    assert!(error.matches(Busy), "{error}");
}

#[test]
fn what_ends_a_running_one_is_said_as_v4l2src_does() {
    let camera = Camera::new("ends", "ok");
    let scene = Scene::playing("ends", "identity");
    scene.pull();
    camera.unplug();
    let (error, debug) = scene.error();
    assert!(error.matches(gst::ResourceError::Read), "{error}");
    assert!(debug.contains("No such device"), "{debug}");
    drop(scene);
    camera.set("error");
    let (error, _) = Scene::error_of_playing("ends");
    assert!(error.matches(gst::ResourceError::Failed), "{error}");
}

#[test]
fn opening_and_closing_are_counted() {
    let camera = Camera::new("counted", "ok");
    for opens in 1..=3 {
        let scene = Scene::playing("counted", "identity");
        assert_eq!(camera.opened(), format!("open=1 opens={opens}\n"));
        drop(scene);
        assert_eq!(camera.opened(), format!("open=0 opens={opens}\n"));
    }
}

#[test]
fn a_stalled_one_gives_nothing_until_it_is_well_and_can_be_stopped_meanwhile() {
    let camera = Camera::new("stalls", "stall");
    let scene = Scene::playing("stalls", "identity");
    let nothing = scene
        .sink
        .try_pull_sample(gst::ClockTime::try_from(LONG).unwrap());
    assert!(nothing.is_none());
    camera.set("ok");
    scene.pull();
    camera.set("stall");
    scene.pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn each_call_hangs_until_the_camera_lets_go() {
    let camera = Camera::new("hangs", "ok");
    for call in ["ready", "start", "create", "stop", "null"] {
        camera.set("ok");
        let scene = Scene::new("hangs", "identity");
        let up = matches!(call, "ready" | "start");
        if !up {
            scene.pipeline.set_state(gst::State::Playing).unwrap();
            scene.pull();
        }
        camera.set(&format!("stuck={call}"));
        let pipeline = scene.pipeline.clone();
        let state = if up {
            gst::State::Playing
        } else {
            gst::State::Null
        };
        let thread = thread::spawn(move || pipeline.set_state(state).is_ok());
        let start = Instant::now();
        while start.elapsed() < LONG {
            assert!(!thread.is_finished(), "{call} does not hang");
            thread::yield_now();
        }
        camera.set("ok");
        assert!(thread.join().unwrap(), "{call}");
        if up {
            scene.pull();
        }
    }
}

#[test]
fn a_slow_one_opens_late() {
    let _camera = Camera::new("slow", "slow=300");
    let start = Instant::now();
    let _scene = Scene::playing("slow", "identity");
    assert!(start.elapsed() >= LONG);
}

#[test]
fn it_changes_its_size_while_it_runs() {
    let camera = Camera::new("grows", "ok");
    let scene = Scene::playing("grows", "identity");
    assert_eq!(size(&scene.pull()), (1280, 720));
    camera.set("size=320x240");
    let start = Instant::now();
    while size(&scene.pull()) != (320, 240) {
        assert!(start.elapsed() < LONG * 100, "the size stays");
    }
}

#[test]
fn it_is_turned_and_made_brighter_while_it_runs() {
    let _camera = Camera::new("turns", "ok");
    let scene = Scene::playing("turns", "video/x-raw,format=I420,width=640");
    let camera = scene.pipeline.by_name("camera").unwrap();
    let corners = || {
        let sample = scene.pull();
        let map = sample.buffer().unwrap().map_readable().unwrap();
        (map[0], map[639])
    };
    let until = |expected| {
        let start = Instant::now();
        while corners() != expected {
            assert!(start.elapsed() < LONG * 100, "{expected:?} never came");
        }
    };
    until((235, 110));
    camera.set_property_from_str("video-direction", "horiz");
    until((110, 235));
    camera.set_property_from_str("video-direction", "90r");
    assert_eq!(
        camera.property::<gst_video::VideoOrientationMethod>("video-direction"),
        gst_video::VideoOrientationMethod::Horiz
    );
    camera.set_property("brightness", 50);
    until((160, 235));
}

#[test]
fn a_monitor_lists_what_is_plugged_in() {
    let camera = Camera::new("listed", "busy");
    let find = || {
        let monitor = gst::DeviceMonitor::new();
        monitor.add_filter(Some("Video/Source"), None);
        let devices = monitor.devices().into_iter();
        let mut named = devices.filter(|device| device.display_name() == "listed");
        named.next()
    };
    let device = find().expect("listed");
    assert_eq!(device.caps().unwrap().size(), 3);
    let element = device.create_element(None).unwrap();
    assert_eq!(element.property::<String>("device"), "listed");
    camera.unplug();
    assert!(find().is_none());
}
