// SPDX-License-Identifier: MPL-2.0
//! `portholesink data-dir`: accounts and bookings in the one process.

use std::{env, fs, os::unix::fs::PermissionsExt as _, process::Command};

use crate::common::{
    Folder, Scene, free_address,
    program::{Ended, run},
    server::FakeServer,
};
use gst::prelude::*;

const VIDEO: &str = "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=10/1";

fn sink(properties: &str) -> String {
    format!("{VIDEO} ! portholesink name=sink {properties}")
}

/// Runs a sink in a program of its own until its stream ends.
fn launch(properties: &str) -> Ended {
    let folder = env::current_exe().unwrap().parent().unwrap().to_owned();
    let plugin = folder.join("libgstporthole.so");
    let line = format!("videotestsrc num-buffers=3 ! portholesink listen=127.0.0.1:0 {properties}");
    let mut command = Command::new("gst-launch-1.0");
    command
        .arg(format!("--gst-plugin-load={}", plugin.display()))
        .args(line.split_whitespace())
        .env_remove("PORTHOLE_CAMERA_KEY")
        .env_remove("PORTHOLE_VIEWER_TOKEN");
    run(&mut command)
}

#[test]
fn it_is_made_for_its_owner_alone_and_the_password_is_printed_once() {
    let folder = Folder::new();
    let dir = folder.path("data");
    let properties = format!("data-dir={}", dir.display());
    let first = launch(&properties);
    assert!(first.status.success(), "{}", first.output);
    assert!(first.output.contains("log in as admin"), "{}", first.output);
    assert!(!first.output.contains("token"), "{}", first.output);
    let mode = |name| fs::metadata(dir.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(""), mode("porthole.sqlite3"), mode("grant-key")),
        (0o700, 0o600, 0o600)
    );
    let again = launch(&properties);
    assert!(again.status.success(), "{}", again.output);
    assert!(!again.output.contains("password"), "{}", again.output);
    assert!(!dir.join("control.sock").exists());
}

#[test]
fn the_camera_goes_online_again_after_each_start() {
    let folder = Folder::new();
    let properties = format!(
        "listen={} camera-name=Front data-dir={}",
        free_address(),
        folder.path("data").display()
    );
    let mut scene = Scene::playing(&sink(&properties));
    scene.hear("porthole/server", "state", "online");
    for _ in 0..3 {
        scene.set(gst::State::Null);
        scene.set(gst::State::Playing);
        scene.hear("porthole/server", "state", "online");
    }
}

#[test]
fn two_cameras_of_one_name_stand_beside_each_other() {
    let folder = Folder::new();
    let properties = format!(
        "listen={} camera-name=Front data-dir={}",
        free_address(),
        folder.path("data").display()
    );
    let mut first = Scene::playing(&sink(&properties));
    first.hear("porthole/server", "state", "online");
    let mut second = Scene::playing(&sink(&properties));
    second.hear("porthole/server", "state", "online");
    let server: String = first
        .element("sink")
        .property::<gst::Structure>("stats")
        .get("server")
        .unwrap();
    assert_eq!(server, "online", "the first one was thrown out");
}

#[test]
fn what_does_not_go_together_names_the_property() {
    let server = FakeServer::start();
    let mut scene = Scene::new(&sink("data-dir=/nowhere"));
    let key = server.key().to_string();
    scene.element("sink").set_property("camera-key", key);
    scene.assert_fails_once_naming("data-dir");

    let mut scene = Scene::new(&sink("listen=127.0.0.1:0 data-dir=/proc/nowhere"));
    scene.assert_fails_once_naming("data-dir=/proc/nowhere");

    let folder = Folder::new();
    fs::write(folder.path("grant-key"), "no key").unwrap();
    let properties = format!("listen=127.0.0.1:0 data-dir={}", folder.path("").display());
    Scene::new(&sink(&properties)).assert_fails_once_naming("this is not a grant key");
}
