// SPDX-License-Identifier: MPL-2.0
//! Cameras are unplugged, and viewers leave, again and again, and nothing of it stays in the process. `scripts/soak camera`
//! does this for longer.

use std::{
    env, fs,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Instant,
};

use crate::common::{
    Scene, demand,
    eye::Eye,
    fake::FakeCameras,
    held,
    server::{FakeServer, viewer_left},
    viewer::Viewer,
};

/// In all, unless PORTHOLE_CYCLES says otherwise.
const CYCLES: u32 = 48;
/// Cameras that go through them side by side, as a camera that is back is looked for once a second only.
const CAMERAS: [&str; 4] = ["first", "second", "third", "fourth"];
/// The part of them after which it is looked what the process holds: threads of pools and memory are made once and kept.
const WARM: u32 = 4;
/// A pool may hold one more or less at the moment at which one looks.
const SLACK: usize = 3;
/// What memory may grow by in MB (10^6 bytes), however many cycles there are: what glibc keeps of some threads' frames, and less
/// than a frame in each cycle. Where it gives all back, as in scripts/soak, it does not grow.
const MOST_GROWN_MB: f64 = 12.0;

/// Viewers who join and leave, one after the other.
const VIEWERS: u32 = 24;
/// What memory may grow by in MB meanwhile: what glibc keeps of the threads of some sessions.
const MOST_GROWN_BY_VIEWERS_MB: f64 = 24.0;
/// Threads that the parts of a session share and that come and go by themselves.
const VIEWER_SLACK: usize = 8;

/// Threads that may hang in the driver of one camera.
const MOST_HANGING: usize = 4;
/// Viewers who come to a camera that hangs; more than that.
const HOPEFUL: usize = 6;
/// Slates, one a second, in which a driver that does not close is given up.
const PATIENT: usize = 3;

/// What is held by the whole process: so each test here has it to itself.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn cycles() -> u32 {
    env::var("PORTHOLE_CYCLES").map_or(CYCLES, |text| text.parse().unwrap())
}

/// Has all cameras go through `count` cycles, each on a thread of its own.
fn run(stages: &mut [Stage], count: u32, cycle: impl Fn(&mut Stage) + Sync) {
    let each = count.div_ceil(CAMERAS.len() as u32);
    let cycle = &cycle;
    thread::scope(|scope| {
        for stage in stages {
            scope.spawn(move || (0..each).for_each(|_| cycle(stage)));
        }
    });
}

/// Has all cameras go through all cycles, after which the process holds no more than it did after the first ones.
fn repeat(what: &str, cycle: impl Fn(&mut Stage) + Sync) {
    let _alone = alone();
    let mut stages = CAMERAS.map(Stage::new);
    let all = cycles();
    let warm = all.div_ceil(WARM);
    run(&mut stages, warm, &cycle);
    let first = held();
    run(&mut stages, all - warm, &cycle);
    let last = held();
    println!("{what}: after {warm} {first:?}, after {all} {last:?}");
    assert!(last.threads <= first.threads + SLACK, "{first:?} {last:?}");
    assert!(
        last.descriptors <= first.descriptors + SLACK,
        "{first:?} {last:?}"
    );
    assert!(last.mb <= first.mb + MOST_GROWN_MB, "{first:?} {last:?}");
}

struct Stage {
    cameras: FakeCameras,
    name: &'static str,
    scene: Scene,
}

impl Stage {
    /// A camera that is live.
    fn new(name: &'static str) -> Self {
        let cameras = FakeCameras::with(name, "ok");
        let scene = Scene::playing(&format!(
            "portholesrc camera={name} idle-timeout=0 width=640 height=480 framerate=15/1 ! fakesink name=out sync=false"
        ));
        let mut stage = Self {
            cameras,
            name,
            scene,
        };
        stage.hear("live");
        stage
    }

    fn hear(&mut self, state: &str) {
        self.scene.hear("porthole/camera", "state", state);
        // What was said is not kept.
        self.scene.forget();
    }

    fn demand(&self, active: bool) {
        demand(&self.scene.element("out"), active);
    }
}

#[test]
fn what_was_unplugged_and_plugged_in_leaves_nothing_behind() {
    repeat("unplugged", |stage| {
        stage.cameras.unplug(stage.name);
        stage.hear("lost");
        stage.cameras.plug(stage.name);
        stage.hear("live");
    });
}

#[test]
fn demand_that_comes_and_goes_leaves_nothing_behind() {
    repeat("demand", |stage| {
        stage.demand(false);
        stage.hear("closed");
        stage.cameras.wait_open(stage.name, false);
        stage.demand(true);
        stage.hear("live");
    });
}

#[test]
fn viewers_of_a_sink_come_and_leave_and_nothing_of_them_stays() {
    let _alone = alone();
    let server = FakeServer::start();
    let mut scene = Scene::new(
        "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=10/1 ! portholesink name=sink",
    );
    let sink = scene.element("sink");
    gst::prelude::ObjectExt::set_property(&sink, "camera-key", server.key().to_string());
    scene.set(gst::State::Playing);
    let mut connection = server.camera();
    let mut visit = |number: u32| {
        let session = format!("s{number}");
        let grant = server.grant(&connection, &session, |_| ());
        connection.start_session(&session, Some(grant));
        // It sees a picture, and is gone when the camera says so.
        let viewer = Viewer::watch(&mut connection, &session);
        connection.send(&viewer_left(&session));
        scene.hear("porthole/viewer-left", "session", &session);
        drop(viewer);
        scene.forget();
    };
    let all = env::var("PORTHOLE_CYCLES").map_or(VIEWERS, |text| text.parse().unwrap());
    let warm = all.div_ceil(WARM);
    (0..warm).for_each(&mut visit);
    let first = held();
    (warm..all).for_each(&mut visit);
    let start = Instant::now();
    // A session's last threads end when all that it held has been let go of.
    let mut last = held();
    while last.threads > first.threads + VIEWER_SLACK
        || last.descriptors > first.descriptors + VIEWER_SLACK
    {
        assert!(
            start.elapsed() < crate::common::PATIENCE,
            "{first:?} {last:?}"
        );
        thread::park_timeout(std::time::Duration::from_millis(20));
        last = held();
    }
    println!("viewers: after {warm} {first:?}, after {all} {last:?}");
    assert!(
        last.mb <= first.mb + MOST_GROWN_BY_VIEWERS_MB,
        "{first:?} {last:?}"
    );
}

/// The threads of this process that may hang in a driver.
fn sessions() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names
        .filter(|name| name.trim() == "portholesrc-dev")
        .count()
}

#[test]
fn a_driver_that_hangs_takes_a_few_threads_however_many_come_and_gives_them_back() {
    let _alone = alone();
    let name = "hanging";
    let cameras = FakeCameras::with(name, "stuck=ready");
    let scene = Scene::new(&format!(
        "portholesrc camera={name} idle-timeout=0 width=640 height=480 ! appsink name=video sync=false async=false"
    ));
    let video = scene.element("video");
    let eye = Eye::on(&video);
    scene.set(gst::State::Playing);
    let mut most = 0;
    for _ in 0..HOPEFUL {
        demand(&video, true);
        eye.wait_more(1);
        most = most.max(sessions());
        demand(&video, false);
        eye.wait_more(PATIENT);
    }
    println!("{name}: at most {most} threads");
    assert!((2..=MOST_HANGING).contains(&most), "{most}");
    let start = Instant::now();
    cameras.plug(name);
    demand(&video, true);
    eye.wait(start, "a picture", |seen| seen.live);
    while sessions() > 1 {
        assert!(
            start.elapsed() < crate::common::PATIENCE,
            "{} threads",
            sessions()
        );
        eye.wait_more(1);
    }
}
