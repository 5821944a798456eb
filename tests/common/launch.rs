// SPDX-License-Identifier: MPL-2.0
//! Pipelines as people type them, run until they do what they are for.

use std::sync::mpsc::{Receiver, channel};

use gst::prelude::*;
use porthole_protocol::grant::Permission;

use super::{Folder, PATIENCE, Scene, error_text, server::FakeServer, viewer::Viewer};

/// Frames, or pieces of sound, that have to arrive at each pad of each sink.
const ENOUGH: usize = 3;

/// Runs a pipeline until each of its `portholesink`s is online and has been given frames on all its pads. Whatever address
/// it names, its page is on a free port; a sink with a camera key has a server of its own.
pub fn run(description: &str) {
    let mut scene = Scene::new(description);
    let folder = Folder::new();
    let sinks: Vec<gst::Element> = scene
        .pipeline
        .iterate_all_by_element_factory_name("portholesink")
        .into_iter()
        .map(|sink| sink.expect("a pipeline that stays as it is"))
        .collect();
    assert!(!sinks.is_empty(), "no portholesink in {description}");
    let mut servers = Vec::new();
    for (i, sink) in sinks.iter().enumerate() {
        sink.set_property("listen", "127.0.0.1:0");
        if sink.property::<Option<String>>("camera-key-file").is_some() {
            let server = FakeServer::start();
            let path = folder.path(&format!("{i}.key"));
            std::fs::write(&path, server.key().to_string()).unwrap();
            sink.set_property("camera-key-file", path.to_str().unwrap());
            servers.push(server);
        }
    }
    let pads: Vec<gst::Pad> = sinks.iter().flat_map(|sink| sink.sink_pads()).collect();
    let frames: Vec<Receiver<()>> = pads.iter().map(frames_of).collect();
    scene.set(gst::State::Playing);
    let connections: Vec<_> = servers.iter().map(FakeServer::camera).collect();
    for _ in &sinks {
        scene.hear("porthole/server", "state", "online");
    }
    for (pad, frames) in pads.iter().zip(frames) {
        for i in 0..ENOUGH {
            let frame = frames.recv_timeout(PATIENCE);
            assert!(
                frame.is_ok(),
                "{i} frames at {} of {description}",
                pad.name()
            );
        }
    }
    while let Some(message) = scene.next(gst::ClockTime::ZERO) {
        assert_eq!(error_text(&message), None, "{description}");
    }
    drop(connections);
}

/// Runs a pipeline until a viewer of each of its `portholesink`s gets a picture, and sound where it has any, and each
/// `portholesrc` gives that of its camera: a slate is a picture as well.
pub fn watch(description: &str) {
    let mut scene = Scene::new(description);
    let sinks = scene
        .pipeline
        .iterate_all_by_element_factory_name("portholesink");
    let sinks: Vec<gst::Element> = sinks.into_iter().flatten().collect();
    let servers: Vec<FakeServer> = sinks.iter().map(|_| FakeServer::start()).collect();
    for (sink, server) in sinks.iter().zip(&servers) {
        sink.set_property("camera-key-file", None::<&str>);
        sink.set_property("camera-key", server.key().to_string());
    }
    scene.set(gst::State::Playing);
    for (sink, server) in sinks.iter().zip(&servers) {
        let mut connection = server.camera();
        let grant = server.grant(&connection, "s", |grant| {
            grant.perms = vec![Permission::View, Permission::Listen];
        });
        connection.start_session("s", Some(grant));
        let viewer = Viewer::of("s", connection);
        viewer.wait_for("video", 10);
        if sink.sink_pads().iter().any(|pad| pad.name() == "audio") {
            viewer.wait_for("audio", 10);
        }
    }
    let cameras = scene
        .pipeline
        .iterate_all_by_element_factory_name("portholesrc");
    for _ in cameras {
        scene.hear("porthole/camera", "state", "live");
    }
}

/// Says so for each buffer that arrives at a pad.
fn frames_of(pad: &gst::Pad) -> Receiver<()> {
    let (sender, frames) = channel();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        // Nobody listens any more when there were enough.
        let _ = sender.send(());
        gst::PadProbeReturn::Ok
    });
    frames
}
