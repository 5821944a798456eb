// SPDX-License-Identifier: MPL-2.0
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
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
        json!({"version": 1, "id": 7, "user": "ann", "controlTimeout": 500, "gateway": true, "talk": "one", "steer": true, "bundles": true})
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
fn a_program_hears_released_before_who_drives_next_and_commands_are_recalled_first() {
    let mut room = Room::new();
    room.handle(Input::ProgramJoined(1, "arm".into()));
    room.viewer(1, "ann", ALL);
    room.viewer(2, "bob", ALL);
    room.say(1, Kind::Ask, (0, 0), "");
    room.say(2, Kind::Ask, (0, 0), "");
    assert_eq!(room.last(2, Kind::Wheel)["you"], "waiting");
    room.events(1);
    room.pass(TIMEOUT - Duration::from_millis(1));
    assert!(room.events(1).is_empty());
    room.outputs.clear();
    room.pass(Duration::from_millis(1));
    assert!(matches!(room.outputs[0], Output::Recall(1)));
    let events = room.events(1);
    assert_eq!(
        events[0],
        r#"porthole released {"user":"ann","reason":"stalled"}"#
    );
    assert!(
        events[1].starts_with(r#"porthole driver {"user":"bob","for":500,"until":1001.0"#),
        "{events:?}"
    );
    assert_eq!(events.len(), 2);
    // What says why gives way to nothing that is newer.
    let said_why = room.outputs.iter().find_map(|output| match output {
        Output::Viewer(1, message) if message.bytes[0] == Kind::Wheel as u8 => Some(message.class),
        _ => None,
    });
    assert_eq!(said_why, Some(Class::Answer));
    let wheel = room.last(1, Kind::Wheel);
    assert_eq!(
        (&wheel["you"], &wheel["reason"]),
        (&json!("watching"), &json!("stalled"))
    );
    assert_eq!(room.last(2, Kind::Wheel)["you"], "driving");
}

/// The time that is left of a driver's, and no more: when it ends the program has stopped, whatever becomes of the gateway.
#[test]
fn programs_live_by_a_lease_that_ends_when_the_driver_would_have_stalled() {
    let mut room = Room::new();
    room.handle(Input::ProgramJoined(1, "arm".into()));
    room.viewer(1, "ann", ALL);
    room.say(1, Kind::Ask, (0, 0), "");
    room.leases(1);
    let period = TIMEOUT / 5;
    for _ in 0..3 {
        room.pass(period - Duration::from_millis(1));
        assert_eq!(room.leases(1), [0; 0]);
        room.say(1, Kind::Alive, (0, 0), "");
        room.pass(Duration::from_millis(1));
        assert_eq!(room.leases(1), [499]);
    }
    // Nothing more is heard of the driver: the lease grows no longer.
    room.pass(period);
    room.pass(period);
    assert_eq!(room.leases(1), [399, 299]);
    room.handle(Input::ProgramJoined(2, "leg".into()));
    let driver = room.events(2).pop().unwrap();
    assert!(driver.contains(r#""for":299,"until":"#), "{driver}");
    room.pass(TIMEOUT);
    assert_eq!(room.leases(1), [0; 0]);
    assert!(room.events(1).pop().unwrap().contains("stalled"));
    // While nobody drives there is none.
    room.pass(TIMEOUT);
    assert_eq!(room.leases(1), [0; 0]);
}

#[test]
fn a_program_that_comes_and_goes_puts_off_nobodys_lease() {
    let mut room = Room::new();
    room.handle(Input::ProgramJoined(1, "arm".into()));
    room.viewer(1, "ann", ALL);
    room.say(1, Kind::Ask, (0, 0), "");
    for program in 2..100 {
        room.pass(TIMEOUT / 10);
        room.say(1, Kind::Alive, (0, 0), "");
        room.handle(Input::ProgramJoined(program, "leg".into()));
        room.handle(Input::ProgramLeft(program));
    }
    assert!(room.leases(1).len() > 40);
    assert_eq!(room.hub.wheel.driver(), Some(1));
}

/// A process that stood still: its programs have stopped by themselves, so that nobody drives, whoever was heard meanwhile.
#[test]
fn a_gateway_that_stood_still_lets_go_of_the_driver() {
    let mut room = Room::new();
    room.handle(Input::ProgramJoined(1, "arm".into()));
    room.viewer(1, "ann", ALL);
    room.say(1, Kind::Ask, (0, 0), "");
    room.events(1);
    room.now += 2 * TIMEOUT;
    room.say(1, Kind::Text, (1, 1), "on");
    assert_eq!(room.commands(), []);
    assert!(room.events(1)[0].contains("stalled"));
    assert_eq!(room.last(1, Kind::Refused)["code"], "not-driving");
}

#[test]
fn the_shortest_time_that_a_program_asks_for_is_in_force_while_it_is_there() {
    let mut room = Room::new();
    room.viewer(1, "ann", ALL);
    room.handle(Input::ProgramJoined(1, "arm".into()));
    room.told(1);
    let describe = r#"porthole describe {"timeout":200}"#;
    room.handle(Input::ProgramMessage(1, Payload::Text(describe.into())));
    assert_eq!(room.last(1, Kind::Hello)["controlTimeout"], 200);
    room.say(1, Kind::Ask, (0, 0), "");
    let driver = room.events(1).pop().unwrap();
    assert!(driver.contains(r#""for":200,"#), "{driver}");
    room.pass(Duration::from_millis(200));
    assert!(room.events(1)[0].contains("stalled"));
    room.handle(Input::ProgramLeft(1));
    assert_eq!(room.last(1, Kind::Hello)["controlTimeout"], 500);
}

/// A room in which ann drives and `arm`, service 1, takes steering.
fn steered() -> Room {
    let mut room = Room::new();
    room.handle(Input::ProgramJoined(1, "arm".into()));
    let describe = r#"porthole describe {"drive":true}"#;
    room.handle(Input::ProgramMessage(1, Payload::Text(describe.into())));
    room.viewer(1, "ann", ALL);
    room.say(1, Kind::Ask, (0, 0), "");
    room.outputs.clear();
    room
}

const AHEAD: &str = r#"{"x":0,"y":1}"#;
const ZEROS: &str = r#"{"x":0,"y":0}"#;

impl Room {
    /// Numbers and texts of the states that went to programs since the last call, and their tickets.
    fn states(&mut self) -> (Vec<(u16, String)>, Vec<Ticket>) {
        let commands = self.commands().into_iter();
        let states = commands.map(|(_, payload, ticket)| match payload {
            Payload::Text(text) => ((ticket.mark.number, text), ticket),
            Payload::Binary(bytes) => panic!("{bytes:?}"),
        });
        states.unzip()
    }

    /// Numbers of the states that were confirmed since the last call, and the codes of those that were refused.
    fn steered(&mut self, viewer: ViewerId) -> (Vec<u16>, Vec<String>) {
        let (mut confirmed, mut refused) = (Vec::new(), Vec::new());
        for (kind, _, number, text) in self.told(viewer) {
            match serde_json::from_str::<Value>(&text) {
                _ if kind != Kind::Steered as u8 => (),
                Ok(why) => refused.push(why["code"].as_str().unwrap().to_owned()),
                Err(_) => confirmed.push(number),
            }
        }
        (confirmed, refused)
    }
}

#[test]
fn of_a_drivers_states_the_newest_counts_and_a_repeated_one_is_given_once() {
    let mut room = steered();
    for (number, text) in [(1, AHEAD), (3, ZEROS), (2, AHEAD), (3, ZEROS), (1, AHEAD)] {
        room.say(1, Kind::Steer, (1, number), text);
    }
    let (states, tickets) = room.states();
    assert_eq!(states, [(1, AHEAD.to_owned()), (3, ZEROS.to_owned())]);
    assert_eq!(room.steered(1).0, [0; 0], "the program has taken nothing");
    room.handle(Input::Undelivered(tickets[0], Refusal::Superseded));
    room.handle(Input::Delivered(tickets[1]));
    assert_eq!(room.steered(1), (vec![3], vec![]));
    // The answer was lost: it is given again, and the program is not asked twice.
    room.say(1, Kind::Steer, (1, 3), ZEROS);
    assert_eq!(room.steered(1).0, [3]);
    assert!(room.states().0.is_empty());
    // Around, past the largest number.
    for number in [30_000, 60_000, 65_535, 1, 65_534] {
        room.say(1, Kind::Steer, (1, number), AHEAD);
    }
    let numbers: Vec<_> = room.states().0.into_iter().map(|(n, _)| n).collect();
    assert_eq!(numbers, [30_000, 60_000, 65_535, 1]);
}

#[test]
fn zeros_that_the_program_did_not_get_are_given_again_when_they_are_repeated() {
    let mut room = steered();
    for why in [Refusal::Stale, Refusal::Busy] {
        room.say(1, Kind::Steer, (1, 9), ZEROS);
        let (states, tickets) = room.states();
        assert_eq!(states, [(9, ZEROS.to_owned())]);
        room.handle(Input::Undelivered(tickets[0], why));
        assert_eq!(room.steered(1).0, [0; 0]);
    }
    room.say(1, Kind::Steer, (1, 9), ZEROS);
    assert_eq!(room.states().0.len(), 1);
    // A program that was restarted knows nothing of it.
    room.handle(Input::ProgramLeft(1));
    room.handle(Input::ProgramJoined(2, "arm".into()));
    let describe = r#"porthole describe {"drive":true}"#;
    room.handle(Input::ProgramMessage(2, Payload::Text(describe.into())));
    room.say(1, Kind::Steer, (1, 9), ZEROS);
    assert_eq!(room.states().0.len(), 1);
}

#[test]
fn states_are_signs_of_life_and_those_of_an_earlier_drive_move_nothing() {
    let mut room = steered();
    for _ in 0..30 {
        room.pass(TIMEOUT / 10);
        room.say(1, Kind::Steer, (1, 7), ZEROS);
    }
    assert_eq!(room.hub.wheel.driver(), Some(1));
    room.say(1, Kind::Release, (0, 0), "");
    room.outputs.clear();
    room.say(1, Kind::Steer, (1, 8), AHEAD);
    assert_eq!(room.steered(1).1, ["not-driving"]);
    // Those up to 9 were on their way when she asked anew.
    room.say(1, Kind::Ask, (0, 9), "");
    for number in [8, 9, 7] {
        room.say(1, Kind::Steer, (1, number), AHEAD);
    }
    assert_eq!(room.states().0, []);
    room.say(1, Kind::Steer, (1, 10), AHEAD);
    assert_eq!(room.states().0.len(), 1);
}

#[test]
fn what_is_no_state_or_not_for_this_service_is_refused() {
    let mut room = steered();
    room.handle(Input::ProgramJoined(2, "lamp".into()));
    room.viewer(2, "bob", ALL);
    room.viewer(3, "eve", Rights::default());
    let long = format!(r#"{{"x":0,"y":0,"z":"{}"}}"#, "x".repeat(1024));
    for (viewer, mark, text, code) in [
        (1, (1, 1), "on", "bad-message"),
        (1, (1, 0), ZEROS, "bad-message"),
        (1, (1, 2), &long, "too-large"),
        (1, (2, 2), ZEROS, "not-steered"),
        (1, (3, 2), ZEROS, "no-such-service"),
        (2, (1, 1), ZEROS, "not-driving"),
        (3, (1, 1), ZEROS, "not-permitted"),
    ] {
        room.say(viewer, Kind::Steer, mark, text);
        assert_eq!(room.steered(viewer).1, [code], "{text}");
    }
    assert_eq!(room.states().0, []);
}

#[test]
fn stop_goes_past_the_wheel_and_all_who_wait_and_says_who() {
    let mut room = Room::new();
    room.handle(Input::ProgramJoined(1, "arm".into()));
    let view = Rights {
        control: false,
        ..ALL
    };
    for (id, user, rights) in [(1, "ann", ALL), (2, "bob", ALL), (3, "eve", view)] {
        room.viewer(id, user, rights);
    }
    room.say(1, Kind::Ask, (0, 0), "");
    room.say(2, Kind::Ask, (0, 0), "");
    room.events(1);
    room.say(3, Kind::Stop, (0, 0), "");
    assert_eq!(room.last(3, Kind::Refused)["code"], "not-permitted");
    assert!(room.events(1).is_empty());
    room.outputs.clear();
    room.say(2, Kind::Stop, (0, 0), "");
    assert!(matches!(room.outputs[0], Output::Recall(1)));
    let released = r#"porthole released {"user":"ann","reason":"stopped","by":"bob"}"#;
    assert_eq!(room.events(1), [released]);
    for viewer in 1..=3 {
        let wheel = room.last(viewer, Kind::Wheel);
        assert_eq!(
            (&wheel["reason"], &wheel["by"]),
            (&json!("stopped"), &json!("bob"))
        );
        assert_eq!(
            (&wheel["driver"], &wheel["waiting"]),
            (&Value::Null, &json!([]))
        );
    }
    // Also when nobody drives, but viewers are not told again.
    room.pass(TIMEOUT);
    room.say(1, Kind::Stop, (0, 0), "");
    assert_eq!(
        room.events(1),
        [r#"porthole released {"user":null,"reason":"stopped","by":"ann"}"#]
    );
    assert_eq!(room.last(1, Kind::Wheel)["by"], "ann", "who pressed it");
    assert!(room.told(2).is_empty());
    // Until somebody asks anew.
    room.say(1, Kind::Ask, (0, 0), "");
    assert_eq!(room.last(1, Kind::Wheel)["you"], "driving");
    room.events(1);
    let word = r#"porthole release {"reason":"bumper"}"#;
    room.handle(Input::ProgramMessage(1, Payload::Text(word.into())));
    assert_eq!(
        room.events(1),
        [r#"porthole released {"user":"ann","reason":"program","by":"arm","detail":"bumper"}"#]
    );
    assert_eq!(room.last(3, Kind::Wheel)["detail"], "bumper");
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

/// Who drives and who drove before and why no more, since the last call.
fn drivers(room: &mut Room) -> Vec<(String, String)> {
    let mut drivers = Vec::new();
    room.outputs.retain(|output| match output {
        Output::Driver(DriverChange { driver, before }) => {
            let driver = driver.as_ref().map(|driver| driver.user.clone());
            let before = before.as_ref();
            let before = before.map(|(driver, why)| format!("{} {why}", driver.user));
            drivers.push((driver.unwrap_or_default(), before.unwrap_or_default()));
            false
        }
        _ => true,
    });
    drivers
}

#[test]
fn who_has_booked_takes_the_wheel_from_who_merely_may_and_all_hear_why() {
    let booked = Rights {
        booked: true,
        ..ALL
    };
    let mut room = Room::new();
    room.handle(Input::ProgramJoined(1, "arm".into()));
    for (id, user, rights) in [(1, "ann", ALL), (2, "bob", booked), (3, "eve", ALL)] {
        room.viewer(id, user, rights);
    }
    room.say(1, Kind::Ask, (0, 0), "");
    room.say(3, Kind::Ask, (0, 0), "");
    room.events(1);
    room.say(1, Kind::Text, (1, 7), "go");
    room.say(2, Kind::Ask, (0, 0), "");
    // What she gave before is taken back before anything else.
    let place = |room: &Room, wanted: &dyn Fn(&Output) -> bool| {
        room.outputs.iter().position(wanted).unwrap()
    };
    let recall = place(&room, &|output| matches!(output, Output::Recall(1)));
    let event = place(&room, &|output| matches!(output, Output::Event(1, _)));
    assert!(recall < event);
    for id in [1, 3] {
        let wheel = room.last(id, Kind::Wheel);
        assert_eq!(
            (&wheel["reason"], &wheel["by"], &wheel["driver"]["user"]),
            (&json!("booked"), &json!("bob"), &json!("bob"))
        );
    }
    let [released, driver] = &room.events(1)[..] else {
        panic!("released, and who drives")
    };
    let word = r#"porthole released {"user":"ann","reason":"booked","by":"bob"}"#;
    assert_eq!(released, word);
    assert!(driver.starts_with(r#"porthole driver {"user":"bob""#));
    // She may ask anew, and stands behind who has asked before.
    room.say(1, Kind::Ask, (0, 0), "");
    let wheel = room.last(1, Kind::Wheel);
    assert_eq!(
        (&wheel["you"], &wheel["waiting"][0]["user"]),
        (&json!("waiting"), &json!("eve"))
    );
    // The booking is over; the right to drive is not, until another one's begins.
    room.handle(Input::Rights(2, ALL));
    assert!(room.events(1).is_empty());
    room.handle(Input::Rights(3, booked));
    assert_eq!(room.last(2, Kind::Wheel)["reason"], "booked");
    let said = drivers(&mut room);
    let said: Vec<_> = said.iter().map(|(a, b)| (&**a, &**b)).collect();
    assert_eq!(
        said,
        [("ann", ""), ("bob", "ann booked"), ("eve", "bob booked")]
    );
}

#[test]
fn it_is_said_who_drives_and_why_the_one_before_does_no_more() {
    let mut room = Room::new();
    room.viewer(1, "ann", ALL);
    room.viewer(2, "bob", ALL);
    room.say(1, Kind::Stop, (0, 0), "");
    room.say(1, Kind::Ask, (0, 0), "");
    room.say(2, Kind::Ask, (0, 0), "");
    room.say(1, Kind::HandOver, (0, 0), r#"{"to":2}"#);
    // Both in one moment: who drove does no more, and does again.
    let at = room.now;
    room.now += TIMEOUT;
    room.handle(Input::Message {
        viewer: 2,
        at,
        message: envelope::write(Kind::Ask, Mark::NONE, &[]),
    });
    room.pass(TIMEOUT);
    room.say(1, Kind::Ask, (0, 0), "");
    room.handle(Input::Left(1, Reason::LeaseEnded));
    let said = drivers(&mut room);
    let said: Vec<_> = said.iter().map(|(a, b)| (&**a, &**b)).collect();
    assert_eq!(
        said,
        [
            ("ann", ""),
            ("bob", "ann handed-over"),
            ("", "bob stalled"),
            ("bob", ""),
            ("", "bob stalled"),
            ("ann", ""),
            ("", "ann lease-ended"),
        ]
    );
}

#[test]
fn a_lost_permission_and_an_ended_lease_release() {
    for reason in [Reason::LeaseEnded, Reason::Left, Reason::NotPermitted] {
        let mut room = Room::new();
        room.handle(Input::ProgramJoined(1, "arm".into()));
        room.viewer(1, "ann", ALL);
        room.say(1, Kind::Ask, (0, 0), "");
        room.events(1);
        if reason == Reason::NotPermitted {
            let rights = Rights {
                control: false,
                ..ALL
            };
            room.handle(Input::Rights(1, rights));
            assert_eq!(room.last(1, Kind::Wheel)["you"], "not-permitted");
        } else {
            room.handle(Input::Left(1, reason));
        }
        let word = serde_json::to_string(&reason).unwrap();
        let event = format!(r#"porthole released {{"user":"ann","reason":{word}}}"#);
        assert_eq!(room.events(1)[0], event);
    }
}

#[test]
fn a_sign_of_life_that_waited_in_the_queue_counts_from_when_it_came() {
    let mut room = Room::new();
    room.viewer(1, "ann", ALL);
    room.say(1, Kind::Ask, (0, 0), "");
    let came = room.now + TIMEOUT / 2;
    room.now += TIMEOUT + TIMEOUT / 4;
    room.handle(Input::Message {
        viewer: 1,
        at: came,
        message: envelope::write(Kind::Alive, Mark::NONE, &[]),
    });
    assert_eq!(room.last(1, Kind::Wheel)["you"], "driving");
    room.pass(TIMEOUT / 4);
    assert_eq!(room.last(1, Kind::Wheel)["reason"], "stalled");
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

/// A program as the glue has it: commands wait, events do not.
#[derive(Default)]
struct Program {
    commands: VecDeque<Ticket>,
    /// Who drives, as it has been told.
    driver: Option<String>,
}

/// Viewers who do as they like and programs that come and go, for thousands of seeds: no command reaches a program but
/// from whom the program knows to drive, and every command is answered once.
#[test]
fn thousands_of_runs_keep_the_promises() {
    let mut drove = 0;
    for seed in 0..3_000 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut room = Room::new();
        let mut programs: BTreeMap<ProgramId, Program> = BTreeMap::new();
        let mut permitted: BTreeMap<ViewerId, bool> = BTreeMap::new();
        let mut open: BTreeSet<(ViewerId, u16)> = BTreeSet::new();
        let (mut next, mut number) = (1, 0u16);
        let mut reported = None;
        for _ in 0..120 {
            let time = Duration::from_millis(rng.random_range(0..120));
            room.pass(time);
            let viewer = permitted.keys().copied().nth(rng.random_range(0..4));
            match (rng.random_range(0..10), viewer) {
                (0, _) if permitted.len() < 4 => {
                    let control = rng.random_bool(0.7);
                    permitted.insert(next, control);
                    let booked = rng.random_bool(0.3);
                    let rights = Rights {
                        control,
                        booked,
                        ..ALL
                    };
                    room.viewer(next, &format!("u{next}"), rights);
                    next += 1;
                }
                (1, Some(id)) if rng.random_bool(0.3) => {
                    permitted.remove(&id);
                    open.retain(|(viewer, _)| *viewer != id);
                    room.handle(Input::Left(id, Reason::Left));
                }
                (2, Some(id)) => {
                    let control = rng.random_bool(0.6);
                    permitted.insert(id, control);
                    let booked = rng.random_bool(0.3);
                    let rights = Rights {
                        control,
                        booked,
                        ..ALL
                    };
                    room.handle(Input::Rights(id, rights));
                }
                (3, _) => {
                    let name = rng.random_range(0..2);
                    let old: Vec<_> = programs.keys().copied().collect();
                    match old.into_iter().find(|id| id % 2 == name) {
                        Some(id) => {
                            for ticket in programs.remove(&id).unwrap().commands {
                                let gone = Refusal::ServiceGone;
                                room.handle(Input::Undelivered(ticket, gone));
                            }
                            room.handle(Input::ProgramLeft(id));
                        }
                        None => {
                            let id = 2 * seed as u32 * 1000 + 2 * next + name;
                            next += 1;
                            programs.insert(id, Program::default());
                            room.handle(Input::ProgramJoined(id, format!("p{name}")));
                        }
                    }
                }
                (4, Some(id)) => room.say(id, Kind::Ask, (0, 0), ""),
                (5, Some(id)) if rng.random_bool(0.2) => room.say(id, Kind::Release, (0, 0), ""),
                (6, Some(id)) => {
                    let to = format!(r#"{{"to":{}}}"#, rng.random_range(1..=next));
                    room.say(id, Kind::HandOver, (0, 0), &to);
                }
                (7 | 8, Some(id)) => {
                    number += 1;
                    open.insert((id, number));
                    let service = rng.random_range(1..=2);
                    room.say(id, Kind::Text, (service, number), "go");
                }
                _ => {
                    let ids: Vec<_> = permitted.keys().copied().collect();
                    for id in ids {
                        room.say(id, Kind::Alive, (0, 0), "");
                    }
                }
            }
            // The glue.
            while !room.outputs.is_empty() {
                for output in std::mem::take(&mut room.outputs) {
                    match output {
                        Output::Command(to, command) => match programs.get_mut(&to) {
                            Some(program) => program.commands.push_back(command.ticket),
                            None => room
                                .handle(Input::Undelivered(command.ticket, Refusal::ServiceGone)),
                        },
                        Output::Alive(..) | Output::Hold(..) | Output::Acknowledges(..) => (),
                        Output::Driver(DriverChange { driver, before }) => {
                            assert_eq!(reported, before.map(|(driver, _)| driver), "seed {seed}");
                            reported = driver;
                        }
                        Output::Recall(to) => {
                            let program = programs.get_mut(&to);
                            for ticket in program
                                .map(|p| std::mem::take(&mut p.commands))
                                .unwrap_or_default()
                            {
                                room.handle(Input::Undelivered(ticket, Refusal::Released));
                            }
                        }
                        Output::Event(to, event) => {
                            let Some(program) = programs.get_mut(&to) else {
                                continue;
                            };
                            if let Some(driver) = event.strip_prefix("porthole driver ") {
                                assert_eq!(
                                    program.driver, None,
                                    "seed {seed}: nobody was released"
                                );
                                let driver: Value = serde_json::from_str(driver).unwrap();
                                program.driver = Some(driver["user"].as_str().unwrap().into());
                            } else if event.starts_with("porthole released ") {
                                program.driver = None;
                            }
                        }
                        Output::Viewer(viewer, message) => {
                            let number = u16::from_be_bytes([message.bytes[2], message.bytes[3]]);
                            let is_answer = [Kind::Accepted as u8, Kind::Refused as u8];
                            if is_answer.contains(&message.bytes[0])
                                && number > 0
                                && permitted.contains_key(&viewer)
                            {
                                assert!(
                                    open.remove(&(viewer, number)),
                                    "seed {seed}: answered twice"
                                );
                            }
                        }
                    }
                }
            }
            let viewer = |id: ViewerId| &room.hub.viewers[&id];
            let driver = room.hub.wheel.driver();
            let session = driver.map(|id| viewer(id).session.clone());
            let said = reported.as_ref().map(|driver| driver.session.clone());
            assert_eq!(said, session, "seed {seed}");
            if let Some(id) = driver {
                assert!(permitted[&id], "seed {seed}: {id} may not drive");
                let mut waiting = room.hub.wheel.waiting();
                assert!(
                    viewer(id).rights.booked || waiting.all(|id| !viewer(id).rights.booked),
                    "seed {seed}: who has booked waits for who has not"
                );
                drove += 1;
            }
            for program in programs.values_mut().filter(|_| rng.random_bool(0.5)) {
                if let Some(ticket) = program.commands.pop_front() {
                    let driver = Some(format!("u{}", ticket.viewer));
                    assert_eq!(program.driver, driver, "seed {seed}: a command of nobody");
                    room.outputs
                        .extend(room.hub.handle(Input::Delivered(ticket), room.now));
                }
            }
            let waiting = programs.values().flat_map(|p| p.commands.iter());
            let waiting: BTreeSet<_> = waiting.map(|t| (t.viewer, t.mark.number)).collect();
            for command in &open {
                let answered = room.outputs.iter().any(|output| {
                    matches!(output, Output::Viewer(viewer, message)
                    if *viewer == command.0 && message.bytes[2..4] == command.1.to_be_bytes())
                });
                assert!(
                    waiting.contains(command) || answered,
                    "seed {seed}: {command:?} has no answer"
                );
            }
        }
    }
    assert!(drove > 50_000, "{drove}");
}

#[test]
fn nothing_more_of_a_driver_is_handed_on_who_was_not_heard_for_half_of_the_timeout() {
    let mut room = Room::new();
    room.handle(Input::ProgramJoined(1, "arm".into()));
    room.viewer(1, "ann", ALL);
    room.say(1, Kind::Ask, (0, 0), "");
    let asked = room.now;
    assert_eq!(room.holds(1), [asked + TIMEOUT / 2]);
    // As long as she is heard it is put off.
    for _ in 0..10 {
        room.pass(TIMEOUT / 5);
        room.say(1, Kind::Alive, (0, 0), "");
    }
    let last = room.now;
    room.pass(TIMEOUT / 5);
    assert_eq!(room.holds(1).last(), Some(&(last + TIMEOUT / 2)));
    // And by nothing else.
    room.pass(TIMEOUT / 5);
    room.pass(TIMEOUT / 5);
    let holds = room.holds(1);
    assert!(
        holds.iter().all(|at| *at == last + TIMEOUT / 2),
        "{holds:?}"
    );
}
