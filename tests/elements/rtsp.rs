// SPDX-License-Identifier: MPL-2.0
//! `portholesrc` with a camera in the network, which a real server plays.

use std::{process::Command, time::Instant};

use crate::common::{Folder, PATIENCE, Scene, demand, server::FakeServer, viewer::Viewer};
use crate::rtsp_server::Server;
use gst::prelude::*;
use gst_app::AppSink;

fn scene(address: &str, properties: &str) -> Scene {
    Scene::playing(&format!(
        "portholesrc name=cam camera={address} {properties} ! appsink name=video sync=false max-buffers=4 drop=true"
    ))
}

fn pull(scene: &Scene, name: &str) -> gst::Sample {
    let sink = scene.element(name).downcast::<AppSink>().unwrap();
    sink.try_pull_sample(gst::ClockTime::try_from(PATIENCE).unwrap())
        .unwrap_or_else(|| panic!("no {name}"))
}

fn live(scene: &mut Scene) {
    scene.hear("porthole/camera", "state", "live");
}

fn lost(scene: &mut Scene, reason: &str) -> gst::Structure {
    let said = scene.hear("porthole/camera", "state", "lost");
    assert_eq!(said.get::<&str>("reason"), Ok(reason), "{said}");
    said
}

#[test]
fn its_picture_comes_in_its_own_size_and_so_does_all_that_follows() {
    let server = Server::new(&[]);
    let mut scene = scene(&server.address("", "camera"), "");
    live(&mut scene);
    let size = || {
        let caps = pull(&scene, "video").caps_owned().unwrap();
        let structure = caps.structure(0).unwrap();
        let size = |name| structure.get::<i32>(name).unwrap();
        (size("width"), size("height"))
    };
    // A slate from before it was known may still wait.
    let start = Instant::now();
    while size() != (320, 240) {
        assert!(start.elapsed() < PATIENCE, "not in its own size");
    }
    drop(server);
    let start = Instant::now();
    // Slates as well.
    while start.elapsed() < std::time::Duration::from_secs(3) {
        assert_eq!(size(), (320, 240));
    }
}

#[test]
fn a_server_that_is_started_again_is_shown_again_and_the_stream_never_ends() {
    let server = Server::new(&[]);
    let mut scene = scene(&server.address("", "camera"), "");
    live(&mut scene);
    let port = server.port.to_string();
    drop(server);
    lost(&mut scene, "gone");
    pull(&scene, "video");
    let _server = Server::new(&["--port", &port]);
    live(&mut scene);
    assert!(
        !scene
            .element("video")
            .downcast::<AppSink>()
            .unwrap()
            .is_eos()
    );
}

#[test]
fn a_server_that_is_killed_is_gone_and_back_when_it_runs_again() {
    let server = Server::new(&[]);
    let mut scene = scene(&server.address("", "camera"), "");
    live(&mut scene);
    let port = server.kill().to_string();
    lost(&mut scene, "gone");
    let _server = Server::new(&["--port", &port]);
    live(&mut scene);
}

#[test]
fn a_wrong_password_is_denied_and_said_nowhere() {
    let server = Server::new(&["--user", "me", "--password", "right"]);
    let mut scene = scene(&server.address("me:secret@", "camera"), "");
    let said = lost(&mut scene, "denied");
    assert!(!said.to_string().contains("secret"), "{said}");
    scene.warned("password");
    assert!(!format!("{:?}", scene.warnings()).contains("secret"));
    let camera: String = scene.element("cam").property("camera");
    assert_eq!(camera, server.address("me:***@", "camera"));
}

#[test]
fn a_password_that_was_wrong_is_tried_at_once_when_it_is_set_anew() {
    let mut server = Server::new(&["--user", "me", "--password", "right"]);
    let mut scene = scene(&server.address("me:secret@", "camera"), "");
    lost(&mut scene, "denied");
    assert_eq!(server.tries(), ["DESCRIBE"]);
    scene.set(gst::State::Ready);
    let address = server.address("me:right@", "camera");
    scene.element("cam").set_property("camera", &address);
    let start = Instant::now();
    scene.set(gst::State::Playing);
    live(&mut scene);
    // Half a minute is what a wrong one waits.
    assert!(start.elapsed() < std::time::Duration::from_secs(20));
}

#[test]
fn a_password_in_a_file_is_tried_at_once_when_another_one_is_put_there() {
    const FILE: &str = "PORTHOLE_RTSP_PASSWORD_FILE";

    let Some(file) = std::env::var_os(FILE) else {
        // In a process of its own, which has that in its environment.
        let folder = Folder::new();
        let name = "rtsp::a_password_in_a_file_is_tried_at_once_when_another_one_is_put_there";
        let again = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(FILE, folder.path("password"))
            .status();
        assert!(again.unwrap().success());
        return;
    };
    std::fs::write(&file, "secret\n").unwrap();
    let mut server = Server::new(&["--user", "me", "--password", "right one"]);
    let mut scene = scene(&server.address("me@", "camera"), "");
    lost(&mut scene, "denied");
    assert_eq!(server.tries(), ["DESCRIBE"]);
    let start = Instant::now();
    std::fs::write(&file, "right one\n").unwrap();
    live(&mut scene);
    // Half a minute is what a wrong one waits.
    assert!(start.elapsed() < std::time::Duration::from_secs(20));
}

#[test]
fn a_password_that_is_refused_before_anybody_watches_is_not_tried_for_the_first_viewer() {
    let mut server = Server::new(&["--user", "me", "--password", "right"]);
    let mut scene = Scene::new(&format!(
        "portholesrc name=cam camera={} ! appsink name=video sync=false max-buffers=4 drop=true",
        server.address("me:secret@", "camera")
    ));
    scene.set(gst::State::Paused);
    demand(&scene.element("video"), false);
    scene.set(gst::State::Playing);
    lost(&mut scene, "denied");
    demand(&scene.element("video"), true);
    // A few slates, in which there would have been a few tries.
    for _ in 0..3 {
        pull(&scene, "video");
    }
    assert_eq!(server.tries(), ["DESCRIBE"]);
}

#[test]
fn a_server_that_is_not_there_is_missing_until_it_is() {
    let port = crate::common::free_address().port().to_string();
    let mut scene = scene(&format!("rtsp://127.0.0.1:{port}/camera"), "");
    lost(&mut scene, "missing");
    let _server = Server::new(&["--port", &port]);
    live(&mut scene);
}

#[test]
fn its_h264_is_passed_through() {
    let server = Server::new(&[]);
    let mut scene = scene(&server.address("", "camera"), "encoded=true");
    live(&mut scene);
    let caps = pull(&scene, "video").caps_owned().unwrap();
    let wanted: gst::Caps =
        "video/x-h264,stream-format=byte-stream,alignment=au,width=320,height=240"
            .parse()
            .unwrap();
    assert!(caps.is_subset(&wanted), "{caps}");
}

/// Whether an access unit of H.264 needs none before it: a slate is such a one too, and black.
fn is_key(sample: &gst::Sample) -> bool {
    let flags = sample.buffer().unwrap().flags();
    !flags.contains(gst::BufferFlags::DELTA_UNIT)
}

/// Milliseconds.
fn stamp(sample: &gst::Sample) -> u64 {
    sample.buffer().unwrap().pts().unwrap().mseconds()
}

#[test]
fn its_h264_begins_with_a_key_unit_whoever_comes_between_two_of_them() {
    // Three seconds, of which the first viewer takes the beginning.
    let server = Server::new(&["--gop", "75", "--shared"]);
    let mut first = scene(&server.address("", "camera"), "encoded=true");
    live(&mut first);
    let mut second = Scene::playing(&format!(
        "portholesrc name=cam camera={} encoded=true ! appsink name=video sync=false",
        server.address("", "camera")
    ));
    live(&mut second);
    let start = Instant::now();
    let mut before = pull(&second, "video");
    loop {
        let sample = pull(&second, "video");
        if !is_key(&sample) {
            // A slate comes once a second, and is a key unit as well.
            let gap = stamp(&sample) - stamp(&before);
            assert!(is_key(&before) && gap < 500, "{gap} ms after {before:?}");
            break;
        }
        before = sample;
        assert!(start.elapsed() < PATIENCE, "only key units");
    }
}

#[test]
fn its_h264_comes_back_in_another_size_and_profile() {
    let server = Server::new(&["--profile", "baseline"]);
    let mut scene = scene(&server.address("", "camera"), "encoded=true");
    live(&mut scene);
    let port = server.port.to_string();
    drop(server);
    lost(&mut scene, "gone");
    let options = ["--port", &port, "--size", "640x480", "--profile", "main"];
    let _server = Server::new(&options);
    live(&mut scene);
    let start = Instant::now();
    let width = || {
        let caps = pull(&scene, "video").caps_owned().unwrap();
        caps.structure(0).unwrap().get::<i32>("width").unwrap()
    };
    while width() != 640 {
        assert!(start.elapsed() < PATIENCE, "it stays as it was");
    }
}

#[test]
fn a_viewer_goes_on_watching_h264_that_comes_back_in_another_size_and_profile() {
    let camera = Server::new(&["--profile", "constrained-baseline"]);
    let mut scene = Scene::new(&format!(
        "portholesrc camera={} encoded=true ! portholesink name=sink",
        camera.address("", "camera")
    ));
    let server = FakeServer::start();
    let key = server.key().to_string();
    scene.element("sink").set_property("camera-key", key);
    scene.set(gst::State::Playing);
    let mut connection = server.camera();
    let grant = server.grant(&connection, "s", |_| ());
    connection.start_session("s", Some(grant));
    let viewer = Viewer::of("s", connection);
    live(&mut scene);
    viewer.wait_for("video", 20);
    let port = camera.port.to_string();
    drop(camera);
    lost(&mut scene, "gone");
    let options = ["--port", &port, "--size", "640x480", "--profile", "high"];
    let _camera = Server::new(&options);
    live(&mut scene);
    // More than a second of slates would be.
    viewer.wait_for("video", 50);
}

#[test]
fn its_sound_is_heard() {
    let server = Server::new(&["--sound", "aac"]);
    let mut scene = Scene::playing(&format!(
        "portholesrc name=cam camera={} ! appsink name=video sync=false max-buffers=4 drop=true \
         cam.audio ! appsink name=audio sync=false",
        server.address("", "camera")
    ));
    live(&mut scene);
    let start = Instant::now();
    let is_silent = || {
        let sample = pull(&scene, "audio");
        let map = sample.buffer().unwrap().map_readable().unwrap();
        map.iter().all(|byte| *byte == 0)
    };
    while is_silent() {
        assert!(start.elapsed() < PATIENCE, "only silence");
    }
}
