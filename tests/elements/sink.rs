// SPDX-License-Identifier: MPL-2.0
//! `portholesink` as a pipeline sees it; sessions are in gate.rs.

use std::{
    env,
    net::{TcpListener, TcpStream},
    process::Command,
    sync::mpsc::channel,
    thread,
};

use crate::common::{
    Folder, PATIENCE, Scene, free_address, init,
    program::{Ended, run},
    server::{self, Connection, FakeServer},
    viewer::Viewer,
};
use gst::prelude::*;
use porthole_protocol::{grant::Permission, wire::Code};

/// A small live video that costs next to nothing.
const VIDEO: &str = "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=10/1";

fn pipeline(properties: &str) -> String {
    format!("{VIDEO} ! identity name=tap ! portholesink name=sink {properties}")
}

/// Waits until `count` buffers have come to the sink.
fn wait_for_buffers(scene: &Scene, count: u32) {
    let (sender, buffers) = channel();
    let pad = scene.pad("sink", "sink");
    let probe = pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        let _ = sender.send(());
        gst::PadProbeReturn::Ok
    });
    for _ in 0..count {
        buffers.recv_timeout(PATIENCE).unwrap();
    }
    pad.remove_probe(probe.unwrap());
}

fn url(scene: &mut Scene) -> url::Url {
    let online = scene.hear("porthole/server", "state", "online");
    online.get::<String>("url").unwrap().parse().unwrap()
}

#[test]
fn it_starts_a_server_of_its_own_and_goes_online() {
    let mut scene = Scene::playing(&pipeline("listen=127.0.0.1:0"));
    let listening = scene.hear("porthole/server", "state", "listening");
    let link = listening.get::<String>("url").unwrap();
    assert!(link.starts_with("http://127.0.0.1:"), "{link}");
    assert!(link.contains("/#token="), "{link}");
    let url = url(&mut scene);
    TcpStream::connect(("127.0.0.1", url.port().unwrap())).unwrap();
    wait_for_buffers(&scene, 3);
}

#[test]
fn a_port_in_use_is_one_error_that_names_listen() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut scene = Scene::new(&pipeline(&format!("listen={address}")));
    scene.assert_fails_once_naming(&format!("listen={address}"));
}

#[test]
fn each_bad_setting_is_one_error_that_names_its_property() {
    let folder = Folder::new();
    let missing = folder.path("missing.key").display().to_string();
    let empty = folder.path("empty.key");
    std::fs::write(&empty, "").unwrap();
    let table = [
        ("camera-key=garbage".to_owned(), "camera-key"),
        ("camera-key=phk1.AAAA".to_owned(), "camera-key"),
        (format!("camera-key-file={missing}"), "camera-key-file="),
        (
            format!("camera-key-file={}", empty.display()),
            "camera-key-file=",
        ),
        (
            "listen=127.0.0.1:0 stun-server=stun.example.org".to_owned(),
            "stun-server=",
        ),
        (
            "listen=127.0.0.1:0 allowed-hosts=https://look.example.org".to_owned(),
            "allowed-hosts=",
        ),
        ("listen=somewhere".to_owned(), "listen=somewhere"),
        (
            "listen=127.0.0.1:99999".to_owned(),
            "listen=127.0.0.1:99999",
        ),
    ];
    for (properties, part) in table {
        Scene::new(&pipeline(&properties)).assert_fails_once_naming(part);
    }
}

#[test]
fn an_error_never_shows_the_camera_key() {
    let mut scene = Scene::new(&pipeline("camera-key=phk1.s3cret"));
    assert!(!scene.errors_of_playing()[0].contains("s3cret"));
}

#[test]
fn open_access_does_not_go_with_a_camera_key() {
    let server = FakeServer::start();
    let mut scene = Scene::new(&pipeline("open-access=true"));
    scene
        .element("sink")
        .set_property("camera-key", server.key().to_string());
    scene.assert_fails_once_naming("open-access");
}

#[test]
fn whep_does_not_go_with_a_camera_key() {
    let server = FakeServer::start();
    let mut scene = Scene::new(&pipeline("whep=true"));
    scene
        .element("sink")
        .set_property("camera-key", server.key().to_string());
    scene.assert_fails_once_naming("whep");
}

#[test]
fn open_access_is_warned_of() {
    let mut scene = Scene::playing(&pipeline("listen=127.0.0.1:0 open-access=true"));
    let listening = scene.hear("porthole/server", "state", "listening");
    assert!(!listening.get::<String>("url").unwrap().contains("token"));
    let warnings = scene.warnings();
    assert!(
        matches!(warnings, [one] if one.contains("open-access")),
        "{warnings:?}"
    );
}

#[test]
fn an_unreachable_server_is_one_warning_that_says_what_to_do_and_the_pipeline_goes_on() {
    let server = FakeServer::start();
    let mut scene = Scene::new(&pipeline(""));
    scene
        .element("sink")
        .set_property("camera-key", server.key().to_string());
    scene.set(gst::State::Playing);
    // It tries again and again, and is turned away each time.
    for _ in 0..4 {
        drop(server.stream());
    }
    scene.hear("porthole/server", "state", "offline");
    let warnings = scene.warnings();
    assert!(
        matches!(warnings, [one] if one.contains("is it running")),
        "{warnings:?}"
    );
    wait_for_buffers(&scene, 3);
    assert_eq!(scene.pipeline.current_state(), gst::State::Playing);
}

#[test]
fn upstream_hears_at_the_start_that_nobody_watches_and_the_name_of_the_camera() {
    let scene = Scene::new(&pipeline("listen=127.0.0.1:0 camera-name=Front"));
    let (sender, events) = channel();
    scene
        .pad("tap", "src")
        .add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
            let structure = info.event().and_then(|event| event.structure());
            if let Some(structure) = structure.filter(|s| s.name() == "porthole/demand") {
                let _ = sender.send(structure.to_owned());
            }
            gst::PadProbeReturn::Ok
        });
    scene.set(gst::State::Playing);
    let demand = events.recv_timeout(PATIENCE).unwrap();
    assert_eq!(demand.get::<u32>("viewers"), Ok(0));
    assert_eq!(demand.get::<bool>("active"), Ok(false));
    assert_eq!(demand.get::<String>("camera").unwrap(), "Front");
}

#[test]
fn it_starts_again_on_the_same_port_at_once() {
    let listen = free_address();
    let mut scene = Scene::new(&pipeline(&format!("listen={listen}")));
    for _ in 0..3 {
        scene.set(gst::State::Playing);
        scene.hear("porthole/server", "state", "online");
        wait_for_buffers(&scene, 1);
        scene.set(gst::State::Null);
    }
}

#[test]
fn two_sinks_with_the_same_listen_share_one_server_until_the_last_stops() {
    let listen = free_address();
    let mut first = Scene::playing(&pipeline(&format!("listen={listen}")));
    assert_eq!(url(&mut first).port(), Some(listen.port()));
    let mut second = Scene::playing(&pipeline(&format!("listen={listen}")));
    assert_eq!(url(&mut second).port(), Some(listen.port()));
    let states = second.all_said("porthole/server");
    assert!(
        states
            .iter()
            .all(|s| s.get::<String>("state").unwrap() != "listening"),
        "{states:?}"
    );
    first.set(gst::State::Null);
    TcpStream::connect(listen).unwrap();
    first.set(gst::State::Playing);
    first.hear("porthole/server", "state", "online");
}

#[test]
fn sinks_that_share_a_server_must_agree_on_how_it_is() {
    let listen = free_address();
    let mut first = Scene::playing(&pipeline(&format!("listen={listen}")));
    url(&mut first);
    for property in ["open-access", "whep"] {
        let mut second = Scene::new(&pipeline(&format!("listen={listen} {property}=true")));
        second.assert_fails_once_naming(property);
    }
}

#[test]
fn max_viewers_lets_in_and_turns_away_as_it_changes_while_playing() {
    let server = FakeServer::start();
    let scene = Scene::new(&pipeline("max-viewers=1"));
    let sink = scene.element("sink");
    sink.set_property("camera-key", server.key().to_string());
    scene.set(gst::State::Playing);
    let mut connection = server.camera();
    let start = |connection: &mut Connection, session| {
        let grant = server.grant(connection, session, |_| ());
        connection.start_session(session, Some(grant));
    };
    start(&mut connection, "first");
    connection.offer_of("first");
    start(&mut connection, "early");
    assert_eq!(connection.refusal_of("early"), Some(Code::CameraFull));

    sink.set_property("max-viewers", 2_u32);
    start(&mut connection, "second");
    connection.offer_of("second");

    // Those who are in stay; nobody comes after them, not even in the place of one who leaves.
    sink.set_property("max-viewers", 1_u32);
    connection.send(&server::viewer_left("second"));
    start(&mut connection, "late");
    assert_eq!(connection.refusal_of("late"), Some(Code::CameraFull));
    assert_eq!(sink.property::<u32>("viewers"), 1);
}

#[test]
fn statistics_tell_viewers_refusals_and_the_server() {
    let mut scene = Scene::playing(&pipeline("listen=127.0.0.1:0"));
    let url = url(&mut scene);
    let stats = scene.element("sink").property::<gst::Structure>("stats");
    assert_eq!(stats.get::<u32>("viewers"), Ok(0));
    assert_eq!(stats.get::<u32>("refused"), Ok(0));
    assert_eq!(stats.get::<String>("server").unwrap(), "online");
    assert_eq!(stats.get::<String>("url").unwrap(), url.as_str());
}

#[test]
fn statistics_can_be_read_before_the_start_and_after_the_end() {
    let mut scene = Scene::new(&pipeline("listen=127.0.0.1:0"));
    let server = |scene: &Scene| {
        let stats = scene.element("sink").property::<gst::Structure>("stats");
        stats.get::<String>("server").unwrap()
    };
    assert_eq!(server(&scene), "");
    scene.set(gst::State::Playing);
    scene.hear("porthole/server", "state", "online");
    scene.set(gst::State::Null);
    assert_eq!(server(&scene), "stopped");
}

#[test]
fn statistics_tell_what_is_sent_to_a_viewer_and_what_it_says_of_that() {
    let server = FakeServer::start();
    let scene = Scene::new(&format!("{VIDEO} ! portholesink name=sink"));
    let sink = scene.element("sink");
    sink.set_property("camera-key", server.key().to_string());
    scene.set(gst::State::Playing);
    let mut connection = server.camera();
    let grant = server.grant(&connection, "s", |_| ());
    connection.start_session("s", Some(grant));
    let viewer = Viewer::watch(&mut connection, "s");
    // GStreamer measures what is sent over two seconds.
    viewer.wait_for("video", 40);
    let session = || {
        let stats = sink.property::<gst::Structure>("stats");
        stats.get::<gst::Structure>("session-s").unwrap()
    };
    assert!(!session().has_field("frames"), "nobody has said so yet");

    connection.viewer_stats("s", 7);
    let told = connection.session_stats("s");
    assert_eq!((told.rung, told.rungs), (0, 1));
    assert!(told.sent > 0, "{told:?}");
    let session = session();
    assert_eq!(session.get::<u32>("frames"), Ok(7));
    assert_eq!(session.get::<u32>("freezes"), Ok(2));
    assert_eq!(session.get::<f64>("freeze-seconds"), Ok(0.5));
    assert!(session.get::<u32>("sent-bitrate").unwrap() > 0);
    assert!(
        session.has_field("webrtc"),
        "webrtcsink's own are there too"
    );
}

#[test]
fn video_that_is_encoded_already_reaches_a_viewer_as_it_is() {
    let server = FakeServer::start();
    let scene = Scene::new(&format!(
        "{VIDEO} ! vp8enc name=encoder deadline=1 keyframe-max-dist=5 ! portholesink name=sink"
    ));
    let sink = scene.element("sink");
    sink.set_property("camera-key", server.key().to_string());
    scene.set(gst::State::Playing);
    let mut connection = server.camera();
    let grant = server.grant(&connection, "s", |_| ());
    connection.start_session("s", Some(grant));
    let viewer = Viewer::watch(&mut connection, "s");
    viewer.wait_for("video", 20);
    let bin = scene.pipeline.iterate_recurse();
    let encoders = bin.into_iter().flatten().filter(|element| {
        let factory = element.factory();
        factory.is_some_and(|f| f.has_type(gst::ElementFactoryType::VIDEO_ENCODER))
    });
    let names: Vec<_> = encoders.map(|encoder| encoder.name()).collect();
    assert_eq!(names, ["encoder"], "it is not encoded once more");
}

#[test]
fn sound_from_its_audio_pad_reaches_a_viewer() {
    let server = FakeServer::start();
    let scene = Scene::new(&format!(
        "{VIDEO} ! portholesink name=sink audiotestsrc is-live=true ! sink.audio"
    ));
    let sink = scene.element("sink");
    sink.set_property("camera-key", server.key().to_string());
    scene.set(gst::State::Playing);
    let mut connection = server.camera();
    let grant = server.grant(&connection, "s", |grant| {
        grant.perms = vec![Permission::View, Permission::Listen];
    });
    connection.start_session("s", Some(grant));
    let viewer = Viewer::of("s", connection);
    viewer.wait_for("audio", 10);
    viewer.wait_for("video", 10);
}

#[test]
fn a_link_outlives_a_stop() {
    let listen = free_address();
    let mut scene = Scene::new(&pipeline(&format!("listen={listen}")));
    let links: Vec<String> = (0..2)
        .map(|_| {
            scene.set(gst::State::Playing);
            let listening = scene.hear("porthole/server", "state", "listening");
            scene.set(gst::State::Null);
            listening.get("url").unwrap()
        })
        .collect();
    assert_eq!(links[0], links[1]);
}

#[test]
fn sinks_that_share_a_server_have_one_link_whichever_of_them_starts_it() {
    let listen = free_address();
    let mut first = Scene::playing(&pipeline(&format!("listen={listen}")));
    let link = |scene: &mut Scene| {
        let listening = scene.hear("porthole/server", "state", "listening");
        listening.get::<String>("url").unwrap()
    };
    let first_link = link(&mut first);
    let mut second = Scene::playing(&pipeline(&format!("listen={listen}")));
    url(&mut second);
    first.set(gst::State::Null);
    drop(first);
    second.set(gst::State::Null);
    second.set(gst::State::Playing);
    assert_eq!(link(&mut second), first_link);
}

/// How often two sinks hand over.
const HANDOVERS: u32 = 100;

#[test]
fn two_sinks_that_hand_over_one_listen_never_meet_each_other() {
    let listen = free_address();
    let sink = || {
        let sink = gst::ElementFactory::make("portholesink")
            .property("listen", listen.to_string())
            .property("print-link", false)
            .build()
            .unwrap();
        // Its errors, which would say why it did not start.
        sink.set_bus(Some(&gst::Bus::new()));
        sink
    };
    init();
    let (mut running, mut idle) = (sink(), sink());
    running.set_state(gst::State::Paused).unwrap();
    for _ in 0..HANDOVERS {
        let start = {
            let idle = idle.clone();
            thread::spawn(move || idle.set_state(gst::State::Paused))
        };
        running.set_state(gst::State::Null).unwrap();
        let started = start.join().unwrap();
        let said = idle.bus().unwrap().pop_filtered(&[gst::MessageType::Error]);
        assert!(started.is_ok(), "{said:?}");
        TcpStream::connect(listen).unwrap();
        std::mem::swap(&mut running, &mut idle);
    }
    running.set_state(gst::State::Null).unwrap();
}

/// Runs a sink in a program of its own until its stream ends.
fn launch(properties: &str, token: Option<&str>) -> Ended {
    let folder = env::current_exe().unwrap().parent().unwrap().to_owned();
    let plugin = format!(
        "--gst-plugin-load={}",
        folder.join("libgstporthole.so").display()
    );
    let line = format!(
        "{plugin} videotestsrc num-buffers=3 ! portholesink listen=127.0.0.1:0 {properties}"
    );
    let mut command = Command::new("gst-launch-1.0");
    command
        .args(line.split_whitespace())
        .env_remove("PORTHOLE_CAMERA_KEY")
        .env_remove("PORTHOLE_VIEWER_TOKEN");
    if let Some(token) = token {
        command.env("PORTHOLE_VIEWER_TOKEN", token);
    }
    run(&mut command)
}

#[test]
fn links_are_printed_unless_an_application_says_no() {
    let ended = launch("", None);
    assert!(ended.output.contains("#token="), "{}", ended.output);
    let ended = launch("print-link=false", None);
    assert!(!ended.output.contains("token"), "{}", ended.output);
    assert!(ended.status.success(), "{}", ended.output);
}

#[test]
fn a_viewer_token_that_could_be_guessed_is_refused_with_the_reason() {
    for token in ["", "secret", "password12345678"] {
        let ended = launch("", Some(token));
        assert!(!ended.status.success(), "{token}: {}", ended.output);
        assert!(
            ended.output.contains("PORTHOLE_VIEWER_TOKEN"),
            "{}",
            ended.output
        );
        assert!(ended.output.contains("guess"), "{}", ended.output);
    }
}

#[test]
fn a_viewer_token_of_the_users_own_is_in_the_link_percent_encoded() {
    let ended = launch("", Some("tG7+xq/Vd9%Zc2#Lm4&Rk8"));
    let encoded = "#token=tG7%2Bxq%2FVd9%25Zc2%23Lm4%26Rk8";
    assert!(ended.output.contains(encoded), "{}", ended.output);
}

#[test]
fn caps_it_cannot_take_are_refused_at_link_time() {
    init();
    for caps in ["video/x-theora", "image/jpeg", "audio/x-raw"] {
        let source = gst::ElementFactory::make("capsfilter")
            .property("caps", caps.parse::<gst::Caps>().unwrap())
            .build()
            .unwrap();
        let sink = gst::ElementFactory::make("portholesink").build().unwrap();
        let bin = gst::Bin::new();
        bin.add_many([&source, &sink]).unwrap();
        let linked = source.link_pads(Some("src"), &sink, Some("sink"));
        assert!(linked.is_err(), "{caps}");
    }
}
