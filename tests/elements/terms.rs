// SPDX-License-Identifier: MPL-2.0
//! A session's terms, measured where they count: in the packets that a viewer receives.

use std::{
    sync::{Mutex, mpsc::channel},
    time::{Duration, Instant},
};

use crate::common::{
    PATIENCE, Scene,
    server::{Connection, FakeServer},
    viewer::Viewer,
};
use gst::prelude::*;
use porthole_protocol::{
    grant::{Grant, Permission},
    wire::Code,
};

/// How much later than the lease the last packet may come.
const LATE: Duration = Duration::from_millis(100);
/// After so long without a packet none will come.
const QUIET: Duration = Duration::from_millis(400);

/// A live camera with sound, enrolled at `server`.
fn camera(server: &FakeServer, properties: &str) -> Scene {
    let scene = Scene::new(&format!(
        "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=30/1 \
         ! portholesink name=sink {properties}  audiotestsrc is-live=true ! sink.audio"
    ));
    let key = server.key().to_string();
    scene.element("sink").set_property("camera-key", key);
    scene.set(gst::State::Playing);
    scene
}

fn watch(
    server: &FakeServer,
    connection: &mut Connection,
    session: &str,
    change: impl FnOnce(&mut Grant),
) -> Viewer {
    let grant = server.grant(connection, session, change);
    connection.start_session(session, Some(grant));
    Viewer::watch(connection, session)
}

fn listening(grant: &mut Grant) {
    grant.perms = vec![Permission::View, Permission::Listen];
}

#[test]
fn handlers_that_block_delay_no_lease() {
    const LEASE: Duration = Duration::from_secs(4);
    let server = FakeServer::start();
    let scene = camera(&server, "");
    let (release, blocked) = channel::<()>();
    let blocked = Mutex::new(blocked);
    scene
        .element("sink")
        .connect("viewer-joined", false, move |_| {
            let _ = blocked.lock().unwrap().recv_timeout(PATIENCE);
            None
        });
    let mut connection = server.camera();
    let granted = Instant::now();
    let viewer = watch(&server, &mut connection, "s", |g| {
        g.lease = u32::try_from(LEASE.as_secs()).unwrap();
    });
    // The handler still blocks when the lease is over.
    let last = viewer.last("video", QUIET);
    assert_eq!(connection.end_of("s"), Some(Code::LeaseEnded));
    drop(release);
    let late = last.saturating_duration_since(granted + LEASE);
    assert!(late <= LATE, "the last packet came {late:?} late");
    let early = (granted + LEASE).saturating_duration_since(last);
    assert!(
        early <= 2 * LATE,
        "the last packet came {early:?} before the end"
    );
}

#[test]
fn a_bus_handler_that_blocks_delays_no_lease() {
    const LEASE: Duration = Duration::from_secs(4);
    let server = FakeServer::start();
    let scene = camera(&server, "");
    let (release, blocked) = channel::<()>();
    let blocked = Mutex::new(blocked);
    scene
        .pipeline
        .bus()
        .unwrap()
        .set_sync_handler(move |_, message| {
            let joined = message
                .structure()
                .is_some_and(|s| s.name() == "porthole/viewer-joined");
            if joined {
                let _ = blocked.lock().unwrap().recv_timeout(PATIENCE);
            }
            gst::BusSyncReply::Pass
        });
    let mut connection = server.camera();
    let granted = Instant::now();
    let viewer = watch(&server, &mut connection, "s", |g| {
        g.lease = u32::try_from(LEASE.as_secs()).unwrap();
    });
    let last = viewer.last("video", QUIET);
    drop(release);
    let late = last.saturating_duration_since(granted + LEASE);
    assert!(late <= LATE, "the last packet came {late:?} late");
}

#[test]
fn a_bus_handler_that_blocks_freezes_no_picture() {
    let server = FakeServer::start();
    let scene = camera(&server, "");
    let (release, blocked) = channel::<()>();
    let blocked = Mutex::new(blocked);
    let (begun, begins) = channel();
    let bus = scene.pipeline.bus().unwrap();
    bus.set_sync_handler(move |_, message| {
        let structure = message.structure();
        if structure.is_some_and(|s| s.name() == "porthole/rung") {
            let _ = begun.send(());
            let _ = blocked.lock().unwrap().recv_timeout(PATIENCE);
        }
        gst::BusSyncReply::Pass
    });
    let mut connection = server.camera();
    let first = watch(&server, &mut connection, "first", |_| ());
    begins.recv_timeout(PATIENCE).unwrap();
    first.wait_for("video", 10);
    let second = watch(&server, &mut connection, "second", |_| ());
    second.wait_for("video", 10);
    drop(release);
}

#[test]
fn an_update_that_takes_the_picture_ends_the_session_at_once() {
    let server = FakeServer::start();
    let scene = camera(&server, "");
    let mut connection = server.camera();
    for (session, change, reason) in [
        (
            "no time",
            (|g| g.lease = 0) as fn(&mut Grant),
            Code::LeaseEnded,
        ),
        (
            "no view",
            |g| g.perms = vec![Permission::Listen],
            Code::NotPermitted,
        ),
    ] {
        let viewer = watch(&server, &mut connection, session, listening);
        let update = server.grant(&connection, session, |g| {
            g.seq = 1;
            change(g);
        });
        let told = Instant::now();
        connection.update(session, update);
        assert_eq!(connection.end_of(session), Some(reason));
        let late = viewer.last("video", QUIET).saturating_duration_since(told);
        assert!(
            late <= LATE,
            "{session}: the last packet came {late:?} late"
        );
    }
    assert_eq!(scene.element("sink").property::<u32>("viewers"), 0);
}

#[test]
fn sound_follows_the_permission_while_the_session_runs() {
    let server = FakeServer::start();
    let mut scene = camera(&server, "");
    let mut connection = server.camera();
    let viewer = watch(&server, &mut connection, "s", |_| ());
    viewer.wait_for("video", 20);
    assert_eq!(viewer.packets("audio").count, 0);
    let given = server.grant(&connection, "s", |g| {
        g.seq = 1;
        listening(g);
    });
    connection.update("s", given);
    viewer.wait_for("audio", 20);
    let renewed = scene.hear("porthole/viewer-renewed", "session", "s");
    assert_eq!(renewed.get::<String>("permissions").unwrap(), "view listen");
    let taken = server.grant(&connection, "s", |g| g.seq = 2);
    let told = Instant::now();
    connection.update("s", taken);
    let late = viewer.last("audio", QUIET).saturating_duration_since(told);
    assert!(late <= LATE, "sound went on for {late:?}");
    viewer.wait_for("video", 20);
}

#[test]
fn a_confirmed_session_goes_on_after_a_reconnect_and_one_that_is_not_ends() {
    let server = FakeServer::start();
    let mut scene = camera(&server, "");
    let mut connection = server.camera();
    let viewer = watch(&server, &mut connection, "kept", |_| ());
    let lost = watch(&server, &mut connection, "lost", |_| ());
    drop(connection);
    let mut connection = server.camera();
    let mut reported: Vec<_> = connection
        .reported
        .iter()
        .map(|r| r.session_id.as_str())
        .collect();
    reported.sort_unstable();
    assert_eq!(reported, ["kept", "lost"]);
    let grant = server.grant(&connection, "kept", |g| g.seq = 1);
    connection.update("kept", grant);
    let left = scene.hear("porthole/viewer-left", "session", "lost");
    assert_eq!(left.get::<String>("reason").unwrap(), "unconfirmed");
    lost.last("video", QUIET);
    viewer.wait_for("video", 20);
}

#[test]
fn a_replayed_update_of_an_earlier_connection_confirms_nothing() {
    let server = FakeServer::start();
    let mut scene = camera(&server, "");
    let mut connection = server.camera();
    let _viewer = watch(&server, &mut connection, "s", |_| ());
    let old = server.grant(&connection, "s", |g| g.seq = 7);
    drop(connection);
    let mut connection = server.camera();
    connection.update("s", old);
    let left = scene.hear("porthole/viewer-left", "session", "s");
    assert_eq!(left.get::<String>("reason").unwrap(), "unconfirmed");
}

#[test]
fn a_run_hears_nothing_of_the_one_before() {
    let server = FakeServer::start();
    let scene = camera(&server, "");
    let (sender, events) = channel();
    for signal in ["viewer-joined", "viewer-left"] {
        let sender = sender.clone();
        scene.element("sink").connect(signal, false, move |args| {
            let session = args[1].get::<String>().unwrap();
            let _ = sender.send(format!("{signal} {session}"));
            None
        });
    }
    let mut connection = server.camera();
    let _first = watch(&server, &mut connection, "first", |_| ());
    scene.set(gst::State::Null);
    scene.set(gst::State::Playing);
    let mut connection = server.camera();
    assert!(connection.reported.is_empty(), "{:?}", connection.reported);
    let _second = watch(&server, &mut connection, "second", |_| ());
    let expected = [
        "viewer-joined first",
        "viewer-left first",
        "viewer-joined second",
    ];
    for event in expected {
        assert_eq!(events.recv_timeout(PATIENCE).unwrap(), event);
    }
    assert_eq!(scene.element("sink").property::<u32>("viewers"), 1);
}

#[test]
fn a_session_without_its_server_ends_after_the_orphan_timeout_and_not_much_later() {
    const ORPHAN: Duration = Duration::from_secs(2);
    let server = FakeServer::start();
    let scene = camera(&server, "orphan-timeout=2");
    let mut connection = server.camera();
    let viewer = watch(&server, &mut connection, "s", |_| ());
    // The server stands still: the connection is there, and nobody answers on it.
    let last_word = Instant::now();
    let last = viewer.last("video", QUIET);
    let late = last.saturating_duration_since(last_word + ORPHAN);
    assert!(late <= LATE, "the last packet came {late:?} late");
    assert_eq!(scene.element("sink").property::<u32>("viewers"), 0);
}

#[test]
fn a_session_goes_on_while_its_server_answers_pings() {
    let server = FakeServer::start();
    let scene = camera(&server, "orphan-timeout=1");
    let mut connection = server.camera();
    let viewer = watch(&server, &mut connection, "s", |_| ());
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3) {
        // Reading answers what the camera asks.
        let _ = connection.receive_within(Duration::from_millis(50));
    }
    viewer.wait_for("video", 5);
    assert_eq!(scene.element("sink").property::<u32>("viewers"), 1);
}
