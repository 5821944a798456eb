// SPDX-License-Identifier: MPL-2.0
//! A doorbell end to end: a press at a real `portholesink`, at a server that makes a call of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use crate::common::{
    Folder, PATIENCE, Scene,
    robot::{Guest, Program, Robot},
    server::{Connection, FakeServer},
    step,
    talker::{Ear, Exchange, Talker, tone},
};
use gst::{glib, prelude::*};
use porthole_protocol::{
    grant::Permission::{Door, Listen, View},
    ring::MAX_SNAPSHOT_BYTES,
    wire::{CallEnd, CallState},
};
use serde_json::json;

/// How often a wait looks.
const LOOK: Duration = Duration::from_millis(5);
const LIVE: &str = "videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=20/1";

fn camera_of(server: &FakeServer, description: &str) -> Scene {
    let scene = Scene::new(description);
    let sink = scene.element("sink");
    sink.set_property("camera-key", server.key().to_string());
    scene.set(gst::State::Playing);
    scene
}

fn camera(server: &FakeServer) -> Scene {
    camera_of(server, &format!("{LIVE} ! portholesink name=sink"))
}

fn press(scene: &Scene) -> String {
    scene.element("sink").emit_by_name("ring", &[])
}

/// Presses until that is no more the same press as the last one.
fn next_press(scene: &Scene, last: &str) -> String {
    step("another press");
    let start = Instant::now();
    loop {
        let next = press(scene);
        if next != last {
            return next;
        }
        assert!(start.elapsed() < PATIENCE, "it is the same press for ever");
        thread::park_timeout(LOOK);
    }
}

fn snapshot(scene: &Scene, max_width: u32) -> Option<glib::Bytes> {
    scene
        .element("sink")
        .emit_by_name("snapshot", &[&max_width])
}

/// Width, height and the mean brightness of a JPEG, from 0 to 255.
fn developed(jpeg: &[u8]) -> (i32, i32, u64) {
    assert!(jpeg.starts_with(&[0xff, 0xd8]) && jpeg.len() <= MAX_SNAPSHOT_BYTES);
    let description = "appsrc name=in caps=image/jpeg ! jpegdec ! videoconvert \
                       ! video/x-raw,format=GRAY8 ! appsink name=out sync=false";
    let lab = Scene::new(description);
    let source: gst_app::AppSrc = lab.element("in").downcast().unwrap();
    let sink: gst_app::AppSink = lab.element("out").downcast().unwrap();
    lab.set(gst::State::Playing);
    source
        .push_buffer(gst::Buffer::from_slice(jpeg.to_vec()))
        .unwrap();
    source.end_of_stream().unwrap();
    let sample = sink.pull_sample().unwrap();
    let structure = sample.caps().unwrap().structure(0).unwrap();
    let edge = |name| structure.get::<i32>(name).unwrap();
    let map = sample.buffer().unwrap().map_readable().unwrap();
    let sum: u64 = map.iter().map(|byte| u64::from(*byte)).sum();
    (edge("width"), edge("height"), sum / map.len() as u64)
}

/// The picture of a press, as the server gets it.
fn picture(server: &FakeServer, ring: &str) -> Vec<u8> {
    let (head, jpeg) = server.request(204);
    let wanted = format!("put /api/v1/cameras/front/snapshots/{ring} http/1.1");
    assert!(head.starts_with(&wanted), "{head}");
    assert!(head.contains("authorization: bearer secret"), "{head}");
    assert!(head.contains("content-type: image/jpeg"), "{head}");
    jpeg
}

#[test]
fn a_press_reaches_the_server_the_bus_and_with_its_picture_whoever_is_rung() {
    let server = FakeServer::start();
    let mut scene = camera(&server);
    let mut connection = server.camera();
    let heard = Arc::new(AtomicUsize::new(0));
    let counted = heard.clone();
    scene
        .element("sink")
        .connect("call-changed", false, move |args| {
            assert!(!args[2].get::<String>().unwrap().is_empty());
            counted.fetch_add(1, SeqCst);
            None
        });
    let ring = press(&scene);
    assert_eq!(connection.ring(), ring);
    let said = scene.hear("porthole/ring", "ring-id", &ring);
    assert_eq!(said.get::<String>("camera").unwrap(), "front");
    assert_eq!(press(&scene), ring, "it is the same press");
    connection.call(&ring, CallState::Ringing, None);
    let (width, height, _) = developed(&picture(&server, &ring));
    assert_eq!((width, height), (320, 180));
    connection.call(&ring, CallState::Answered, None);
    connection.call(&ring, CallState::Talking, None);
    let said = scene.hear("porthole/call", "state", "talking");
    assert_eq!(said.get::<String>("by").unwrap(), "alice");
    assert_eq!(said.get::<String>("ring-id").unwrap(), ring);
    connection.call(&ring, CallState::Ended, Some(CallEnd::HungUp));
    let said = scene.hear("porthole/call", "state", "ended");
    assert_eq!(said.get::<String>("reason").unwrap(), "hung-up");
    assert_eq!(heard.load(SeqCst), 4);
}

#[test]
fn no_picture_leaves_the_camera_for_a_press_that_rings_nobody() {
    let server = FakeServer::start();
    let mut scene = camera(&server);
    let mut connection = server.camera();
    let first = press(&scene);
    assert_eq!(connection.ring(), first);
    connection.call(&first, CallState::Ended, Some(CallEnd::Nobody));
    scene.warned("nobody whom this camera may ring");
    let second = next_press(&scene, &first);
    assert_eq!(connection.ring(), second);
    connection.call(&second, CallState::Ringing, None);
    // What had been sent of the first would be here before.
    picture(&server, &second);
}

#[test]
fn a_press_while_the_server_is_away_is_sent_when_it_is_back_and_nothing_is_sent_twice() {
    let server = FakeServer::start();
    let mut scene = camera(&server);
    drop(server.camera());
    scene.hear("porthole/server", "state", "offline");
    let ring = press(&scene);
    let mut connection = server.camera();
    assert_eq!(connection.ring(), ring);
    // It went on the wire, and the server is gone again before it could say anything.
    drop(connection);
    let mut connection = server.camera();
    assert_eq!(connection.ring(), ring);
    connection.call(&ring, CallState::Ringing, None);
    scene.hear("porthole/call", "state", "ringing");
    picture(&server, &ring);
}

#[test]
fn a_picture_that_the_server_has_no_time_for_is_brought_again_and_one_that_it_refuses_is_not() {
    let server = FakeServer::start();
    let scene = camera(&server);
    let mut connection = server.camera();
    let ring = press(&scene);
    connection.ring();
    connection.call(&ring, CallState::Ringing, None);
    let (_, first) = server.request(503);
    let (_, again) = server.request(409);
    assert_eq!(first, again);
    connection.call(&ring, CallState::Ended, Some(CallEnd::Declined));
    let next = next_press(&scene, &ring);
    connection.ring();
    connection.call(&next, CallState::Ringing, None);
    picture(&server, &next);
}

#[test]
fn a_camera_that_does_not_run_says_that_it_cannot_ring() {
    let mut scene = Scene::new(&format!("{LIVE} ! portholesink name=sink"));
    assert_eq!(press(&scene), "");
    scene.warned("the camera is not running");
    assert_eq!(snapshot(&scene, 0), None);
    assert!(!scene.element("sink").emit_by_name::<bool>("hang-up", &[]));
}

#[test]
fn the_camera_opens_at_the_press_and_closes_when_nobody_came() {
    let server = FakeServer::start();
    let description =
        "portholesrc camera=test width=320 height=180 idle-timeout=0 ! portholesink name=sink";
    let mut scene = camera_of(&server, description);
    let mut connection = server.camera();
    assert!(
        scene.all_said("porthole/camera").is_empty(),
        "nobody wants it"
    );
    let ring = press(&scene);
    scene.hear("porthole/camera", "state", "live");
    assert_eq!(scene.element("sink").property::<u32>("viewers"), 0);
    connection.ring();
    connection.call(&ring, CallState::Ringing, None);
    let (_, _, brightness) = developed(&picture(&server, &ring));
    assert!(
        brightness > 60,
        "a slate is dark, and none of the camera's: {brightness}"
    );
    connection.call(&ring, CallState::Ended, Some(CallEnd::NoAnswer));
    scene.hear("porthole/camera", "state", "closed");
}

#[test]
fn there_is_a_snapshot_as_long_as_somebody_may_see_the_camera() {
    let server = FakeServer::start();
    let scene = camera(&server);
    let mut connection = server.camera();
    assert_eq!(snapshot(&scene, 0), None, "nobody may");
    let grant = server.grant(&connection, "s", |_| ());
    connection.start_session("s", Some(grant));
    connection.offer_of("s");
    let jpeg = snapshot(&scene, 0).unwrap();
    let (width, height, _) = developed(&jpeg);
    assert_eq!((width, height), (320, 180));
    let (width, height, _) = developed(&snapshot(&scene, 160).unwrap());
    assert_eq!((width, height), (160, 90));
}

#[test]
fn a_snapshot_shows_the_picture_behind_its_masks() {
    let server = FakeServer::start();
    let description =
        format!("{LIVE} ! portholeoverlay masks=\"rect 0 0 1 1\" ! portholesink name=sink");
    let scene = camera_of(&server, &description);
    let mut connection = server.camera();
    let ring = press(&scene);
    connection.ring();
    connection.call(&ring, CallState::Ringing, None);
    let (_, _, brightness) = developed(&picture(&server, &ring));
    assert!(brightness < 30, "{brightness}");
    let (_, _, brightness) = developed(&snapshot(&scene, 0).unwrap());
    assert!(brightness < 30, "{brightness}");
}

#[test]
fn video_that_comes_in_encoded_has_snapshots_as_well() {
    let server = FakeServer::start();
    let description =
        format!("{LIVE} ! vp8enc deadline=1 keyframe-max-dist=20 ! portholesink name=sink");
    let scene = camera_of(&server, &description);
    let mut connection = server.camera();
    let ring = press(&scene);
    connection.ring();
    connection.call(&ring, CallState::Ringing, None);
    let (width, height, brightness) = developed(&picture(&server, &ring));
    assert_eq!((width, height), (320, 180));
    assert!(brightness > 60, "{brightness}");
}

#[test]
fn hanging_up_at_the_door_ends_the_call() {
    let server = FakeServer::start();
    let mut scene = camera(&server);
    let mut connection = server.camera();
    let ring = press(&scene);
    connection.ring();
    connection.call(&ring, CallState::Talking, None);
    scene.hear("porthole/call", "state", "talking");
    assert!(scene.element("sink").emit_by_name::<bool>("hang-up", &[]));
    let said = scene.hear("porthole/call", "state", "ended");
    assert_eq!(said.get::<String>("reason").unwrap(), "hung-up-at-door");
    connection.hang_up();
}

#[test]
fn a_ring_from_elsewhere_is_heard_of_once() {
    let server = FakeServer::start();
    let mut scene = camera(&server);
    let mut connection = server.camera();
    let ring = "8d2f3a52-0f6b-4c1c-9a53-0d8cf3c1a001";
    for _ in 0..3 {
        connection.send_text(json!({"type":"ring","ringId":ring}).to_string());
    }
    connection.call(ring, CallState::Ringing, None);
    picture(&server, ring);
    scene.hear("porthole/call", "state", "ringing");
    assert_eq!(scene.all_said("porthole/ring").len(), 1);
}

/// A doorbell with a loudspeaker, of which the test hears what it says.
struct Bell {
    exchange: Exchange,
    ear: Ear,
    scene: Scene,
    server: FakeServer,
}

impl Bell {
    fn new(properties: &str) -> Self {
        Self::with(properties, "")
    }

    /// With more in the pipeline.
    fn with(properties: &str, more: &str) -> Self {
        let server = FakeServer::start();
        let scene = Scene::new(&format!(
            "{LIVE} ! portholesink name=sink {properties} sink.talk ! appsink name=ear sync=false async=false {more}"
        ));
        scene
            .element("sink")
            .set_property("camera-key", server.key().to_string());
        let ear = Ear::at(&scene);
        scene.set(gst::State::Playing);
        let exchange = Exchange::new(server.camera());
        Self {
            exchange,
            ear,
            scene,
            server,
        }
    }

    fn call(&self, ring: &str, state: CallState, reason: Option<CallEnd>) {
        let ring = ring.to_owned();
        (self.exchange)
            .call(move |connection: &mut Connection, _| connection.call(&ring, state, reason));
    }

    fn hear(&self, hertz: u32) {
        self.ear.listen(&format!("{hertz} Hz"), |heard| {
            heard.iter().filter(|frame| frame.tone(hertz) > 0.1).count() > 5
        });
    }
}

#[test]
fn whoever_rings_hears_that_it_rings_that_somebody_comes_and_that_nobody_does() {
    let bell = Bell::new("");
    bell.ear.wait_for_silence();
    let first = press(&bell.scene);
    bell.call(&first, CallState::Ringing, None);
    bell.hear(400);
    bell.call(&first, CallState::Answered, None);
    bell.hear(800);
    bell.ear.wait_for_silence();
    bell.call(&first, CallState::Ended, Some(CallEnd::HungUp));
    let second = next_press(&bell.scene, &first);
    bell.call(&second, CallState::Ringing, None);
    bell.hear(400);
    bell.call(&second, CallState::Ended, Some(CallEnd::NoAnswer));
    bell.hear(300);
    bell.ear.wait_for_silence();
}

#[test]
fn without_ring_tones_the_loudspeaker_is_silent() {
    let mut bell = Bell::new("ring-tones=false");
    let ring = press(&bell.scene);
    for state in [CallState::Ringing, CallState::Answered, CallState::Ended] {
        bell.call(&ring, state, None);
    }
    bell.scene.hear("porthole/call", "state", "ended");
    bell.ear.frames(20);
    assert!(
        bell.ear
            .all()
            .iter()
            .all(crate::common::talker::Heard::is_silent)
    );
}

/// A tone of so many hertz and ms as WAV.
fn wav(hertz: f32, ms: u32) -> Vec<u8> {
    let data = 48 * ms * 2;
    let mut wav = Vec::new();
    wav.extend(b"RIFF");
    wav.extend((36 + data).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16u32.to_le_bytes());
    wav.extend([1, 0, 1, 0]);
    wav.extend(48_000u32.to_le_bytes());
    wav.extend(96_000u32.to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(b"data");
    wav.extend(data.to_le_bytes());
    for n in 0..48 * ms {
        let angle = std::f32::consts::TAU * hertz * n as f32 / 48_000.0;
        wav.extend(((angle.sin() * 20_000.0) as i16).to_le_bytes());
    }
    wav
}

#[test]
fn a_file_sounds_in_place_of_the_tone_and_a_bad_one_is_a_warning() {
    let folder = Folder::new();
    let (gong, bad) = (folder.path("gong.wav"), folder.path("bad.wav"));
    std::fs::write(&gong, wav(700.0, 1_000)).unwrap();
    std::fs::write(&bad, "a text and no sound").unwrap();
    let properties = format!(
        "ring-sound={} coming-sound={}",
        gong.display(),
        bad.display()
    );
    let mut bell = Bell::new(&properties);
    bell.scene.warned("the built-in tone sounds in its place");
    // It is read while all else starts, and whoever rings before hears the built-in one.
    step("the gong");
    let start = Instant::now();
    let mut ring = press(&bell.scene);
    loop {
        bell.call(&ring, CallState::Ringing, None);
        bell.ear.frames(60);
        let is_gong = |frame: &crate::common::talker::Heard| frame.tone(700) > 0.2;
        if bell.ear.all().iter().filter(|frame| is_gong(frame)).count() > 20 {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "the gong is never heard");
        bell.call(&ring, CallState::Ended, Some(CallEnd::HungUp));
        ring = next_press(&bell.scene, &ring);
    }
    bell.call(&ring, CallState::Answered, None);
    bell.hear(800);
}

#[test]
fn a_tone_turns_the_microphone_down_towards_viewers() {
    let microphone = "audiotestsrc is-live=true freq=1000 volume=0.5 ! audio/x-raw,rate=48000,channels=1 ! sink.audio";
    let bell = Bell::with("talk-ducks=true", microphone);
    let terms = (&[View, Listen][..], 600);
    let viewer = Talker::join(
        &bell.server,
        &bell.exchange,
        ("v", "ann"),
        terms,
        &tone(400),
    );
    viewer.viewer.wait_for("audio", 3);
    let sink = bell.scene.element("sink").downcast::<gst::Bin>().unwrap();
    let volumes = sink.iterate_all_by_element_factory_name("volume");
    let volume = volumes.into_iter().next().unwrap().unwrap();
    // In thousandths of full scale: what is encoded for viewers.
    let level = Arc::new(AtomicUsize::new(0));
    let (measured, pad) = (level.clone(), volume.static_pad("src").unwrap());
    let is_float = {
        let caps = pad.current_caps().unwrap();
        let format = caps.structure(0).unwrap().get::<String>("format").unwrap();
        assert!(["F32LE", "S16LE"].contains(&&*format), "{format}");
        format == "F32LE"
    };
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let map = info.buffer().unwrap().map_readable().unwrap();
        let loudest = match is_float {
            true => {
                let all = map.chunks_exact(4);
                let all = all.map(|s| f32::from_le_bytes(s.try_into().unwrap()).abs());
                all.fold(0.0, f32::max)
            }
            false => {
                let all = map.chunks_exact(2);
                let all = all.map(|s| i16::from_le_bytes(s.try_into().unwrap()));
                all.map(|s| f32::from(s).abs() / 32_768.0)
                    .fold(0.0, f32::max)
            }
        };
        measured.store((loudest * 1000.0) as usize, SeqCst);
        gst::PadProbeReturn::Ok
    });
    let wait_for = |what: &str, fits: &dyn Fn(usize) -> bool| {
        step(what);
        let start = Instant::now();
        while !fits(level.load(SeqCst)) {
            assert!(start.elapsed() < PATIENCE, "{what}: {}", level.load(SeqCst));
            thread::park_timeout(LOOK);
        }
    };
    wait_for("the microphone", &|level| (450..=550).contains(&level));
    let ring = press(&bell.scene);
    bell.call(&ring, CallState::Ringing, None);
    // By 20 dB.
    wait_for("the microphone turned down", &|level| {
        (40..=60).contains(&level)
    });
    bell.call(&ring, CallState::Answered, None);
    wait_for("the microphone again", &|level| {
        (450..=550).contains(&level)
    });
}

#[test]
fn a_program_rings_and_hears_what_becomes_of_it() {
    let mut robot = Robot::new("");
    let mut button = robot.program("button");
    button.say("porthole ring {}");
    let ring = robot.exchange.call(|connection, _| connection.ring());
    robot.scene.hear("porthole/ring", "ring-id", &ring);
    let of = ring.clone();
    robot
        .exchange
        .call(move |connection, _| connection.call(&of, CallState::Answered, None));
    let call = button.event("call");
    assert_eq!(
        (&call["ringId"], &call["state"], &call["by"]),
        (&json!(ring), &json!("answered"), &json!("alice"))
    );
    button.say("porthole hang-up {}");
    assert_eq!(button.event("call")["reason"], "hung-up-at-door");
    button.say("porthole ring now");
    assert_eq!(button.event("error")["code"], "bad-word");
}

const ACCEPTED: u8 = 6;
const REFUSED: u8 = 7;
const NONCE: u8 = 12;
const HOLD: u8 = 23;
const OPEN: u8 = 24;

/// Holds the button, and says what came of it: a nonce, or the code of a refusal.
fn hold(guest: &mut Guest, number: u16) -> Result<u64, String> {
    guest.send(HOLD, (0, number), b"");
    let word = guest.hear(|word| [NONCE, REFUSED].contains(&word.kind) && word.number == number);
    match word.kind {
        NONCE => Ok(word.json()["nonce"].as_u64().unwrap()),
        _ => Err(word.json()["code"].as_str().unwrap().to_owned()),
    }
}

/// Lets go of it.
fn open(guest: &Guest, number: u16, nonce: u64) {
    let word = json!({ "nonce": nonce }).to_string();
    guest.send(OPEN, (0, number), word.as_bytes());
}

/// What came of that: empty where the door is open.
fn opened(guest: &mut Guest, number: u16) -> String {
    let word = guest.hear(|word| [ACCEPTED, REFUSED].contains(&word.kind) && word.number == number);
    match word.kind {
        ACCEPTED => String::new(),
        _ => word.json()["code"].as_str().unwrap().to_owned(),
    }
}

/// How a call becomes at the camera; waits until a program has heard so.
fn becomes(robot: &Robot, listener: &mut Program, ring: &str, state: CallState) {
    let ring = ring.to_owned();
    let end = (state == CallState::Ended).then_some(CallEnd::HungUp);
    (robot.exchange).call(move |connection, _| connection.call(&ring, state, end));
    let word = serde_json::to_value(state).unwrap();
    while listener.event("call")["state"] != word {}
}

#[test]
fn whoever_has_answered_opens_the_door_by_a_program_and_the_server_hears_of_it() {
    const RING: &str = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e5f";
    let mut robot = Robot::new("");
    let mut door = robot.program("door");
    let call = format!("{}-0", &RING[..30]);
    let mut ann = robot.guest_of_call("ann", &call);
    let mut bob = robot.guest("bob", &[View]);
    assert_eq!(
        hold(&mut ann, 1),
        Err("not-permitted".to_owned()),
        "nobody rings"
    );
    becomes(&robot, &mut door, RING, CallState::Ringing);
    assert_eq!(
        hold(&mut ann, 2),
        Err("not-permitted".to_owned()),
        "nobody has answered"
    );
    becomes(&robot, &mut door, RING, CallState::Answered);
    assert_eq!(
        hold(&mut bob, 1),
        Err("not-permitted".to_owned()),
        "another has"
    );

    let nonce = hold(&mut ann, 3).unwrap();
    open(&ann, 4, nonce);
    let word = door.event("open");
    assert_eq!((&word["user"], &word["for"]), (&json!("ann"), &json!(1500)));
    door.say(
        &json!({"id": word["id"]})
            .to_string()
            .replace('{', "porthole opened {"),
    );
    assert_eq!(opened(&mut ann, 4), "");
    assert_eq!(robot.doors(1), [("ann".to_owned(), "opened".to_owned())]);
    let said = robot.scene.hear("porthole/door", "result", "opened");
    assert_eq!(said.get::<String>("user").unwrap(), "ann");
    assert_eq!(said.get::<String>("call-id").unwrap(), call);
    open(&ann, 5, nonce);
    assert_eq!(opened(&mut ann, 5), "too-late", "it is spent");

    // The call is over while she holds the button: the door stays shut, although her grant says nothing yet.
    let nonce = hold(&mut ann, 6).unwrap();
    becomes(&robot, &mut door, RING, CallState::Ended);
    open(&ann, 7, nonce);
    assert_eq!(opened(&mut ann, 7), "not-permitted");
    assert_eq!(
        robot.doors(1),
        [("ann".to_owned(), "not-permitted".to_owned())]
    );

    // With a right of one's own no call is needed, and the server need not be there.
    robot.update("ann", 600, &[View, Door]);
    let nonce = loop {
        if let Ok(nonce) = hold(&mut ann, 8) {
            break nonce;
        }
        thread::park_timeout(LOOK);
    };
    let Robot {
        mut scene,
        exchange,
        server: _server,
        ..
    } = robot;
    drop(exchange);
    scene.hear("porthole/server", "state", "offline");
    open(&ann, 9, nonce);
    let word = door.event("open");
    door.say(&format!(
        r#"porthole refused {{"id":{},"reason":"bolted"}}"#,
        word["id"]
    ));
    assert_eq!(opened(&mut ann, 9), "door-refused");
}

#[test]
fn a_program_that_is_frozen_is_not_told_later_and_one_that_is_gone_opens_nothing() {
    let robot = Robot::new("");
    let mut ann = robot.guest("ann", &[View, Door]);
    assert_eq!(hold(&mut ann, 1), Err("no-door".to_owned()));
    // It reads nothing, and answers no ping.
    let frozen = Program::socket(&robot.url, "door", &[]).unwrap();
    ann.hear(|word| word.kind == 3 && word.json()[0]["here"] == true);
    let nonce = hold(&mut ann, 2).unwrap();
    open(&ann, 3, nonce);
    assert_eq!(opened(&mut ann, 3), "door-unanswered");
    assert_eq!(
        robot.doors(1),
        [("ann".to_owned(), "unanswered".to_owned())]
    );
    // It thaws, and finds a word that says itself that it is over.
    let mut frozen = frozen;
    let word = loop {
        let message = frozen.read().unwrap().into_text().unwrap_or_default();
        if let Some(word) = message.as_str().strip_prefix("porthole open ") {
            break serde_json::from_str::<serde_json::Value>(word).unwrap();
        }
    };
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let now = now.tv_sec as f64 + now.tv_nsec as f64 / 1e9;
    assert!(word["until"].as_f64().unwrap() < now, "{word} at {now}");
}
