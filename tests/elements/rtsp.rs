// SPDX-License-Identifier: MPL-2.0
//! `portholesrc` with a camera in the network, which a real server plays.

use std::time::Instant;

use crate::common::{PATIENCE, Scene};
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
fn its_picture_comes_in_its_own_size_and_the_slate_before_it_too() {
    let server = Server::new(&[]);
    let mut scene = scene(&server.address("", "camera"), "");
    let first = pull(&scene, "video");
    live(&mut scene);
    let start = Instant::now();
    while start.elapsed() < std::time::Duration::from_secs(1) {
        let size = |sample: &gst::Sample| {
            let structure = sample.caps().unwrap().structure(0).unwrap().to_owned();
            (
                structure.get::<i32>("width"),
                structure.get::<i32>("height"),
            )
        };
        assert_eq!(size(&pull(&scene, "video")), (Ok(320), Ok(240)));
        assert_eq!(size(&first), (Ok(320), Ok(240)));
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
