// SPDX-License-Identifier: MPL-2.0
//! The gate end to end: a real `portholesink` at a server that tries to talk it into things.

use std::{
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use crate::common::{
    Scene,
    server::{CAMERA, Connection, FakeServer, viewer_left},
};
use gst::prelude::*;
use porthole_protocol::{
    grant::{Grant, GrantSigner, Permission},
    wire::Code,
};

/// How long after the end of its lease a session may be heard of as ended. That it ends on the tick is proven under a clock of its
/// own, in src/signaller/gate_tests.rs.
const LEASE_SLACK: Duration = Duration::from_secs(1);

/// A small live camera and a sink enrolled at `server`.
fn camera_with(server: &FakeServer, encoder: &str, properties: &str) -> Scene {
    let scene = Scene::new(&format!(
        "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=10/1 {encoder} \
         ! portholesink name=sink {properties}"
    ));
    let key = server.key().to_string();
    scene.element("sink").set_property("camera-key", key);
    scene.set(gst::State::Playing);
    scene
}

fn camera(server: &FakeServer) -> Scene {
    camera_with(server, "", "")
}

fn admit(server: &FakeServer, connection: &mut Connection, session: &str) {
    let grant = server.grant(connection, session, |_| ());
    connection.start_session(session, Some(grant));
    connection.offer_of(session);
}

fn joined(scene: &mut Scene) -> Vec<String> {
    let joined = scene.all_said("porthole/viewer-joined");
    joined.iter().map(|s| s.get("session").unwrap()).collect()
}

#[test]
fn a_good_grant_brings_an_offer() {
    let server = FakeServer::start();
    let mut scene = camera(&server);
    let mut connection = server.camera();
    let grant = server.grant(&connection, "s", |_| ());
    connection.start_session("s", Some(grant));
    assert!(connection.offer_of("s").contains("m=video"));
    let viewer = scene.hear("porthole/viewer-joined", "session", "s");
    assert_eq!(viewer.get::<String>("user").unwrap(), "alice");
    assert_eq!(viewer.get::<String>("permissions").unwrap(), "view");
    assert_eq!(scene.element("sink").property::<u32>("viewers"), 1);
}

#[test]
fn every_bad_grant_is_answered_with_its_reason_and_with_nothing_else() {
    type Change = fn(&mut Grant);
    let table: [(&str, Change, Code); 6] = [
        (
            "wrong-camera",
            |g| g.aud = "back".into(),
            Code::GrantRefused,
        ),
        ("wrong-session", |g| g.sid = "t".into(), Code::GrantRefused),
        (
            "wrong-nonce",
            |g| g.nonce = "old".into(),
            Code::GrantRefused,
        ),
        ("expired", |g| g.lease = 0, Code::LeaseEnded),
        ("no-permission", |g| g.perms.clear(), Code::NotPermitted),
        (
            "wrong-permission",
            |g| g.perms = vec![Permission::Listen, Permission::Talk, Permission::Control],
            Code::NotPermitted,
        ),
    ];
    let server = FakeServer::start();
    let mut scene = camera(&server);
    let mut connection = server.camera();
    for (name, change, reason) in table {
        let grant = server.grant(&connection, name, change);
        connection.start_session(name, Some(grant));
        assert_eq!(connection.refusal_of(name), Some(reason), "{name}");
    }
    // Whatever the bad ones had set going would come before the offer of a good one.
    admit(&server, &mut connection, "good");
    scene.hear("porthole/viewer-joined", "session", "good");
    assert_eq!(joined(&mut scene), ["good"]);
    assert_eq!(scene.all_said("porthole/viewer-refused").len(), table.len());
}

#[test]
fn a_forged_or_missing_grant_is_answered_with_its_reason_and_with_nothing_else() {
    let server = FakeServer::start();
    let mut scene = camera(&server);
    let mut connection = server.camera();
    let good = server.grant(&connection, "tampered", |_| ());
    let (head, signature) = good.rsplit_once('.').unwrap();
    let longer = server.grant(&connection, "tampered", |g| g.lease = 86_400);
    let (longer, _) = longer.rsplit_once('.').unwrap();
    let stranger = {
        let claims = server.signer.public_key().read(&good).unwrap();
        GrantSigner::generate().unwrap().sign(&claims).unwrap()
    };
    let table = [
        ("tampered", Some(format!("{longer}.{signature}"))),
        ("tampered", Some(stranger)),
        ("tampered", Some(format!("{head}."))),
        ("garbage", Some("not a token".into())),
        ("empty", Some(String::new())),
        ("missing", None),
    ];
    for (name, grant) in table.clone() {
        connection.start_session(name, grant);
        assert_eq!(
            connection.refusal_of(name),
            Some(Code::GrantRefused),
            "{name}"
        );
    }
    admit(&server, &mut connection, "good");
    scene.hear("porthole/viewer-joined", "session", "good");
    assert_eq!(joined(&mut scene), ["good"]);
    assert_eq!(scene.all_said("porthole/viewer-refused").len(), table.len());
}

#[test]
fn a_grant_that_was_used_before_is_refused() {
    let server = FakeServer::start();
    let mut scene = camera(&server);
    let mut connection = server.camera();
    let grant = server.grant(&connection, "s", |_| ());
    connection.start_session("s", Some(grant.clone()));
    connection.offer_of("s");
    connection.send(&viewer_left("s"));
    scene.hear("porthole/viewer-left", "reason", "viewer-left");
    connection.start_session("s", Some(grant));
    assert_eq!(connection.end_of("s"), Some(Code::GrantRefused));
    assert_eq!(joined(&mut scene), ["s"]);
}

#[test]
fn a_grant_of_an_earlier_connection_is_refused() {
    let server = FakeServer::start();
    let mut scene = camera(&server);
    let first = server.camera();
    let old = server.grant(&first, "s", |_| ());
    drop(first);
    let mut second = server.camera();
    second.start_session("s", Some(old));
    assert_eq!(second.refusal_of("s"), Some(Code::GrantRefused));
    admit(&server, &mut second, "good");
    scene.hear("porthole/viewer-joined", "session", "good");
    assert_eq!(joined(&mut scene), ["good"]);
}

#[test]
fn a_broken_connection_comes_back_with_another_nonce() {
    let server = FakeServer::start();
    let mut scene = camera(&server);
    let first = server.camera();
    let nonce = first.nonce.clone();
    scene.hear("porthole/server", "state", "online");
    drop(first);
    let second = server.camera();
    assert_ne!(second.nonce, nonce);
    scene.hear("porthole/server", "state", "offline");
    scene.hear("porthole/server", "state", "online");
}

#[test]
fn a_running_session_outlives_a_broken_connection() {
    let server = FakeServer::start();
    let mut scene = camera(&server);
    let mut first = server.camera();
    admit(&server, &mut first, "s");
    drop(first);
    let _second = server.camera();
    scene.hear("porthole/server", "state", "offline");
    scene.hear("porthole/server", "state", "online");
    assert_eq!(scene.element("sink").property::<u32>("viewers"), 1);
}

#[test]
fn sessions_end_when_the_server_is_gone_for_longer_than_the_orphan_timeout() {
    let server = FakeServer::start();
    let mut scene = camera_with(&server, "", "orphan-timeout=1");
    let mut connection = server.camera();
    admit(&server, &mut connection, "s");
    drop((connection, server));
    let left = scene.hear("porthole/viewer-left", "session", "s");
    assert_eq!(left.get::<String>("reason").unwrap(), "server-unreachable");
}

#[test]
fn a_session_ends_with_its_lease() {
    const LEASE: u32 = 2;
    let server = FakeServer::start();
    let mut scene = camera(&server);
    let mut connection = server.camera();
    // The first session's start is slow, since webrtcsink looks for its encoders then.
    admit(&server, &mut connection, "first");
    let grant = server.grant(&connection, "s", |g| g.lease = LEASE);
    let start = Instant::now();
    connection.start_session("s", Some(grant));
    assert_eq!(connection.end_of("s"), Some(Code::LeaseEnded));
    let lease = Duration::from_secs(LEASE.into());
    let lasted = start.elapsed();
    // It cannot begin before it was asked for.
    assert!(lasted >= lease, "it lasted {lasted:?}");
    assert!(lasted <= lease + LEASE_SLACK, "it lasted {lasted:?}");
    let left = scene.hear("porthole/viewer-left", "session", "s");
    assert_eq!(left.get::<String>("reason").unwrap(), "lease-ended");
}

#[test]
fn an_update_shortens_a_running_session() {
    let server = FakeServer::start();
    let _scene = camera(&server);
    let mut connection = server.camera();
    admit(&server, &mut connection, "s");
    let grant = server.grant(&connection, "s", |g| (g.seq, g.lease) = (1, 1));
    connection.send_text(
        serde_json::json!({ "type": "grantUpdate", "sessionId": "s", "grant": grant }).to_string(),
    );
    assert_eq!(connection.end_of("s"), Some(Code::LeaseEnded));
}

#[test]
fn one_viewer_too_many_is_told_so_until_max_viewers_is_raised() {
    let server = FakeServer::start();
    let scene = camera_with(&server, "", "max-viewers=1");
    let mut connection = server.camera();
    admit(&server, &mut connection, "a");
    let grant = server.grant(&connection, "b", |_| ());
    connection.start_session("b", Some(grant));
    assert_eq!(connection.refusal_of("b"), Some(Code::CameraFull));
    scene.element("sink").set_property("max-viewers", 2_u32);
    admit(&server, &mut connection, "c");
}

/// A camera whose upstream says what it hears of demand: how many watch, and whether the camera is to run.
fn camera_heard(server: &FakeServer) -> (Scene, Receiver<(u32, bool)>) {
    let scene = Scene::new(
        "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=10/1 \
         ! identity name=tap ! portholesink name=sink",
    );
    let (sender, demands) = channel();
    scene
        .pad("tap", "src")
        .add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
            if let Some(s) = info.event().and_then(|event| event.structure())
                && s.name() == "porthole/demand"
            {
                let _ = sender.send((s.get("viewers").unwrap(), s.get("active").unwrap()));
            }
            gst::PadProbeReturn::Ok
        });
    let key = server.key().to_string();
    scene.element("sink").set_property("camera-key", key);
    scene.set(gst::State::Playing);
    (scene, demands)
}

fn wait_for(demands: &Receiver<(u32, bool)>, demand: (u32, bool)) {
    while demands.recv_timeout(crate::common::PATIENCE).unwrap() != demand {}
}

#[test]
fn upstream_hears_of_the_first_viewer_and_of_the_last() {
    let server = FakeServer::start();
    let (_scene, demands) = camera_heard(&server);
    let mut connection = server.camera();
    wait_for(&demands, (0, false));
    admit(&server, &mut connection, "s");
    wait_for(&demands, (1, true));
    connection.send(&viewer_left("s"));
    wait_for(&demands, (0, false));
}

#[test]
fn upstream_hears_that_nobody_watches_when_the_pipeline_stops() {
    let server = FakeServer::start();
    let (scene, demands) = camera_heard(&server);
    let mut connection = server.camera();
    for session in ["a", "b", "c"] {
        admit(&server, &mut connection, session);
    }
    wait_for(&demands, (3, true));
    scene.set(gst::State::Ready);
    // The ends of the three are told one by one.
    drop(scene);
    let told: Vec<_> = demands.try_iter().collect();
    let first = told.iter().position(|demand| *demand == (0, false));
    let after = &told[first.expect("it is told at once")..];
    assert!(after.iter().all(|(_, active)| !active), "{told:?}");
}

#[test]
fn encoded_video_is_offered_as_it_comes_in() {
    let server = FakeServer::start();
    let _scene = camera_with(&server, "! vp8enc deadline=1", "");
    let mut connection = server.camera();
    let grant = server.grant(&connection, "s", |_| ());
    connection.start_session("s", Some(grant));
    let offer = connection.offer_of("s");
    assert!(offer.contains("VP8/90000"), "{offer}");
    assert!(!offer.contains("H264/90000"), "{offer}");
}

#[test]
fn a_stopping_camera_says_goodbye_to_its_viewers() {
    let server = FakeServer::start();
    let scene = camera(&server);
    let mut connection = server.camera();
    admit(&server, &mut connection, "s");
    // A server that goes on speaking.
    for _ in 0..500 {
        connection.send_text("{}".into());
    }
    scene.set(gst::State::Null);
    assert_eq!(connection.end_of("s"), Some(Code::CameraGone));
}

#[test]
fn unreadable_and_unknown_messages_do_no_harm() {
    let server = FakeServer::start();
    let _scene = camera(&server);
    let mut connection = server.camera();
    for text in [
        "",
        "[]",
        "{}",
        "{\"type\":\"startSession\"}",
        "{\"type\":\"of-the-future\"}",
        "{\"type\":\"grantUpdate\",\"sessionId\":\"s\",\"grant\":\"x\"}",
        "{\"type\":\"peer\",\"sessionId\":\"s\",\"sdp\":{\"type\":\"answer\",\"sdp\":\"x\"}}",
    ] {
        connection.send_text(text.into());
    }
    admit(&server, &mut connection, CAMERA);
    let nonsense =
        r#"{"type":"peer","sessionId":"front","sdp":{"type":"answer","sdp":"nonsense"}}"#;
    connection.send_text(nonsense.into());
    assert_eq!(connection.end_of(CAMERA), Some(Code::BadDescription));
    admit(&server, &mut connection, "next");
}

/// One camera behind a tee into two sinks, each enrolled at a server of its own; stopped.
fn shared_camera(servers: &[FakeServer; 2], recorder: &str) -> Scene {
    let scene = Scene::new(&format!(
        "portholesrc camera=test width=160 height=120 framerate=10/1 idle-timeout=0 ! tee name=t \
         t. ! queue ! portholesink name=first  t. ! queue ! portholesink name=second {recorder}"
    ));
    for (sink, server) in ["first", "second"].into_iter().zip(servers) {
        let key = server.key().to_string();
        scene.element(sink).set_property("camera-key", key);
    }
    scene
}

#[test]
fn of_two_sinks_behind_one_camera_the_idle_one_does_not_close_it_and_the_last_viewer_does() {
    let servers = [FakeServer::start(), FakeServer::start()];
    let mut scene = shared_camera(&servers, "");
    scene.set(gst::State::Playing);
    let [mut first, mut second] = [servers[0].camera(), servers[1].camera()];
    admit(&servers[0], &mut first, "a");
    scene.hear("porthole/camera", "state", "live");
    admit(&servers[1], &mut second, "b");
    second.send(&viewer_left("b"));
    // The second sink is idle now, and says so; its next viewer finds the camera as it was.
    admit(&servers[1], &mut second, "c");
    second.send(&viewer_left("c"));
    scene.hear("porthole/viewer-left", "session", "c");
    let states = |scene: &mut Scene| -> Vec<String> {
        let said = scene.all_said("porthole/camera");
        said.iter().map(|s| s.get("state").unwrap()).collect()
    };
    assert_eq!(states(&mut scene), ["opening", "live"]);
    first.send(&viewer_left("a"));
    scene.hear("porthole/camera", "state", "closed");
    assert_eq!(states(&mut scene), ["opening", "live", "closed"]);
}

#[test]
fn a_recorder_beside_two_sinks_without_viewers_keeps_the_camera_open() {
    let servers = [FakeServer::start(), FakeServer::start()];
    let mut scene = shared_camera(&servers, " t. ! queue ! fakesink");
    scene.set(gst::State::Playing);
    let [mut first, _second] = [servers[0].camera(), servers[1].camera()];
    scene.hear("porthole/camera", "state", "live");
    admit(&servers[0], &mut first, "a");
    first.send(&viewer_left("a"));
    scene.hear("porthole/viewer-left", "session", "a");
    let said = scene.all_said("porthole/camera");
    assert!(
        said.iter().all(|s| s.get("state") != Ok("closed")),
        "{said:?}"
    );
}
