// SPDX-License-Identifier: MPL-2.0
//! The end of a lease, in the packets that a viewer receives, while the application's handler of `viewer-joined` blocks.

use std::{
    sync::{
        Mutex,
        mpsc::{Sender, channel},
    },
    time::{Duration, Instant},
};

use gst::prelude::*;
use serde_json::{Value, json};

use crate::common::{PATIENCE, Scene, server::FakeServer, viewer::Viewer};

/// Seconds. Longer than a session takes to show its first picture on a busy machine.
const LEASE: u32 = 3;
/// After so long without a packet none will come.
const QUIET: Duration = Duration::from_millis(500);

/// Milliseconds from the end of the lease to the last packet, once for each trial; below zero is before it.
pub(crate) fn run(trials: u32) -> Value {
    let server = FakeServer::start();
    let scene = Scene::new(
        "videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=30/1 ! portholesink name=sink",
    );
    let key = server.key().to_string();
    scene.element("sink").set_property("camera-key", key);
    let release = block_joins(&scene);
    scene.set(gst::State::Playing);
    let mut connection = server.camera();
    let late: Vec<f64> = (1..=trials)
        .map(|trial| {
            let session = format!("trial {trial}");
            let grant = server.grant(&connection, &session, |g| g.lease = LEASE);
            let granted = Instant::now();
            connection.start_session(&session, Some(grant));
            let viewer = Viewer::watch(&mut connection, &session);
            let last = viewer.last("video", QUIET);
            // Only now may the handler return, so that the next session's blocks as well.
            let _ = release.send(());
            connection.end_of(&session);
            let lease = Duration::from_secs(LEASE.into());
            let late = last.duration_since(granted).as_secs_f64() - lease.as_secs_f64();
            eprintln!("lease: {trial}/{trials}: {:.0} ms late", 1000.0 * late);
            1000.0 * late
        })
        .collect();
    json!({ "lateMs": late })
}

/// Each call of a handler waits for a word of the sender.
fn block_joins(scene: &Scene) -> Sender<()> {
    let (release, blocked) = channel();
    let blocked = Mutex::new(blocked);
    scene
        .element("sink")
        .connect("viewer-joined", false, move |_| {
            if let Ok(blocked) = blocked.lock() {
                let _ = blocked.recv_timeout(PATIENCE);
            }
            None
        });
    release
}
