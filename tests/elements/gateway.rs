// SPDX-License-Identifier: MPL-2.0
//! The gateway end to end: a real `portholesink`, viewers with real data channels, programs with real WebSockets.

use std::{
    fs,
    io::Write as _,
    os::unix::net::UnixStream,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use crate::common::{
    Folder, PATIENCE, Scene, init,
    robot::{Guest, Program, Robot, raw_request},
};
use porthole_protocol::grant::Permission::{Control, View};
use serde_json::json;
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const SERVICES: u8 = 3;
const WHEEL: u8 = 4;
const ACCEPTED: u8 = 6;
const REFUSED: u8 = 7;
const HELLO: u8 = 9;
const ASK: u8 = 16;
const RELEASE: u8 = 17;
const HAND_OVER: u8 = 18;
const STOP: u8 = 20;
const STEERED: u8 = 10;
const BUNDLE: u8 = 11;
const STEER: u8 = 21;
const BUNDLES: u8 = 22;

/// A program that has heard that nobody drives.
fn idle(robot: &Robot, service: &str) -> Program {
    let mut program = robot.program(service);
    assert_eq!(program.event("released"), json!({"reason": "free"}));
    program
}

/// Takes the wheel.
fn take(guest: &mut Guest) {
    guest.send(ASK, (0, 0), b"");
    guest.hear_json(WHEEL, "you", "driving");
}

#[test]
fn what_a_program_sends_reaches_viewers_untouched() {
    let robot = Robot::new("");
    let mut program = Program::connect(&robot.url, "battery");
    assert_eq!(program.event("viewers"), json!([]));
    let mut ann = robot.guest("ann", &[View]);
    let hello = ann.hear(|word| word.kind == HELLO).json();
    assert_eq!(
        (&hello["user"], &hello["controlTimeout"]),
        (&json!("ann"), &json!(500))
    );
    assert_eq!(program.event("viewers"), json!(["ann"]));
    program.say(r#"porthole describe {"unit":"%"}"#);
    ann.hear(|word| word.kind == SERVICES && word.json()[0]["describe"]["unit"] == "%");
    program.say("97 ä");
    let text = ann.hear(|word| word.kind == TEXT);
    assert_eq!((text.service, text.payload), (1, "97 ä".into()));

    let large: Vec<u8> = (0..64 * 1024).map(|n| n as u8).collect();
    program.send(Message::binary(large.clone()));
    let binary = ann.hear(|word| word.kind == BINARY);
    assert_eq!(binary.payload, large);

    // One byte more, and the next as if nothing had been.
    let larger = Message::binary(vec![0; 64 * 1024 + 1]);
    program.send(larger);
    assert_eq!(program.event("error")["code"], "too-large");
    program.say("x");
    assert_eq!(ann.hear(|word| word.kind == TEXT).payload, b"x");
    program.say("porthole nonsense");
    assert_eq!(program.event("error")["code"], "bad-word");
}

#[test]
fn who_comes_later_sees_the_newest_of_what_is_told_once() {
    let robot = Robot::new("");
    let mut door = robot.program("door");
    door.say(r#"porthole describe {"latest":true}"#);
    door.say("shut");
    door.say("open");
    for user in ["ann", "bob"] {
        let mut guest = robot.guest(user, &[View]);
        // One who is there in time may see both.
        guest.hear(|word| word.kind == TEXT && word.payload == b"open");
    }
}

/// Ends with the test.
struct Example(Child);

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_example_in_rust_shows_a_battery() {
    let robot = Robot::new("");
    let test = std::env::current_exe().unwrap();
    let built = test.ancestors().nth(2).unwrap();
    let example = built.join("examples/gateway-battery");
    let example = Command::new(example).arg(&robot.url).spawn();
    let _example = Example(example.expect("built by cargo build --release --examples"));
    let mut ann = robot.guest("ann", &[View]);
    ann.hear(|word| word.kind == SERVICES && word.json()[0]["describe"]["title"] == "Battery");
    let charge = ann.hear(|word| word.kind == TEXT).payload;
    let charge: u32 = String::from_utf8(charge).unwrap().parse().unwrap();
    assert!(charge <= 100);
}

#[test]
fn who_has_booked_takes_the_wheel_and_it_is_known_who_drove() {
    let mut robot = Robot::new("control-timeout=10000");
    let mut arm = idle(&robot, "arm");
    let mut ann = robot.guest("ann", &[View, Control]);
    let mut bob = robot.booked_guest("bob", &[View, Control]);
    take(&mut ann);
    assert_eq!(arm.event("driver")["user"], "ann");
    take(&mut bob);
    let wheel = ann.hear_json(WHEEL, "reason", "booked");
    assert_eq!(
        (&wheel["you"], &wheel["by"], &wheel["driver"]["user"]),
        (&json!("watching"), &json!("bob"), &json!("bob"))
    );
    let released = json!({"user": "ann", "reason": "booked", "by": "bob"});
    assert_eq!(arm.event("released"), released);
    assert_eq!(arm.event("driver")["user"], "bob");
    ann.send(TEXT, (1, 7), b"on");
    let refused = ann.hear(|word| word.kind == REFUSED && word.number == 7);
    assert_eq!(refused.json()["code"], "not-driving");

    // She may ask again, and drives when he has let go.
    ann.send(ASK, (0, 0), b"");
    ann.hear_json(WHEEL, "you", "waiting");
    bob.send(RELEASE, (0, 0), b"");
    assert_eq!(arm.event("released")["reason"], "given-up");
    assert_eq!(arm.event("driver")["user"], "ann");

    let said = robot.scene.hear("porthole/driver", "user", "bob");
    let text = |said: &gst::Structure, field: &str| said.get::<String>(field).unwrap();
    let before = ["last-session", "last-user", "reason"].map(|field| text(&said, field));
    assert_eq!(before, ["ann", "ann", "booked"]);
    assert!(text(&said, "from") <= text(&said, "to"));
    let drove =
        |session: &str, reason: Option<&str>| (session.to_owned(), reason.map(str::to_owned));
    let told = [
        drove("ann", None),
        drove("ann", Some("booked")),
        drove("bob", None),
        drove("bob", Some("given-up")),
        drove("ann", None),
    ];
    assert_eq!(robot.drives(5), told);
}

#[test]
fn the_driver_alone_reaches_programs_and_every_command_is_answered() {
    let robot = Robot::new("");
    let mut arm = idle(&robot, "arm");
    let mut ann = robot.guest("ann", &[View, Control]);
    let mut bob = robot.guest("bob", &[View, Control]);
    let mut eve = robot.guest("eve", &[View]);
    take(&mut ann);
    let driver = arm.event("driver");
    assert_eq!(driver["user"], "ann");
    assert!(driver["for"].as_u64().unwrap() <= 500, "{driver}");
    ann.send(TEXT, (1, 7), "left ä".as_bytes());
    assert_eq!(arm.command(), Message::text("left ä"));
    ann.hear(|word| (word.kind, word.service, word.number) == (ACCEPTED, 1, 7));
    let large: Vec<u8> = (0..64 * 1024).map(|n| n as u8).collect();
    ann.send(BINARY, (1, 8), &large);
    assert_eq!(arm.command(), Message::binary(large));
    ann.hear(|word| (word.kind, word.number) == (ACCEPTED, 8));

    for (guest, code) in [(&mut bob, "not-driving"), (&mut eve, "not-permitted")] {
        guest.send(TEXT, (1, 1), b"mine");
        let refused = guest.hear(|word| word.kind == REFUSED);
        assert_eq!((refused.number, &refused.json()["code"]), (1, &json!(code)));
    }
    ann.send(TEXT, (1, 9), b"porthole released {}");
    assert_eq!(
        ann.hear_json(REFUSED, "code", "reserved")["code"],
        "reserved"
    );
    // What none of them sent has not come in between.
    ann.alive();
    ann.send(TEXT, (1, 10), b"end");
    assert_eq!(arm.command(), Message::text("end"));
}

/// On the channel that repeats nothing and keeps no order.
#[test]
fn steering_is_a_state_that_is_confirmed_and_a_sign_of_life() {
    let robot = Robot::new("");
    let mut arm = idle(&robot, "arm");
    arm.say(r#"porthole describe {"drive":true}"#);
    let mut ann = robot.guest("ann", &[View, Control]);
    ann.hear(|word| word.kind == SERVICES && word.json()[0]["describe"]["drive"] == true);
    take(&mut ann);
    let (ahead, zeros) = (r#"{"x":0,"y":1}"#, r#"{"x":0,"y":0}"#);
    ann.send_now(STEER, (1, 1), ahead.as_bytes());
    assert_eq!(arm.command(), Message::text(ahead));
    ann.hear(|word| (word.kind, word.number, word.payload.len()) == (STEERED, 1, 0));
    // Three times the control timeout; the program hears of it once.
    for _ in 0..30 {
        ann.send_now(STEER, (1, 2), zeros.as_bytes());
        thread::park_timeout(Duration::from_millis(50));
    }
    ann.hear(|word| (word.kind, word.number, word.payload.len()) == (STEERED, 2, 0));
    ann.send_now(STEER, (1, 1), ahead.as_bytes());
    ann.send_now(STEER, (1, 3), zeros.as_bytes());
    assert_eq!(arm.command(), Message::text(zeros));
    assert_eq!(arm.command(), Message::text(zeros));
    ann.send(TEXT, (1, 1), b"end");
    assert_eq!(arm.command(), Message::text("end"));
}

#[test]
fn who_understands_bundles_gets_each_message_once_and_in_order() {
    let robot = Robot::new("");
    let mut ann = robot.guest("ann", &[View]);
    let mut arm = Program::connect(&robot.url, "arm");
    ann.hear(|word| word.kind == SERVICES);
    ann.send(BUNDLES, (0, 0), b"");
    // Once it is answered, what was sent before has been taken in.
    ann.send(STOP, (0, 9), b"");
    ann.hear(|word| (word.kind, word.number) == (REFUSED, 9));
    for number in 0..500 {
        arm.say(&number.to_string());
    }
    let (mut bundles, mut texts) = (0, Vec::new());
    while texts.len() < 500 {
        let word = ann.hear(|word| [TEXT, BUNDLE].contains(&word.kind));
        if word.kind == TEXT {
            texts.push(word.payload);
            continue;
        }
        bundles += 1;
        let mut rest = &word.payload[..];
        while let [high, low, more @ ..] = rest {
            let (one, more) = more.split_at(u16::from_be_bytes([*high, *low]).into());
            assert_eq!(one[..2], [TEXT, 1]);
            texts.push(one[4..].to_vec());
            rest = more;
        }
    }
    let sent: Vec<_> = (0..500u32).map(|n| n.to_string().into_bytes()).collect();
    assert_eq!(texts, sent);
    assert!((1..250).contains(&bundles), "{bundles} bundles");
}

#[test]
fn the_wheel_is_handed_over_and_given_up() {
    let robot = Robot::new("control-timeout=10000");
    let mut arm = idle(&robot, "arm");
    let mut ann = robot.guest("ann", &[View, Control]);
    let mut bob = robot.guest("bob", &[View, Control]);
    let id = bob.hear(|word| word.kind == HELLO).json()["id"].clone();
    take(&mut ann);
    bob.send(ASK, (0, 0), b"");
    let wheel = bob.hear_json(WHEEL, "you", "waiting");
    assert_eq!(wheel["driver"]["user"], "ann");
    ann.send(HAND_OVER, (0, 0), json!({"to": id}).to_string().as_bytes());
    bob.hear_json(WHEEL, "you", "driving");
    ann.hear_json(WHEEL, "reason", "handed-over");
    assert_eq!(arm.event("driver")["user"], "ann");
    let released = json!({"user": "ann", "reason": "handed-over"});
    assert_eq!(arm.event("released"), released);
    assert_eq!(arm.event("driver")["user"], "bob");
    bob.send(RELEASE, (0, 0), b"");
    assert_eq!(arm.event("released")["reason"], "given-up");
}

#[test]
fn a_driver_of_whom_nothing_is_heard_is_released() {
    let robot = Robot::new("control-timeout=300");
    let mut arm = idle(&robot, "arm");
    let mut ann = robot.guest("ann", &[View, Control]);
    take(&mut ann);
    arm.event("driver");
    let start = Instant::now();
    // Three times the timeout, with signs of life.
    while start.elapsed() < Duration::from_millis(900) {
        ann.alive();
        thread::park_timeout(Duration::from_millis(30));
    }
    ann.send(TEXT, (1, 1), b"on");
    assert_eq!(arm.command(), Message::text("on"), "not released before");
    let last = Instant::now();
    assert_eq!(
        arm.event("released"),
        json!({"user": "ann", "reason": "stalled"})
    );
    let took = last.elapsed();
    assert!(took > Duration::from_millis(200), "{took:?}");
    assert!(took < Duration::from_millis(1300), "{took:?}");
    ann.hear_json(WHEEL, "reason", "stalled");
    ann.send(TEXT, (1, 2), b"still there");
    ann.hear_json(REFUSED, "code", "not-driving");
}

#[test]
fn a_taken_permission_and_the_end_of_the_lease_release_at_once() {
    let robot = Robot::new("control-timeout=10000");
    let mut arm = idle(&robot, "arm");
    let mut ann = robot.guest("ann", &[View, Control]);
    take(&mut ann);
    robot.update("ann", 600, &[View]);
    assert_eq!(
        arm.event("released"),
        json!({"user": "ann", "reason": "not-permitted"})
    );
    ann.hear_json(WHEEL, "you", "not-permitted");

    let mut bob = robot.guest("bob", &[View, Control]);
    take(&mut bob);
    robot.update("bob", 1, &[View, Control]);
    assert_eq!(
        arm.event("released"),
        json!({"user": "bob", "reason": "lease-ended"})
    );

    let mut carol = robot.guest("carol", &[View, Control]);
    take(&mut carol);
    robot.update("carol", 0, &[View, Control]);
    assert_eq!(
        arm.event("released"),
        json!({"user": "carol", "reason": "lease-ended"})
    );
    assert_eq!(arm.event("viewers"), json!(["ann"]));
}

#[test]
fn the_stop_of_the_camera_releases_and_says_goodbye() {
    let robot = Robot::new("control-timeout=10000");
    let mut arm = idle(&robot, "arm");
    let mut ann = robot.guest("ann", &[View, Control]);
    take(&mut ann);
    robot.scene.set(gst::State::Null);
    assert_eq!(arm.event("released")["user"], "ann");
    loop {
        if let Message::Close(close) = arm.next() {
            assert_eq!(close.unwrap().code, CloseCode::Away);
            break;
        }
    }
}

#[test]
fn a_program_that_is_gone_is_missed_and_welcome_back() {
    let robot = Robot::new("control-timeout=10000");
    let other = robot.program("other");
    let mut arm = idle(&robot, "arm");
    let mut ann = robot.guest("ann", &[View, Control]);
    take(&mut ann);
    arm.event("driver");
    // As a process that is killed.
    drop(arm);
    ann.hear(|word| word.kind == SERVICES && word.json()[1]["here"] == false);
    ann.send(TEXT, (2, 1), b"x");
    ann.hear_json(REFUSED, "code", "service-gone");
    ann.send(TEXT, (3, 2), b"x");
    ann.hear_json(REFUSED, "code", "no-such-service");
    let mut arm = robot.program("arm");
    assert_eq!(arm.event("driver")["user"], "ann");
    ann.send(TEXT, (2, 3), b"x");
    assert_eq!(arm.command(), Message::text("x"));
    drop(other);
}

#[test]
fn a_program_that_never_reads_is_sent_away_and_nothing_is_lost_in_silence() {
    let robot = Robot::new("control-timeout=10000");
    let arm = Program::socket(&robot.url, "arm", &[]).unwrap();
    let mut ann = robot.guest("ann", &[View, Control]);
    take(&mut ann);
    // As small as a page's steering is: nothing fills up but the time.
    let large = vec![0; 40];
    let (mut sent, mut answered) = (0u16, 0u16);
    let start = Instant::now();
    let mut codes = Vec::new();
    while !codes.iter().any(|code| code == "service-gone") {
        assert!(start.elapsed() < PATIENCE, "{codes:?}");
        if sent - answered < 8 {
            sent += 1;
            ann.send(BINARY, (1, sent), &large);
        }
        let word = ann.next_within(Duration::from_millis(20));
        match word {
            Some(word) if word.kind == ACCEPTED => answered += 1,
            Some(word) if word.kind == REFUSED => {
                answered += 1;
                codes.push(word.json()["code"].as_str().unwrap().to_owned());
            }
            _ => (),
        }
    }
    while answered < sent {
        ann.hear(|word| [ACCEPTED, REFUSED].contains(&word.kind));
        answered += 1;
    }
    // The place is free, as soon as the connection's own thread has seen that it is over.
    let free = Instant::now() + PATIENCE;
    while let Err(refusal) = Program::try_connect(&robot.url, "arm", &[]) {
        assert!(Instant::now() < free, "{refusal:?}");
    }
    drop(arm);
}

#[test]
fn a_viewer_who_floods_hears_so_and_harms_nobody() {
    let robot = Robot::new("control-timeout=10000");
    let mut arm = idle(&robot, "arm");
    let mut ann = robot.guest("ann", &[View, Control]);
    let mallory = robot.guest("mallory", &[View]);
    take(&mut ann);
    arm.event("driver");
    let mut bob = robot.guest("bob", &[View]);
    let done = thread::spawn(move || {
        for number in 0..20_000u32 {
            // One in two is what every viewer may say, and what others are told of.
            let kind = [number as u8, ASK, number as u8, RELEASE][number as usize % 4];
            let mut message = vec![kind, 1, 0, 1];
            message.resize(4 + (number as usize % 64), 0xff);
            // Who goes on and on is cut off.
            if !mallory.try_send_bytes(&message) {
                break;
            }
        }
        mallory
    });
    let mut longest = Duration::ZERO;
    for number in 1..=50 {
        let start = Instant::now();
        ann.alive();
        ann.send(TEXT, (1, number), b"on");
        assert_eq!(arm.command(), Message::text("on"));
        ann.hear(|word| (word.kind, word.number) == (ACCEPTED, number));
        // Telemetry goes on, to who drives and to who only looks.
        let told = format!("at {number}");
        arm.say(&told);
        for viewer in [&mut ann, &mut bob] {
            viewer.hear(|word| word.kind == TEXT && word.payload == told.as_bytes());
        }
        longest = longest.max(start.elapsed());
    }
    println!("beside the flood a command and an answer took at most {longest:?}");
    let mut mallory = done.join().unwrap();
    mallory.hear(|word| word.kind == REFUSED);
    // No header, what only the camera says, and a part that the next message ends.
    for bytes in [
        &b"\x01"[..],
        b"\x09\x00\x00\x00",
        b"\xff\xff\xff\xff\xff",
        b"\x13\x00\x00\x00",
    ] {
        ann.send_bytes(bytes);
    }
    ann.send(TEXT, (1, 99), b"on");
    assert_eq!(arm.command(), Message::text("on"));
}

#[test]
fn the_door_says_who_is_there_and_what_is_wrong() {
    let robot = Robot::new("");
    let _arm = robot.program("arm");
    let refused = |service: &str, headers: &[(&'static str, &str)]| {
        let refusal = Program::try_connect(&robot.url, service, headers).err();
        let (status, body) = refusal.unwrap();
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let text = |field: &str| body["error"][field].as_str().unwrap().to_owned();
        (status, text("code"), text("message"))
    };
    let (status, code, message) = refused("arm", &[]);
    assert_eq!((status, code.as_str()), (409, "taken"));
    assert!(message.contains("127.0.0.1:"), "{message}");
    let origin = [("origin", "https://example.org")];
    let (status, code, _) = refused("leg", &origin);
    assert_eq!((status, code.as_str()), (403, "origin"));
    for name in ["", "a/b", "a%20b", &"x".repeat(33)] {
        let (status, code, _) = refused(name, &[]);
        assert_eq!((status, code.as_str()), (404, "no-service"), "{name}");
    }
    let answer = raw_request(&robot.url, "GET /arm HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(!answer.starts_with("HTTP/1.1 101"), "{answer}");
    raw_request(&robot.url, "\r\n\r\n\x00\x01\x02 nonsense\r\n\r\n");
    drop(robot.program("leg"));
}

#[test]
fn programs_show_the_token_of_the_file() {
    let folder = Folder::new();
    let path = folder.path("token");
    fs::File::create(&path)
        .unwrap()
        .write_all(b"0123456789abcdef+/=\n")
        .unwrap();
    let robot = Robot::new(&format!("gateway-token-file={}", path.display()));
    let status = |service: &str, headers: &[(&'static str, &str)]| {
        let connected = Program::try_connect(&robot.url, service, headers);
        connected.map_or_else(|(status, _)| status, |_| 101)
    };
    let header = |token: &str| format!("Bearer {token}");
    assert_eq!(status("a", &[]), 401);
    let wrong = header("0123456789abcdef");
    assert_eq!(status("a", &[("authorization", &wrong)]), 401);
    let right = header("0123456789abcdef+/=");
    assert_eq!(status("a", &[("authorization", &right)]), 101);
    assert_eq!(status("b?token=0123456789abcdef%2B%2F%3D", &[]), 101);
    assert_eq!(status("c?token=", &[]), 401);
}

#[test]
fn who_has_the_token_takes_the_name_of_one_that_does_not_know_yet_that_it_is_gone() {
    let folder = Folder::new();
    let path = folder.path("token");
    fs::write(&path, "0123456789abcdef\n").unwrap();
    let robot = Robot::new(&format!(
        "control-timeout=10000 gateway-token-file={}",
        path.display()
    ));
    let connect = || Program::connect(&robot.url, "arm?token=0123456789abcdef");
    let mut old = connect();
    assert_eq!(old.event("released"), json!({"reason": "free"}));
    let mut ann = robot.guest("ann", &[View, Control]);
    take(&mut ann);
    let mut new = connect();
    assert_eq!(new.event("driver")["user"], "ann");
    loop {
        if let Message::Close(close) = old.next() {
            assert_eq!(close.unwrap().reason, "another program took this name");
            break;
        }
    }
    ann.send(TEXT, (1, 1), b"x");
    assert_eq!(new.command(), Message::text("x"));
    ann.hear(|word| (word.kind, word.number) == (ACCEPTED, 1));
}

/// What is accepted was taken: two commands may be under way, and what waits too long is never delivered.
#[test]
fn a_program_that_is_slow_is_not_fed_what_is_old() {
    let robot = Robot::new("control-timeout=400");
    let mut arm = idle(&robot, "arm");
    arm.say(r#"porthole describe {"acknowledge":true}"#);
    let mut ann = robot.guest("ann", &[View, Control]);
    ann.hear(|word| word.kind == SERVICES && word.json()[0]["describe"]["acknowledge"] == true);
    take(&mut ann);
    arm.event("driver");
    for number in 1..=4u16 {
        ann.send(TEXT, (1, number), number.to_string().as_bytes());
    }
    assert_eq!(arm.command(), Message::text("1"));
    assert_eq!(arm.command(), Message::text("2"));
    arm.say("porthole taken");
    ann.hear(|word| (word.kind, word.number) == (ACCEPTED, 1));
    assert_eq!(arm.command(), Message::text("3"));
    // It works at the second, and the driver stays there.
    let stale = loop {
        ann.alive();
        let word = ann.next_within(Duration::from_millis(20));
        if let Some(word) = word.filter(|word| word.kind == REFUSED) {
            break word;
        }
    };
    assert_eq!((stale.number, &stale.json()["code"]), (4, &json!("stale")));
    arm.say("porthole taken");
    ann.hear(|word| (word.kind, word.number) == (ACCEPTED, 2));
    // Nothing old comes after this.
    drop(ann);
    loop {
        match arm.next() {
            Message::Text(text) if text.as_str().starts_with("porthole released ") => break,
            Message::Text(text) => assert!(text.as_str().starts_with("porthole "), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn whoever_may_control_stops_the_robot_and_a_program_takes_the_wheel_away() {
    let robot = Robot::new("control-timeout=10000");
    let mut arm = idle(&robot, "arm");
    let mut ann = robot.guest("ann", &[View, Control]);
    let mut bob = robot.guest("bob", &[View, Control]);
    take(&mut ann);
    bob.send(STOP, (0, 0), b"");
    let released = json!({"user": "ann", "reason": "stopped", "by": "bob"});
    assert_eq!(arm.event("released"), released);
    assert_eq!(ann.hear_json(WHEEL, "reason", "stopped")["by"], "bob");
    take(&mut ann);
    arm.say(r#"porthole release {"reason":"bumper"}"#);
    assert_eq!(
        ann.hear_json(WHEEL, "reason", "program")["detail"],
        "bumper"
    );
    assert_eq!(bob.hear_json(WHEEL, "reason", "program")["by"], "arm");
    ann.send(TEXT, (1, 1), b"on");
    ann.hear_json(REFUSED, "code", "not-driving");
}

#[test]
fn a_socket_in_the_file_system_is_its_users_alone_and_goes_with_the_camera() {
    use std::os::unix::fs::PermissionsExt as _;

    init();
    let folder = Folder::new();
    let path = folder.path("gateway.sock");
    // Left over from a process that was killed.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let scene = Scene::playing(&format!(
        "videotestsrc is-live=true ! portholesink listen=127.0.0.1:0 gateway=unix:{}",
        path.display()
    ));
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let stream = UnixStream::connect(&path).unwrap();
    let request = "ws://localhost/battery";
    let (mut socket, _) = tokio_tungstenite::tungstenite::client(request, stream).unwrap();
    assert_eq!(socket.read().unwrap(), Message::text("porthole viewers []"));
    scene.set(gst::State::Null);
    assert!(!path.exists());
}

#[test]
fn a_camera_that_stops_and_starts_again_opens_the_same_door() {
    let address = crate::common::free_address();
    let scene = Scene::new(&format!(
        "videotestsrc is-live=true ! portholesink listen=127.0.0.1:0 gateway={address}"
    ));
    for _ in 0..20 {
        scene.set(gst::State::Playing);
        let mut program = Program::connect(&format!("ws://{address}/"), "arm");
        program.event("viewers");
        scene.set(gst::State::Null);
    }
}

#[test]
fn what_makes_no_gateway_is_an_error_that_names_property_and_fix() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("gateway={}", taken.local_addr().unwrap());
    let folder = Folder::new();
    let short = folder.path("short");
    fs::write(&short, "secret\n").unwrap();
    let short = format!("gateway=0.0.0.0:0 gateway-token-file={}", short.display());
    for (properties, parts) in [
        ("gateway=8765", ["gateway=8765", "127.0.0.1:8765"]),
        (
            "gateway=0.0.0.0:0",
            ["gateway=0.0.0.0:0", "gateway-token-file"],
        ),
        (
            "gateway-token-file=/none",
            ["gateway-token-file", "gateway"],
        ),
        (
            "gateway=127.0.0.1:0 gateway-token-file=/none",
            ["gateway-token-file=/none", "openssl"],
        ),
        (&short, ["fewer than 16", "openssl"]),
        (&taken, [&taken, "in use"]),
    ] {
        let mut scene = Scene::new(&format!(
            "videotestsrc is-live=true ! portholesink listen=127.0.0.1:0 {properties}"
        ));
        let errors = scene.errors_of_playing();
        for part in parts {
            assert!(errors[0].contains(part), "{part} in {errors:?}");
        }
    }
}
