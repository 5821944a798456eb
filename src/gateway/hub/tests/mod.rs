// SPDX-License-Identifier: MPL-2.0
//! What goes into the hub and what comes out, by one test's clock.

mod door;
mod lease;
mod random;
mod steering;
mod stop;

use serde_json::{Value, json};

use super::*;
use crate::gateway::{
    bundle::MAX_ALONE,
    envelope::{self, Kind},
    outbox::Class,
};

const TIMEOUT: Duration = Duration::from_millis(500);
const ALL: Rights = Rights {
    view: true,
    talk: true,
    control: true,
    booked: false,
    door: DoorRight::No,
};

fn hub() -> Hub {
    Hub::new(Config {
        control_timeout: TIMEOUT,
        gateway: true,
        talk: Some("one".into()),
        epoch: (Instant::now(), 1000.0),
    })
}

/// A hub at a time of its own, and what it has put out.
struct Room {
    hub: Hub,
    now: Instant,
    outputs: Vec<Output>,
}

impl Room {
    fn new() -> Self {
        Self {
            hub: hub(),
            now: Instant::now(),
            outputs: Vec::new(),
        }
    }

    fn handle(&mut self, input: Input) {
        self.outputs.extend(self.hub.handle(input, self.now));
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.outputs.extend(self.hub.tick(self.now));
    }

    fn viewer(&mut self, viewer: ViewerId, user: &str, rights: Rights) {
        self.handle(Input::Joined {
            viewer,
            session: format!("s{viewer}"),
            user: user.into(),
            rights,
        });
    }

    fn say(&mut self, viewer: ViewerId, kind: Kind, (service, number): (u8, u16), text: &str) {
        let mark = Mark { service, number };
        self.handle(Input::Message {
            viewer,
            at: self.now,
            message: envelope::write(kind, mark, text.as_bytes()),
        });
    }

    /// Events for a program since the last call, without renewals of its lease.
    fn events(&mut self, program: ProgramId) -> Vec<String> {
        let mut events = Vec::new();
        self.outputs.retain(|output| match output {
            Output::Event(to, event) if *to == program => {
                events.push(event.clone());
                false
            }
            Output::Alive(to, _) | Output::Hold(to, _) if *to == program => false,
            _ => true,
        });
        events
    }

    /// What a program was told since the last call of how long it may go on, in ms.
    fn leases(&mut self, program: ProgramId) -> Vec<u64> {
        let mut leases = Vec::new();
        self.outputs.retain(|output| match output {
            Output::Alive(to, alive) if *to == program => {
                let word = alive.strip_prefix("porthole alive ").unwrap();
                let word: Value = serde_json::from_str(word).unwrap();
                leases.push(word["for"].as_u64().unwrap());
                false
            }
            _ => true,
        });
        leases
    }

    /// From when on a program is given nothing more, as it was said since the last call.
    fn holds(&mut self, program: ProgramId) -> Vec<Instant> {
        let mut holds = Vec::new();
        self.outputs.retain(|output| match output {
            Output::Hold(to, at) if *to == program => {
                holds.push(*at);
                false
            }
            _ => true,
        });
        holds
    }

    /// Messages for a viewer since the last call: kind, service, number, payload.
    fn told(&mut self, viewer: ViewerId) -> Vec<(u8, u8, u16, String)> {
        let mut told = Vec::new();
        self.outputs.retain(|output| match output {
            Output::Viewer(to, message) if *to == viewer => {
                let number = u16::from_be_bytes([message.bytes[2], message.bytes[3]]);
                let text = String::from_utf8_lossy(&message.bytes[4..]).into_owned();
                told.push((message.bytes[0], message.bytes[1], number, text));
                false
            }
            _ => true,
        });
        told
    }

    fn last(&mut self, viewer: ViewerId, kind: Kind) -> Value {
        let told = self.told(viewer);
        let last = told.iter().rfind(|(k, ..)| *k == kind as u8).unwrap();
        serde_json::from_str(&last.3).unwrap()
    }

    fn commands(&mut self) -> Vec<(ProgramId, Payload, Ticket)> {
        let mut commands = Vec::new();
        self.outputs.retain(|output| match output {
            Output::Command(program, command) => {
                commands.push((*program, command.payload.clone(), command.ticket));
                false
            }
            _ => true,
        });
        commands
    }
}

#[test]
fn who_comes_is_told_how_things_stand() {
    let mut room = Room::new();
    room.handle(Input::ProgramJoined(1, "arm".into()));
    assert_eq!(
        room.events(1),
        [
            "porthole viewers []",
            r#"porthole released {"reason":"free"}"#
        ]
    );
    room.viewer(7, "ann", ALL);
    assert_eq!(room.events(1), [r#"porthole viewers ["ann"]"#]);
    let told = room.told(7);
    assert_eq!(told[0].0, Kind::Hello as u8);
    let hello: Value = serde_json::from_str(&told[0].3).unwrap();
    assert_eq!(
        hello,
        json!({"version": 1, "id": 7, "user": "ann", "controlTimeout": 500, "gateway": true, "talk": "one", "steer": true, "bundles": true, "door": true})
    );
    let services: Value = serde_json::from_str(&told[1].3).unwrap();
    assert_eq!(
        services,
        json!([{"service": 1, "name": "arm", "here": true, "describe": null}])
    );
    let wheel: Value = serde_json::from_str(&told[2].3).unwrap();
    assert_eq!(
        wheel,
        json!({"you": "watching", "driver": null, "waiting": []})
    );
}

#[test]
fn a_guest_who_says_a_name_is_called_by_it_everywhere() {
    let mut room = Room::new();
    room.handle(Input::ProgramJoined(1, "arm".into()));
    room.viewer(1, "share:1", ALL);
    room.viewer(2, "bob", ALL);
    room.say(1, Kind::Ask, (0, 0), "");
    room.events(1);
    room.told(2);
    room.handle(Input::Named(1, "share:1/Anna".into()));
    assert_eq!(
        room.events(1),
        [r#"porthole viewers ["share:1/Anna","bob"]"#]
    );
    assert_eq!(room.last(2, Kind::Wheel)["driver"]["user"], "share:1/Anna");
    assert_eq!(room.last(1, Kind::Hello)["user"], "share:1/Anna");
    // Of one that is gone there is nothing to say.
    room.handle(Input::Named(9, "x".into()));
    assert!(room.told(2).is_empty());
}

#[test]
fn commands_are_the_drivers_alone_and_each_is_answered() {
    let mut room = Room::new();
    room.handle(Input::ProgramJoined(1, "arm".into()));
    room.viewer(1, "ann", ALL);
    room.viewer(2, "bob", ALL);
    let view = Rights {
        control: false,
        ..ALL
    };
    room.viewer(3, "eve", view);
    room.say(1, Kind::Ask, (0, 0), "");
    room.events(1);
    for viewer in 1..=3 {
        room.told(viewer);
        room.say(viewer, Kind::Text, (1, 9), "left");
    }
    let commands = room.commands();
    assert_eq!(commands.len(), 1);
    assert_eq!(commands[0].1, Payload::Text("left".into()));
    room.handle(Input::Delivered(commands[0].2));
    assert_eq!(room.told(1), [(6, 1, 9, String::new())]);
    assert_eq!(room.last(2, Kind::Refused)["code"], "not-driving");
    assert_eq!(room.last(3, Kind::Refused)["code"], "not-permitted");
    room.say(3, Kind::Ask, (0, 0), "");
    assert_eq!(room.last(3, Kind::Refused)["code"], "not-permitted");

    for (kind, service, text, code) in [
        (Kind::Text, 2, "x", "no-such-service"),
        (Kind::Text, 0, "x", "no-such-service"),
        (Kind::Text, 1, "porthole released {}", "reserved"),
        (Kind::Lost, 1, "", "bad-message"),
        (Kind::HandOver, 0, "2", "bad-message"),
        (Kind::HandOver, 0, r#"{"to":2}"#, "not-driving"),
    ] {
        room.say(1, kind, (service, 3), text);
        assert_eq!(room.last(1, Kind::Refused)["code"], code, "{text}");
    }
    room.say(1, Kind::Text, (1, 0), "who asks for no answer");
    let ticket = room.commands()[0].2;
    room.handle(Input::Delivered(ticket));
    assert!(room.told(1).is_empty());
    room.handle(Input::ProgramLeft(1));
    room.say(1, Kind::Text, (1, 3), "x");
    assert_eq!(room.last(1, Kind::Refused)["code"], "service-gone");
    assert!(room.commands().is_empty());
}

#[test]
fn nothing_is_told_where_nothing_changed_and_asking_has_a_bound() {
    let mut room = Room::new();
    for (id, user) in [(1, "ann"), (2, "bob"), (3, "eve")] {
        room.viewer(id, user, ALL);
    }
    room.say(1, Kind::Ask, (0, 0), "");
    room.outputs.clear();
    room.say(2, Kind::Release, (0, 0), "");
    assert!(room.outputs.is_empty(), "{:?}", room.outputs);
    for _ in 0..100 {
        room.say(2, Kind::Ask, (0, 0), "");
        room.say(2, Kind::Release, (0, 0), "");
    }
    let others = room.told(1).len();
    assert!(others <= 40, "{others}");
    assert_eq!(room.last(2, Kind::Refused)["code"], "too-many");
    room.pass(Duration::from_millis(250));
    room.say(2, Kind::Ask, (0, 0), "");
    assert_eq!(room.last(2, Kind::Wheel)["you"], "waiting");
}

#[test]
fn of_services_of_which_the_newest_counts_who_comes_later_has_it_too() {
    let mut room = Room::new();
    let text = |text: &str| Payload::Text(text.into());
    for (program, name, latest) in [(1, "battery", true), (2, "log", false)] {
        room.handle(Input::ProgramJoined(program, name.into()));
        let describe = format!(r#"porthole describe {{"now":true,"latest":{latest}}}"#);
        room.handle(Input::ProgramMessage(program, text(&describe)));
        for value in ["98", "97"] {
            room.handle(Input::ProgramMessage(program, text(value)));
        }
    }
    let values = |room: &mut Room, viewer| -> Vec<_> {
        let told = room.told(viewer).into_iter();
        told.filter(|(kind, ..)| *kind == Kind::Text as u8)
            .map(|(_, service, _, text)| (service, text))
            .collect()
    };
    room.viewer(1, "ann", ALL);
    let is_now = |output: &Output| matches!(output, Output::Viewer(_, message) if message.now);
    assert!(!room.outputs.iter().any(is_now), "what may be lost");
    assert_eq!(values(&mut room, 1), [(1, "97".to_owned())]);
    let blind = Rights { view: false, ..ALL };
    room.viewer(2, "bob", blind);
    assert_eq!(values(&mut room, 2), []);
    // Of a program that is gone, or says that it is something else now, nothing counts any more.
    room.handle(Input::ProgramMessage(
        1,
        text(r#"porthole describe {"unit":"V"}"#),
    ));
    room.viewer(3, "eve", ALL);
    assert_eq!(values(&mut room, 3), []);
    let latest = text(r#"porthole describe {"latest":true}"#);
    room.handle(Input::ProgramMessage(1, latest));
    room.handle(Input::ProgramMessage(1, text("12")));
    room.handle(Input::ProgramLeft(1));
    room.viewer(4, "joe", ALL);
    assert_eq!(values(&mut room, 4), []);
}

#[test]
fn telemetry_is_bundled_for_those_who_say_that_they_understand_it() {
    let mut room = Room::new();
    let view = Rights {
        control: false,
        ..ALL
    };
    for (id, user) in [(1, "ann"), (2, "bob"), (3, "eve"), (4, "old")] {
        room.viewer(id, user, if id == 3 { Rights::default() } else { view });
    }
    for (program, name) in [(1, "arm"), (2, "leg")] {
        room.handle(Input::ProgramJoined(program, name.into()));
    }
    for id in 1..=3 {
        room.say(id, Kind::Bundles, (0, 0), "");
    }
    room.outputs.clear();
    let text = |program, text: &str| Input::ProgramMessage(program, Payload::Text(text.into()));
    for n in 0..5 {
        room.handle(text(1, &format!("a{n}")));
        room.handle(text(2, &format!("b{n}")));
    }
    // Some at once; the answer to a stop is not behind the others.
    let now: Vec<_> = room.told(1).into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(now, [Kind::Text as u8; MAX_ALONE]);
    room.say(1, Kind::Stop, (0, 3), "");
    assert_eq!(room.last(1, Kind::Refused)["code"], "not-permitted");
    assert_eq!(room.told(4).len(), 10, "who does not say so gets each");
    room.told(2);
    room.pass(Duration::from_millis(33));
    let bundles: Vec<_> = room
        .outputs
        .iter()
        .filter_map(|output| match output {
            Output::Viewer(id, message) if message.class == Class::Bundle => Some((*id, message)),
            _ => None,
        })
        .collect();
    let [(1, one), (2, other)] = bundles[..] else {
        panic!("{bundles:?}");
    };
    assert!(
        std::sync::Arc::ptr_eq(&one.bytes, &other.bytes),
        "made once"
    );
    assert_eq!(
        one.bundled.as_ref().map(|all| all.len()),
        Some(10 - MAX_ALONE)
    );
    // What was said before a service is gone does not come after that.
    room.outputs.clear();
    room.handle(text(1, "last"));
    room.handle(Input::ProgramLeft(1));
    let kinds: Vec<_> = room.told(1).into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, [Kind::Text as u8, Kind::Services as u8]);
    // Who says it again and again makes no work.
    room.handle(text(2, "x"));
    room.outputs.clear();
    for _ in 0..100 {
        room.say(1, Kind::Bundles, (0, 0), "");
    }
    assert!(room.outputs.is_empty(), "{:?}", room.outputs);
}

#[test]
fn what_a_service_sends_goes_to_all_who_may_see_it() {
    let mut room = Room::new();
    room.handle(Input::ProgramJoined(1, "battery".into()));
    room.viewer(1, "ann", ALL);
    room.viewer(2, "bob", Rights::default());
    let text = |text: &str| Input::ProgramMessage(1, Payload::Text(text.into()));
    room.handle(text(
        r#"porthole describe {"unit":"%","latest":true,"now":true}"#,
    ));
    assert_eq!(room.last(1, Kind::Services)[0]["describe"]["unit"], "%");
    room.outputs.clear();
    room.handle(text("97"));
    let Output::Viewer(1, message) = &room.outputs[0] else {
        panic!("{:?}", room.outputs);
    };
    assert!(message.now);
    assert_eq!(
        message.class,
        Class::Service {
            service: 1,
            latest: true
        }
    );
    assert_eq!(room.told(1), [(1, 1, 0, "97".into())]);
    assert!(room.told(2).is_empty(), "who may not view gets nothing");
    room.events(1);
    room.handle(text("porthole dance"));
    assert!(room.events(1)[0].starts_with(r#"porthole error {"code":"bad-word""#));
    room.handle(Input::Lost(1, 2));
    room.handle(Input::Lost(1, 3));
    assert!(room.events(1).is_empty());
    room.pass(programs::LOST_PERIOD);
    assert_eq!(room.events(1), [r#"porthole lost {"count":5}"#]);
}

#[test]
fn a_service_keeps_its_number_when_its_program_comes_back() {
    let mut room = Room::new();
    room.handle(Input::ProgramJoined(1, "a".into()));
    room.handle(Input::ProgramJoined(2, "b".into()));
    room.handle(Input::ProgramLeft(1));
    room.viewer(1, "ann", ALL);
    let services = room.last(1, Kind::Services);
    assert_eq!(
        (&services[0]["here"], &services[1]["here"]),
        (&json!(false), &json!(true))
    );
    room.handle(Input::ProgramJoined(3, "a".into()));
    let services = room.last(1, Kind::Services);
    assert_eq!(
        (&services[0]["name"], &services[0]["here"]),
        (&json!("a"), &json!(true))
    );
}

#[test]
fn everyone_sees_who_speaks_and_how_it_stands_with_them() {
    let mut room = Room::new();
    room.viewer(1, "ann", ALL);
    room.viewer(2, "bob", ALL);
    let mute = Rights { talk: false, ..ALL };
    room.viewer(3, "eve", mute);
    room.handle(Input::Talk(TalkState {
        speakers: vec!["s1".into()],
        waiting: vec!["s2".into()],
        level: Some(-20.5),
    }));
    let ann = json!({"id": 1, "user": "ann"});
    for (viewer, you) in [(1, "speaking"), (2, "waiting"), (3, "not-permitted")] {
        let talk = room.last(viewer, Kind::Talk);
        assert_eq!((&talk["you"], &talk["speaker"]), (&json!(you), &ann));
        assert_eq!(talk["level"], -20.5);
    }
}

#[test]
fn a_program_rings_and_all_programs_hear_what_becomes_of_it() {
    use crate::calling::{Call, CallState};
    let mut room = Room::new();
    for (program, name) in [(1, "button"), (2, "lamp")] {
        room.handle(Input::ProgramJoined(program, name.into()));
        room.events(program);
    }
    room.handle(Input::ProgramMessage(
        1,
        Payload::Text("porthole ring {}".into()),
    ));
    room.handle(Input::ProgramMessage(
        1,
        Payload::Text("porthole hang-up {}".into()),
    ));
    let pushes = room.outputs.iter().filter_map(|output| match output {
        Output::Bell(push) => Some(*push),
        _ => None,
    });
    assert_eq!(
        pushes.collect::<Vec<_>>(),
        [BellPush::Ring, BellPush::HangUp]
    );
    let call = |state| {
        Input::Call(Call {
            id: "c".into(),
            ring_id: "r".into(),
            state,
            by: (state == CallState::Answered).then(|| "alice".into()),
            reason: None,
        })
    };
    room.handle(call(CallState::Answered));
    let word = r#"porthole call {"id":"c","ringId":"r","state":"answered","by":"alice"}"#;
    for program in [1, 2] {
        assert_eq!(room.events(program), [word]);
    }
    // One that comes later hears of a call that runs, and of none that is over.
    room.handle(Input::ProgramJoined(3, "late".into()));
    assert!(room.events(3).iter().any(|event| event == word));
    room.handle(call(CallState::Ended));
    room.handle(Input::ProgramJoined(4, "later".into()));
    assert!(!room.events(4).iter().any(|event| event.contains("call")));
}
