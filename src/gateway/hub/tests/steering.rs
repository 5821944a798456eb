// SPDX-License-Identifier: MPL-2.0
//! The driver's numbered state.

use super::*;

/// A room in which ann drives and `arm`, service 1, takes steering.
pub(super) fn steered() -> Room {
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

pub(super) const ZEROS: &str = r#"{"x":0,"y":0}"#;

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
